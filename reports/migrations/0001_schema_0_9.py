import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '__first__'),
        ('employees', '0001_schema_0_9'),
    ]

    operations = [
        migrations.CreateModel(
            name='ReportJob',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('asked_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='report_jobs', to=settings.AUTH_USER_MODEL, verbose_name='requested by')),
                ('report', models.CharField(max_length=60, verbose_name='report')),
                ('format', models.CharField(max_length=10, verbose_name='format')),
                ('parameters', models.TextField(default='{}', verbose_name='parameters')),
                ('language', models.CharField(default='en', max_length=10, verbose_name='language')),
                ('fingerprint', models.CharField(editable=False, max_length=64)),
                ('state', models.CharField(choices=[('queued', 'Waiting'), ('running', 'Running'), ('done', 'Ready'), ('failed', 'Failed'), ('cancelled', 'Cancelled'), ('expired', 'Expired')], default='queued', max_length=10, verbose_name='state')),
                ('done', models.PositiveBigIntegerField(default=0, verbose_name='steps completed')),
                ('total', models.PositiveBigIntegerField(default=0, verbose_name='total steps')),
                ('rows', models.PositiveBigIntegerField(default=0, verbose_name='rows')),
                ('size', models.PositiveBigIntegerField(default=0, verbose_name='size')),
                ('name', models.CharField(blank=True, max_length=150, verbose_name='file')),
                ('file', models.CharField(blank=True, editable=False, max_length=150)),
                ('error', models.CharField(blank=True, max_length=20, verbose_name='failure reason')),
                ('created_at', models.DateTimeField(verbose_name='requested')),
                ('started_at', models.DateTimeField(blank=True, null=True, verbose_name='started')),
                ('finished_at', models.DateTimeField(blank=True, null=True, verbose_name='finished')),
                ('expires_at', models.DateTimeField(blank=True, null=True, verbose_name='available until')),
                ('token', models.BigIntegerField(default=0, editable=False)),
                ('lease_until', models.DateTimeField(blank=True, editable=False, null=True)),
                ('attempts', models.PositiveSmallIntegerField(default=0, editable=False)),
                ('slot', models.PositiveSmallIntegerField(blank=True, editable=False, null=True)),
            ],
            options={
                'verbose_name': 'report',
                'verbose_name_plural': 'my reports',
                'ordering': ('-id',),
                'indexes': [models.Index(condition=models.Q(('state__in', ('queued', 'running'))), fields=['state', 'id'], name='report_job_open'), models.Index(condition=models.Q(('state', 'done')), fields=['expires_at'], name='report_job_expiry'), models.Index(fields=['organization', 'started_at'], name='report_job_turn')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state__in', ('queued', 'running'))), fields=('asked_by', 'fingerprint'), name='report_job_asked_once'), models.UniqueConstraint(fields=('organization', 'slot'), name='report_job_slot_once'), models.CheckConstraint(condition=models.Q(models.Q(('lease_until__isnull', False), ('slot__isnull', False), ('state', 'running')), models.Q(models.Q(('state', 'running'), _negated=True), ('lease_until__isnull', True), ('slot__isnull', True)), _connector='OR'), name='report_job_runs_in_slot')],
            },
        ),
        migrations.CreateModel(
            name='Screen',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('name', models.CharField(help_text='Location of the screen, such as Lobby.', max_length=100, verbose_name='name')),
                ('site', models.ForeignKey(blank=True, help_text='Empty: all sites.', null=True, on_delete=django.db.models.deletion.CASCADE, to='employees.site', verbose_name='site')),
                ('language', models.CharField(choices=[('en', 'English'), ('hi', 'Hindi')], default='en', max_length=10, verbose_name='language')),
                ('token_hash', models.CharField(editable=False, max_length=64, null=True, unique=True)),
                ('issued_at', models.DateTimeField(editable=False, null=True, verbose_name='address issued')),
            ],
            options={
                'verbose_name': 'screen',
                'verbose_name_plural': 'screens',
                'ordering': ('name',),
                'constraints': [models.UniqueConstraint(fields=('organization', 'name'), name='screen_name_once')],
            },
        ),
    ]
