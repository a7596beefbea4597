"""The consumer of the change log for days: marks stale what a change of the apps below decides.

Called by `background.changes` within the transaction that marks the change as processed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from attendance import recalculation_queue
from attendance.models import Day
from attendance.recalculation_queue import AUTOMATIC_BACKFILL, CALCULATED_AHEAD
from core.impact import ProposedChange
from employees.changes import subject_id
from employees.models import Assignment, Change
from shifts.models import Roster, ShiftSettings

DATED_KINDS: Final = (Change.Kind.LEAVE, Change.Kind.TOUR)


def mark_changed_days_stale(change: Change) -> None:
    """Mark the days that a change concerns stale."""
    organization_id, first, last = change.organization_id, change.starts_on, change.ends_on
    if change.kind == Change.Kind.ROSTER:
        _mark_roster_days(change)
    elif change.kind == Change.Kind.SHIFT and change.subject:
        _mark_shift_days(organization_id, subject_id(change.subject, "shift"))
    elif change.employee is None:
        recalculation_queue.mark_calculated_days_stale(organization_id, None, first, last)
    elif change.kind in DATED_KINDS and first is not None and last is not None:
        recalculation_queue.mark_days_stale(
            organization_id, [change.employee.pk], first, last, background=False
        )
    else:
        # Dates of service and assignments: what they were before is not known, so all there is of
        # this person.
        recalculation_queue.mark_employee_days_stale(change.employee)


def concerned_days(change: ProposedChange) -> QuerySet[Day]:
    """The calculated days that a proposed change concerns."""
    days = Day.objects.of(change.organization_id)
    if change.starts_on is not None:
        days = days.filter(date__gte=change.starts_on)
    if change.ends_on is not None:
        days = days.filter(date__lte=change.ends_on)
    shift_id = subject_id(change.subject, "shift")
    if shift_id is not None:
        return days.filter(shift=shift_id)
    if change.employees is not None:
        return days.filter(employee__in=change.employees)
    department_id = subject_id(change.subject, "department")
    site_id = subject_id(change.subject, "site")
    if department_id is None and site_id is None:
        return days
    people = _people_of(
        change.organization_id,
        None,
        department_id,
        site_id,
        change.starts_on or date.min,
        change.ends_on,
    )
    return days.filter(employee__in=people)


def _mark_shift_days(organization_id: int, shift_id: int | None) -> None:
    """Days that were worked by a shift, days of rosters that use it, and all days where it is the
    default.
    """
    worked = Day.objects.of(organization_id).filter(shift=shift_id)
    _mark_spans(organization_id, worked.order_by().values_list("employee_id", "date"))
    rosters = Roster.objects.of(organization_id).filter(pattern__slots__shift=shift_id).distinct()
    for roster in rosters:
        _mark_period(
            organization_id,
            _people_of(
                organization_id,
                roster.employee_id,
                roster.department_id,
                roster.site_id,
                roster.starts_on,
                roster.ends_on,
            ),
            roster.starts_on,
            roster.ends_on,
        )
    if ShiftSettings.objects.of(organization_id).filter(default_shift=shift_id).exists():
        recalculation_queue.mark_calculated_days_stale(organization_id, None, None, None)


def _mark_roster_days(change: Change) -> None:
    # A roster begins on a date; only a change written by hand has none.
    first = change.starts_on or timezone.now().date() - AUTOMATIC_BACKFILL
    people = _people_of(
        change.organization_id,
        change.employee_id,
        subject_id(change.subject, "department"),
        subject_id(change.subject, "site"),
        first,
        change.ends_on,
    )
    _mark_period(change.organization_id, people, first, change.ends_on)


def _people_of(
    organization_id: int,
    employee_id: UUID | None,
    department_id: int | None,
    site_id: int | None,
    first: date,
    ends_on: date | None,
) -> list[UUID]:
    """Whom a roster concerns: one person, who is assigned to a department or a site at some time of
    it, or everybody.
    """
    if employee_id is not None:
        return [employee_id]
    last = _last_date(ends_on)
    if department_id is None and site_id is None:
        return recalculation_queue.employees_in_service(organization_id, first, last)
    scope = {"department": department_id} if department_id is not None else {"site": site_id}
    assignments = Assignment.objects.of(organization_id).filter(starts_on__lte=last, **scope)
    assignments = assignments.filter(Q(ends_on__isnull=True) | Q(ends_on__gte=first))
    return list(assignments.order_by().values_list("employee_id", flat=True).distinct())


def _mark_period(
    organization_id: int, people: list[UUID], starts_on: date, ends_on: date | None
) -> None:
    last = _last_date(ends_on)
    # Days before anything was calculated at all stay so: a recalculation makes them.
    earliest = (
        Day.objects.of(organization_id)
        .filter(date__lte=last)
        .order_by("date")
        .values_list("date", flat=True)
        .first()
    )
    today = _last_date(None)
    first = max(starts_on, min(earliest or today, today - AUTOMATIC_BACKFILL))
    recalculation_queue.mark_days_stale(
        organization_id, people, first, last, background=len(people) > 1
    )


def _last_date(ends_on: date | None) -> date:
    today = timezone.now().date() + CALCULATED_AHEAD
    return min(ends_on or today, today)


def _mark_spans(organization_id: int, days: Iterable[tuple[UUID, date]]) -> None:
    spans: dict[UUID, tuple[date, date]] = {}
    for employee_id, on in days:
        first, last = spans.get(employee_id, (on, on))
        spans[employee_id] = (min(first, on), max(last, on))
    for employee_id, span in spans.items():
        recalculation_queue.mark_days_stale(organization_id, [employee_id], *span)
