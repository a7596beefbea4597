import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('employees', '0001_schema_0_9'),
    ]

    operations = [
        migrations.CreateModel(
            name='ShiftPattern',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('begins_on', models.DateField(help_text='A Monday for a week. The pattern runs in both directions from here.', verbose_name='first day of the first cycle')),
                ('calendar_offs', models.BooleanField(default=True, help_text='Weekly offs in the office calendar are off days as well.', verbose_name="use the calendar's weekly offs too")),
            ],
            options={
                'verbose_name': 'shift pattern',
                'verbose_name_plural': 'shift patterns',
                'ordering': ('name',),
                'constraints': [models.UniqueConstraint(fields=('organization', 'name'), name='pattern_name_once')],
            },
        ),
        migrations.CreateModel(
            name='Roster',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('pattern', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='shifts.shiftpattern', verbose_name='pattern')),
                ('employee', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='employees.employee', verbose_name='employee')),
                ('department', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='employees.department', verbose_name='department')),
                ('site', models.ForeignKey(blank=True, help_text='Choose one of the three. Choose none to assign the pattern to everybody.', null=True, on_delete=django.db.models.deletion.PROTECT, to='employees.site', verbose_name='site')),
                ('starts_on', models.DateField(verbose_name='from')),
                ('ends_on', models.DateField(blank=True, help_text='Empty: until further notice.', null=True, verbose_name='to')),
            ],
            options={
                'verbose_name': 'roster',
                'verbose_name_plural': 'rosters',
                'ordering': ('-starts_on', '-id'),
                'indexes': [models.Index(fields=['organization', 'employee'], name='roster_person')],
                'constraints': [models.CheckConstraint(condition=models.Q(('ends_on__isnull', True), ('ends_on__gte', models.F('starts_on')), _connector='OR'), name='roster_ends_after_start', violation_error_message='The roster ends before it starts.'), models.CheckConstraint(condition=models.Q(models.Q(('department__isnull', True), ('employee__isnull', True)), models.Q(('employee__isnull', True), ('site__isnull', True)), models.Q(('department__isnull', True), ('site__isnull', True)), _connector='OR'), name='roster_one_scope', violation_error_message='A roster is for one employee, one department, one site, or everybody.')],
            },
        ),
        migrations.CreateModel(
            name='ShiftType',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('starts', models.TimeField(verbose_name='starts')),
                ('ends', models.TimeField(help_text='At or before the start: on the next day.', verbose_name='ends')),
                ('before', models.PositiveSmallIntegerField(default=240, help_text='Punches up to this long before the start belong to the shift.', validators=[django.core.validators.MaxValueValidator(2880)], verbose_name='window before (minutes)')),
                ('after', models.PositiveSmallIntegerField(default=390, help_text='Punches up to this long after the end belong to the shift.', validators=[django.core.validators.MaxValueValidator(2880)], verbose_name='window after (minutes)')),
                ('grace_in', models.PositiveSmallIntegerField(default=0, help_text='If an employee is later than this, all minutes are counted as late.', validators=[django.core.validators.MaxValueValidator(2880)], verbose_name='grace at the start (minutes)')),
                ('grace_out', models.PositiveSmallIntegerField(default=0, validators=[django.core.validators.MaxValueValidator(2880)], verbose_name='grace at the end (minutes)')),
                ('breaks', models.JSONField(blank=True, default=list, help_text='Such as [["13:00", "13:30"]]; the first divides the day into halves.', verbose_name='breaks')),
                ('absent_below', models.PositiveSmallIntegerField(default=120, help_text='Less work than this counts as absent.', validators=[django.core.validators.MaxValueValidator(2880)], verbose_name='absent below (minutes)')),
                ('half_below', models.PositiveSmallIntegerField(default=360, validators=[django.core.validators.MaxValueValidator(2880)], verbose_name='half a day below (minutes)')),
                ('hours', models.CharField(choices=[('first_last', 'From the first in to the last out, less breaks'), ('pairs', 'Pairs of in and out punches')], default='first_last', max_length=12, verbose_name='how hours are counted')),
                ('missing_out', models.CharField(choices=[('present', 'Present, no hours'), ('half_day', 'Half day'), ('absent', 'Absent'), ('shift_end', 'As if the employee left at the end of the shift')], default='half_day', max_length=12, verbose_name='a day without an out punch counts as')),
                ('overtime_after', models.PositiveSmallIntegerField(blank=True, help_text='Beyond the planned work. Empty: no overtime.', null=True, verbose_name='overtime from (minutes)')),
                ('overtime_round', models.PositiveSmallIntegerField(default=15, validators=[django.core.validators.MaxValueValidator(2880)], verbose_name='overtime in steps of (minutes)')),
                ('repeat_s', models.PositiveSmallIntegerField(default=60, help_text='A card shown twice to the reader counts as one punch.', verbose_name='same punch within (seconds)')),
                ('retired_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='retired')),
            ],
            options={
                'verbose_name': 'shift',
                'verbose_name_plural': 'shifts',
                'ordering': ('starts', 'name'),
                'constraints': [models.UniqueConstraint(fields=('organization', 'name'), name='shift_name_once')],
            },
        ),
        migrations.CreateModel(
            name='ShiftSettings',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('default_shift', models.ForeignKey(blank=True, help_text='Empty: 09:00 to 17:30 with lunch at 13:00.', null=True, on_delete=django.db.models.deletion.PROTECT, to='shifts.shifttype', verbose_name='default shift')),
            ],
            options={
                'verbose_name': 'shift settings',
                'verbose_name_plural': 'shift settings',
                'constraints': [models.UniqueConstraint(fields=('organization',), name='shift_settings_once')],
            },
        ),
        migrations.CreateModel(
            name='PatternSlot',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('pattern', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='slots', to='shifts.shiftpattern', verbose_name='pattern')),
                ('position', models.PositiveSmallIntegerField(help_text='1 is the first day.', verbose_name='day')),
                ('shift', models.ForeignKey(blank=True, help_text='Empty: off.', null=True, on_delete=django.db.models.deletion.PROTECT, to='shifts.shifttype', verbose_name='shift')),
            ],
            options={
                'verbose_name': 'pattern day',
                'verbose_name_plural': 'pattern days',
                'ordering': ('position',),
                'constraints': [models.UniqueConstraint(fields=('pattern', 'position'), name='pattern_position_once'), models.CheckConstraint(condition=models.Q(('position__gte', 1), ('position__lte', 366)), name='pattern_position_in_bounds')],
            },
        ),
    ]
