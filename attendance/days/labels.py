"""What a day's record says, in words a clerk understands: used by the API's explanation and the
console's pages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from attendance.days.status import LEAVE_PREFIX
from attendance.models import Day
from core.times import to_local_time

MARK_LABELS: Final[Mapping[str, Any]] = {
    "missing_out": gettext_lazy("No out punch"),
    "missing_in": gettext_lazy("No in punch"),
    "in_again": gettext_lazy("Two in punches without an out punch between them"),
    "outside_window": gettext_lazy("A punch outside the shift's window"),
    "long_day": gettext_lazy("A very long day"),
    "leave_and_punch": gettext_lazy("At work while on leave"),
    "half_absent": gettext_lazy("Absent in the other half"),
}
_HALF_LABELS: Final[Mapping[str, Any]] = {
    "present": gettext_lazy("present"),
    "absent": gettext_lazy("absent"),
    "tour": gettext_lazy("on tour"),
    "off": gettext_lazy("off"),
}
_INTERPRETATION_LABELS: Final[Mapping[str, Any]] = {
    "in": gettext_lazy("In punch"),
    "in_again": gettext_lazy("Already in: the earlier time counts"),
    "out": gettext_lazy("Out punch"),
    "out_again": gettext_lazy("Already out: does not count"),
    "out_without_in": gettext_lazy("Out punch without an in punch: does not count"),
    "outside_window": gettext_lazy("Outside the shift's window: does not count"),
    "repeat": gettext_lazy("Repeated punch: does not count"),
}


def status_text(status: str) -> str:
    """A status, or `leave:CL`, as people say it."""
    if status.startswith(LEAVE_PREFIX):
        return _("Leave (%(kind)s)") % {"kind": status.removeprefix(LEAVE_PREFIX)}
    return str(Day.Status(status).label) if status in Day.Status.values else status


def half_text(half: str) -> str:
    """What a half of a day counts as."""
    return status_text(half) if half.startswith(LEAVE_PREFIX) else str(_HALF_LABELS.get(half, half))


def mark_text(mark: str) -> str:
    """Something to look at."""
    return str(MARK_LABELS.get(mark, mark))


def interpretation_text(why: str) -> str:
    """How a punch was read."""
    return str(_INTERPRETATION_LABELS.get(why, why))


def minutes_text(minutes: int) -> str:
    """Minutes as hours and minutes."""
    return f"{minutes // 60}:{minutes % 60:02}"


def local_time_text(text: str, zone: str) -> str:
    """An instant of an explanation on the wall clock of the day's place."""
    return f"{to_local_time(datetime.fromisoformat(text), zone):%H:%M}"


def explanation_sentences(day: Day) -> list[str]:
    """Why a day is what it is: by which roster, in which window, by which rule."""
    why = day.why
    if not why:
        return []
    begins, ends = (local_time_text(one, day.zone) for one in why["hours"])
    opens, closes = (local_time_text(one, day.zone) for one in why["window"])
    shift = why["shift"]["name"]
    found = [
        _("The shift is %(shift)s, %(begins)s to %(ends)s (%(rule)s).")
        % {
            "shift": shift,
            "begins": begins,
            "ends": ends,
            "rule": roster_rule_text(why["rule"]),
        },
        _("Punches from %(opens)s to %(closes)s belong to it.")
        % {
            "opens": opens,
            "closes": closes,
        },
    ]
    found += _leave_and_holiday_sentences(day)
    found.append(_status_sentence(day))
    if why.get("missing_out"):
        found.append(_("There is no out punch, so the end of the shift counts as the out time."))
    return found


def _leave_and_holiday_sentences(day: Day) -> list[str]:
    why = day.why
    halves: Sequence[str] = why.get("taken", ["", ""])
    found = []
    if why.get("holiday"):
        found.append(_("The office is closed: %(name)s.") % {"name": why["holiday"]})
    elif why.get("off"):
        found.append(_("It is a day off."))
    for name, half in ((_("First half"), halves[0]), (_("Second half"), halves[1])):
        if half:
            found.append(f"{name}: {half_text(half)}.")
    return found


def _status_sentence(day: Day) -> str:
    decided, worked = day.why.get("status", ""), minutes_text(day.worked)
    words = {
        "taken": _("Approved leave or tour covers the whole day."),
        "holiday": _(
            "The day stays a holiday even if the employee works. The work is counted as hours."
        ),
        "weekly_off": _(
            "The day stays an off day even if the employee works. The work is counted as hours."
        ),
        "half_taken": (
            _(
                "One half is leave or tour. The other half is calculated from the punches. Worked:"
                " %(worked)s."
            )
            % {"worked": worked}
        ),
        "leave_and_punch": _("Approved leave and punches conflict. HR must decide."),
        "punches": _("Calculated from the punches. Worked: %(worked)s.") % {"worked": worked},
    }
    return words.get(decided, "")


def roster_rule_text(rule: str) -> str:
    """Which roster said so."""
    reach = rule.partition(":")[0]
    words = {
        "employee": _("the employee's own roster"),
        "department": _("the department's roster"),
        "site": _("the site's roster"),
        "everybody": _("the roster for everybody"),
    }
    return words.get(reach, _("no roster: the default shift"))


def adjustment_values_text(values: Mapping[str, Any]) -> str:
    """Status and minutes of an adjustment, in one line."""
    if not values.get("status"):
        return _("nothing")
    parts = [
        status_text(values["status"]),
        _("worked %(worked)s") % {"worked": minutes_text(values["worked"])},
    ]
    if values.get("overtime"):
        parts.append(_("overtime %(overtime)s") % {"overtime": minutes_text(values["overtime"])})
    return ", ".join(parts)


def date_text(day: Day) -> str:
    """The date, in the reader's format."""
    return str(formats.date_format(day.date, "DATE_FORMAT"))
