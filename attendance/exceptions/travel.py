"""Whether somebody can have been at both places: two punches, where each was, and how sure that is.
Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from geofences.geometry.ellipsoid import distance_m

# Punches further from each other than this are not compared: anybody is anywhere two days later.
MAX_GAP: Final = timedelta(hours=48)
# Two clocks need not agree to the second; within this nobody is accused of anything.
CLOCK_TOLERANCE: Final = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Location:
    """A place in degrees, right to within so many metres."""

    lat: float
    lng: float
    accuracy_m: float


@dataclass(frozen=True, slots=True)
class LocatedPunch:
    """A punch, and where it may have been; nowhere when nothing is known of it."""

    id: int
    at: datetime
    locations: Sequence[Location] = ()


@dataclass(frozen=True, slots=True)
class ImpossibleMovement:
    """A way that nobody makes in that time."""

    earlier: LocatedPunch
    later: LocatedPunch
    metres: int
    seconds: int

    @property
    def kmh(self) -> int | None:
        """How fast it would have been; None at the same moment."""
        return round(self.metres / self.seconds * 3.6) if self.seconds else None


def min_distance_m(one: Sequence[Location], other: Sequence[Location]) -> float:
    """The least distance in metres that these places allow: less what each may be wrong by, never
    below nought.
    """
    ways = [
        distance_m(a.lat, a.lng, b.lat, b.lng) - a.accuracy_m - b.accuracy_m
        for a in one
        for b in other
    ]
    return max(min(ways, default=0.0), 0.0)


def find_impossible_movement(
    earlier: LocatedPunch, later: LocatedPunch, max_kmh: int
) -> ImpossibleMovement | None:
    """The way between two punches, if it is faster than `kmh` by any reading of the places and the
    clocks.
    """
    gap = later.at - earlier.at
    if not (timedelta(0) <= gap <= MAX_GAP):
        return None
    metres = min_distance_m(earlier.locations, later.locations)
    possible = (gap + CLOCK_TOLERANCE).total_seconds() * max_kmh / 3.6
    return (
        ImpossibleMovement(earlier, later, int(metres), int(gap.total_seconds()))
        if metres > possible
        else None
    )


def find_impossible_movements(
    punches: Sequence[LocatedPunch], max_kmh: int
) -> list[ImpossibleMovement]:
    """Impossible ways among punches of one person. Those whose place is unknown are passed over:
    they say nothing.
    """
    placed = sorted((one for one in punches if one.locations), key=lambda one: (one.at, one.id))
    found = (
        find_impossible_movement(earlier, later, max_kmh) for earlier, later in pairwise(placed)
    )
    return [one for one in found if one is not None]
