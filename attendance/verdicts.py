"""Judge a claim by the facts. Pure: everything it needs is handed in, and equal input gives an equal verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID

from attendance.claims import Claim
from attendance.times import local

EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATE_AFTER: Final = timedelta(minutes=5)

ACCEPTED: Final = "accepted"
UNMATCHED: Final = "unmatched"
REJECTED_TIME: Final = "rejected_time"


@dataclass(frozen=True, slots=True)
class Place:
    """An assignment: where somebody works from one day to another, both included."""

    id: int
    site: str
    department: str | None
    starts_on: date
    ends_on: date | None

    def covers(self, day: date) -> bool:
        """Whether this is where they work on `day`."""
        return self.starts_on <= day and (self.ends_on is None or day <= self.ends_on)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whose code fits, with their service dates and places of work."""

    id: UUID
    code: str
    worker_id: str
    name: str
    joined_on: date
    left_on: date | None
    places: tuple[Place, ...] = ()

    def employed(self, day: date) -> bool:
        """Whether they are in service on `day`."""
        return self.joined_on <= day and (self.left_on is None or day <= self.left_on)

    def place(self, day: date) -> Place | None:
        """Where they work on `day`, if that is known."""
        return next((place for place in self.places if place.covers(day)), None)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known when a claim is judged: the time now (UTC), and people whose number fits, best fit first."""

    now: datetime
    candidates: Sequence[Person] = ()
    max_ahead: timedelta = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict, the reasons for a refusal by topic, what is remarkable, and whose punch it is."""

    verdict: str
    reasons: dict[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    late: bool = False
    person: Person | None = None


def judge(claim: Claim, facts: Facts) -> Judgement:
    """Decide about a claim: a clock that cannot be right is refused, a number nobody has is kept unmatched."""
    late = facts.now - claim.at > LATE_AFTER
    person, why = _whose(claim, facts)
    if reason := _absurd(claim, facts):
        return Judgement(REJECTED_TIME, {"time": reason}, claim.flags, late, person)
    if person is None:
        return Judgement(UNMATCHED, {"employee": why}, claim.flags, late)
    return Judgement(ACCEPTED, {}, claim.flags, late, person)


def _absurd(claim: Claim, facts: Facts) -> str:
    if claim.at > facts.now + facts.max_ahead:
        return "ahead_of_server"
    return "before_2000" if claim.at < EPOCH else ""


def _whose(claim: Claim, facts: Facts) -> tuple[Person | None, str]:
    """The person employed on that day (in the zone of the place), or why nobody is."""
    day = local(claim.at, claim.home_zone).date() if claim.at >= EPOCH else claim.at.date()
    for person in facts.candidates:
        if person.employed(day):
            return person, ""
    return None, "not_employed" if facts.candidates else "unknown"
