"""Looks at devices: clocks that are wrong, and devices that fell silent.

What is usual for a device is learned from itself (`exceptions.device_activity`). Called by
`exceptions.scan`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import Count, Max
from django.db.models.functions import TruncDate
from django.utils import timezone

from attendance.exceptions import device_activity
from attendance.exceptions import services as exception_services
from attendance.exceptions.rules import (
    CLOCK,
    SILENT_DEVICE,
    DetectedException,
    build_clock_skew_exception,
    build_rejected_time_exception,
    build_silent_device_exception,
)
from attendance.models import (
    AttendanceException,
    AttendancePolicy,
    DeviceActivityProfile,
    Punch,
    Verdict,
)
from core.batches import BATCH_SIZE, batches_by_id
from core.times import to_local_time
from devices.models import Device
from employees.models import Organization
from leaves.calendars import DayClass, SiteAssignment, days_between
from leaves.work_calendars import load_site_calendars

# What came longer ago is not asked about by itself.
RECENT_WINDOW: Final = timedelta(days=35)
# A device is not missed sooner than this, however often it usually speaks.
MIN_SILENCE_S: Final = 600
MIN_MISSED_HEARTBEATS: Final = 3


# --- Clocks ---------------------------------------------------------------------------------------
def scan_rejected_times(organization_id: int, device_ids: Collection[int], now: datetime) -> int:
    """Ask about punches of late that were refused for an impossible time, one question for each
    device and date.
    """
    if not device_ids:
        return 0
    zone = Organization.objects.values_list("timezone", flat=True).get(pk=organization_id)
    refused = Punch.objects.of(organization_id).filter(
        device__in=list(device_ids),
        verdict=Verdict.REJECTED_TIME,
        received_at__gte=now - RECENT_WINDOW,
    )
    days = (
        refused.order_by()
        .annotate(on=TruncDate("received_at", tzinfo=ZoneInfo(zone)))
        .values("device_id", "device__site_id", "on")
        .annotate(count=Count("pk"), latest=Max("pk"))
    )
    found = [
        build_rejected_time_exception(
            one["device_id"], one["on"], one["count"], one["latest"], one["device__site_id"]
        )
        for one in days
    ]
    standing = _open_exceptions(organization_id, CLOCK, device_ids).filter(
        subject__in=[one.subject for one in found]
    )
    return exception_services.sync_exceptions(organization_id, standing, found, now)


def scan_clocks(organization_id: int, punches: Iterable[Punch], now: datetime) -> int:
    """Learn from punches that were taken how the clocks of their devices run, and ask about those
    that are wrong.
    """
    said: dict[int, list[tuple[datetime, datetime]]] = defaultdict(list)
    for one in punches:
        if one.device_id is not None and one.verdict != Verdict.REJECTED_TIME:
            said[one.device_id].append((one.occurred_at, one.received_at))
    devices = (
        Device.objects.of(organization_id)
        .filter(pk__in=list(said))
        .select_related("site", "organization")
    )
    known = _lock_profiles(organization_id, list(said))
    learned: list[DeviceActivityProfile] = []
    found: list[DetectedException] = []
    for device in devices:
        habit = known.get(device.pk) or DeviceActivityProfile(
            organization_id=organization_id, device=device
        )
        clock = device_activity.record_clock_readings(habit.clock, said[device.pk])
        if clock != habit.clock:
            habit.clock = clock
            learned.append(habit)
        if (seconds := device_activity.clock_skew_s(clock)) is not None:
            found.append(
                build_clock_skew_exception(
                    device.pk, seconds, to_local_time(now, device.zone).date(), device.site_id
                )
            )
    _save_profiles(learned, ("clock",))
    standing = _open_exceptions(organization_id, CLOCK, list(said)).filter(
        subject__in=[f"device:{one}" for one in said]
    )
    return exception_services.sync_exceptions(organization_id, standing, found, now)


def _open_exceptions(organization_id: int, kind: str, devices: Collection[int]) -> Any:
    return AttendanceException.objects.of(organization_id).filter(
        kind=kind, state=exception_services.OPEN, device__in=list(devices)
    )


# --- Silence --------------------------------------------------------------------------------------
def scan_silent_devices(organization: Organization, now: datetime) -> int:
    """Learn when devices speak, and ask about those that are quiet for much longer than they
    usually are; in parts.
    """
    rules = AttendancePolicy.objects.of(organization).first() or AttendancePolicy()
    rows = (
        Device.objects.of(organization)
        .filter(last_seen_at__isnull=False)
        .select_related("site", "organization")
    )
    changed = 0
    for part in batches_by_id(rows):
        with transaction.atomic():
            known = _update_presence(part)
            found = _find_silent_devices(organization.pk, part, known, rules.silent_factor, now)
            changed += exception_services.sync_exceptions(
                organization.pk,
                _open_exceptions(organization.pk, SILENT_DEVICE, [one.pk for one in part]),
                found,
                now,
            )
    return changed


def _update_presence(devices: Sequence[Device]) -> Mapping[int, DeviceActivityProfile]:
    organization_id = devices[0].organization_id
    known = _lock_profiles(organization_id, [one.pk for one in devices])
    learned = []
    for device in devices:
        habit = known.setdefault(
            device.pk, DeviceActivityProfile(organization_id=organization_id, device=device)
        )
        if device.last_seen_at is not None and (
            habit.seen_at is None or device.last_seen_at > habit.seen_at
        ):
            habit.days = device_activity.record_activity(
                habit.days, habit.seen_at, device.last_seen_at, device.zone
            )
            habit.seen_at = device.last_seen_at
            learned.append(habit)
    _save_profiles(learned, ("days", "seen_at"))
    return known


def _find_silent_devices(
    organization_id: int,
    devices: Iterable[Device],
    profiles: Mapping[int, DeviceActivityProfile],
    factor: int,
    now: datetime,
) -> list[DetectedException]:
    # Blocked ones and those without a subscription are expected to say nothing of use.
    judged = [one for one in devices if not one.blocked and one.is_subscribed(now)]
    limits = {one.pk: _silence_limit_s(one, profiles[one.pk], factor) for one in judged}
    late = [one for one in judged if _silent_seconds(one, profiles[one.pk], now) > limits[one.pk]]
    closed = _closed_dates(organization_id, late, now)
    return [
        build_silent_device_exception(
            one.pk,
            one.last_seen_at,
            device_activity.usual_gap_s(profiles[one.pk].days, _last_seen_date(one)) or 0,
            _last_seen_date(one),
            one.zone,
            one.site_id,
        )
        for one in late
        if one.last_seen_at is not None
        and _silent_seconds(one, profiles[one.pk], now, closed[one.pk]) > limits[one.pk]
    ]


def _silence_limit_s(device: Device, profile: DeviceActivityProfile, factor: int) -> float:
    """Seconds of working time after which a device is missed; without end while nobody knows what
    is usual for it.
    """
    usual = device_activity.usual_gap_s(profile.days, _last_seen_date(device))
    return (
        float("inf")
        if usual is None
        else max(factor * usual, MIN_MISSED_HEARTBEATS * device.heartbeat_s, MIN_SILENCE_S)
    )


def _silent_seconds(
    device: Device, profile: DeviceActivityProfile, now: datetime, closed: Collection[date] = ()
) -> int:
    return (
        device_activity.silent_seconds(profile.days, device.last_seen_at, now, device.zone, closed)
        if device.last_seen_at
        else 0
    )


def _last_seen_date(device: Device) -> date:
    """The date, where it stands, on which a device spoke last."""
    return to_local_time(device.last_seen_at or timezone.now(), device.zone).date()


def _closed_dates(
    organization_id: int, devices: Sequence[Device], now: datetime
) -> dict[int, set[date]]:
    """The dates of late on which the places of these devices were closed, by device."""
    if not devices:
        return {}
    first, last = (now - device_activity.MAX_SILENCE).date(), (now + timedelta(days=1)).date()
    posts = {
        one.pk: [SiteAssignment(one.site_id, first, None)] if one.site_id else [] for one in devices
    }
    found = load_site_calendars(organization_id, posts, range(first.year, last.year + 1))
    # Weekly offs are no concern here: the device itself shows on which weekdays it is at work.
    return {
        pk: {on for on in days_between(first, last) if one.day(on).day_class is DayClass.HOLIDAY}
        for pk, one in found.items()
    }


# --- Habits ---------------------------------------------------------------------------------------
def _lock_profiles(
    organization_id: int, devices: Sequence[int]
) -> dict[int, DeviceActivityProfile]:
    """What is known of some devices; held until the transaction ends, so that nothing learned
    meanwhile is lost.
    """
    rows = (
        DeviceActivityProfile.objects.of(organization_id)
        .filter(device__in=devices)
        .order_by("device")
    )
    if connection.vendor == "postgresql":
        rows = rows.select_for_update()
    return {one.device_id: one for one in rows}


def _save_profiles(profiles: Sequence[DeviceActivityProfile], fields: tuple[str, ...]) -> None:
    DeviceActivityProfile.objects.bulk_create(
        [one for one in profiles if one.pk is None], ignore_conflicts=True
    )
    DeviceActivityProfile.objects.bulk_update(
        [one for one in profiles if one.pk is not None], fields, batch_size=BATCH_SIZE
    )
