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
            name='AllowedNetwork',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('site', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='employees.site', verbose_name='site')),
                ('department', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='employees.department', verbose_name='department')),
                ('employee', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='employees.employee', verbose_name='employee')),
                ('active', models.BooleanField(default=True, verbose_name='active')),
                ('ssid', models.CharField(help_text='Exactly as phones show it: capitals count.', max_length=32, verbose_name='Wi-Fi name (SSID)')),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='note')),
            ],
            options={
                'verbose_name': 'Wi-Fi network',
                'verbose_name_plural': 'Wi-Fi networks',
                'ordering': ('ssid', 'id'),
                'abstract': False,
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('department__isnull', True), ('site__isnull', True)), models.Q(('employee__isnull', True), ('site__isnull', True)), models.Q(('department__isnull', True), ('employee__isnull', True)), _connector='OR'), name='allowednetwork_one_scope', violation_error_message='Choose one: a site, a department or an employee; or none for everybody.'), models.CheckConstraint(condition=models.Q(('ssid', ''), _negated=True), name='network_ssid_given'), models.UniqueConstraint(condition=models.Q(('site__isnull', False)), fields=('organization', 'site', 'ssid'), name='network_once_for_site'), models.UniqueConstraint(condition=models.Q(('department__isnull', False)), fields=('organization', 'department', 'ssid'), name='network_once_for_department'), models.UniqueConstraint(condition=models.Q(('employee__isnull', False)), fields=('organization', 'employee', 'ssid'), name='network_once_for_employee'), models.UniqueConstraint(condition=models.Q(('department__isnull', True), ('employee__isnull', True), ('site__isnull', True)), fields=('organization', 'ssid'), name='network_once_for_all')],
            },
        ),
        migrations.CreateModel(
            name='Geofence',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('site', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='employees.site', verbose_name='site')),
                ('department', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='employees.department', verbose_name='department')),
                ('employee', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='employees.employee', verbose_name='employee')),
                ('active', models.BooleanField(default=True, verbose_name='active')),
                ('name', models.CharField(max_length=200, verbose_name='name')),
                ('external_id', models.CharField(blank=True, help_text='The id in other systems. An import matches on it.', max_length=100, verbose_name='external id')),
                ('kind', models.CharField(choices=[('polygon', 'Polygon'), ('circle', 'Circle')], default='polygon', max_length=8, verbose_name='shape')),
                ('geojson', models.TextField(blank=True, help_text='A Polygon or MultiPolygon, holes included: longitude first, then latitude.', verbose_name='GeoJSON')),
                ('latitude', models.FloatField(blank=True, validators=[django.core.validators.MinValueValidator(-90), django.core.validators.MaxValueValidator(90)], verbose_name='latitude of the centre')),
                ('longitude', models.FloatField(blank=True, validators=[django.core.validators.MinValueValidator(-180), django.core.validators.MaxValueValidator(180)], verbose_name='longitude of the centre')),
                ('radius_m', models.FloatField(blank=True, null=True, verbose_name='radius (metres)')),
                ('starts_at', models.DateTimeField(blank=True, help_text='Empty: no start.', null=True, verbose_name='from')),
                ('ends_at', models.DateTimeField(blank=True, help_text='Empty: no end.', null=True, verbose_name='until')),
                ('south', models.FloatField(editable=False)),
                ('west', models.FloatField(editable=False)),
                ('north', models.FloatField(editable=False)),
                ('east', models.FloatField(editable=False)),
                ('square', models.BigIntegerField(editable=False)),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='changed')),
            ],
            options={
                'verbose_name': 'geofence',
                'verbose_name_plural': 'geofences',
                'ordering': ('name', 'id'),
                'abstract': False,
                'indexes': [models.Index(fields=['organization', 'square'], name='fence_by_square')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('department__isnull', True), ('site__isnull', True)), models.Q(('employee__isnull', True), ('site__isnull', True)), models.Q(('department__isnull', True), ('employee__isnull', True)), _connector='OR'), name='geofence_one_scope', violation_error_message='Choose one: a site, a department or an employee; or none for everybody.'), models.UniqueConstraint(condition=models.Q(('external_id', ''), _negated=True), fields=('organization', 'external_id'), name='fence_external_id_once'), models.CheckConstraint(condition=models.Q(models.Q(('kind', 'circle'), ('radius_m__gt', 0)), models.Q(('kind', 'polygon'), ('radius_m__isnull', True), models.Q(('geojson', ''), _negated=True)), _connector='OR'), name='fence_has_its_shape'), models.CheckConstraint(condition=models.Q(('starts_at__isnull', True), ('ends_at__isnull', True), ('ends_at__gt', models.F('starts_at')), _connector='OR'), name='fence_ends_after_start', violation_error_message='The geofence ends before it starts.')],
            },
        ),
        migrations.CreateModel(
            name='GeofencePolicy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('ssid_sufficient', models.BooleanField(default=True, help_text='Off: the phone must also be inside a geofence. The Wi-Fi name then only allows an inaccurate position.', verbose_name='an allowed Wi-Fi name is enough')),
                ('unfenced', models.CharField(choices=[('refuse', 'Refuse the punch'), ('accept', 'Accept the punch')], default='refuse', max_length=8, verbose_name='when no geofence applies to an employee')),
                ('max_accuracy_m', models.PositiveIntegerField(default=200, help_text='A position that is less accurate than this is refused.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(10000)], verbose_name='minimum accuracy (metres)')),
                ('tolerance_m', models.PositiveIntegerField(default=50, help_text='How far outside a geofence a phone may be, within the accuracy of its position.', validators=[django.core.validators.MaxValueValidator(500)], verbose_name='tolerance (metres)')),
            ],
            options={
                'verbose_name': 'geofence policy',
                'verbose_name_plural': 'geofence policy',
                'constraints': [models.UniqueConstraint(fields=('organization',), name='fence_policy_once')],
            },
        ),
    ]
