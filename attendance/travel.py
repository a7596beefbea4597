"""Whether somebody can have been at both places: two punches, where each was, and how sure that is.
Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from geofences.geometry import distance_m

# Punches further from each other than this are not compared: anybody is anywhere two days later.
LONGEST: Final = timedelta(hours=48)
# Two clocks need not agree to the second; within this nobody is accused of anything.
CLOCKS: Final = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in degrees, right to within so many metres."""

    lat: float
    lng: float
    within_m: float


@dataclass(frozen=True, slots=True)
class Seen:
    """A punch, and where it may have been; nowhere when nothing is known of it."""

    id: int
    at: datetime
    spots: Sequence[Spot] = ()


@dataclass(frozen=True, slots=True)
class Leap:
    """A way that nobody makes in that time."""

    earlier: Seen
    later: Seen
    metres: int
    seconds: int

    @property
    def kmh(self) -> int | None:
        """How fast it would have been; None at the same moment."""
        return round(self.metres / self.seconds * 3.6) if self.seconds else None


def apart_m(one: Sequence[Spot], other: Sequence[Spot]) -> float:
    """The least distance in metres that these places allow: less what each may be wrong by, never
    below nought.
    """
    ways = [
        distance_m(a.lat, a.lng, b.lat, b.lng) - a.within_m - b.within_m for a in one for b in other
    ]
    return max(min(ways, default=0.0), 0.0)


def leap(earlier: Seen, later: Seen, kmh: int) -> Leap | None:
    """The way between two punches, if it is faster than `kmh` by any reading of the places and the
    clocks.
    """
    gap = later.at - earlier.at
    if not (timedelta(0) <= gap <= LONGEST):
        return None
    metres = apart_m(earlier.spots, later.spots)
    possible = (gap + CLOCKS).total_seconds() * kmh / 3.6
    return (
        Leap(earlier, later, int(metres), int(gap.total_seconds())) if metres > possible else None
    )


def leaps(seen: Sequence[Seen], kmh: int) -> list[Leap]:
    """Impossible ways among punches of one person. Those whose place is unknown are passed over:
    they say nothing.
    """
    placed = sorted((one for one in seen if one.spots), key=lambda one: (one.at, one.id))
    found = (leap(earlier, later, kmh) for earlier, later in pairwise(placed))
    return [one for one in found if one is not None]
