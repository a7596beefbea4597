"""Which punches of a day a proposal takes the place of: as few as make the day say what was
proposed. Pure.

Called when a regularization is approved.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from attendance.days import IN, OUT, Day, Facts, Stamp, derive
from attendance.shifts import Duty

# What a proposed time is called while it is tried out: no punch and no entered time has such a
# number.
PROPOSED: Final = 10**15


@dataclass(frozen=True, slots=True)
class Proposal:
    """When somebody says they came, and left; None: as it is. Instants in UTC."""

    in_at: datetime | None = None
    out_at: datetime | None = None

    @property
    def stamps(self) -> list[Stamp]:
        """The proposal as punches."""
        pairs = ((PROPOSED, self.in_at, IN), (PROPOSED + 1, self.out_at, OUT))
        return [Stamp(number, at, way) for number, at, way in pairs if at is not None]

    def contradicts(self, stamp: Stamp) -> bool:
        """Whether a punch lies before somebody came, or after they left."""
        early = self.in_at is not None and stamp.at < self.in_at
        return early or (self.out_at is not None and stamp.at > self.out_at)


def replaced(duty: Duty, stamps: Sequence[Stamp], facts: Facts, proposal: Proposal) -> list[Stamp]:
    """The punches of a date that must not count beside the proposal.

    What contradicts it goes always. A first IN or a last OUT goes too where the day would not come
    out as proposed beside it: a reader that says no direction takes turns, and one time more would
    turn every later one round. What was not proposed stays as it was if that can be.
    """
    before = derive(duty, stamps, facts)
    tried = list(_choices(before, stamps, proposal))
    for keeps_the_rest in (True, False):
        for gone in tried:
            left = [one for one in stamps if one not in gone]
            after = derive(duty, [*left, *proposal.stamps], facts)
            if _says(after, proposal) and (not keeps_the_rest or _keeps(after, before, proposal)):
                return gone
    return tried[0]


def _choices(before: Day, stamps: Sequence[Stamp], proposal: Proposal) -> Iterator[list[Stamp]]:
    """Sets of punches to do without, the smallest first."""
    must = [one for one in stamps if proposal.contradicts(one)]
    counted = [one for one in before.reads if one.counted]
    firsts = [one.stamp for one in counted[:1] if proposal.in_at is not None]
    lasts = [
        one.stamp for one in counted[-1:] if proposal.out_at is not None and one.read_as == OUT
    ]
    for more in ([], firsts, lasts, [*firsts, *lasts]):
        yield [one for one in stamps if one in must or one in more]
    yield list(stamps)


def _says(after: Day, proposal: Proposal) -> bool:
    came = proposal.in_at is None or after.first_in == proposal.in_at
    return came and (proposal.out_at is None or after.last_out == proposal.out_at)


def _keeps(after: Day, before: Day, proposal: Proposal) -> bool:
    """Whether what was not proposed is as it was. An OUT that nobody had come in before, now has a
    beginning.
    """
    came = proposal.in_at is not None or before.first_in in (None, after.first_in)
    return came and (proposal.out_at is not None or before.last_out in (None, after.last_out))
