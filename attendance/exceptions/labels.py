"""The inbox in words a clerk understands: what happened, and what to do about it. Used by the
console and the API.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from attendance.days import labels as day_labels
from attendance.models import AttendanceException
from core.times import to_local_time

ExceptionKind = AttendanceException.Kind


def describe_exception(row: AttendanceException) -> str:
    """What was found, in a sentence."""
    return _DESCRIPTIONS[row.kind](row, row.details)


def describe_next_step(row: AttendanceException) -> str:
    """What to do about it, in a sentence."""
    return _NEXT_STEPS[row.kind](row, row.details)


def describe_subject(row: AttendanceException) -> str:
    """Whom or what it is about."""
    return str(row.employee or row.device or row.details.get("code") or row.subject)


def _times_text(texts: Iterable[str], zone: str) -> str:
    return ", ".join(day_labels.local_time_text(one, zone) for one in texts)


def _date_time_text(text: str, zone: str) -> str:
    there = to_local_time(datetime.fromisoformat(text), zone)
    return f"{date_format(there.date(), 'j M')} {there:%H:%M}"


# --- What happened --------------------------------------------------------------------------------
def _describe_unmatched(row: AttendanceException, details: Mapping[str, Any]) -> str:
    if details["why"] == "not_employed":
        return ngettext(
            "The employee with the number %(code)s was not in service then. %(count)d punch is"
            " unmatched, at %(last)s.",
            "The employee with the number %(code)s was not in service then. %(count)d punches are"
            " unmatched, the last at %(last)s.",
            details["count"],
        ) % {
            "code": details["code"],
            "count": details["count"],
            "last": _date_time_text(details["last"], details["zone"]),
        }
    return ngettext(
        "No employee has the number %(code)s. %(count)d punch is unmatched, at %(last)s.",
        "No employee has the number %(code)s. %(count)d punches are unmatched, the last at"
        " %(last)s.",
        details["count"],
    ) % {
        "code": details["code"],
        "count": details["count"],
        "last": _date_time_text(details["last"], details["zone"]),
    }


def _describe_odd(row: AttendanceException, details: Mapping[str, Any]) -> str:
    marks = ", ".join(day_labels.mark_text(one) for one in details["marks"])
    return _("%(marks)s. Punches at %(times)s.") % {
        "marks": marks,
        "times": _times_text(details["times"], details["zone"]),
    }


def _describe_long_day(row: AttendanceException, details: Mapping[str, Any]) -> str:
    return _(
        "From %(first)s to %(last)s: %(hours)s hours between the first punch and the last."
    ) % {
        "first": _date_time_text(details["first"], details["zone"]),
        "last": _date_time_text(details["last"], details["zone"]),
        "hours": day_labels.minutes_text(details["minutes"]),
    }


def _describe_clock(row: AttendanceException, details: Mapping[str, Any]) -> str:
    if "refused" in details:
        return ngettext(
            "%(count)d punch of this device was rejected: its clock showed an impossible time.",
            "%(count)d punches of this device were rejected: its clock showed impossible times.",
            details["refused"],
        ) % {"count": details["refused"]}
    minutes = details["minutes"]
    words = (
        ngettext(
            "The clock of this device is %(minutes)d minute ahead.",
            "The clock of this device is %(minutes)d minutes ahead.",
            abs(minutes),
        )
        if minutes > 0
        else ngettext(
            "The clock of this device is %(minutes)d minute behind.",
            "The clock of this device is %(minutes)d minutes behind.",
            abs(minutes),
        )
    )
    return words % {"minutes": abs(minutes)}


def _describe_silent(row: AttendanceException, details: Mapping[str, Any]) -> str:
    return _("No contact since %(since)s. The usual longest gap is %(usual)s.") % {
        "since": _date_time_text(details["since"], details["zone"]),
        "usual": day_labels.minutes_text(details["usual_minutes"]),
    }


def _describe_travel(row: AttendanceException, details: Mapping[str, Any]) -> str:
    return _("%(km)s km between two punches, at %(first)s and %(last)s (%(minutes)d minutes).") % {
        "km": details["km"],
        "first": day_labels.local_time_text(details["from_at"], details["zone"]),
        "last": day_labels.local_time_text(details["at"], details["zone"]),
        "minutes": details["minutes"],
    }


def _describe_conflict(row: AttendanceException, details: Mapping[str, Any]) -> str:
    taken = ", ".join(dict.fromkeys(day_labels.half_text(one) for one in details["taken"] if one))
    return _("%(taken)s was approved, and there are punches at %(times)s.") % {
        "taken": taken,
        "times": _times_text(details["times"], details["zone"]),
    }


def _describe_outside(row: AttendanceException, details: Mapping[str, Any]) -> str:
    opens, closes = details["window"]
    return _(
        "Punches at %(times)s do not count: the shift's window is from %(opens)s to %(closes)s."
    ) % {
        "times": _times_text(details["times"], details["zone"]),
        "opens": _date_time_text(opens, details["zone"]),
        "closes": _date_time_text(closes, details["zone"]),
    }


# --- What to do -----------------------------------------------------------------------------------
def _next_step_for_unmatched(row: AttendanceException, details: Mapping[str, Any]) -> str:
    if details["why"] == "not_employed":
        return _(
            "Check the service dates of the employee with this number, or match the punches to"
            " another employee."
        )
    return _(
        "Match the number to an employee, or enter it in the employee's record: the punches then"
        " count automatically."
    )


def _next_step_for_odd(row: AttendanceException, details: Mapping[str, Any]) -> str:
    return _("Ask the employee for the missing time, and correct the day.")


def _next_step_for_long_day(row: AttendanceException, details: Mapping[str, Any]) -> str:
    return _("Check for a missing punch or a wrong roster, and correct the day.")


def _next_step_for_clock(row: AttendanceException, details: Mapping[str, Any]) -> str:
    if "refused" in details:
        return _(
            "Set the device's clock. The rejected punches do not count: correct the days of these"
            " employees, then resolve this exception."
        )
    return _(
        "Set the device's clock and time zone. This exception closes automatically when the next"
        " punches are right."
    )


def _next_step_for_silent(row: AttendanceException, details: Mapping[str, Any]) -> str:
    return _(
        "Check its power and network. This exception closes automatically when the device connects;"
        " punches stored on the device are received later."
    )


def _next_step_for_travel(row: AttendanceException, details: Mapping[str, Any]) -> str:
    return _(
        "Check both punches: was a card lent, or is a location wrong? Void the punch that is not"
        " the employee's own."
    )


def _next_step_for_conflict(row: AttendanceException, details: Mapping[str, Any]) -> str:
    return _("If the employee worked, cancel or shorten the leave. If not, void the punches.")


def _next_step_for_outside(row: AttendanceException, details: Mapping[str, Any]) -> str:
    return _(
        "Check the roster, or widen the shift's window. If the employee worked, correct the day."
    )


_Describer = Callable[[AttendanceException, Mapping[str, Any]], str]
_DESCRIPTIONS: Final[Mapping[str, _Describer]] = {
    ExceptionKind.UNMATCHED: _describe_unmatched,
    ExceptionKind.ODD_PUNCHES: _describe_odd,
    ExceptionKind.LONG_DAY: _describe_long_day,
    ExceptionKind.CLOCK_SKEW: _describe_clock,
    ExceptionKind.SILENT_DEVICE: _describe_silent,
    ExceptionKind.TRAVEL: _describe_travel,
    ExceptionKind.CONFLICT: _describe_conflict,
    ExceptionKind.OUTSIDE_WINDOW: _describe_outside,
}
_NEXT_STEPS: Final[Mapping[str, _Describer]] = {
    ExceptionKind.UNMATCHED: _next_step_for_unmatched,
    ExceptionKind.ODD_PUNCHES: _next_step_for_odd,
    ExceptionKind.LONG_DAY: _next_step_for_long_day,
    ExceptionKind.CLOCK_SKEW: _next_step_for_clock,
    ExceptionKind.SILENT_DEVICE: _next_step_for_silent,
    ExceptionKind.TRAVEL: _next_step_for_travel,
    ExceptionKind.CONFLICT: _next_step_for_conflict,
    ExceptionKind.OUTSIDE_WINDOW: _next_step_for_outside,
}
