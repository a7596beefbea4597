"""What somebody's day was: a pure function of punches, duty, leave, tour and holiday. Nothing here
knows what came first.

`assign_punches_to_days` gives each punch to the one date it belongs to; `calculate_day` judges a
date and says why. The order in which punches arrived is nowhere an input, so a buffer of three days
that is uploaded backwards gives the days it would have given live. Called by
`background.recalculation`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from shifts.schedule import HoursMethod, MissingOut, ScheduledShift, Span, local_date

IN, OUT = "in", "out"
_DIRECTIONS: Final = {
    "in": IN,
    "break_in": IN,
    "overtime_in": IN,
    "out": OUT,
    "break_out": OUT,
    "overtime_out": OUT,
}
MINUTE: Final = timedelta(minutes=1)
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


@dataclass(frozen=True, slots=True)
class CountedPunch:
    """A punch that counts: `at` is UTC, `direction` as it was said, None where the device says
    none.
    """

    id: int
    at: datetime
    direction: str | None = None

    @property
    def sort_key(self) -> tuple[datetime, int, str, int]:
        """By time; of two at once the one that leaves comes first, whichever arrived first."""
        rank = {OUT: 0, None: 1}.get(_DIRECTIONS.get(self.direction or ""), 2)
        return self.at, rank, self.direction or "", self.id


@dataclass(frozen=True, slots=True)
class InterpretedPunch:
    """A punch as it was read: `counted`, and the role it had, or why it had none."""

    punch: CountedPunch
    read_as: str
    counted: bool
    why: str


@dataclass(frozen=True, slots=True)
class DayResult:
    """What a date was. Instants UTC, durations in whole minutes.

    `halves`: what each half (FN, AN) counts as: present, absent, tour, off, or `leave:` and its
    kind. `final`: the window was over when this was worked out; before that it is the state so far.
    `marks` are things to look at, as missing_out.
    """

    date: date
    status: str
    halves: tuple[str, str]
    first_in: datetime | None = None
    last_out: datetime | None = None
    worked: int = 0
    late_by: int = 0
    early_by: int = 0
    overtime: int = 0
    final: bool = True
    marks: tuple[str, ...] = ()
    punches: tuple[InterpretedPunch, ...] = ()
    rules: Mapping[str, Any] = field(default_factory=dict)


# --- Whose date a punch is ------------------------------------------------------------------------
@dataclass(slots=True)
class _ShiftState:
    """A duty while punches are given out: the last one it got, and whether somebody is in."""

    scheduled_shift: ScheduledShift
    is_inside: bool = False
    has_punches: bool = False
    last_punch: CountedPunch | None = None


def assign_punches_to_days(
    punches: Iterable[CountedPunch], scheduled_shifts: Sequence[ScheduledShift]
) -> dict[date, list[CountedPunch]]:
    """Each punch by the date it belongs to, in order of time; each on exactly one date.

    Of several windows it goes to the shift it continues: an open IN first, then a shift that is
    still going on, then the nearest. A punch in no window is kept with the date on the wall clock,
    where it will be told that it did not count.
    """
    states = [_ShiftState(one) for one in sorted(scheduled_shifts, key=lambda one: one.hours.start)]
    zones = {state.scheduled_shift.date: state.scheduled_shift.zone for state in states}
    found: dict[date, list[CountedPunch]] = {}
    for stamp in sorted(punches, key=lambda one: one.sort_key):
        near = [
            one
            for one in states
            if one.scheduled_shift.window.start <= stamp.at <= one.scheduled_shift.window.end
        ]
        if not near:
            found.setdefault(_local_date(stamp, zones), []).append(stamp)
            continue
        chosen = near[0] if len(near) == 1 else _continued_shift(stamp, near)
        _add_punch(stamp, chosen)
        found.setdefault(chosen.scheduled_shift.date, []).append(stamp)
    return found


def _local_date(punch: CountedPunch, zones: Mapping[date, str]) -> date:
    around = [punch.at.date() + timedelta(days=number) for number in (0, -1, 1)]
    return next(
        (day for day in around if day in zones and local_date(punch.at, zones[day]) == day),
        punch.at.date(),
    )


def _add_punch(punch: CountedPunch, state: _ShiftState) -> None:
    again = state.last_punch is not None and _is_repeat(
        punch, state.last_punch, state.scheduled_shift.shift.repeat_s
    )
    if not again:
        said = _DIRECTIONS.get(punch.direction or "")
        state.is_inside = said == IN if said else not state.is_inside
        state.last_punch = punch
    state.has_punches = True


def _is_repeat(punch: CountedPunch, previous: CountedPunch, within_s: int) -> bool:
    """Whether a punch is the last one again: a card held twice to the reader."""
    same = _DIRECTIONS.get(punch.direction or "") == _DIRECTIONS.get(previous.direction or "")
    return same and punch.at - previous.at < timedelta(seconds=within_s)


def _continued_shift(punch: CountedPunch, candidates: Sequence[_ShiftState]) -> _ShiftState:
    said = _DIRECTIONS.get(punch.direction or "")
    twice = [
        one
        for one in candidates
        if one.last_punch is not None
        and _is_repeat(punch, one.last_punch, one.scheduled_shift.shift.repeat_s)
    ]
    if twice:
        return twice[-1]
    inside = [one for one in candidates if one.is_inside]
    if said != IN and inside:
        return inside[-1]
    if said == OUT:
        return min(
            candidates,
            key=lambda one: (
                abs(punch.at - one.scheduled_shift.hours.end),
                -one.scheduled_shift.hours.end.timestamp(),
            ),
        )
    going_on = [
        one for one in candidates if one.has_punches and punch.at < one.scheduled_shift.hours.end
    ]
    if going_on:
        return going_on[-1]
    return min(
        candidates,
        key=lambda one: (
            abs(punch.at - one.scheduled_shift.hours.start),
            -one.scheduled_shift.hours.start.timestamp(),
        ),
    )


def is_independent_boundary(
    earlier: Iterable[ScheduledShift],
    later: Iterable[ScheduledShift],
    punches: Iterable[CountedPunch],
) -> bool:
    """Whether nothing before a boundary can matter after it: no punch lies in a window of each
    side.
    """
    ends = max((one.window.end for one in earlier), default=None)
    starts = min((one.window.start for one in later), default=None)
    if ends is None or starts is None or ends < starts:
        return True
    return not any(starts <= one.at <= ends for one in punches)


# --- What a date was ------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class DayContext:
    """What stands beside the punches: who has each half (`leave:CL`, `tour`, or empty), a holiday's
    name, and the clock.

    `long_after`: from the first punch to the last, what is longer is a very long day.
    """

    taken: tuple[str, str] = ("", "")
    holiday: str | None = None
    now: datetime | None = None
    long_after: timedelta = timedelta(hours=16)


def calculate_day(
    scheduled_shift: ScheduledShift, punches: Sequence[CountedPunch], context: DayContext
) -> DayResult:
    """Judge a date from the punches that belong to it."""
    reads, within = _interpret_punches(scheduled_shift, punches)
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
    found = _with_status(found, scheduled_shift, context, spans, left_open if final else None)
    found = _with_lateness_and_overtime(found, scheduled_shift, context)
    return replace(
        found, marks=_day_marks(found, within, left_open if final else None, context.long_after)
    )


def _interpret_punches(
    scheduled_shift: ScheduledShift, punches: Sequence[CountedPunch]
) -> tuple[list[InterpretedPunch], list[InterpretedPunch]]:
    """Every punch as it was read, and those that count."""
    reads: list[InterpretedPunch] = []
    inside, last = False, None
    pairs = scheduled_shift.shift.hours is HoursMethod.PAIRS
    for stamp in sorted(punches, key=lambda one: one.sort_key):
        said = _DIRECTIONS.get(stamp.direction or "")
        if not scheduled_shift.window.start <= stamp.at <= scheduled_shift.window.end:
            reads.append(InterpretedPunch(stamp, said or "", False, "outside_window"))
            continue
        if last is not None and _is_repeat(stamp, last, scheduled_shift.shift.repeat_s):
            reads.append(InterpretedPunch(stamp, said or "", False, "repeat"))
            continue
        last = stamp
        way = said or (OUT if inside else IN)
        if way == IN:
            reads.append(InterpretedPunch(stamp, IN, not inside, "in_again" if inside else "in"))
        elif inside or any(one.counted and one.read_as == IN for one in reads):
            extends = inside or not pairs
            reads.append(InterpretedPunch(stamp, OUT, extends, "out" if extends else "out_again"))
        else:
            reads.append(InterpretedPunch(stamp, OUT, False, "out_without_in"))
        inside = way == IN
    return reads, [one for one in reads if one.counted]


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


# --- Judgement ------------------------------------------------------------------------------------
def _with_status(
    day: DayResult,
    scheduled_shift: ScheduledShift,
    context: DayContext,
    spans: Sequence[Span],
    left_open: CountedPunch | None,
) -> DayResult:
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
