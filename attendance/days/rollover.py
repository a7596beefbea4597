"""What the clock alone brings about: a date begins for everybody in service, and a shift's window
ends. Called by `background.recalculation`.

Nothing is remembered between looks: rows that are missing are found by their absence, so a worker
that was away for days makes up for them by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction

from attendance.models import Day, StaleDayRange
from attendance.recalculation_queue import mark_days_stale
from core.times import to_local_time
from employees.models import Assignment, Employee, Organization, Site

# How far back missing days are looked for: every time, and now and then.
SHORT_LOOKBACK_DAYS: Final = 1
LONG_LOOKBACK_DAYS: Final = 35
CLOSE_BATCH_SIZE: Final = 2000


def open_days(now: datetime, lookback_days: int = SHORT_LOOKBACK_DAYS) -> int:
    """Let days begin: whoever is in service and has no row for a date that has begun where they
    work gets one soon.
    """
    return sum(
        _open_days_of(organization, now, lookback_days)
        for organization in Organization.objects.order_by("id")
    )


def _open_days_of(organization: Organization, now: datetime, lookback_days: int) -> int:
    zones = {
        organization.timezone,
        *Site.objects.of(organization).exclude(timezone="").values_list("timezone", flat=True),
    }
    dates = {to_local_time(now, zone).date() for zone in zones}
    first, last = min(dates) - timedelta(days=lookback_days), max(dates)
    found = 0
    for number in range((last - first).days + 1):
        on = first + timedelta(days=number)
        absent = employees_without_day(organization, on)
        begun = [
            one
            for one, zone in _zones_on(organization, absent, on).items()
            if to_local_time(now, zone).date() >= on
        ]
        found += mark_days_stale(organization.pk, sorted(begun), on, on) if begun else 0
    return found


def employees_without_day(organization: Organization, on: date) -> list[UUID]:
    """Who was in service on a date and has no row for it, nor waits for one."""
    there = Day.objects.of(organization).filter(date=on).order_by().values("employee")
    waiting = (
        StaleDayRange.objects.of(organization)
        .filter(starts_on__lte=on, ends_on__gte=on)
        .order_by()
        .values("employee")
    )
    people = (
        Employee.objects.of(organization)
        .employed_on(on)
        .exclude(pk__in=there)
        .exclude(pk__in=waiting)
    )
    return list(people.order_by().values_list("pk", flat=True))


def _zones_on(organization: Organization, people: Iterable[UUID], on: date) -> dict[UUID, str]:
    """The zone in which each of these people works on a date."""
    found = dict.fromkeys(people, organization.timezone)
    if found:
        rows = (
            Assignment.objects.of(organization)
            .filter(employee__in=list(found), starts_on__lte=on)
            .select_related("site")
        )
        for one in rows:
            if one.covers(on) and one.site.timezone:
                found[one.employee_id] = one.site.timezone
    return found


def close_days(now: datetime) -> int:
    """Let days end: those whose window is over are worked out once more, for good; returns how
    many.
    """
    with transaction.atomic():
        over = list(
            Day.objects.filter(open_until__lt=now)
            .order_by("open_until")
            .values_list("pk", "organization_id", "employee_id", "date")[:CLOSE_BATCH_SIZE]
        )
        if not over:
            return 0
        # Whoever clears the mark notes the day; both are committed together, so neither is lost.
        Day.objects.filter(pk__in=[row[0] for row in over]).update(open_until=None)
        groups: dict[tuple[int, date], list[UUID]] = defaultdict(list)
        for _pk, organization_id, employee_id, on in over:
            groups[organization_id, on].append(employee_id)
        for (organization_id, on), people in sorted(groups.items()):
            mark_days_stale(organization_id, people, on, on)
    return len(over)
