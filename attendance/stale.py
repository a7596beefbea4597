"""Say that days have to be worked out again, in the transaction of what changed them. `rebuilding`
does it soon after.

A row is for one employee and a stretch of at most a month, so that what is taken up at a time has
bounds, and one day that cannot be worked out holds up nobody else's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Max, Min
from django.utils import timezone

from attendance.models import Day, Punch, PunchEvidence, Rebuild, StaleDays, Verdict
from employees.models import Employee
from employees.rows import insert_rows

MONTH: Final = 31
AT_ONCE: Final = 1000
# A date somewhere on earth may be a day ahead of UTC's.
WESTERNMOST: Final = timedelta(hours=12)
EASTERNMOST: Final = timedelta(hours=14)
AHEAD: Final = timedelta(days=1)
# Days of somebody who was entered late are made from so long ago by themselves; older ones by a
# rebuild.
LATELY: Final = timedelta(days=35)


def note_punches(organization_id: int, seen: Iterable[tuple[UUID, datetime]]) -> None:
    """Punches (employee, instant in UTC) came, now count, or count no more: the dates around them
    are stale.
    """
    now = timezone.now()
    spans: dict[UUID, tuple[date, date]] = {}
    for employee_id, at in seen:
        # Whatever the zone of the place: its date is one of these.
        earliest, latest = (at - WESTERNMOST).date(), (at + EASTERNMOST).date()
        first, last = spans.get(employee_id, (earliest, latest))
        spans[employee_id] = (min(first, earliest), max(last, latest))
    rows = [
        {
            "organization_id": organization_id,
            "employee_id": employee_id,
            "starts_on": starts_on,
            "ends_on": ends_on,
            "background": False,
            "created_at": now,
            "failures": 0,
        }
        for employee_id, span in sorted(spans.items())
        for starts_on, ends_on in months(*span)
    ]
    for start in range(0, len(rows), AT_ONCE):
        insert_rows(StaleDays, rows[start : start + AT_ONCE])


def adopt() -> int:
    """Note the days of punches that came since the last look; returns how many punches.

    The way in writes no note of its own: it would be one more statement for every punch. Two
    workers at once are not in each other's way, as each row is taken by one.
    """
    with transaction.atomic():
        fresh = (
            PunchEvidence.objects.filter(noted=False)
            .order_by("punch")
            .values_list("punch", flat=True)
        )
        if connection.vendor == "postgresql":
            fresh = fresh.select_for_update(skip_locked=True)
        punches = list(fresh[:AT_ONCE])
        if not punches:
            return 0
        PunchEvidence.objects.filter(punch__in=punches).update(noted=True)
        seen: dict[int, list[tuple[UUID, datetime]]] = defaultdict(list)
        rows = Punch.objects.filter(
            pk__in=punches, verdict=Verdict.ACCEPTED, employee__isnull=False
        )
        for organization_id, employee_id, at in rows.order_by().values_list(
            "organization_id", "employee_id", "occurred_at"
        ):
            if employee_id is not None:
                seen[organization_id].append((employee_id, at))
        for organization_id, theirs in sorted(seen.items()):
            note_punches(organization_id, theirs)
    return len(punches)


def note(
    organization_id: int,
    employees: Iterable[UUID],
    first: date,
    last: date,
    *,
    background: bool = True,
    rebuild: Rebuild | None = None,
) -> int:
    """Mark a period of some people stale; returns how many rows that took. Nothing beyond tomorrow
    is ever worked out.
    """
    last = min(last, timezone.now().date() + AHEAD)
    parts = list(months(first, last))
    rows = (
        StaleDays(
            organization_id=organization_id,
            employee_id=employee_id,
            starts_on=starts_on,
            ends_on=ends_on,
            background=background,
            rebuild=rebuild,
        )
        for starts_on, ends_on in parts
        for employee_id in employees
    )
    return sum(len(StaleDays.objects.bulk_create(part)) for part in _parts(rows))


def note_known(
    organization_id: int, employees: Sequence[UUID] | None, first: date | None, last: date | None
) -> int:
    """Mark what is worked out already of a period stale (None: open), for some people or for
    everybody, at once for one.
    """
    known = Day.objects.of(organization_id)
    if employees is not None:
        known = known.filter(employee__in=employees)
    if first is not None:
        known = known.filter(date__gte=first)
    if last is not None:
        known = known.filter(date__lte=last)
    spans: dict[UUID, tuple[date, date]] = {
        employee_id: (earliest, latest)
        for employee_id, earliest, latest in (
            known.order_by("employee_id")
            .values_list("employee_id")
            .annotate(Min("date"), Max("date"))
        )
    }
    background = len(spans) > 1
    return sum(
        note(organization_id, [one], *span, background=background) for one, span in spans.items()
    )


def note_life(employee: Employee) -> int:
    """Mark all days of one person stale: those there are, and those of late that there may have to
    be.
    """
    today = timezone.now().date() + AHEAD
    known = (
        Day.objects.of(employee.organization_id)
        .filter(employee=employee)
        .aggregate(first=Min("date"), last=Max("date"))
    )
    first = min(known["first"] or today, max(employee.joined_on, today - LATELY))
    return note(
        employee.organization_id,
        [employee.pk],
        first,
        max(known["last"] or today, today),
        background=False,
    )


def everybody(organization_id: int, first: date, last: date) -> list[UUID]:
    """Who was in service at some time of a period."""
    people = Employee.objects.of(organization_id).filter(joined_on__lte=last)
    return list(people.exclude(left_on__lt=first).order_by("id").values_list("id", flat=True))


def ask_rebuild(organization_id: int, first: date, last: date, *, by: Any = None) -> Rebuild:
    """Let a period of everybody be worked out again; the row shows how far it is. Within a
    transaction.
    """
    rebuild = Rebuild(organization_id=organization_id, starts_on=first, ends_on=last, asked_by=by)
    rebuild.full_clean()
    rebuild.save()
    rebuild.total = note(
        organization_id, everybody(organization_id, first, last), first, last, rebuild=rebuild
    )
    if not rebuild.total:
        rebuild.finished_at = timezone.now()
    rebuild.save(update_fields=["total", "finished_at"])
    return rebuild


def months(first: date, last: date) -> Iterator[tuple[date, date]]:
    """A period in stretches of at most a month; the latest first, as that is what people
    look at.
    """
    while last >= first:
        begins = max(first, last - timedelta(days=MONTH - 1))
        yield begins, last
        last = begins - timedelta(days=1)


def _parts(rows: Iterable[StaleDays]) -> Iterator[list[StaleDays]]:
    part: list[StaleDays] = []
    for row in rows:
        part.append(row)
        if len(part) == AT_ONCE:
            yield part
            part = []
    if part:
        yield part
