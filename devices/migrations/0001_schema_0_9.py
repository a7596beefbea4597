import core.fields
import django.core.validators
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
            name='Device',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('serial', models.CharField(max_length=64, verbose_name='serial number')),
                ('name', models.CharField(blank=True, max_length=200, verbose_name='name')),
                ('site', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='employees.site', verbose_name='site')),
                ('timezone', core.fields.TimeZoneField(blank=True, help_text="Empty: the site's, else the organization's.", max_length=64, verbose_name='time zone')),
                ('state_map', models.CharField(choices=[('in1', '1 in, 2 out'), ('zk', '0 in, 1 out, 2/3 break, 4/5 overtime'), ('own', 'Custom map')], default='in1', max_length=8, verbose_name='meaning of att_state')),
                ('own_state_map', models.JSONField(blank=True, default=dict, help_text='Only for “Custom map”, such as {"7": "in", "8": "out"}.', verbose_name='custom map')),
                ('subscription_until', models.DateTimeField(blank=True, help_text='Empty: no end. After this time, punches are rejected.', null=True, verbose_name='subscription until')),
                ('blocked', models.BooleanField(default=False, help_text='Punches of a blocked device are rejected.', verbose_name='blocked')),
                ('heartbeat_s', models.PositiveIntegerField(default=60, verbose_name='heartbeat every (seconds)')),
                ('firmware', models.CharField(blank=True, max_length=100, verbose_name='firmware')),
                ('last_seen_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='last seen')),
                ('rejected_count', models.PositiveIntegerField(default=0, editable=False, verbose_name='rejected punches')),
                ('last_rejected_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='last rejection')),
            ],
            options={
                'verbose_name': 'device',
                'verbose_name_plural': 'devices',
                'ordering': ('serial',),
                'constraints': [models.UniqueConstraint(fields=('organization', 'serial'), name='device_serial_once'), models.CheckConstraint(condition=models.Q(('serial', ''), _negated=True), name='device_serial_given')],
            },
        ),
        migrations.CreateModel(
            name='DeviceToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('device', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='tokens', to='devices.device', verbose_name='device')),
                ('token_hash', models.CharField(editable=False, max_length=64, unique=True)),
                ('hint', models.CharField(editable=False, max_length=8, verbose_name='ends in')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='issued')),
                ('expires_at', models.DateTimeField(blank=True, null=True, verbose_name='valid until')),
                ('revoked_at', models.DateTimeField(blank=True, null=True, verbose_name='revoked')),
            ],
            options={
                'verbose_name': 'device token',
                'verbose_name_plural': 'device tokens',
                'ordering': ('-created_at',),
            },
        ),
        migrations.CreateModel(
            name='DeviceUser',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('device', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='users', to='devices.device', verbose_name='device')),
                ('user_code', models.CharField(max_length=64, verbose_name='user number on the device')),
                ('employee', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.employee', verbose_name='employee')),
            ],
            options={
                'verbose_name': 'device user',
                'verbose_name_plural': 'device users',
                'ordering': ('user_code',),
                'constraints': [models.UniqueConstraint(fields=('device', 'user_code'), name='device_user_code_once')],
            },
        ),
        migrations.CreateModel(
            name='KeyOwner',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('employee', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.employee', verbose_name='employee')),
                ('key_hash', models.CharField(max_length=64, verbose_name='SHA-256 of the key')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='first seen')),
            ],
            options={
                'verbose_name': 'key owner',
                'verbose_name_plural': 'key owners',
                'constraints': [models.UniqueConstraint(fields=('organization', 'key_hash'), name='key_has_one_owner')],
            },
        ),
        migrations.CreateModel(
            name='Phone',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('employee', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='phones', to='employees.employee', verbose_name='employee')),
                ('device_uuid', models.UUIDField(verbose_name='device uuid')),
                ('platform', models.CharField(choices=[('android', 'Android'), ('ios', 'iOS'), ('web', 'Browser')], max_length=8, verbose_name='platform')),
                ('model', models.CharField(max_length=200, verbose_name='model')),
                ('name', models.CharField(blank=True, max_length=200, verbose_name='name')),
                ('registered_at', models.DateTimeField(verbose_name='registered')),
                ('deactivated_at', models.DateTimeField(blank=True, null=True, verbose_name='deactivated')),
                ('deactivated_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL, verbose_name='deactivated by')),
                ('revoked_by_staff', models.BooleanField(default=False, verbose_name='revoked by staff')),
                ('last_punch_at', models.DateTimeField(blank=True, null=True, verbose_name='last punch')),
            ],
            options={
                'verbose_name': 'phone',
                'verbose_name_plural': 'phones',
                'ordering': ('-id',),
                'indexes': [models.Index(fields=['organization', 'device_uuid'], name='phone_uuid')],
                'constraints': [models.UniqueConstraint(fields=('employee', 'device_uuid'), name='phone_once'), models.CheckConstraint(condition=models.Q(('revoked_by_staff', False), ('deactivated_at__isnull', False), _connector='OR'), name='phone_revoked_is_not_active')],
            },
        ),
        migrations.CreateModel(
            name='DeviceKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('phone', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='keys', to='devices.phone', verbose_name='phone')),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='devices.keyowner', verbose_name='owner')),
                ('spki', models.BinaryField(max_length=91, verbose_name='public key')),
                ('created_at', models.DateTimeField(verbose_name='from')),
                ('replaced_at', models.DateTimeField(blank=True, null=True, verbose_name='to')),
            ],
            options={
                'verbose_name': 'phone key',
                'verbose_name_plural': 'phone keys',
                'ordering': ('-id',),
                'constraints': [models.UniqueConstraint(condition=models.Q(('replaced_at__isnull', True)), fields=('phone',), name='phone_has_one_key')],
            },
        ),
        migrations.CreateModel(
            name='PhonePolicy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('max_phones', models.PositiveSmallIntegerField(default=2, help_text='Phones already registered stay active when you lower this number.', validators=[django.core.validators.MaxValueValidator(100)], verbose_name='active phones per employee')),
                ('offline_hours', models.PositiveSmallIntegerField(default=72, help_text='A punch made without a connection is accepted for this long afterwards.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(744)], verbose_name='offline punches for (hours)')),
                ('refuse_mock', models.BooleanField(default=True, verbose_name='reject mock locations')),
                ('refuse_rooted', models.BooleanField(default=True, verbose_name='reject rooted phones')),
                ('refuse_emulator', models.BooleanField(default=True, verbose_name='reject emulators')),
                ('refuse_vpn', models.BooleanField(default=False, help_text='When off, the punch counts and gets a remark. The same holds for the three options above.', verbose_name='reject phones on a VPN')),
            ],
            options={
                'verbose_name': 'phone policy',
                'verbose_name_plural': 'phone policies',
                'constraints': [models.UniqueConstraint(fields=('organization',), name='phone_policy_once')],
            },
        ),
    ]
