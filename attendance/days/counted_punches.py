"""The punches that count for a day, and how each is read: as in, as out, or as a repetition. Pure.

Used by `days.punch_assignment`, which gives each punch to a date, and by `days.calculation`, which
keeps the reading of each punch in the result of the day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shifts.schedule import HoursMethod, ScheduledShift

IN, OUT = "in", "out"
DIRECTIONS: Final = {
    "in": IN,
    "break_in": IN,
    "overtime_in": IN,
    "out": OUT,
    "break_out": OUT,
    "overtime_out": OUT,
}


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
        rank = {OUT: 0, None: 1}.get(DIRECTIONS.get(self.direction or ""), 2)
        return self.at, rank, self.direction or "", self.id


@dataclass(frozen=True, slots=True)
class InterpretedPunch:
    """A punch as it was read: `counted`, and the role it had, or why it had none."""

    punch: CountedPunch
    read_as: str
    counted: bool
    why: str


def is_repeat(punch: CountedPunch, previous: CountedPunch, within_s: int) -> bool:
    """Whether a punch is the last one again: a card held twice to the reader."""
    same = DIRECTIONS.get(punch.direction or "") == DIRECTIONS.get(previous.direction or "")
    return same and punch.at - previous.at < timedelta(seconds=within_s)


def interpret_punches(
    scheduled_shift: ScheduledShift, punches: Sequence[CountedPunch]
) -> tuple[list[InterpretedPunch], list[InterpretedPunch]]:
    """Every punch as it was read, and those that count."""
    reads: list[InterpretedPunch] = []
    inside, last = False, None
    pairs = scheduled_shift.shift.hours is HoursMethod.PAIRS
    for stamp in sorted(punches, key=lambda one: one.sort_key):
        said = DIRECTIONS.get(stamp.direction or "")
        if not scheduled_shift.window.start <= stamp.at <= scheduled_shift.window.end:
            reads.append(InterpretedPunch(stamp, said or "", False, "outside_window"))
            continue
        if last is not None and is_repeat(stamp, last, scheduled_shift.shift.repeat_s):
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
