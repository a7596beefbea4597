"""Say that days have to be worked out again, in the transaction of what changed them.
`background.recalculation` does it soon after.

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

from attendance.models import Day, Punch, PunchEvidence, Recalculation, StaleDayRange, Verdict
from core.raw_sql import insert_rows
from employees.models import Employee

MAX_RANGE_DAYS: Final = 31
BATCH_SIZE: Final = 1000
# A date somewhere on earth may be a day ahead of UTC's.
MAX_WEST_OFFSET: Final = timedelta(hours=12)
MAX_EAST_OFFSET: Final = timedelta(hours=14)
CALCULATED_AHEAD: Final = timedelta(days=1)
# Days of somebody who was entered late are made from so long ago by themselves; older ones by a
# recalculation.
AUTOMATIC_BACKFILL: Final = timedelta(days=35)


def mark_punch_days_stale(organization_id: int, punches: Iterable[tuple[UUID, datetime]]) -> None:
    """Punches (employee, instant in UTC) came, now count, or count no more: the dates around them
    are stale.
    """
    now = timezone.now()
    spans: dict[UUID, tuple[date, date]] = {}
    for employee_id, at in punches:
        # Whatever the zone of the place: its date is one of these.
        earliest, latest = (at - MAX_WEST_OFFSET).date(), (at + MAX_EAST_OFFSET).date()
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
        for starts_on, ends_on in split_into_months(*span)
    ]
    for start in range(0, len(rows), BATCH_SIZE):
        insert_rows(StaleDayRange, rows[start : start + BATCH_SIZE])


def mark_days_of_new_punches_stale() -> int:
    """Note the days of punches that came since the last look; returns how many punches.

    The way in writes no note of its own: it would be one more statement for every punch. Two
    workers at once are not in each other's way, as each row is taken by one.
    """
    with transaction.atomic():
        fresh = (
            PunchEvidence.objects.filter(recalculation_queued=False)
            .order_by("punch")
            .values_list("punch", flat=True)
        )
        if connection.vendor == "postgresql":
            fresh = fresh.select_for_update(skip_locked=True)
        punches = list(fresh[:BATCH_SIZE])
        if not punches:
            return 0
        PunchEvidence.objects.filter(punch__in=punches).update(recalculation_queued=True)
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
            mark_punch_days_stale(organization_id, theirs)
    return len(punches)


def mark_days_stale(
    organization_id: int,
    employees: Iterable[UUID],
    first: date,
    last: date,
    *,
    background: bool = True,
    recalculation: Recalculation | None = None,
) -> int:
    """Mark a period of some people stale; returns how many rows that took. Nothing beyond tomorrow
    is ever worked out.
    """
    last = min(last, timezone.now().date() + CALCULATED_AHEAD)
    parts = list(split_into_months(first, last))
    rows = (
        StaleDayRange(
            organization_id=organization_id,
            employee_id=employee_id,
            starts_on=starts_on,
            ends_on=ends_on,
            background=background,
            recalculation=recalculation,
        )
        for starts_on, ends_on in parts
        for employee_id in employees
    )
    return sum(len(StaleDayRange.objects.bulk_create(part)) for part in _batches(rows))


def mark_calculated_days_stale(
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
        mark_days_stale(organization_id, [one], *span, background=background)
        for one, span in spans.items()
    )


def mark_employee_days_stale(employee: Employee) -> int:
    """Mark all days of one person stale: those there are, and those of late that there may have to
    be.
    """
    today = timezone.now().date() + CALCULATED_AHEAD
    known = (
        Day.objects.of(employee.organization_id)
        .filter(employee=employee)
        .aggregate(first=Min("date"), last=Max("date"))
    )
    first = min(known["first"] or today, max(employee.joined_on, today - AUTOMATIC_BACKFILL))
    return mark_days_stale(
        employee.organization_id,
        [employee.pk],
        first,
        max(known["last"] or today, today),
        background=False,
    )


def employees_in_service(organization_id: int, first: date, last: date) -> list[UUID]:
    """Who was in service at some time of a period."""
    people = Employee.objects.of(organization_id).filter(joined_on__lte=last)
    return list(people.exclude(left_on__lt=first).order_by("id").values_list("id", flat=True))


def request_recalculation(
    organization_id: int, first: date, last: date, *, requested_by: Any = None
) -> Recalculation:
    """Let a period of everybody be worked out again; the row shows how far it is. Within a
    transaction.
    """
    recalculation = Recalculation(
        organization_id=organization_id, starts_on=first, ends_on=last, requested_by=requested_by
    )
    recalculation.full_clean()
    recalculation.save()
    recalculation.total = mark_days_stale(
        organization_id,
        employees_in_service(organization_id, first, last),
        first,
        last,
        recalculation=recalculation,
    )
    if not recalculation.total:
        recalculation.finished_at = timezone.now()
    recalculation.save(update_fields=["total", "finished_at"])
    return recalculation


def split_into_months(first: date, last: date) -> Iterator[tuple[date, date]]:
    """A period in stretches of at most a month; the latest first, as that is what people
    look at.
    """
    while last >= first:
        begins = max(first, last - timedelta(days=MAX_RANGE_DAYS - 1))
        yield begins, last
        last = begins - timedelta(days=1)


def _batches(rows: Iterable[StaleDayRange]) -> Iterator[list[StaleDayRange]]:
    part: list[StaleDayRange] = []
    for row in rows:
        part.append(row)
        if len(part) == BATCH_SIZE:
            yield part
            part = []
    if part:
        yield part
