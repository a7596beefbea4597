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

from attendance import wording
from attendance.models import DayException
from attendance.times import local

Kind = DayException.Kind


def happened(row: DayException) -> str:
    """What was found, in a sentence."""
    return _HAPPENED[row.kind](row, row.details)


def to_do(row: DayException) -> str:
    """What to do about it, in a sentence."""
    return _TO_DO[row.kind](row, row.details)


def who(row: DayException) -> str:
    """Whom or what it is about."""
    return str(row.employee or row.device or row.details.get("code") or row.subject)


def _clocks(texts: Iterable[str], zone: str) -> str:
    return ", ".join(wording.clock(one, zone) for one in texts)


def _moment(text: str, zone: str) -> str:
    there = local(datetime.fromisoformat(text), zone)
    return f"{date_format(there.date(), 'j M')} {there:%H:%M}"


# --- What happened --------------------------------------------------------------------------------
def _unmatched(row: DayException, said: Mapping[str, Any]) -> str:
    if said["why"] == "not_employed":
        return ngettext(
            "Whoever has the number %(code)s was not in service then. %(count)d punch waits, of"
            " %(last)s.",
            "Whoever has the number %(code)s was not in service then. %(count)d punches wait, the"
            " last of %(last)s.",
            said["count"],
        ) % {
            "code": said["code"],
            "count": said["count"],
            "last": _moment(said["last"], said["zone"]),
        }
    return ngettext(
        "Nobody has the number %(code)s. %(count)d punch waits, of %(last)s.",
        "Nobody has the number %(code)s. %(count)d punches wait, the last of %(last)s.",
        said["count"],
    ) % {"code": said["code"], "count": said["count"], "last": _moment(said["last"], said["zone"])}


def _odd(row: DayException, said: Mapping[str, Any]) -> str:
    marks = ", ".join(wording.mark_text(one) for one in said["marks"])
    return _("%(marks)s. Punches at %(times)s.") % {
        "marks": marks,
        "times": _clocks(said["times"], said["zone"]),
    }


def _long_day(row: DayException, said: Mapping[str, Any]) -> str:
    return _(
        "From %(first)s to %(last)s: %(hours)s hours between the first punch and the last."
    ) % {
        "first": _moment(said["first"], said["zone"]),
        "last": _moment(said["last"], said["zone"]),
        "hours": wording.minutes_text(said["minutes"]),
    }


def _clock(row: DayException, said: Mapping[str, Any]) -> str:
    if "refused" in said:
        return ngettext(
            "%(count)d punch of this device was refused: its clock said a time that cannot be.",
            "%(count)d punches of this device were refused: its clock said times that cannot be.",
            said["refused"],
        ) % {"count": said["refused"]}
    minutes = said["minutes"]
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


def _silent(row: DayException, said: Mapping[str, Any]) -> str:
    return _("Nothing was heard since %(since)s; usually it is quiet for %(usual)s at most.") % {
        "since": _moment(said["since"], said["zone"]),
        "usual": wording.minutes_text(said["usual_minutes"]),
    }


def _travel(row: DayException, said: Mapping[str, Any]) -> str:
    return _("%(km)s km between two punches, at %(first)s and %(last)s (%(minutes)d minutes).") % {
        "km": said["km"],
        "first": wording.clock(said["from_at"], said["zone"]),
        "last": wording.clock(said["at"], said["zone"]),
        "minutes": said["minutes"],
    }


def _conflict(row: DayException, said: Mapping[str, Any]) -> str:
    taken = ", ".join(dict.fromkeys(wording.half_text(one) for one in said["taken"] if one))
    return _("%(taken)s was approved, and there are punches at %(times)s.") % {
        "taken": taken,
        "times": _clocks(said["times"], said["zone"]),
    }


def _outside(row: DayException, said: Mapping[str, Any]) -> str:
    opens, closes = said["window"]
    return _(
        "Punches at %(times)s do not count: the shift's window is from %(opens)s to %(closes)s."
    ) % {
        "times": _clocks(said["times"], said["zone"]),
        "opens": _moment(opens, said["zone"]),
        "closes": _moment(closes, said["zone"]),
    }


# --- What to do -----------------------------------------------------------------------------------
def _do_unmatched(row: DayException, said: Mapping[str, Any]) -> str:
    if said["why"] == "not_employed":
        return _(
            "Check the dates of service of whoever has this number, or say whose punches these are."
        )
    return _(
        "Say whose it is, or enter the number at the employee: the punches then count by"
        " themselves."
    )


def _do_odd(row: DayException, said: Mapping[str, Any]) -> str:
    return _("Ask when they came or left, and correct the day.")


def _do_long_day(row: DayException, said: Mapping[str, Any]) -> str:
    return _(
        "Check whether a punch is missing in between, or the roster is another; correct the day."
    )


def _do_clock(row: DayException, said: Mapping[str, Any]) -> str:
    if "refused" in said:
        return _(
            "Set the device's clock. The refused punches do not count: correct the days of these"
            " people, then note it here."
        )
    return _(
        "Set the device's clock and its time zone. It closes by itself when the next punches are"
        " right."
    )


def _do_silent(row: DayException, said: Mapping[str, Any]) -> str:
    return _(
        "Look after its power and network. It closes by itself when the device speaks; what it kept"
        " comes in late."
    )


def _do_travel(row: DayException, said: Mapping[str, Any]) -> str:
    return _(
        "Look at both punches: was a card lent, or is a place entered wrongly? Void what is not"
        " theirs."
    )


def _do_conflict(row: DayException, said: Mapping[str, Any]) -> str:
    return _("If they worked, cancel the leave or cut it short. If they did not, void the punches.")


def _do_outside(row: DayException, said: Mapping[str, Any]) -> str:
    return _("Check the roster, or widen the shift's window. If they worked, correct the day.")


_Say = Callable[[DayException, Mapping[str, Any]], str]
_HAPPENED: Final[Mapping[str, _Say]] = {
    Kind.UNMATCHED: _unmatched,
    Kind.ODD: _odd,
    Kind.LONG_DAY: _long_day,
    Kind.CLOCK: _clock,
    Kind.SILENT_DEVICE: _silent,
    Kind.TRAVEL: _travel,
    Kind.CONFLICT: _conflict,
    Kind.OUTSIDE: _outside,
}
_TO_DO: Final[Mapping[str, _Say]] = {
    Kind.UNMATCHED: _do_unmatched,
    Kind.ODD: _do_odd,
    Kind.LONG_DAY: _do_long_day,
    Kind.CLOCK: _do_clock,
    Kind.SILENT_DEVICE: _do_silent,
    Kind.TRAVEL: _do_travel,
    Kind.CONFLICT: _do_conflict,
    Kind.OUTSIDE: _do_outside,
}
