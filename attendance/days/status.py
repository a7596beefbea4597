"""The status of a day and of its halves: present, absent, half a day, leave, tour, holiday, weekly
off, or a conflict between leave and punches. Pure. Called by `days.calculation`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from attendance.days.counted_punches import CountedPunch
from attendance.days.results import DayContext, DayResult
from shifts.schedule import MissingOut, ScheduledShift, Span

# So long somebody may stay in a half that is leave before leave and punches contradict each other.
MAX_STAY_ON_LEAVE: Final = timedelta(minutes=60)


class DayStatus(StrEnum):
    """What a day counts as. Leave is `leave:` and its kind. `due`: it is not over, and nobody has
    come yet.
    """

    PRESENT = "present"
    ABSENT = "absent"
    HALF_DAY = "half_day"
    TOUR = "tour"
    HOLIDAY = "holiday"
    WEEKLY_OFF = "weekly_off"
    CONFLICT = "conflict"
    EXPECTED = "due"


LEAVE_PREFIX: Final = "leave:"


def with_status(
    day: DayResult,
    scheduled_shift: ScheduledShift,
    context: DayContext,
    spans: Sequence[Span],
    left_open: CountedPunch | None,
) -> DayResult:
    """The day with its status and halves, and the rule that decided them."""
    own = _status_from_punches(day, scheduled_shift, left_open)
    rules = {**day.rules, "punches": own}
    taken = context.taken
    if any(one.startswith(LEAVE_PREFIX) for one in taken) and _leave_conflicts_with_work(
        scheduled_shift, taken, spans, left_open
    ):
        return replace(
            day,
            status=DayStatus.CONFLICT,
            halves=_fill_halves(taken, _other_half(own)),
            rules={**rules, "status": "leave_and_punch"},
        )
    if all(taken):
        first = next((one for one in taken if one.startswith(LEAVE_PREFIX)), taken[0])
        return replace(day, status=first, halves=taken, rules={**rules, "status": "taken"})
    if context.holiday is not None or scheduled_shift.is_off:
        status = DayStatus.HOLIDAY if context.holiday is not None else DayStatus.WEEKLY_OFF
        return replace(
            day,
            status=status,
            halves=_fill_halves(taken, "off"),
            rules={**rules, "status": status.value},
        )
    if any(taken):
        return _with_half_covered(day, scheduled_shift, taken, rules)
    return replace(
        day,
        status=_provisional_status(day, own),
        halves=_halves_from_status(own),
        rules={**rules, "status": "punches"},
    )


def _status_from_punches(
    day: DayResult, scheduled_shift: ScheduledShift, left_open: CountedPunch | None
) -> str:
    """What the punches alone make of a day."""
    shift = scheduled_shift.shift
    counted = any(one.counted for one in day.punches)
    if not counted:
        return DayStatus.ABSENT
    if left_open is not None and shift.missing_out is not MissingOut.SHIFT_END:
        return shift.missing_out.value
    if day.worked < shift.absent_below:
        return DayStatus.ABSENT
    return DayStatus.HALF_DAY if day.worked < shift.half_below else DayStatus.PRESENT


def _provisional_status(day: DayResult, status_from_punches: str) -> str:
    if day.final or status_from_punches == DayStatus.PRESENT:
        return status_from_punches
    return DayStatus.PRESENT if any(one.counted for one in day.punches) else DayStatus.EXPECTED


def _with_half_covered(
    day: DayResult, scheduled_shift: ScheduledShift, taken: tuple[str, str], rules: dict[str, Any]
) -> DayResult:
    """One half is leave or tour: the other half is worked, or it is not."""
    there = any(one.counted for one in day.punches)
    came = there and (
        not day.final
        or day.worked >= scheduled_shift.shift.absent_below
        or rules["punches"] != DayStatus.ABSENT
    )
    mine = "present" if came else "absent"
    holder = next(one for one in taken if one)
    status = DayStatus.HALF_DAY.value if came else holder
    if not came and not day.final:
        status = DayStatus.EXPECTED
    return replace(
        day,
        status=status,
        halves=_fill_halves(taken, mine),
        rules={**rules, "status": "half_taken"},
    )


def _leave_conflicts_with_work(
    scheduled_shift: ScheduledShift,
    taken: tuple[str, str],
    spans: Sequence[Span],
    left_open: CountedPunch | None,
) -> bool:
    """Whether somebody on leave was at work: at all on a whole day, for more than a while in a
    half.
    """
    if all(one.startswith(LEAVE_PREFIX) for one in taken):
        return bool(spans) or left_open is not None
    on_leave = [
        half
        for half, holder in zip(scheduled_shift.halves, taken, strict=True)
        if holder.startswith(LEAVE_PREFIX)
    ]
    return any(
        sum((span.overlap(half) for span in spans), timedelta(0)) > MAX_STAY_ON_LEAVE
        for half in on_leave
    )


def _other_half(status_from_punches: str) -> str:
    return "absent" if status_from_punches == DayStatus.ABSENT else "present"


def _halves_from_status(status_from_punches: str) -> tuple[str, str]:
    if status_from_punches == DayStatus.HALF_DAY:
        return "present", "absent"
    return (
        ("absent", "absent") if status_from_punches == DayStatus.ABSENT else ("present", "present")
    )


def _fill_halves(taken: tuple[str, str], rest: str) -> tuple[str, str]:
    return taken[0] or rest, taken[1] or rest
