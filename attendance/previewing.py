"""A day as it is now and as it would be: rows of `Day` that are shown and never stored.

Called by the console before somebody approves a correction or makes one. The judgement is the one
that stores days: `derive`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from attendance import corrections, locking, regularization
from attendance.corrections import ENTERED, Entry, Wish, Zones
from attendance.days import Facts, Stamp, derive
from attendance.explanation import explain
from attendance.models import Day, Regularization
from attendance.shifts import Duty
from employees.models import Employee
from employees.refusals import Conflict, Refused


@dataclass(frozen=True, slots=True)
class Preview:
    """`before` and `after`, as of now. `posted_to`: the month it is counted in as an adjustment,
    where its own is locked.

    `elsewhere`: times that would be entered, and belong to another date's shift.
    """

    before: Day
    after: Day
    posted_to: date | None
    elsewhere: Sequence[datetime] = ()


def as_of_now(employee: Employee, on: date) -> Day:
    """What a date is now, late punches and all."""
    now = timezone.now()
    return _row(employee, *corrections.day_of(employee, on, now))


def correction(employee: Employee, on: date, wish: Wish) -> Preview:
    """What a day would be if a wish of HR's was carried out.

    Raises Refused for what stands against it, Conflict for a time that was entered before.
    """
    now = timezone.now()
    duty, stamps, facts = corrections.day_of(employee, on, now)
    zones = Zones(employee.organization_id, [employee.pk])
    wrong = (
        corrections.objection(wish, zones, now)
        or corrections.outside(wish.enter, duty)
        or _there(wish, stamps)
    )
    if wrong is not None:
        raise wrong
    return _preview(employee, on, now, _row(employee, duty, stamps, facts), wish.enter, wish.void)


def _there(wish: Wish, stamps: Sequence[Stamp]) -> Refused | None:
    """That a time counts already, as a punch or as it was entered."""
    known = {(stamp.at, stamp.direction) for stamp in stamps if stamp.id not in wish.void}
    for entry in wish.enter:
        if (entry.at, entry.direction) in known:
            return Conflict(
                _("This time counts already."),
                code="ENTERED_BEFORE",
                rule="TIME",
                field=entry.field,
            )
    return None


def asked(one: Regularization) -> Preview:
    """What a day would be if what somebody asks for was approved now."""
    enter, void = regularization.comes_to(one)
    return _preview(
        one.employee, one.date, timezone.now(), as_of_now(one.employee, one.date), enter, void
    )


def _preview(
    employee: Employee,
    on: date,
    now: datetime,
    before: Day,
    enter: Sequence[Entry],
    void: Collection[int],
) -> Preview:
    duty, stamps, facts = corrections.day_of(employee, on, now, enter=enter, void=void)
    here = {stamp.id for stamp in stamps}
    elsewhere = [entry.at for number, entry in enumerate(enter) if ENTERED + number not in here]
    return Preview(
        before,
        _row(employee, duty, stamps, facts),
        posted_to(employee.organization_id, on, now),
        elsewhere,
    )


def posted_to(organization_id: int, on: date, now: datetime) -> date | None:
    """The month in which a change of a date is counted as an adjustment; None where its own is
    open.
    """
    if on.replace(day=1) not in locking.locked_months(organization_id):
        return None
    return locking.open_month(organization_id, now)


def _row(employee: Employee, duty: Duty, stamps: Sequence[Stamp], facts: Facts) -> Day:
    day = derive(duty, stamps, facts)
    return Day(
        organization_id=employee.organization_id,
        employee=employee,
        date=day.date,
        zone=duty.zone,
        status=str(day.status),
        first_half=str(day.halves[0]),
        second_half=str(day.halves[1]),
        first_in=day.first_in,
        last_out=day.last_out,
        worked=day.worked,
        late_by=day.late_by,
        early_by=day.early_by,
        overtime=day.overtime,
        marks=list(day.marks),
        why=explain(duty, day, facts),
    )
