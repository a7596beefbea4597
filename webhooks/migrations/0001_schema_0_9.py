import django.core.validators
import django.db.models.deletion
import webhooks.models
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('employees', '0001_schema_0_9'),
    ]

    operations = [
        migrations.CreateModel(
            name='Endpoint',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('name', models.CharField(max_length=200, verbose_name='name')),
                ('url', models.URLField(max_length=2000, verbose_name='address')),
                ('mode', models.CharField(choices=[('standard', 'Standard (JSON event)'), ('cams', 'Cams (RealTime)')], default='standard', max_length=16, verbose_name='format')),
                ('secret_cipher', models.TextField(editable=False)),
                ('previous_secret_cipher', models.TextField(blank=True, editable=False)),
                ('previous_secret_until', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='old secret valid until')),
                ('auth_token_cipher', models.TextField(blank=True, editable=False)),
                ('virtual_serial', models.CharField(blank=True, help_text='Cams format only: the value of stgid when there is no terminal.', max_length=64, verbose_name='serial for software punches')),
                ('include_location', models.BooleanField(default=False, verbose_name='send locations')),
                ('include_health', models.BooleanField(default=False, verbose_name='send health data')),
                ('include_unmatched', models.BooleanField(default=False, verbose_name='send unmatched punches at once')),
                ('state', models.CharField(choices=[('active', 'Active'), ('paused', 'Paused')], default='active', editable=False, max_length=8, verbose_name='state')),
                ('pause_reason', models.CharField(blank=True, choices=[('', 'Not paused'), ('by_hand', 'Paused manually'), ('gone', 'The server replied 410 Gone'), ('failing', 'Failing for days')], default='', editable=False, max_length=8, verbose_name='pause reason')),
                ('failures', models.PositiveIntegerField(default=0, editable=False, verbose_name='consecutive failures')),
                ('failing_since', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='failing since')),
                ('retry_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='next attempt')),
                ('max_in_flight', models.PositiveSmallIntegerField(default=8, verbose_name='concurrent deliveries')),
                ('allowance', models.PositiveSmallIntegerField(default=1, editable=False, verbose_name='concurrent deliveries now')),
                ('slow', models.BooleanField(default=True, editable=False)),
                ('max_per_second', models.PositiveSmallIntegerField(blank=True, help_text='Empty: as fast as the server answers.', null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='maximum deliveries per second')),
                ('paced_until', models.DateTimeField(blank=True, editable=False, null=True)),
                ('last_position', models.BigIntegerField(default=0, editable=False)),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('removed_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='removed')),
            ],
            options={
                'verbose_name': 'endpoint',
                'verbose_name_plural': 'endpoints',
                'ordering': ('name',),
            },
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('message_id', models.CharField(default=webhooks.models.new_message_id, max_length=40, unique=True, verbose_name='message')),
                ('endpoint', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='deliveries', to='webhooks.endpoint', verbose_name='endpoint')),
                ('lane_key', models.CharField(max_length=80, verbose_name='lane')),
                ('sequence', models.BigIntegerField(verbose_name='sequence')),
                ('position', models.BigIntegerField(editable=False, null=True, verbose_name='position')),
                ('event_type', models.CharField(max_length=64, verbose_name='event')),
                ('subject', models.CharField(blank=True, max_length=64, verbose_name='about')),
                ('query', models.CharField(blank=True, max_length=200)),
                ('body', models.TextField(verbose_name='body')),
                ('state', models.CharField(choices=[('new', 'New'), ('waiting', 'Waiting'), ('delivered', 'Delivered'), ('dead', 'Dead letter')], default='new', max_length=10, verbose_name='state')),
                ('attempts', models.PositiveIntegerField(default=0, verbose_name='attempts')),
                ('refusals', models.PositiveIntegerField(default=0, verbose_name='refusals')),
                ('created_at', models.DateTimeField(verbose_name='accepted')),
                ('finished_at', models.DateTimeField(null=True, verbose_name='finished')),
            ],
            options={
                'verbose_name': 'delivery',
                'verbose_name_plural': 'deliveries',
                'ordering': ('-id',),
                'indexes': [models.Index(condition=models.Q(('state', 'new')), fields=['id'], name='delivery_new'), models.Index(condition=models.Q(('state', 'waiting')), fields=['endpoint', 'lane_key', 'sequence'], name='delivery_next'), models.Index(fields=['organization', 'subject'], name='delivery_subject'), models.Index(fields=['endpoint', 'position'], name='delivery_position'), models.Index(fields=['endpoint', 'created_at'], name='delivery_accepted')],
                'constraints': [models.UniqueConstraint(fields=('endpoint', 'lane_key', 'sequence'), name='delivery_sequence_once')],
            },
        ),
        migrations.CreateModel(
            name='Attempt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('delivery', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='attempt_records', to='webhooks.delivery', verbose_name='delivery')),
                ('number', models.PositiveIntegerField(verbose_name='attempt')),
                ('started_at', models.DateTimeField(verbose_name='started')),
                ('duration_ms', models.PositiveIntegerField(verbose_name='duration (ms)')),
                ('status', models.PositiveSmallIntegerField(null=True, verbose_name='status')),
                ('verdict', models.CharField(max_length=16, verbose_name='result')),
                ('error', models.CharField(blank=True, max_length=40, verbose_name='error')),
                ('detail', models.CharField(blank=True, max_length=300, verbose_name='detail')),
                ('address', models.CharField(blank=True, max_length=64, verbose_name='address')),
                ('reply', models.TextField(blank=True, verbose_name='reply')),
            ],
            options={
                'verbose_name': 'delivery attempt',
                'verbose_name_plural': 'delivery attempts',
                'ordering': ('-id',),
            },
        ),
        migrations.CreateModel(
            name='FeedKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('endpoint', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='feed_keys', to='webhooks.endpoint', verbose_name='endpoint')),
                ('key_hash', models.CharField(editable=False, max_length=64, unique=True)),
                ('hint', models.CharField(editable=False, max_length=8, verbose_name='ends in')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='issued')),
                ('revoked_at', models.DateTimeField(blank=True, null=True, verbose_name='revoked')),
            ],
            options={
                'verbose_name': 'feed key',
                'verbose_name_plural': 'feed keys',
                'ordering': ('-created_at',),
            },
        ),
        migrations.CreateModel(
            name='Lane',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('endpoint', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='lanes', to='webhooks.endpoint')),
                ('key', models.CharField(max_length=80)),
                ('due_at', models.DateTimeField(null=True)),
                ('lease_token', models.BigIntegerField(default=0)),
                ('leased_until', models.DateTimeField(null=True)),
                ('held', models.BooleanField(default=False)),
                ('lapsed', models.BooleanField(default=False)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('due_at__isnull', False)), fields=['endpoint', 'due_at'], name='lane_due'), models.Index(condition=models.Q(('leased_until__isnull', False)), fields=['endpoint', 'leased_until'], name='lane_leased')],
                'constraints': [models.UniqueConstraint(fields=('endpoint', 'key'), name='lane_once')],
            },
        ),
    ]
