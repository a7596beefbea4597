import django.db.models.deletion
import tours.models
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
            name='Tour',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('employee', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.employee', verbose_name='employee')),
                ('tour_type', models.CharField(choices=[('TOUR', 'Tour'), ('LOCAL_TOUR', 'Local tour'), ('TRAINING', 'Training'), ('WFH', 'Work from home')], default='TOUR', max_length=12, verbose_name='type')),
                ('purpose', models.CharField(max_length=500, verbose_name='purpose')),
                ('places', models.JSONField(blank=True, default=list, verbose_name='places')),
                ('start_at', models.DateTimeField(verbose_name='departure')),
                ('end_at', models.DateTimeField(verbose_name='return')),
                ('order_no', models.CharField(blank=True, max_length=120, verbose_name='office order')),
                ('status', models.CharField(choices=[('draft', 'Draft'), ('pending', 'Pending'), ('approved', 'Approved'), ('rejected', 'Rejected'), ('cancelled', 'Cancelled'), ('completed', 'Completed')], default='pending', max_length=10, verbose_name='status')),
                ('applied_at', models.DateTimeField(auto_now_add=True, verbose_name='requested')),
                ('applied_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='requested by')),
                ('decided_at', models.DateTimeField(blank=True, null=True, verbose_name='decided')),
                ('decided_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='decided by')),
                ('remarks', models.CharField(blank=True, max_length=500, verbose_name='remarks')),
                ('report', models.CharField(blank=True, max_length=2000, verbose_name='return report')),
            ],
            options={
                'verbose_name': 'tour',
                'verbose_name_plural': 'tours',
                'ordering': ('-id',),
                'indexes': [models.Index(fields=['organization', 'employee', 'start_at'], name='tour_person_start'), models.Index(fields=['organization', 'status'], name='tour_status')],
                'constraints': [models.CheckConstraint(condition=models.Q(('end_at__gt', models.F('start_at'))), name='tour_ends_after_start', violation_error_message='The return is before the departure.')],
            },
        ),
        migrations.CreateModel(
            name='TourDocument',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('employee', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.employee', verbose_name='employee')),
                ('content_type', models.CharField(max_length=40, verbose_name='type')),
                ('size', models.PositiveIntegerField(verbose_name='size in bytes')),
                ('sha256', models.CharField(max_length=64)),
                ('uploaded_at', models.DateTimeField(auto_now_add=True, verbose_name='uploaded')),
                ('kind', models.CharField(choices=[('ORDER', 'Tour order'), ('INVITATION', 'Invitation'), ('OTHER', 'Other document')], default='OTHER', max_length=12, verbose_name='document type')),
                ('file', models.FileField(max_length=200, upload_to=tours.models.tour_document_path, verbose_name='file')),
                ('tour', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='documents', to='tours.tour', verbose_name='tour')),
            ],
            options={
                'verbose_name': 'tour document',
                'verbose_name_plural': 'tour documents',
                'ordering': ('id',),
            },
        ),
        migrations.CreateModel(
            name='TourEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='employees.organization', verbose_name='organization')),
                ('tour', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='events', to='tours.tour', verbose_name='tour')),
                ('at', models.DateTimeField(verbose_name='at')),
                ('action', models.CharField(choices=[('applied', 'Applied'), ('approved', 'Approved'), ('rejected', 'Rejected'), ('cancelled', 'Cancelled'), ('curtailed', 'Curtailed'), ('extended', 'Extended'), ('completed', 'Completed')], max_length=10, verbose_name='action')),
                ('actor', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL, verbose_name='by')),
                ('remarks', models.CharField(blank=True, max_length=500, verbose_name='remarks')),
                ('details', models.JSONField(blank=True, default=dict, verbose_name='details')),
            ],
            options={
                'verbose_name': 'tour event',
                'verbose_name_plural': 'tour events',
                'ordering': ('id',),
            },
        ),
    ]
