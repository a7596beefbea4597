"""What somebody's day was: a pure function of punches, duty, leave, tour and holiday. Nothing here
knows what came first.

`place` gives each punch to the one date it belongs to; `derive` judges a date and says why. The
order in which punches arrived is nowhere an input, so a buffer of three days that is uploaded
backwards gives the days it would have given live. Called by `rebuilding`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from attendance.shifts import Duty, Hours, MissingOut, Span, local_date

IN, OUT = "in", "out"
_READ: Final = {
    "in": IN,
    "break_in": IN,
    "overtime_in": IN,
    "out": OUT,
    "break_out": OUT,
    "overtime_out": OUT,
}
MINUTE: Final = timedelta(minutes=1)
# So long somebody may stay in a half that is leave before leave and punches contradict each other.
STAY: Final = timedelta(minutes=60)


class Status(StrEnum):
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
    DUE = "due"


LEAVE: Final = "leave:"


@dataclass(frozen=True, slots=True)
class Stamp:
    """A punch that counts: `at` is UTC, `direction` as it was said, None where the device says
    none.
    """

    id: int
    at: datetime
    direction: str | None = None

    @property
    def order(self) -> tuple[datetime, int, str, int]:
        """By time; of two at once the one that leaves comes first, whichever arrived first."""
        rank = {OUT: 0, None: 1}.get(_READ.get(self.direction or ""), 2)
        return self.at, rank, self.direction or "", self.id


@dataclass(frozen=True, slots=True)
class Read:
    """A punch as it was read: `counted`, and the role it had, or why it had none."""

    stamp: Stamp
    read_as: str
    counted: bool
    why: str


@dataclass(frozen=True, slots=True)
class Day:
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
    reads: tuple[Read, ...] = ()
    rules: Mapping[str, Any] = field(default_factory=dict)


# --- Whose date a punch is ------------------------------------------------------------------------
@dataclass(slots=True)
class _Open:
    """A duty while punches are given out: the last one it got, and whether somebody is in."""

    duty: Duty
    inside: bool = False
    seen: bool = False
    last: Stamp | None = None


def place(stamps: Iterable[Stamp], duties: Sequence[Duty]) -> dict[date, list[Stamp]]:
    """Each punch by the date it belongs to, in order of time; each on exactly one date.

    Of several windows it goes to the shift it continues: an open IN first, then a shift that is
    still going on, then the nearest. A punch in no window is kept with the date on the wall clock,
    where it will be told that it did not count.
    """
    states = [_Open(one) for one in sorted(duties, key=lambda one: one.hours.start)]
    zones = {state.duty.date: state.duty.zone for state in states}
    found: dict[date, list[Stamp]] = {}
    for stamp in sorted(stamps, key=lambda one: one.order):
        near = [one for one in states if one.duty.window.start <= stamp.at <= one.duty.window.end]
        if not near:
            found.setdefault(_wall_date(stamp, zones), []).append(stamp)
            continue
        chosen = near[0] if len(near) == 1 else _continued(stamp, near)
        _give(stamp, chosen)
        found.setdefault(chosen.duty.date, []).append(stamp)
    return found


def _wall_date(stamp: Stamp, zones: Mapping[date, str]) -> date:
    around = [stamp.at.date() + timedelta(days=number) for number in (0, -1, 1)]
    return next(
        (day for day in around if day in zones and local_date(stamp.at, zones[day]) == day),
        stamp.at.date(),
    )


def _give(stamp: Stamp, state: _Open) -> None:
    again = state.last is not None and _again(stamp, state.last, state.duty.shift.repeat_s)
    if not again:
        said = _READ.get(stamp.direction or "")
        state.inside = said == IN if said else not state.inside
        state.last = stamp
    state.seen = True


def _again(stamp: Stamp, last: Stamp, within_s: int) -> bool:
    """Whether a punch is the last one again: a card held twice to the reader."""
    same = _READ.get(stamp.direction or "") == _READ.get(last.direction or "")
    return same and stamp.at - last.at < timedelta(seconds=within_s)


def _continued(stamp: Stamp, near: Sequence[_Open]) -> _Open:
    said = _READ.get(stamp.direction or "")
    twice = [
        one
        for one in near
        if one.last is not None and _again(stamp, one.last, one.duty.shift.repeat_s)
    ]
    if twice:
        return twice[-1]
    inside = [one for one in near if one.inside]
    if said != IN and inside:
        return inside[-1]
    if said == OUT:
        return min(
            near,
            key=lambda one: (abs(stamp.at - one.duty.hours.end), -one.duty.hours.end.timestamp()),
        )
    going_on = [one for one in near if one.seen and stamp.at < one.duty.hours.end]
    if going_on:
        return going_on[-1]
    return min(
        near,
        key=lambda one: (abs(stamp.at - one.duty.hours.start), -one.duty.hours.start.timestamp()),
    )


def cut_between(earlier: Iterable[Duty], later: Iterable[Duty], stamps: Iterable[Stamp]) -> bool:
    """Whether nothing before a boundary can matter after it: no punch lies in a window of each
    side.
    """
    ends = max((one.window.end for one in earlier), default=None)
    starts = min((one.window.start for one in later), default=None)
    if ends is None or starts is None or ends < starts:
        return True
    return not any(starts <= one.at <= ends for one in stamps)


# --- What a date was ------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Facts:
    """What stands beside the punches: who has each half (`leave:CL`, `tour`, or empty), a holiday's
    name, and the clock.

    `long_after`: from the first punch to the last, what is longer is a very long day.
    """

    taken: tuple[str, str] = ("", "")
    holiday: str | None = None
    now: datetime | None = None
    long_after: timedelta = timedelta(hours=16)


def derive(duty: Duty, stamps: Sequence[Stamp], facts: Facts) -> Day:
    """Judge a date from the punches that belong to it."""
    reads, within = _read(duty, stamps)
    spans, left_open = _spans(duty, within)
    final = facts.now is None or facts.now > duty.window.end
    rules: dict[str, Any] = {"missing_out": ""}
    if left_open is not None and final and duty.shift.missing_out is MissingOut.SHIFT_END:
        end = max(duty.hours.end, left_open.at)
        spans = (
            [*spans, Span(left_open.at, end)]
            if duty.shift.hours is Hours.PAIRS
            else [_whole(spans, left_open, end)]
        )
        rules["missing_out"] = MissingOut.SHIFT_END.value
    seconds = sum(((one.end - one.start) - _paused(duty, one) for one in spans), timedelta(0))
    worked = max(int(seconds / MINUTE), 0)
    found = Day(
        duty.date,
        "",
        ("", ""),
        first_in=_first(within),
        last_out=_last(within, left_open),
        worked=worked,
        final=final,
        reads=tuple(reads),
        rules=rules,
    )
    found = _judged(found, duty, facts, spans, left_open if final else None)
    found = _timed(found, duty, facts)
    return replace(
        found, marks=_marks(found, within, left_open if final else None, facts.long_after)
    )


def _read(duty: Duty, stamps: Sequence[Stamp]) -> tuple[list[Read], list[Read]]:
    """Every punch as it was read, and those that count."""
    reads: list[Read] = []
    inside, last = False, None
    pairs = duty.shift.hours is Hours.PAIRS
    for stamp in sorted(stamps, key=lambda one: one.order):
        said = _READ.get(stamp.direction or "")
        if not duty.window.start <= stamp.at <= duty.window.end:
            reads.append(Read(stamp, said or "", False, "outside_window"))
            continue
        if last is not None and _again(stamp, last, duty.shift.repeat_s):
            reads.append(Read(stamp, said or "", False, "repeat"))
            continue
        last = stamp
        way = said or (OUT if inside else IN)
        if way == IN:
            reads.append(Read(stamp, IN, not inside, "in_again" if inside else "in"))
        elif inside or any(one.counted and one.read_as == IN for one in reads):
            extends = inside or not pairs
            reads.append(Read(stamp, OUT, extends, "out" if extends else "out_again"))
        else:
            reads.append(Read(stamp, OUT, False, "out_without_in"))
        inside = way == IN
    return reads, [one for one in reads if one.counted]


def _spans(duty: Duty, within: Sequence[Read]) -> tuple[list[Span], Stamp | None]:
    """When somebody was at work, and the IN that nothing followed."""
    left_open = within[-1].stamp if within and within[-1].read_as == IN else None
    if duty.shift.hours is Hours.FIRST_LAST:
        outs = [one.stamp.at for one in within if one.read_as == OUT]
        return ([Span(within[0].stamp.at, outs[-1])] if outs else []), left_open
    spans, begun = [], None
    for one in within:
        if one.read_as == IN:
            begun = one.stamp.at
        elif begun is not None:
            spans.append(Span(begun, one.stamp.at))
            begun = None
    return spans, left_open


def _whole(spans: Sequence[Span], left_open: Stamp, end: datetime) -> Span:
    return Span(spans[0].start if spans else left_open.at, end)


def _paused(duty: Duty, span: Span) -> timedelta:
    """Breaks within a span of first-in-last-out; who punches pairs has punched out for them."""
    if duty.shift.hours is Hours.PAIRS:
        return timedelta(0)
    return sum((span.overlap(one) for one in duty.breaks), timedelta(0))


def _first(within: Sequence[Read]) -> datetime | None:
    return within[0].stamp.at if within else None


def _last(within: Sequence[Read], left_open: Stamp | None) -> datetime | None:
    outs = [one.stamp.at for one in within if one.read_as == OUT]
    return outs[-1] if outs and left_open is None else None


# --- Judgement ------------------------------------------------------------------------------------
def _judged(
    day: Day, duty: Duty, facts: Facts, spans: Sequence[Span], left_open: Stamp | None
) -> Day:
    own = _from_punches(day, duty, left_open)
    rules = {**day.rules, "punches": own}
    taken = facts.taken
    if any(one.startswith(LEAVE) for one in taken) and _contradicted(duty, taken, spans, left_open):
        return replace(
            day,
            status=Status.CONFLICT,
            halves=_or(taken, _rest(own)),
            rules={**rules, "status": "leave_and_punch"},
        )
    if all(taken):
        first = next((one for one in taken if one.startswith(LEAVE)), taken[0])
        return replace(day, status=first, halves=taken, rules={**rules, "status": "taken"})
    if facts.holiday is not None or duty.off:
        status = Status.HOLIDAY if facts.holiday is not None else Status.WEEKLY_OFF
        return replace(
            day, status=status, halves=_or(taken, "off"), rules={**rules, "status": status.value}
        )
    if any(taken):
        return _half_taken(day, duty, taken, rules)
    return replace(
        day, status=_so_far(day, own), halves=_halves(own), rules={**rules, "status": "punches"}
    )


def _from_punches(day: Day, duty: Duty, left_open: Stamp | None) -> str:
    """What the punches alone make of a day."""
    shift = duty.shift
    counted = any(one.counted for one in day.reads)
    if not counted:
        return Status.ABSENT
    if left_open is not None and shift.missing_out is not MissingOut.SHIFT_END:
        return shift.missing_out.value
    if day.worked < shift.absent_below:
        return Status.ABSENT
    return Status.HALF_DAY if day.worked < shift.half_below else Status.PRESENT


def _so_far(day: Day, own: str) -> str:
    if day.final or own == Status.PRESENT:
        return own
    return Status.PRESENT if any(one.counted for one in day.reads) else Status.DUE


def _half_taken(day: Day, duty: Duty, taken: tuple[str, str], rules: dict[str, Any]) -> Day:
    """One half is leave or tour: the other half is worked, or it is not."""
    there = any(one.counted for one in day.reads)
    came = there and (
        not day.final or day.worked >= duty.shift.absent_below or rules["punches"] != Status.ABSENT
    )
    mine = "present" if came else "absent"
    holder = next(one for one in taken if one)
    status = Status.HALF_DAY.value if came else holder
    if not came and not day.final:
        status = Status.DUE
    return replace(
        day, status=status, halves=_or(taken, mine), rules={**rules, "status": "half_taken"}
    )


def _contradicted(
    duty: Duty, taken: tuple[str, str], spans: Sequence[Span], left_open: Stamp | None
) -> bool:
    """Whether somebody on leave was at work: at all on a whole day, for more than a while in a
    half.
    """
    if all(one.startswith(LEAVE) for one in taken):
        return bool(spans) or left_open is not None
    on_leave = [
        half for half, holder in zip(duty.halves, taken, strict=True) if holder.startswith(LEAVE)
    ]
    return any(
        sum((span.overlap(half) for span in spans), timedelta(0)) > STAY for half in on_leave
    )


def _rest(own: str) -> str:
    return "absent" if own == Status.ABSENT else "present"


def _halves(own: str) -> tuple[str, str]:
    if own == Status.HALF_DAY:
        return "present", "absent"
    return ("absent", "absent") if own == Status.ABSENT else ("present", "present")


def _or(taken: tuple[str, str], rest: str) -> tuple[str, str]:
    return taken[0] or rest, taken[1] or rest


def _timed(day: Day, duty: Duty, facts: Facts) -> Day:
    """Late, early, overtime. On a day off all work is overtime; a half that is taken moves what is
    expected to lunch.
    """
    shift = duty.shift
    off = duty.off or facts.holiday is not None
    planned = timedelta(0) if off else duty.planned
    late = early = 0
    if not off and not all(facts.taken):
        first, second = duty.halves
        begins = second.start if facts.taken[0] else first.start
        ends = first.end if facts.taken[1] else second.end
        late = _beyond(day.first_in, begins, shift.grace_in)
        early = _beyond(ends, day.last_out, shift.grace_out) if day.final else 0
    more = day.worked - int(planned / MINUTE)
    overtime = 0
    if shift.overtime_after is not None and more > 0 and more >= shift.overtime_after:
        overtime = more - more % max(shift.overtime_round, 1)
    return replace(day, late_by=late, early_by=early, overtime=overtime)


def _beyond(at: datetime | None, limit: datetime | None, grace: int) -> int:
    """Whole minutes from `limit` to `at`, if they are more than the grace: then all of them."""
    if at is None or limit is None:
        return 0
    minutes = max(int((at - limit) / MINUTE), 0)
    return minutes if minutes > grace else 0


def _marks(
    day: Day, within: Sequence[Read], left_open: Stamp | None, long_after: timedelta
) -> tuple[str, ...]:
    reasons = {one.why for one in day.reads}
    marks = {
        "missing_out": left_open is not None,
        "missing_in": "out_without_in" in reasons,
        "in_again": "in_again" in reasons,
        "outside_window": "outside_window" in reasons,
        "long_day": bool(within) and within[-1].stamp.at - within[0].stamp.at > long_after,
        "leave_and_punch": day.status == Status.CONFLICT,
        "half_absent": "absent" in day.halves
        and any(one.startswith((LEAVE, Status.TOUR)) for one in day.halves),
    }
    return tuple(name for name, holds in marks.items() if holds)
