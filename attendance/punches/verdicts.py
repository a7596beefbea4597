"""Judge a claim by the facts. Pure: everything it needs is handed in, and equal input gives an
equal verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID

from attendance.punches.claims import Claim, Finding
from attendance.punches.sequence import PreviousPunch, sequence_error
from core.times import to_local_time

EARLIEST_PUNCH_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)
RECEIVED_LATE_AFTER: Final = timedelta(minutes=5)

ACCEPTED: Final = "accepted"
UNMATCHED: Final = "unmatched"
REJECTED_DEVICE: Final = "rejected_device"
REJECTED_SIGNATURE: Final = "rejected_signature"
REJECTED_TIME: Final = "rejected_time"
REJECTED_INTEGRITY: Final = "rejected_integrity"
REJECTED_GEOFENCE: Final = "rejected_geofence"
REJECTED_SEQUENCE: Final = "rejected_sequence"
# Refused before anybody can be sure who speaks: such a claim takes no key away from its owner.
UNAUTHENTICATED_VERDICTS: Final = frozenset({REJECTED_DEVICE, REJECTED_SIGNATURE})
# When several checks refuse, the first in this order names the verdict; the reasons of all are
# kept.
REJECTION_PRECEDENCE: Final = (
    REJECTED_DEVICE,
    REJECTED_SIGNATURE,
    REJECTED_TIME,
    REJECTED_INTEGRITY,
    REJECTED_GEOFENCE,
    REJECTED_SEQUENCE,
)


@dataclass(frozen=True, slots=True)
class WorkAssignment:
    """An assignment: where somebody works from one day to another, both included."""

    id: int
    site: str
    department: str | None
    starts_on: date
    ends_on: date | None
    zone: str = ""
    site_id: int | None = None
    department_id: int | None = None

    def covers(self, day: date) -> bool:
        """Whether this is where they work on `day`."""
        return self.starts_on <= day and (self.ends_on is None or day <= self.ends_on)


@dataclass(frozen=True, slots=True)
class EmployeeSnapshot:
    """Somebody whose code fits, with their service dates and places of work."""

    id: UUID
    code: str
    worker_id: str
    name: str
    joined_on: date
    left_on: date | None
    assignments: tuple[WorkAssignment, ...] = ()

    def is_employed_on(self, day: date) -> bool:
        """Whether they are in service on `day`."""
        return self.joined_on <= day and (self.left_on is None or day <= self.left_on)

    def assignment_on(self, day: date) -> WorkAssignment | None:
        """Where they work on `day`, if that is known."""
        return next((place for place in self.assignments if place.covers(day)), None)


@dataclass(frozen=True, slots=True)
class ClaimFacts:
    """What is known when a claim is judged: the time now (UTC), and people whose number fits, best
    fit first.
    """

    now: datetime
    candidates: Sequence[EmployeeSnapshot] = ()
    max_clock_skew: timedelta = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class ClaimJudgement:
    """The verdict, the reasons for a refusal by topic, what is remarkable, and whose punch
    it is.
    """

    verdict: str
    reasons: dict[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    received_late: bool = False
    employee: EmployeeSnapshot | None = None


def judge_claim(claim: Claim, facts: ClaimFacts) -> ClaimJudgement:
    """Decide about a claim: a clock that cannot be right is refused, a number nobody has is kept
    unmatched.

    A claim that names a person is about the one candidate, and is never unmatched: outside their
    service it is refused.
    """
    late = facts.now - claim.at > RECEIVED_LATE_AFTER
    person, why = _match_employee(claim, facts)
    findings = [*claim.findings]
    if reason := _implausible_time(claim, facts):
        findings.append(Finding("time", reason, REJECTED_TIME))
    if person is None and claim.employee_id is not None:
        findings.append(Finding("employee", why, REJECTED_TIME))
        person = next(iter(facts.candidates), None)
    # The sort is stable: within one verdict the channel's own order holds.
    refusals = sorted(
        (finding for finding in findings if finding.verdict),
        key=lambda finding: REJECTION_PRECEDENCE.index(finding.verdict),
    )
    reasons: dict[str, str] = {}
    for finding in (*refusals, *findings):
        reasons.setdefault(finding.topic, finding.text)
    if refusals:
        return ClaimJudgement(refusals[0].verdict, reasons, claim.flags, late, person)
    if person is None:
        return ClaimJudgement(UNMATCHED, {"employee": why} | reasons, claim.flags, late)
    return ClaimJudgement(ACCEPTED, reasons, claim.flags, late, person)


def finalize_judgement(
    claim: Claim,
    judgement: ClaimJudgement,
    previous: PreviousPunch | None,
    findings: Sequence[Finding] = (),
) -> ClaimJudgement:
    """The last word, under the lock on the person's row: what has been accepted meanwhile may put a
    claim out of turn.

    `findings` were made under that lock; they are weighed with those before, as if all had been
    made at once.
    """
    found = [*findings]
    in_question = claim.sequence_window is not None and judgement.verdict == ACCEPTED
    if in_question and (reason := sequence_error(claim.channel, claim.direction, previous)):
        found.append(Finding("sequence", reason, REJECTED_SEQUENCE))
    if not found:
        return judgement
    verdicts = [finding.verdict for finding in found if finding.verdict]
    verdicts += [judgement.verdict] if judgement.verdict in REJECTION_PRECEDENCE else []
    verdict = min(verdicts, key=REJECTION_PRECEDENCE.index) if verdicts else judgement.verdict
    return replace(
        judgement,
        verdict=verdict,
        reasons={finding.topic: finding.text for finding in found} | judgement.reasons,
    )


def _implausible_time(claim: Claim, facts: ClaimFacts) -> str:
    if claim.at > facts.now + facts.max_clock_skew:
        return "ahead_of_server"
    if claim.at < EARLIEST_PUNCH_TIME:
        return "before_2000"
    return "too_old" if claim.max_age is not None and claim.at < facts.now - claim.max_age else ""


def _match_employee(claim: Claim, facts: ClaimFacts) -> tuple[EmployeeSnapshot | None, str]:
    """The person employed on that day (in the zone of the place), or why nobody is."""
    day = (
        to_local_time(claim.at, claim.home_zone).date()
        if claim.at >= EARLIEST_PUNCH_TIME
        else claim.at.date()
    )
    for person in facts.candidates:
        if person.is_employed_on(day):
            return person, ""
    return None, "not_employed" if facts.candidates else "unknown"
