"""The calculation of a day: a pure function of its punches, shift, leave, tour and holiday.

`calculate_day` adds up the hours, asks `days.status` for the status, and then adds late arrival,
early departure, overtime and remarks. Called by `background.day_ranges` and by the previews of
`corrections`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from attendance.days.counted_punches import (
    IN,
    OUT,
    CountedPunch,
    InterpretedPunch,
    interpret_punches,
)
from attendance.days.results import DayContext, DayResult
from attendance.days.status import LEAVE_PREFIX, DayStatus, with_status
from shifts.schedule import HoursMethod, MissingOut, ScheduledShift, Span

MINUTE: Final = timedelta(minutes=1)


def calculate_day(
    scheduled_shift: ScheduledShift, punches: Sequence[CountedPunch], context: DayContext
) -> DayResult:
    """Judge a date from the punches that belong to it."""
    reads, within = interpret_punches(scheduled_shift, punches)
    spans, left_open = _work_spans(scheduled_shift, within)
    final = context.now is None or context.now > scheduled_shift.window.end
    rules: dict[str, Any] = {"missing_out": ""}
    if (
        left_open is not None
        and final
        and scheduled_shift.shift.missing_out is MissingOut.SHIFT_END
    ):
        end = max(scheduled_shift.hours.end, left_open.at)
        spans = (
            [*spans, Span(left_open.at, end)]
            if scheduled_shift.shift.hours is HoursMethod.PAIRS
            else [_overall_span(spans, left_open, end)]
        )
        rules["missing_out"] = MissingOut.SHIFT_END.value
    seconds = sum(
        ((one.end - one.start) - _break_time(scheduled_shift, one) for one in spans), timedelta(0)
    )
    worked = max(int(seconds / MINUTE), 0)
    found = DayResult(
        scheduled_shift.date,
        "",
        ("", ""),
        first_in=_first_in(within),
        last_out=_last_out(within, left_open),
        worked=worked,
        final=final,
        punches=tuple(reads),
        rules=rules,
    )
    found = with_status(found, scheduled_shift, context, spans, left_open if final else None)
    found = _with_lateness_and_overtime(found, scheduled_shift, context)
    return replace(
        found, marks=_day_marks(found, within, left_open if final else None, context.long_after)
    )


def _work_spans(
    scheduled_shift: ScheduledShift, counted: Sequence[InterpretedPunch]
) -> tuple[list[Span], CountedPunch | None]:
    """When somebody was at work, and the IN that nothing followed."""
    left_open = counted[-1].punch if counted and counted[-1].read_as == IN else None
    if scheduled_shift.shift.hours is HoursMethod.FIRST_LAST:
        outs = [one.punch.at for one in counted if one.read_as == OUT]
        return ([Span(counted[0].punch.at, outs[-1])] if outs else []), left_open
    spans, begun = [], None
    for one in counted:
        if one.read_as == IN:
            begun = one.punch.at
        elif begun is not None:
            spans.append(Span(begun, one.punch.at))
            begun = None
    return spans, left_open


def _overall_span(spans: Sequence[Span], left_open: CountedPunch, end: datetime) -> Span:
    return Span(spans[0].start if spans else left_open.at, end)


def _break_time(scheduled_shift: ScheduledShift, span: Span) -> timedelta:
    """Breaks within a span of first-in-last-out; who punches pairs has punched out for them."""
    if scheduled_shift.shift.hours is HoursMethod.PAIRS:
        return timedelta(0)
    return sum((span.overlap(one) for one in scheduled_shift.breaks), timedelta(0))


def _first_in(counted: Sequence[InterpretedPunch]) -> datetime | None:
    return counted[0].punch.at if counted else None


def _last_out(
    counted: Sequence[InterpretedPunch], left_open: CountedPunch | None
) -> datetime | None:
    outs = [one.punch.at for one in counted if one.read_as == OUT]
    return outs[-1] if outs and left_open is None else None


def _with_lateness_and_overtime(
    day: DayResult, scheduled_shift: ScheduledShift, context: DayContext
) -> DayResult:
    """Late, early, overtime. On a day off all work is overtime; a half that is taken moves what is
    expected to lunch.
    """
    shift = scheduled_shift.shift
    off = scheduled_shift.is_off or context.holiday is not None
    planned = timedelta(0) if off else scheduled_shift.planned_duration
    late = early = 0
    if not off and not all(context.taken):
        first, second = scheduled_shift.halves
        begins = second.start if context.taken[0] else first.start
        ends = first.end if context.taken[1] else second.end
        late = _minutes_beyond_grace(day.first_in, begins, shift.grace_in)
        early = _minutes_beyond_grace(ends, day.last_out, shift.grace_out) if day.final else 0
    more = day.worked - int(planned / MINUTE)
    overtime = 0
    if shift.overtime_after is not None and more > 0 and more >= shift.overtime_after:
        overtime = more - more % max(shift.overtime_round, 1)
    return replace(day, late_by=late, early_by=early, overtime=overtime)


def _minutes_beyond_grace(at: datetime | None, limit: datetime | None, grace: int) -> int:
    """Whole minutes from `limit` to `at`, if they are more than the grace: then all of them."""
    if at is None or limit is None:
        return 0
    minutes = max(int((at - limit) / MINUTE), 0)
    return minutes if minutes > grace else 0


def _day_marks(
    day: DayResult,
    counted: Sequence[InterpretedPunch],
    left_open: CountedPunch | None,
    long_after: timedelta,
) -> tuple[str, ...]:
    reasons = {one.why for one in day.punches}
    marks = {
        "missing_out": left_open is not None,
        "missing_in": "out_without_in" in reasons,
        "in_again": "in_again" in reasons,
        "outside_window": "outside_window" in reasons,
        "long_day": bool(counted) and counted[-1].punch.at - counted[0].punch.at > long_after,
        "leave_and_punch": day.status == DayStatus.CONFLICT,
        "half_absent": "absent" in day.halves
        and any(one.startswith((LEAVE_PREFIX, DayStatus.TOUR)) for one in day.halves),
    }
    return tuple(name for name, holds in marks.items() if holds)
