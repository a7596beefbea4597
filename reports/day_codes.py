"""What a day counts as, half by half, and its code in a muster roll. Pure; used by every report
that is made of days.

A day counts in halves, so that half a day of leave beside half a day of work is half a day of each,
and the columns of a roll add up to the days somebody was in service.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from attendance.days import status as day_status

# What stands before the kind of leave.
LEAVE_PREFIX: Final = day_status.LEAVE_PREFIX
PRESENT, ABSENT, HALF_DAY, ON_TOUR = "present", "absent", "half_day", "tour"
HOLIDAY, WEEKLY_OFF, CONFLICT, EXPECTED = "holiday", "weekly_off", "conflict", "due"
# Somebody was in service and the date has begun, but nobody has worked the day out; and a day that
# is none of theirs.
NOT_CALCULATED, NOT_IN_SERVICE = "unknown", "none"
# What a half can count as, beside leave. Leave is `leave:` and its kind.
HALF_STATUSES: Final = (
    PRESENT,
    ABSENT,
    ON_TOUR,
    HOLIDAY,
    WEEKLY_OFF,
    CONFLICT,
    EXPECTED,
    NOT_CALCULATED,
)
LEAVE_KINDS: Final = ("CL", "SCL", "EL", "HPL", "COMMUTED", "CCL", "RH", "EOL")
# Leave of a kind that these reports do not know by name.
OTHER_LEAVE: Final = "OTHER"
MUSTER_CODES: Final[Mapping[str, str]] = {
    PRESENT: "P",
    ABSENT: "A",
    HALF_DAY: "HD",
    ON_TOUR: "T",
    HOLIDAY: "H",
    WEEKLY_OFF: "WO",
    CONFLICT: "!",
    EXPECTED: "…",
    NOT_CALCULATED: "?",
    NOT_IN_SERVICE: "–",
    f"{LEAVE_PREFIX}COMMUTED": "COM",
}
# Behind the code of a day whose month is locked, where a late fact is counted in another month.
ADJUSTED_SUFFIX: Final = "*"
# Counted as a whole whatever their halves say: they are not over, or somebody has to decide.
_WHOLE_DAY_STATUSES: Final = frozenset((PRESENT, ABSENT, CONFLICT, NOT_CALCULATED))
_OFF_STATUSES: Final = frozenset((HOLIDAY, WEEKLY_OFF))
_OFF: Final = "off"
# Counts of days (with .5), of occasions, and minutes.
DAY_TOTALS: Final = (
    *HALF_STATUSES,
    "leave",
    *(f"leave_{kind}" for kind in (*LEAVE_KINDS, OTHER_LEAVE)),
)
OCCASION_TOTALS: Final = ("half_days", "late", "early", "adjusted")
MINUTE_TOTALS: Final = ("late_by", "early_by", "overtime", "worked")
ALL_TOTALS: Final = (*DAY_TOTALS, *OCCASION_TOTALS, *MINUTE_TOTALS)


@lru_cache(4096)
def half_statuses(status: str, first_half: str, second_half: str) -> tuple[str, str]:
    """What each half of a day counts as, one of COUNTED or leave; nothing for a day that is none of
    somebody's.
    """
    if status == NOT_IN_SERVICE:
        return NOT_IN_SERVICE, NOT_IN_SERVICE
    if status in _WHOLE_DAY_STATUSES:
        return status, status
    if status == EXPECTED:
        return _leave_or_expected(first_half), _leave_or_expected(second_half)
    off = status if status in _OFF_STATUSES else WEEKLY_OFF
    return (off if first_half == _OFF else first_half), (
        off if second_half == _OFF else second_half
    )


def _leave_or_expected(half: str) -> str:
    return half if half == ON_TOUR or half.startswith(LEAVE_PREFIX) else EXPECTED


@lru_cache(4096)
def muster_code(halves: tuple[str, str], *, adjusted: bool = False) -> str:
    """A day in a letter or a few: one code for a day that is whole, two for one that is not, HD for
    half a day of work.
    """
    first, second = halves
    if first == second:
        found = half_code(first)
    elif {first, second} == {PRESENT, ABSENT}:
        found = MUSTER_CODES[HALF_DAY]
    else:
        found = f"{half_code(first)}/{half_code(second)}"
    return found + ADJUSTED_SUFFIX if adjusted else found


def half_code(half: str) -> str:
    """The code of what a half counts as; leave by its kind."""
    return MUSTER_CODES.get(half) or half.removeprefix(LEAVE_PREFIX)


@lru_cache(256)
def total_name(half: str) -> str:
    """The sum a half belongs to, of DAYS."""
    if half.startswith(LEAVE_PREFIX):
        kind = half.removeprefix(LEAVE_PREFIX)
        return f"leave_{kind if kind in LEAVE_KINDS else OTHER_LEAVE}"
    return half if half in HALF_STATUSES else NOT_CALCULATED


def zero_totals() -> dict[str, Any]:
    """The sums of no day: each of SUMS."""
    return {
        **dict.fromkeys(DAY_TOTALS, 0.0),
        **dict.fromkeys((*OCCASION_TOTALS, *MINUTE_TOTALS), 0),
    }


def add_day_to_totals(
    totals: dict[str, Any],
    status: str,
    halves: tuple[str, str],
    minutes: Mapping[str, int],
    *,
    adjusted: bool = False,
) -> None:
    """Count a day in: what its halves count as, what it was late or early, its minutes (each of
    MINUTES).
    """
    for half in halves:
        if half != NOT_IN_SERVICE:
            totals[total_name(half)] += 0.5
            totals["leave"] += 0.5 if half.startswith(LEAVE_PREFIX) else 0
    totals["half_days"] += status == HALF_DAY
    totals["late"] += minutes["late_by"] > 0
    totals["early"] += minutes["early_by"] > 0
    totals["adjusted"] += adjusted
    for name in MINUTE_TOTALS:
        totals[name] += minutes[name]
