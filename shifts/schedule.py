"""When somebody is expected: kinds of shift, the rosters that say which one on which date, and
their windows in time. Pure.

A shift is a wall clock; a `ScheduledShift` is a shift on a date at a place, with its instants
worked out in that place's zone. A punch can only belong to a duty whose window it falls into. Asked
by `days.calculation`, filled by `background.day_ranges`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import IntEnum, StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from core.times import wall_time_to_utc

DAY: Final = timedelta(days=1)
# A window may reach this far before its date and after it. So a punch can belong to the date before
# its own, its own, or the one after, and to no other.
WINDOW_EARLIEST_MIN: Final = -12 * 60
WINDOW_LATEST_MIN: Final = 48 * 60


class HoursMethod(StrEnum):
    """How worked time is counted."""

    FIRST_LAST = "first_last"
    PAIRS = "pairs"


class MissingOut(StrEnum):
    """What a day counts as on which somebody came and was never seen to leave."""

    PRESENT = "present"
    HALF_DAY = "half_day"
    ABSENT = "absent"
    SHIFT_END = "shift_end"


@dataclass(frozen=True, slots=True)
class Shift:
    """A kind of shift, on the wall clock of wherever it is worked. All durations in minutes.

    `ends` at or before `starts` is on the next day. `before` and `after` widen the shift to its
    window. `breaks` are wall clock times within it; the first divides the day into its halves. Less
    work than `absent_below` is absence, less than `half_below` half a day. Of more than the planned
    work by at least `overtime_after`, whole multiples of `overtime_round` are overtime; None: no
    overtime. Punches within `repeat_s` seconds of the last are the same one again.
    """

    name: str
    starts: time
    ends: time
    before: int = 240
    after: int = 390
    grace_in: int = 0
    grace_out: int = 0
    breaks: tuple[tuple[time, time], ...] = ()
    absent_below: int = 120
    half_below: int = 360
    hours: HoursMethod = HoursMethod.FIRST_LAST
    missing_out: MissingOut = MissingOut.HALF_DAY
    overtime_after: int | None = None
    overtime_round: int = 15
    repeat_s: int = 60
    id: int | None = None

    def invalid_field(self) -> str:
        """Why this cannot be a shift, as the name of what is wrong; empty when it can."""
        start, end = _minutes(self.starts), _minutes(self.starts) + self.length
        if start - self.before < WINDOW_EARLIEST_MIN:
            return "before"
        if end + self.after > WINDOW_LATEST_MIN:
            return "after"
        last = start
        for begins, ends in self.breaks:
            first = _minutes_after_start(begins, self.starts)
            if (
                first < last
                or _minutes_after_start(ends, self.starts) <= first
                or _minutes_after_start(ends, self.starts) > end
            ):
                return "breaks"
            last = _minutes_after_start(ends, self.starts)
        return "" if self.absent_below <= self.half_below else "half_below"

    @property
    def length(self) -> int:
        """Minutes from start to end on the wall clock."""
        return (_minutes(self.ends) - _minutes(self.starts) - 1) % 1440 + 1


# The hours of administrative offices since 1986; used where nothing else is said.
GENERAL_SHIFT: Final = Shift("General", time(9), time(17, 30), breaks=((time(13), time(13, 30)),))


@dataclass(frozen=True, slots=True)
class Span:
    """From one instant to another, UTC."""

    start: datetime
    end: datetime

    def overlap(self, other: Span) -> timedelta:
        """How long both last at once."""
        return max(min(self.end, other.end) - max(self.start, other.start), timedelta(0))


@dataclass(frozen=True, slots=True)
class ScheduledShift:
    """A shift on a date. `off`: nobody is expected, but who comes all the same is seen. Instants
    are UTC.

    `rule` says why this shift: `employee:12`, `department:3`, `site:1`, `everybody:4` (the roster's
    row), or `default`.
    """

    date: date
    shift: Shift
    zone: str
    hours: Span
    window: Span
    breaks: tuple[Span, ...]
    is_off: bool = False
    rule: str = "default"

    @property
    def halves(self) -> tuple[Span, Span]:
        """Before lunch and after: the first break divides, or else the middle."""
        if self.breaks:
            return Span(self.hours.start, self.breaks[0].start), Span(
                self.breaks[0].end, self.hours.end
            )
        middle = self.hours.start + (self.hours.end - self.hours.start) / 2
        return Span(self.hours.start, middle), Span(middle, self.hours.end)

    @property
    def planned_duration(self) -> timedelta:
        """How much work the shift is."""
        return (
            self.hours.end
            - self.hours.start
            - sum((one.end - one.start for one in self.breaks), timedelta(0))
        )


def schedule_shift(
    on: date, shift: Shift, zone: str, *, off: bool = False, rule: str = "default"
) -> ScheduledShift:
    """A shift on a date in a zone (IANA name). Where the clocks change the shift is as long as it
    really lasts.
    """
    place = ZoneInfo(zone)

    def at(minute: int) -> datetime:
        midnight = datetime.combine(on + timedelta(days=minute // 1440), time.min)
        return wall_time_to_utc(midnight + timedelta(minutes=minute % 1440), place)[0]

    start = _minutes(shift.starts)
    hours = Span(at(start), at(start + shift.length))
    breaks = tuple(
        Span(
            at(_minutes_after_start(first, shift.starts)),
            at(_minutes_after_start(last, shift.starts)),
        )
        for first, last in shift.breaks
    )
    window = Span(
        hours.start - timedelta(minutes=shift.before), hours.end + timedelta(minutes=shift.after)
    )
    return ScheduledShift(on, shift, zone, hours, window, breaks, off, rule)


def _minutes(clock: time) -> int:
    return clock.hour * 60 + clock.minute


def _minutes_after_start(clock: time, starts: time) -> int:
    """Minutes from the midnight before the start to a time within the shift."""
    return _minutes(clock) + (1440 if _minutes(clock) < _minutes(starts) else 0)


# --- Rosters --------------------------------------------------------------------------------------
class RosterScope(IntEnum):
    """For whom a roster is; the nearest to the person holds."""

    EVERYBODY = 0
    SITE = 1
    DEPARTMENT = 2
    EMPLOYEE = 3


@dataclass(frozen=True, slots=True)
class Pattern:
    """Shifts in turn, one for each day from `begins_on`, over and over; None is a day off. Seven of
    them are a week.

    `calendar_offs`: the weekly offs of the office's calendar are off as well.
    """

    slots: tuple[Shift | None, ...]
    begins_on: date
    calendar_offs: bool = False

    def on(self, day: date) -> tuple[Shift | None, bool]:
        """The shift of a date and whether it is off; the shift of a day off is the last one before
        it in the pattern.
        """
        place = (day - self.begins_on).days % len(self.slots) if self.slots else 0
        turned = [*self.slots[place::-1], *self.slots[:place:-1]]
        return next((one for one in turned if one is not None), None), not self.slots or self.slots[
            place
        ] is None


@dataclass(frozen=True, slots=True)
class RosterRule:
    """A pattern for somebody or for many, from one date to another, both included; None is open."""

    scope: RosterScope
    pattern: Pattern
    starts_on: date
    ends_on: date | None = None
    id: int = 0

    def covers(self, day: date) -> bool:
        """Whether it holds on a date."""
        return self.starts_on <= day and (self.ends_on is None or day <= self.ends_on)


def resolve_scheduled_shift(
    on: date, rosters: Sequence[RosterRule], default: Shift, zone: str, *, calendar_off: bool
) -> ScheduledShift:
    """The duty of a date: by the roster nearest to the person, of those the one that began last;
    else the default shift.

    `calendar_off`: the office's calendar has a weekly off there. It holds where no roster says
    otherwise.
    """
    holding = [one for one in rosters if one.covers(on)]
    if not holding:
        return schedule_shift(on, default, zone, off=calendar_off)
    chosen = max(holding, key=lambda one: (one.scope, one.starts_on, one.id))
    shift, off = chosen.pattern.on(on)
    off = off or (chosen.pattern.calendar_offs and calendar_off)
    return schedule_shift(
        on, shift or default, zone, off=off, rule=f"{chosen.scope.name.lower()}:{chosen.id}"
    )


def local_date(at: datetime, zone: str) -> date:
    """The date on the wall clock of a zone; at the ends of the calendar, that of UTC."""
    try:
        return at.astimezone(ZoneInfo(zone)).date()
    except OverflowError:
        return at.astimezone(UTC).date()
