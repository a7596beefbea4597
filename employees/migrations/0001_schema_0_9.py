import core.fields
import django.db.models.deletion
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Organization',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(help_text='Used in URLs and at sign-in, such as acme.', unique=True, verbose_name='short name')),
                ('name', models.CharField(max_length=200, verbose_name='name')),
                ('timezone', core.fields.TimeZoneField(help_text='IANA name, such as Asia/Kolkata. Sites and devices may have their own.', max_length=64, verbose_name='time zone')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
            ],
            options={
                'verbose_name': 'organization',
                'verbose_name_plural': 'organizations',
                'ordering': ('name',),
            },
        ),
        migrations.CreateModel(
            name='Employee',
            fields=[
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('code', models.CharField(help_text='The code used by terminals and payroll.', max_length=64, verbose_name='employee code')),
                ('worker_id', models.CharField(blank=True, help_text='A second identification number (optional).', max_length=64, verbose_name='worker id')),
                ('name', models.CharField(max_length=200, verbose_name='name')),
                ('email', models.EmailField(blank=True, max_length=254, verbose_name='e-mail')),
                ('manager', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reports', to='employees.employee', verbose_name='manager')),
                ('joined_on', models.DateField(verbose_name='joined on')),
                ('left_on', models.DateField(blank=True, help_text='The last day of service.', null=True, verbose_name='left on')),
            ],
            options={
                'verbose_name': 'employee',
                'verbose_name_plural': 'employees',
                'ordering': ('name',),
                'constraints': [models.UniqueConstraint(fields=('organization', 'code'), name='employee_code_once'), models.UniqueConstraint(condition=models.Q(('worker_id', ''), _negated=True), fields=('organization', 'worker_id'), name='employee_worker_id_once'), models.CheckConstraint(condition=models.Q(('left_on__isnull', True), ('left_on__gte', models.F('joined_on')), _connector='OR'), name='employee_left_after_joined', violation_error_message='The last day of service is before the first.'), models.CheckConstraint(condition=models.Q(('code', ''), _negated=True), name='employee_code_given')],
            },
        ),
        migrations.CreateModel(
            name='Department',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('name', models.CharField(max_length=200, verbose_name='name')),
                ('head', models.ForeignKey(blank=True, help_text="Decides on applications of the department, in addition to each employee's manager.", null=True, on_delete=django.db.models.deletion.PROTECT, related_name='headed_departments', to='employees.employee', verbose_name='head')),
            ],
            options={
                'verbose_name': 'department',
                'verbose_name_plural': 'departments',
                'ordering': ('name',),
                'constraints': [models.UniqueConstraint(fields=('organization', 'name'), name='department_name_once')],
            },
        ),
        migrations.CreateModel(
            name='Change',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('employee', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='employees.employee', verbose_name='employee')),
                ('starts_on', models.DateField(blank=True, null=True, verbose_name='from')),
                ('ends_on', models.DateField(blank=True, null=True, verbose_name='to')),
                ('kind', models.CharField(choices=[('identity', 'Code, worker id, device number or service dates'), ('assignment', 'Site or department'), ('leave', 'Leave'), ('tour', 'Tour'), ('shift', 'Shift'), ('roster', 'Roster'), ('calendar', 'Holidays and weekly offs')], max_length=16, verbose_name='kind')),
                ('subject', models.CharField(blank=True, editable=False, max_length=64, verbose_name='concerns')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('leave_processed_at', models.DateTimeField(editable=False, null=True, verbose_name='processed by leave')),
                ('days_processed_at', models.DateTimeField(editable=False, null=True, verbose_name='processed by days')),
            ],
            options={
                'verbose_name': 'change',
                'verbose_name_plural': 'changes',
                'indexes': [models.Index(condition=models.Q(('leave_processed_at__isnull', True), ('days_processed_at__isnull', True), _connector='OR'), fields=['id'], name='change_unprocessed')],
            },
        ),
        migrations.CreateModel(
            name='Site',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('name', models.CharField(max_length=200, verbose_name='name')),
                ('timezone', core.fields.TimeZoneField(blank=True, help_text="Empty: the organization's.", max_length=64, verbose_name='time zone')),
            ],
            options={
                'verbose_name': 'site',
                'verbose_name_plural': 'sites',
                'ordering': ('name',),
                'constraints': [models.UniqueConstraint(fields=('organization', 'name'), name='site_name_once')],
            },
        ),
        migrations.CreateModel(
            name='Assignment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('employee', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='assignments', to='employees.employee', verbose_name='employee')),
                ('site', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.site', verbose_name='site')),
                ('department', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='employees.department', verbose_name='department')),
                ('starts_on', models.DateField(verbose_name='from')),
                ('ends_on', models.DateField(blank=True, help_text='Empty: until further notice.', null=True, verbose_name='to')),
            ],
            options={
                'verbose_name': 'assignment',
                'verbose_name_plural': 'assignments',
                'ordering': ('-starts_on',),
                'constraints': [models.UniqueConstraint(fields=('employee', 'starts_on'), name='assignment_start_once'), models.CheckConstraint(condition=models.Q(('ends_on__isnull', True), ('ends_on__gte', models.F('starts_on')), _connector='OR'), name='assignment_ends_after_start', violation_error_message='The assignment ends before it starts.')],
            },
        ),
        migrations.CreateModel(
            name='HalfDayReservation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('employee', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.employee', verbose_name='employee')),
                ('date', models.DateField(verbose_name='date')),
                ('half', models.CharField(choices=[('FN', 'forenoon'), ('AN', 'afternoon')], max_length=2, verbose_name='half')),
                ('holder', models.CharField(max_length=40, verbose_name='holder')),
                ('overlaid_holder', models.CharField(blank=True, max_length=40, verbose_name='overlaid holder')),
            ],
            options={
                'verbose_name': 'half-day reservation',
                'verbose_name_plural': 'half-day reservations',
                'indexes': [models.Index(fields=['organization', 'holder'], name='half_day_reservation_holder')],
                'constraints': [models.UniqueConstraint(fields=('employee', 'date', 'half'), name='half_day_reserved_once')],
            },
        ),
    ]
