"""A day as it is now and as it would be: rows of `Day` that are shown and never stored.

Called by the console before somebody approves a correction or makes one. The judgement is the one
that stores days: `calculate_day`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from attendance.corrections import regularization
from attendance.corrections.day_context import ENTERED_ID_START, load_day_context
from attendance.corrections.employee_zones import EmployeeZones
from attendance.corrections.inputs import CorrectionInput, TimeEntry
from attendance.corrections.validation import correction_error, window_error
from attendance.days import locking
from attendance.days.calculation import calculate_day
from attendance.days.counted_punches import CountedPunch
from attendance.days.explanation import explain_day
from attendance.days.results import DayContext
from attendance.models import Day, Regularization
from core.errors import Conflict, RuleViolation
from employees.models import Employee
from shifts.schedule import ScheduledShift


@dataclass(frozen=True, slots=True)
class DayPreview:
    """`before` and `after`, as of now. `adjustment_month`: the month it is counted in as an
    adjustment, where its own is locked.

    `elsewhere`: times that would be entered, and belong to another date's shift.
    """

    before: Day
    after: Day
    adjustment_month: date | None
    times_of_other_days: Sequence[datetime] = ()


def current_day(employee: Employee, on: date) -> Day:
    """What a date is now, late punches and all."""
    now = timezone.now()
    return _unsaved_day(employee, *load_day_context(employee, on, now))


def preview_correction(employee: Employee, on: date, request: CorrectionInput) -> DayPreview:
    """What a day would be if a wish of HR's was carried out.

    Raises RuleViolation for what stands against it, Conflict for a time that was entered before.
    """
    now = timezone.now()
    duty, stamps, facts = load_day_context(employee, on, now)
    zones = EmployeeZones(employee.organization_id, [employee.pk])
    wrong = (
        correction_error(request, zones, now)
        or window_error(request.enter, duty)
        or _already_counted(request, stamps)
    )
    if wrong is not None:
        raise wrong
    return _preview(
        employee, on, now, _unsaved_day(employee, duty, stamps, facts), request.enter, request.void
    )


def _already_counted(
    request: CorrectionInput, punches: Sequence[CountedPunch]
) -> RuleViolation | None:
    """That a time counts already, as a punch or as it was entered."""
    known = {(stamp.at, stamp.direction) for stamp in punches if stamp.id not in request.void}
    for entry in request.enter:
        if (entry.at, entry.direction) in known:
            return Conflict(
                _("This time is already counted."),
                code="ENTERED_BEFORE",
                rule="TIME",
                field=entry.field,
            )
    return None


def preview_regularization(regularization_row: Regularization) -> DayPreview:
    """What a day would be if what somebody asks for was approved now."""
    enter, void = regularization.resulting_times(regularization_row)
    return _preview(
        regularization_row.employee,
        regularization_row.date,
        timezone.now(),
        current_day(regularization_row.employee, regularization_row.date),
        enter,
        void,
    )


def _preview(
    employee: Employee,
    on: date,
    now: datetime,
    before: Day,
    enter: Sequence[TimeEntry],
    void: Collection[int],
) -> DayPreview:
    duty, stamps, facts = load_day_context(employee, on, now, enter=enter, void=void)
    here = {stamp.id for stamp in stamps}
    elsewhere = [
        entry.at for number, entry in enumerate(enter) if ENTERED_ID_START + number not in here
    ]
    return DayPreview(
        before,
        _unsaved_day(employee, duty, stamps, facts),
        adjustment_month(employee.organization_id, on, now),
        elsewhere,
    )


def adjustment_month(organization_id: int, on: date, now: datetime) -> date | None:
    """The month in which a change of a date is counted as an adjustment; None where its own is
    open.
    """
    if on.replace(day=1) not in locking.locked_months(organization_id):
        return None
    return locking.current_open_month(organization_id, now)


def _unsaved_day(
    employee: Employee,
    scheduled_shift: ScheduledShift,
    punches: Sequence[CountedPunch],
    context: DayContext,
) -> Day:
    day = calculate_day(scheduled_shift, punches, context)
    return Day(
        organization_id=employee.organization_id,
        employee=employee,
        date=day.date,
        zone=scheduled_shift.zone,
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
        why=explain_day(scheduled_shift, day, context),
    )
