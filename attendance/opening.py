"""What the clock alone brings about: a date begins for everybody in service, and a shift's window
ends. Called by `rebuilding`.

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

from attendance.models import Day, StaleDays
from attendance.stale import note
from attendance.times import local
from employees.models import Assignment, Employee, Organization, Site

# How far back missing days are looked for: every time, and now and then.
SHORT: Final = 1
LONG: Final = 35
CLOSED_AT_ONCE: Final = 2000


def open_days(now: datetime, back: int = SHORT) -> int:
    """Let days begin: whoever is in service and has no row for a date that has begun where they
    work gets one soon.
    """
    return sum(
        _open(organization, now, back) for organization in Organization.objects.order_by("id")
    )


def _open(organization: Organization, now: datetime, back: int) -> int:
    zones = {
        organization.timezone,
        *Site.objects.of(organization).exclude(timezone="").values_list("timezone", flat=True),
    }
    dates = {local(now, zone).date() for zone in zones}
    first, last = min(dates) - timedelta(days=back), max(dates)
    found = 0
    for number in range((last - first).days + 1):
        on = first + timedelta(days=number)
        absent = missing(organization, on)
        begun = [
            one
            for one, zone in _zones(organization, absent, on).items()
            if local(now, zone).date() >= on
        ]
        found += note(organization.pk, sorted(begun), on, on) if begun else 0
    return found


def missing(organization: Organization, on: date) -> list[UUID]:
    """Who was in service on a date and has no row for it, nor waits for one."""
    there = Day.objects.of(organization).filter(date=on).order_by().values("employee")
    waiting = (
        StaleDays.objects.of(organization)
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


def _zones(organization: Organization, people: Iterable[UUID], on: date) -> dict[UUID, str]:
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
            Day.objects.filter(final_at__lt=now)
            .order_by("final_at")
            .values_list("pk", "organization_id", "employee_id", "date")[:CLOSED_AT_ONCE]
        )
        if not over:
            return 0
        # Whoever clears the mark notes the day; both are committed together, so neither is lost.
        Day.objects.filter(pk__in=[row[0] for row in over]).update(final_at=None)
        groups: dict[tuple[int, date], list[UUID]] = defaultdict(list)
        for _pk, organization_id, employee_id, on in over:
            groups[organization_id, on].append(employee_id)
        for (organization_id, on), people in sorted(groups.items()):
            note(organization_id, people, on, on)
    return len(over)
