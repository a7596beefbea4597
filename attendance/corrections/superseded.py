"""Which punches of a day a proposal takes the place of: as few as make the day say what was
proposed. Pure.

Called when a regularization is approved.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from attendance.days.calculation import calculate_day
from attendance.days.counted_punches import IN, OUT, CountedPunch
from attendance.days.results import DayContext, DayResult
from shifts.schedule import ScheduledShift

# What a proposed time is called while it is tried out: no punch and no entered time has such a
# number.
PROPOSED_ID_START: Final = 10**15


@dataclass(frozen=True, slots=True)
class ProposedTimes:
    """When somebody says they came, and left; None: as it is. Instants in UTC."""

    in_at: datetime | None = None
    out_at: datetime | None = None

    @property
    def punches(self) -> list[CountedPunch]:
        """The proposal as punches."""
        pairs = ((PROPOSED_ID_START, self.in_at, IN), (PROPOSED_ID_START + 1, self.out_at, OUT))
        return [CountedPunch(number, at, way) for number, at, way in pairs if at is not None]

    def contradicts(self, punch: CountedPunch) -> bool:
        """Whether a punch lies before somebody came, or after they left."""
        early = self.in_at is not None and punch.at < self.in_at
        return early or (self.out_at is not None and punch.at > self.out_at)


def superseded_punches(
    shift: ScheduledShift,
    punches: Sequence[CountedPunch],
    facts: DayContext,
    proposal: ProposedTimes,
) -> list[CountedPunch]:
    """The punches of a date that must not count beside the proposal.

    What contradicts it goes always. A first IN or a last OUT goes too where the day would not come
    out as proposed beside it: a reader that says no direction takes turns, and one time more would
    turn every later one round. What was not proposed stays as it was if that can be.
    """
    before = calculate_day(shift, punches, facts)
    tried = list(_candidate_sets(before, punches, proposal))
    for keeps_the_rest in (True, False):
        for gone in tried:
            left = [one for one in punches if one not in gone]
            after = calculate_day(shift, [*left, *proposal.punches], facts)
            if _matches_proposal(after, proposal) and (
                not keeps_the_rest or _keeps_other_times(after, before, proposal)
            ):
                return gone
    return tried[0]


def _candidate_sets(
    before: DayResult, punches: Sequence[CountedPunch], proposal: ProposedTimes
) -> Iterator[list[CountedPunch]]:
    """Sets of punches to do without, the smallest first."""
    must = [one for one in punches if proposal.contradicts(one)]
    counted = [one for one in before.punches if one.counted]
    firsts = [one.punch for one in counted[:1] if proposal.in_at is not None]
    lasts = [
        one.punch for one in counted[-1:] if proposal.out_at is not None and one.read_as == OUT
    ]
    for more in ([], firsts, lasts, [*firsts, *lasts]):
        yield [one for one in punches if one in must or one in more]
    yield list(punches)


def _matches_proposal(after: DayResult, proposal: ProposedTimes) -> bool:
    came = proposal.in_at is None or after.first_in == proposal.in_at
    return came and (proposal.out_at is None or after.last_out == proposal.out_at)


def _keeps_other_times(after: DayResult, before: DayResult, proposal: ProposedTimes) -> bool:
    """Whether what was not proposed is as it was. An OUT that nobody had come in before, now has a
    beginning.
    """
    came = proposal.in_at is not None or before.first_in in (None, after.first_in)
    return came and (proposal.out_at is not None or before.last_out in (None, after.last_out))
