import accounts.models
import django.contrib.auth.validators
import django.core.validators
import django.db.models.deletion
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        ('employees', '0001_schema_0_9'),
    ]

    operations = [
        migrations.CreateModel(
            name='User',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('first_name', models.CharField(blank=True, max_length=150, verbose_name='first name')),
                ('last_name', models.CharField(blank=True, max_length=150, verbose_name='last name')),
                ('email', models.EmailField(blank=True, max_length=254, verbose_name='email address')),
                ('is_staff', models.BooleanField(default=False, help_text='Designates whether the user can log into this admin site.', verbose_name='staff status')),
                ('is_active', models.BooleanField(default=True, help_text='Designates whether this user should be treated as active. Unselect this instead of deleting accounts.', verbose_name='active')),
                ('date_joined', models.DateTimeField(default=django.utils.timezone.now, verbose_name='date joined')),
                ('username', models.CharField(help_text='Letters, digits and @ . + - _', max_length=150, validators=[django.contrib.auth.validators.UnicodeUsernameValidator()], verbose_name='username')),
                ('organization', models.ForeignKey(blank=True, help_text='Empty only for operators of the whole installation.', null=True, on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('employee', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='user', to='employees.employee', verbose_name='employee')),
                ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
            ],
            options={
                'verbose_name': 'user',
                'verbose_name_plural': 'users',
                'abstract': False,
                'constraints': [models.CheckConstraint(condition=models.Q(('is_superuser', True), ('organization__isnull', False), _connector='OR'), name='user_has_organization', violation_error_message='Only an operator may be without an organization.'), models.UniqueConstraint(fields=('organization', 'username'), name='user_name_once'), models.UniqueConstraint(condition=models.Q(('organization__isnull', True)), fields=('username',), name='operator_name_once')],
            },
            managers=[
                ('objects', accounts.models.TenantUserManager()),
            ],
        ),
        migrations.CreateModel(
            name='ApiClient',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('name', models.CharField(max_length=200, verbose_name='name')),
                ('client_id', models.CharField(editable=False, max_length=40, unique=True, verbose_name='client id')),
                ('audience', models.CharField(default='fluide-developer', help_text='The value that the client sends as X-Fluide-Client-Id. Clients of several organizations may share it.', max_length=64, verbose_name='audience label')),
                ('scopes', models.JSONField(blank=True, default=list, verbose_name='scopes')),
                ('employee', models.ForeignKey(blank=True, help_text='Without the scope hr:attendance:write the client can record punches of this employee only.', null=True, on_delete=django.db.models.deletion.PROTECT, to='employees.employee', verbose_name='bound employee')),
                ('per_minute', models.PositiveIntegerField(blank=True, null=True, verbose_name='requests per minute')),
                ('per_hour', models.PositiveIntegerField(blank=True, null=True, verbose_name='requests per hour')),
                ('per_day', models.PositiveIntegerField(blank=True, help_text='Empty: the limits of the channel apply.', null=True, verbose_name='requests per day')),
                ('active', models.BooleanField(default=True, help_text='Requests of an inactive client are rejected immediately.', verbose_name='active')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
            ],
            options={
                'verbose_name': 'API client',
                'verbose_name_plural': 'API clients',
                'ordering': ('name',),
                'constraints': [models.UniqueConstraint(fields=('organization', 'name'), name='api_client_name_once')],
            },
        ),
        migrations.CreateModel(
            name='ClientKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('client', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='keys', to='accounts.apiclient', verbose_name='API client')),
                ('purpose', models.CharField(choices=[('key', 'API key'), ('secret', 'Client secret')], max_length=8, verbose_name='purpose')),
                ('key_hash', models.CharField(editable=False, max_length=64, unique=True)),
                ('hint', models.CharField(editable=False, max_length=8, verbose_name='ends in')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='issued')),
                ('expires_at', models.DateTimeField(blank=True, null=True, verbose_name='valid until')),
                ('revoked_at', models.DateTimeField(blank=True, null=True, verbose_name='revoked')),
                ('last_used_at', models.DateTimeField(blank=True, null=True, verbose_name='last used')),
            ],
            options={
                'verbose_name': 'client key',
                'verbose_name_plural': 'client keys',
                'ordering': ('-created_at', '-id'),
            },
        ),
        migrations.CreateModel(
            name='Delegation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('approver', models.ForeignKey(help_text='The approver who is away.', on_delete=django.db.models.deletion.PROTECT, related_name='delegations', to='employees.employee', verbose_name='approver')),
                ('delegate', models.ForeignKey(help_text="The person who decides in the approver's place.", on_delete=django.db.models.deletion.PROTECT, related_name='+', to='employees.employee', verbose_name='delegate')),
                ('starts_on', models.DateField(verbose_name='from')),
                ('ends_on', models.DateField(help_text='The last day, included.', verbose_name='to')),
                ('withdrawn_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='withdrawn')),
            ],
            options={
                'verbose_name': 'delegation',
                'verbose_name_plural': 'delegations',
                'ordering': ('-starts_on', '-id'),
                'constraints': [models.CheckConstraint(condition=models.Q(('ends_on__gte', models.F('starts_on'))), name='delegation_ends_after_start', violation_error_message='The last day is before the first.'), models.CheckConstraint(condition=models.Q(('approver', models.F('delegate')), _negated=True), name='delegation_to_another', violation_error_message='An approver cannot be their own delegate.')],
            },
        ),
        migrations.CreateModel(
            name='PersonalToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='personal_tokens', to=settings.AUTH_USER_MODEL, verbose_name='user')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('token_hash', models.CharField(editable=False, max_length=64, unique=True)),
                ('hint', models.CharField(editable=False, max_length=8, verbose_name='ends in')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='issued')),
                ('expires_at', models.DateTimeField(blank=True, null=True, verbose_name='valid until')),
                ('revoked_at', models.DateTimeField(blank=True, null=True, verbose_name='revoked')),
                ('last_used_at', models.DateTimeField(blank=True, null=True, verbose_name='last used')),
            ],
            options={
                'verbose_name': 'personal access token',
                'verbose_name_plural': 'personal access tokens',
                'ordering': ('-id',),
            },
        ),
        migrations.CreateModel(
            name='RecoveryCode',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='recovery_codes', to=settings.AUTH_USER_MODEL)),
                ('code_hash', models.CharField(max_length=64, unique=True)),
                ('used_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'verbose_name': 'recovery code',
                'verbose_name_plural': 'recovery codes',
            },
        ),
        migrations.CreateModel(
            name='SecurityEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('at', models.DateTimeField(verbose_name='at')),
                ('kind', models.CharField(choices=[('signed_in', 'Signed in'), ('sign_in_failed', 'Sign-in failed'), ('signed_out', 'Signed out'), ('token_reused', 'Refresh token used twice'), ('key_issued', 'Key or token issued'), ('key_revoked', 'Key or token revoked'), ('role_changed', 'Role changed'), ('password_changed', 'Password changed'), ('exported', 'Exported'), ('replayed', 'Sent again'), ('secret_shown', 'Secret shown'), ('second_factor', 'Second factor changed'), ('setting_changed', 'Security setting changed'), ('linked', 'Identity linked'), ('unlinked', 'Identity unlinked'), ('user_made', 'User created at single sign-on')], max_length=20, verbose_name='event')),
                ('actor', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='actor')),
                ('actor_text', models.CharField(blank=True, max_length=200, verbose_name='actor name at the time')),
                ('address', models.GenericIPAddressField(blank=True, null=True, verbose_name='from')),
                ('about', models.CharField(blank=True, max_length=200, verbose_name='about')),
                ('details', models.JSONField(blank=True, default=dict, verbose_name='details')),
            ],
            options={
                'verbose_name': 'security event',
                'verbose_name_plural': 'security events',
                'ordering': ('-id',),
                'indexes': [models.Index(fields=['organization', 'at'], name='security_event_time')],
            },
        ),
        migrations.CreateModel(
            name='SignInSettings',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('name', models.CharField(blank=True, help_text='Shown on the sign-in button.', max_length=60, verbose_name='name of the provider')),
                ('issuer', models.CharField(blank=True, help_text="The issuer URL exactly as the provider publishes it, such as https://login.example.com. The provider's configuration is read from there.", max_length=500, verbose_name='issuer')),
                ('client_id', models.CharField(blank=True, max_length=200, verbose_name='client id')),
                ('secret_cipher', models.TextField(blank=True, editable=False)),
                ('scopes', models.CharField(default='openid email profile', max_length=200, verbose_name='scopes')),
                ('redirect_uris', models.JSONField(blank=True, default=list, help_text='The redirect URIs that the provider may use for a phone, one per line. They must match exactly.', verbose_name='redirect URIs of mobile apps')),
                ('token_days', models.PositiveSmallIntegerField(default=90, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(365)], verbose_name='days a phone stays signed in')),
                ('sso_enabled', models.BooleanField(default=False, verbose_name='single sign-on')),
                ('sso_enforced', models.BooleanField(default=False, help_text='Passwords of this organization are refused. Operators keep theirs.', verbose_name='single sign-on only')),
                ('creates_users', models.BooleanField(default=False, help_text='At the first single sign-on, a user is created for an active employee whose e-mail address is verified and who has no user yet.', verbose_name='create users automatically')),
                ('second_factor_required', models.BooleanField(default=False, help_text='The console asks all staff for a code of their authenticator app.', verbose_name='second factor for staff')),
                ('second_factor_at_provider', models.BooleanField(default=False, help_text='People who sign in at the provider are not asked for a second factor here, because the provider asks for it.', verbose_name='second factor at the provider')),
            ],
            options={
                'verbose_name': 'sign-in settings',
                'verbose_name_plural': 'sign-in settings',
                'constraints': [models.UniqueConstraint(fields=('organization',), name='sign_in_settings_once'), models.CheckConstraint(condition=models.Q(('sso_enforced', False), ('sso_enabled', True), _connector='OR'), name='sso_enforced_is_enabled', violation_error_message='Passwords can be refused only while single sign-on is on.')],
            },
        ),
        migrations.CreateModel(
            name='SsoAttempt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('kind', models.CharField(choices=[('web', 'Browser'), ('mobile', 'Phone')], max_length=8, verbose_name='kind')),
                ('state_hash', models.CharField(max_length=64, unique=True)),
                ('binding', models.CharField(max_length=64)),
                ('issuer', models.CharField(max_length=500, verbose_name='issuer')),
                ('redirect_uri', models.CharField(max_length=500)),
                ('device_name', models.CharField(blank=True, max_length=100, verbose_name='device')),
                ('next', models.CharField(blank=True, max_length=500)),
                ('reauthenticate', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField(db_index=True)),
                ('used_at', models.DateTimeField(null=True)),
            ],
            options={
                'verbose_name': 'single sign-on attempt',
                'verbose_name_plural': 'single sign-on attempts',
            },
        ),
        migrations.CreateModel(
            name='SsoIdentity',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='identities', to=settings.AUTH_USER_MODEL, verbose_name='user')),
                ('issuer', models.CharField(max_length=500, verbose_name='issuer')),
                ('subject', models.CharField(max_length=255, verbose_name='subject')),
                ('email', models.EmailField(blank=True, max_length=254, verbose_name='e-mail')),
                ('linked_at', models.DateTimeField(auto_now_add=True, verbose_name='linked')),
                ('last_used_at', models.DateTimeField(blank=True, null=True, verbose_name='last used')),
            ],
            options={
                'verbose_name': 'linked identity',
                'verbose_name_plural': 'linked identities',
                'ordering': ('-id',),
                'constraints': [models.UniqueConstraint(fields=('organization', 'issuer', 'subject'), name='sso_subject_once'), models.UniqueConstraint(fields=('user', 'issuer'), name='sso_user_once')],
            },
        ),
        migrations.CreateModel(
            name='TokenFamily',
            fields=[
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='user')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='signed in')),
                ('expires_at', models.DateTimeField(verbose_name='valid until')),
                ('revoked_at', models.DateTimeField(blank=True, null=True, verbose_name='revoked')),
                ('revocation_reason', models.CharField(blank=True, choices=[('signed_out', 'Signed out'), ('reused', 'A refresh token was used twice'), ('staff', 'Revoked by HR')], max_length=16, verbose_name='reason')),
            ],
            options={
                'verbose_name': 'sign-in',
                'verbose_name_plural': 'sign-ins',
                'ordering': ('-created_at',),
            },
        ),
        migrations.CreateModel(
            name='RefreshToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('family', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='refresh_tokens', to='accounts.tokenfamily')),
                ('token_hash', models.CharField(max_length=64, unique=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('used_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'verbose_name': 'refresh token',
                'verbose_name_plural': 'refresh tokens',
            },
        ),
        migrations.CreateModel(
            name='SecondFactor',
            fields=[
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='second_factor', serialize=False, to=settings.AUTH_USER_MODEL, verbose_name='user')),
                ('organization', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('secret_cipher', models.TextField(editable=False)),
                ('last_step', models.BigIntegerField(default=0, editable=False)),
                ('set_up_at', models.DateTimeField(verbose_name='set up')),
                ('last_used_at', models.DateTimeField(blank=True, null=True, verbose_name='last used')),
            ],
            options={
                'verbose_name': 'second factor',
                'verbose_name_plural': 'second factors',
                'ordering': ('user__username',),
            },
        ),
    ]
