"""What a day counts as, half by half, and its code in a muster roll. Pure; used by every report
that is made of days.

A day counts in halves, so that half a day of leave beside half a day of work is half a day of each,
and the columns of a roll add up to the days somebody was in service.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from attendance import days

# What stands before the kind of leave.
LEAVE: Final = days.LEAVE
PRESENT, ABSENT, HALF_DAY, TOUR = "present", "absent", "half_day", "tour"
HOLIDAY, WEEKLY_OFF, CONFLICT, DUE = "holiday", "weekly_off", "conflict", "due"
# Somebody was in service and the date has begun, but nobody has worked the day out; and a day that
# is none of theirs.
UNKNOWN, NONE = "unknown", "none"
# What a half can count as, beside leave. Leave is `leave:` and its kind.
COUNTED: Final = (PRESENT, ABSENT, TOUR, HOLIDAY, WEEKLY_OFF, CONFLICT, DUE, UNKNOWN)
LEAVE_KINDS: Final = ("CL", "SCL", "EL", "HPL", "COMMUTED", "CCL", "RH", "EOL")
# Leave of a kind that these reports do not know by name.
OTHER: Final = "OTHER"
CODES: Final[Mapping[str, str]] = {
    PRESENT: "P",
    ABSENT: "A",
    HALF_DAY: "HD",
    TOUR: "T",
    HOLIDAY: "H",
    WEEKLY_OFF: "WO",
    CONFLICT: "!",
    DUE: "…",
    UNKNOWN: "?",
    NONE: "–",
    f"{LEAVE}COMMUTED": "COM",
}
# Behind the code of a day whose month is locked, where a late fact is counted in another month.
ADJUSTED: Final = "*"
# Counted as a whole whatever their halves say: they are not over, or somebody has to decide.
_WHOLE: Final = frozenset((PRESENT, ABSENT, CONFLICT, UNKNOWN))
_OFFS: Final = frozenset((HOLIDAY, WEEKLY_OFF))
_OFF: Final = "off"
# Counts of days (with .5), of occasions, and minutes.
DAYS: Final = (*COUNTED, "leave", *(f"leave_{kind}" for kind in (*LEAVE_KINDS, OTHER)))
TIMES: Final = ("half_days", "late", "early", "adjusted")
MINUTES: Final = ("late_by", "early_by", "overtime", "worked")
SUMS: Final = (*DAYS, *TIMES, *MINUTES)


@lru_cache(4096)
def halves(status: str, first: str, second: str) -> tuple[str, str]:
    """What each half of a day counts as, one of COUNTED or leave; nothing for a day that is none of
    somebody's.
    """
    if status == NONE:
        return NONE, NONE
    if status in _WHOLE:
        return status, status
    if status == DUE:
        return _or_due(first), _or_due(second)
    off = status if status in _OFFS else WEEKLY_OFF
    return (off if first == _OFF else first), (off if second == _OFF else second)


def _or_due(half: str) -> str:
    return half if half == TOUR or half.startswith(LEAVE) else DUE


@lru_cache(4096)
def code(counts: tuple[str, str], *, adjusted: bool = False) -> str:
    """A day in a letter or a few: one code for a day that is whole, two for one that is not, HD for
    half a day of work.
    """
    first, second = counts
    if first == second:
        found = code_of(first)
    elif {first, second} == {PRESENT, ABSENT}:
        found = CODES[HALF_DAY]
    else:
        found = f"{code_of(first)}/{code_of(second)}"
    return found + ADJUSTED if adjusted else found


def code_of(half: str) -> str:
    """The code of what a half counts as; leave by its kind."""
    return CODES.get(half) or half.removeprefix(LEAVE)


@lru_cache(256)
def sum_of(half: str) -> str:
    """The sum a half belongs to, of DAYS."""
    if half.startswith(LEAVE):
        kind = half.removeprefix(LEAVE)
        return f"leave_{kind if kind in LEAVE_KINDS else OTHER}"
    return half if half in COUNTED else UNKNOWN


def nothing() -> dict[str, Any]:
    """The sums of no day: each of SUMS."""
    return {**dict.fromkeys(DAYS, 0.0), **dict.fromkeys((*TIMES, *MINUTES), 0)}


def add(
    sums: dict[str, Any],
    status: str,
    counts: tuple[str, str],
    minutes: Mapping[str, int],
    *,
    adjusted: bool = False,
) -> None:
    """Count a day in: what its halves count as, what it was late or early, its minutes (each of
    MINUTES).
    """
    for half in counts:
        if half != NONE:
            sums[sum_of(half)] += 0.5
            sums["leave"] += 0.5 if half.startswith(LEAVE) else 0
    sums["half_days"] += status == HALF_DAY
    sums["late"] += minutes["late_by"] > 0
    sums["early"] += minutes["early_by"] > 0
    sums["adjusted"] += adjusted
    for name in MINUTES:
        sums[name] += minutes[name]
