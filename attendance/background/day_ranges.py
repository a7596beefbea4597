"""Calculates ranges of days again, for many people at once, from everything they depend on.

What a range of days is depends on its neighbours only through punches that lie in the windows of
both sides: `_calculate_range` widens a range until no such punch is left at its ends, so that
calculating a part gives what calculating everything would. Called by `background.recalculation`
within its transaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from attendance.background.day_storage import dates_between, store_days
from attendance.days import inputs as day_inputs
from attendance.days.calculation import calculate_day
from attendance.days.explanation import explain_day
from attendance.days.inputs import DAY, DayInputs, EmployeeInputs
from attendance.days.punch_assignment import assign_punches_to_days, is_independent_boundary
from attendance.days.results import DayResult
from attendance.exceptions.day_rules import DayRange
from shifts.schedule import ScheduledShift, local_date

# A range is widened by this many days first, then by four times as many, up to the maximum.
MARGIN_DAYS: Final = 3
MAX_MARGIN_DAYS: Final = 93


def recalculate_days(
    organization_id: int, spans: dict[UUID, tuple[date, date]], now: datetime
) -> int:
    """Work out the days of some people from one date to another (both included) and store them;
    returns how many changed.

    Within a transaction. Days of a locked month stay; what would change them is posted as an
    adjustment.
    """
    first = min(start for start, _end in spans.values())
    last = max(end for _start, end in spans.values())
    changed = 0
    waiting: dict[UUID, tuple[date, date]] = spans
    margin = MARGIN_DAYS
    while waiting:
        read = day_inputs.load_day_inputs(
            organization_id, waiting, _days_before(first, margin), _days_after(last, margin)
        )
        wider: dict[UUID, tuple[date, date]] = {}
        done: list[DayRange] = []
        for employee_id, (start, end) in sorted(waiting.items()):
            person = read.employees.get(employee_id)
            if person is None:
                continue
            stretch = _calculate_range(read, person, (start, end), margin, now)
            if stretch is None:
                wider[employee_id] = (start, end)
            else:
                done.append(stretch)
        changed += store_days(organization_id, done, now)
        waiting, margin = wider, margin * 4
    return changed


def _calculate_range(
    inputs: DayInputs, employee: EmployeeInputs, span: tuple[date, date], margin: int, now: datetime
) -> DayRange | None:
    """The days of a span and what depends on them; None when `margin` days around it are not enough
    to tell.
    """
    low, high = _days_before(span[0], margin), _days_after(span[1], margin)
    duties = {on: inputs.scheduled_shift(employee, on) for on in dates_between(low, high)}
    first = _find_independent_boundary(
        employee, duties, dates_between(low + 2 * DAY, span[0] - DAY), reverse=True
    )
    after = _find_independent_boundary(
        employee, duties, dates_between(span[1] + 2 * DAY, high - DAY), reverse=False
    )
    if (first is None or after is None) and margin < MAX_MARGIN_DAYS:
        return None
    begins, ends = first or span[0] - DAY, (after or span[1] + 2 * DAY) - DAY
    placed = assign_punches_to_days(employee.punches, list(duties.values()))
    days: dict[date, dict[str, Any]] = {}
    for on in dates_between(begins, ends):
        duty, stamps = duties[on], placed.get(on, [])
        if not employee.is_employed_on(on) or (on > local_date(now, duty.zone) and not stamps):
            continue
        facts = inputs.day_context(employee, on, now)
        day = calculate_day(duty, stamps, facts)
        days[on] = _day_columns(employee, duty, day, explain_day(duty, day, facts))
    return DayRange(employee, begins, ends, days)


def _find_independent_boundary(
    employee: EmployeeInputs,
    scheduled_shifts: dict[date, ScheduledShift],
    dates: Iterable[date],
    *,
    reverse: bool,
) -> date | None:
    """The nearest date before which nothing can matter after it: no punch lies in the windows of
    both sides.
    """
    for on in sorted(dates, reverse=reverse):
        earlier = [
            scheduled_shifts[one] for one in (on - 2 * DAY, on - DAY) if one in scheduled_shifts
        ]
        later = [scheduled_shifts[one] for one in (on, on + DAY) if one in scheduled_shifts]
        if is_independent_boundary(earlier, later, employee.punches):
            return on
    return None


def _day_columns(
    employee: EmployeeInputs,
    scheduled_shift: ScheduledShift,
    day: DayResult,
    explanation: dict[str, Any],
) -> dict[str, Any]:
    post = employee.assignment_on(day.date)
    return {
        "site_id": post.site_id if post else None,
        "department_id": post.department_id if post else None,
        "shift_id": scheduled_shift.shift.id,
        "zone": scheduled_shift.zone,
        "status": str(day.status),
        "first_half": str(day.halves[0]),
        "second_half": str(day.halves[1]),
        "first_in": day.first_in,
        "last_out": day.last_out,
        "worked": day.worked,
        "late_by": day.late_by,
        "early_by": day.early_by,
        "overtime": day.overtime,
        "marks": list(day.marks),
        "why": explanation,
        "open_until": None if day.final else scheduled_shift.window.end,
    }


def _days_before(on: date, days: int) -> date:
    return on - timedelta(days=min(days, (on - date.min).days))


def _days_after(on: date, days: int) -> date:
    return on + timedelta(days=min(days, (date.max - on).days))
