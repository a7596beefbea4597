"""The rules that a correction must satisfy: a reason, times within service and not in the future,
times within the punch window, and nobody corrects their own times. Called by
`corrections.services`, by previews, by correction requests and for each row of an import.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.utils.translation import gettext as _

from accounts.models import User
from attendance.corrections.employee_zones import EmployeeZones
from attendance.corrections.inputs import CorrectionInput, TimeEntry
from attendance.days.inputs import DAY
from core.errors import RuleViolation
from core.times import to_local_time
from employees.models import Employee
from shifts.schedule import ScheduledShift

MAX_SPAN: Final = timedelta(hours=48)
FIRST_YEAR: Final = 1950
MAX_REASON_LENGTH: Final = 400


def window_error(entries: Iterable[TimeEntry], shift: ScheduledShift) -> RuleViolation | None:
    """The error for a time outside the punch window of a date: it would not count for that date."""
    window = shift.window
    found = next((one for one in entries if not window.start <= one.at <= window.end), None)
    if found is None:
        return None
    words = {
        name: f"{to_local_time(at, shift.zone):%Y-%m-%d %H:%M}"
        for name, at in (("start", window.start), ("end", window.end))
    }
    return RuleViolation(
        _("A time of this day must be between %(start)s and %(end)s.") % words,
        code="OUTSIDE_WINDOW",
        rule="R2",
        field=found.field,
        details={"start": window.start.isoformat(), "end": window.end.isoformat()},
    )


def correction_error(
    request: CorrectionInput, zones: EmployeeZones, now: datetime
) -> RuleViolation | None:
    """The first rule that the correction itself breaks: nothing entered, no reason, wrong times."""
    if not request.enter and not request.void:
        return RuleViolation(
            _("Enter a time, or select what does not count."),
            code="NOTHING",
            rule="FORM",
            field="at",
        )
    if not request.reason.strip():
        return RuleViolation(_("Enter a reason."), code="REASON", rule="FORM", field="reason")
    if len(request.reason.strip()) > MAX_REASON_LENGTH:
        return RuleViolation(
            _("A reason can have at most %(most)d characters.") % {"most": MAX_REASON_LENGTH},
            code="REASON",
            rule="FORM",
            field="reason",
        )
    for entry in request.enter:
        wrong = _time_error(entry, request.employee, zones, now)
        if wrong is not None:
            return wrong
    return _span_error(request.enter)


def _time_error(
    entry: TimeEntry, employee: Employee, zones: EmployeeZones, now: datetime
) -> RuleViolation | None:
    if entry.at.year < FIRST_YEAR:
        return RuleViolation(
            _("There is no calendar for this year."), code="TOO_OLD", rule="TIME", field=entry.field
        )
    if entry.at > now:
        return RuleViolation(
            _("This time is in the future."), code="FUTURE", rule="TIME", field=entry.field
        )
    on = zones.local_date(employee, entry.at)
    # A last night's shift ends on the morning after.
    if on < employee.joined_on or (employee.left_on is not None and on > employee.left_on + DAY):
        return RuleViolation(
            _("This time is outside the period of service."),
            code="NOT_EMPLOYED",
            rule="TIME",
            field=entry.field,
        )
    return None


def _span_error(entries: Sequence[TimeEntry]) -> RuleViolation | None:
    ins = [one for one in entries if one.direction == "in"]
    outs = [one for one in entries if one.direction == "out"]
    if ins and outs and max(one.at for one in ins) >= min(one.at for one in outs):
        return RuleViolation(
            _("The out time must be after the in time."),
            code="OUT_BEFORE_IN",
            rule="TIME",
            field=outs[0].field,
        )
    times = sorted(entries, key=lambda one: one.at)
    if times and times[-1].at - times[0].at > MAX_SPAN:
        return RuleViolation(
            _("The times are more than %(hours)d hours apart.")
            % {"hours": int(MAX_SPAN / timedelta(hours=1))},
            code="TOO_LONG",
            rule="TIME",
            field=times[-1].field,
            details={"limit": int(MAX_SPAN / timedelta(hours=1))},
        )
    return None


def is_self_correction(actor: User | None, employee_ids: Collection[UUID]) -> bool:
    """Whether somebody would put their own times right: that is another's to do, whatever their
    role.
    """
    return actor is not None and actor.employee_id is not None and actor.employee_id in employee_ids
