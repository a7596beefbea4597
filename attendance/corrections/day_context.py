"""Reads what the calculation of one day needs, as of now or as if a correction was made. Called by
`corrections.preview` and `corrections.regularization`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Final

from attendance.corrections.inputs import TimeEntry
from attendance.days import inputs as day_inputs
from attendance.days.counted_punches import CountedPunch
from attendance.days.punch_assignment import assign_punches_to_days
from attendance.days.results import DayContext
from employees.models import Employee
from shifts.schedule import ScheduledShift

# Punches of the days around a date may belong to it, or continue what began before it.
CONTEXT_WINDOW: Final = timedelta(days=7)
# What a time is called that is only tried: no punch and no entered time has such a number.
ENTERED_ID_START: Final = 10**15


def load_day_context(
    employee: Employee,
    on: date,
    now: datetime,
    *,
    enter: Sequence[TimeEntry] = (),
    void: Collection[int] = (),
) -> tuple[ScheduledShift, list[CountedPunch], DayContext]:
    """What somebody was expected to do on a date, what of the punches belongs to it as of now, and
    what stands beside them.

    `enter` and `void`: as if these times were entered and these stamps did not count. What is
    entered is numbered from ENTERED_ID_START.
    """
    read = day_inputs.load_day_inputs(
        employee.organization_id, [employee.pk], on - CONTEXT_WINDOW, on + CONTEXT_WINDOW
    )
    person = read.employees[employee.pk]
    dates = [
        on + timedelta(days=number)
        for number in range(-CONTEXT_WINDOW.days, CONTEXT_WINDOW.days + 1)
    ]
    added = [
        CountedPunch(ENTERED_ID_START + number, one.at, one.direction)
        for number, one in enumerate(enter)
    ]
    counting = [*(one for one in person.punches if one.id not in void), *added]
    stamps = assign_punches_to_days(counting, day_inputs.scheduled_shifts(read, person, dates)).get(
        on, []
    )
    return read.scheduled_shift(person, on), stamps, read.day_context(person, on, now)
