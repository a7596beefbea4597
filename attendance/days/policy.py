"""The verb on an organization's attendance policy. Called by the console."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from attendance.models import AttendancePolicy
from attendance.recalculation_queue import AUTOMATIC_BACKFILL, mark_calculated_days_stale


def save_attendance_policy(policy: AttendancePolicy) -> AttendancePolicy:
    """Validate and store the attendance policy.

    Another limit of a very long day makes all days stale; another speed of impossible travel, the
    recent ones.
    """
    policy.full_clean()
    with transaction.atomic():
        before = (
            AttendancePolicy.objects.of(policy.organization_id).filter(pk=policy.pk).first()
            or AttendancePolicy()
        )
        policy.save()
        if before.long_day_hours != policy.long_day_hours:
            mark_calculated_days_stale(policy.organization_id, None, None, None)
        elif before.travel_kmh != policy.travel_kmh:
            mark_calculated_days_stale(
                policy.organization_id, None, timezone.now().date() - AUTOMATIC_BACKFILL, None
            )
    return policy
