"""The one way in: `record_punches`.

Every door builds claims and calls this; nothing else writes punches. One short transaction stores
the punch, its verdict, its evidence, the count of the request and the rows of the outbox; no broker
and no customer is talked to.

Claims that name a person are settled inside the transaction, under a lock on that person's row:
there a repeat is found before anything is judged anew, and what was accepted meanwhile may still
refuse the claim (`verdicts.settle`).
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, OperationalError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from attendance import facts, payloads
from attendance.claims import Claim, Finding
from attendance.facts import Known
from attendance.models import IngestCount, Punch, PunchEvidence, Verdict
from attendance.verdicts import REJECTED_DEVICE, UNPROVEN, Facts, Judgement, Person, judge, settle
from devices import phones
from employees.rows import insert_rows
from webhooks import outbox

T = TypeVar("T")

FALLEN: Final = Finding("device", "deactivated", REJECTED_DEVICE)

# Two transactions may meet while numbering a lane; each round one of them is through, so this is
# more than enough.
ROUNDS = 60


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one claim, as it is stored.

    `repeat`: it was stored before; `conflict`: its key belongs to another content. For both
    everything is the first row's. `at` and `received_at` are UTC; `person` is None while nobody is
    known; `evidence` is empty when it was erased.
    """

    punch_id: int
    verdict: str
    reasons: Mapping[str, Any]
    person: Person | None
    at: datetime
    received_at: datetime
    direction: str | None
    flags: tuple[str, ...] = ()
    late: bool = False
    evidence: Mapping[str, Any] = field(default_factory=dict)
    repeat: bool = False
    conflict: bool = False

    @property
    def accepted(self) -> bool:
        """Whether it counts."""
        return self.verdict == Verdict.ACCEPTED


@dataclass(frozen=True, slots=True)
class Case:
    """A claim with what was decided about it so far, and the first row if it turned out to be a
    repeat.
    """

    claim: Claim
    judgement: Judgement
    first: Punch | None = None

    @property
    def key(self) -> str:
        """Under what the row is stored."""
        if self.judgement.verdict in UNPROVEN and self.claim.loose_key:
            return self.claim.loose_key
        refused = self.judgement.verdict not in (Verdict.ACCEPTED, Verdict.UNMATCHED)
        return (refused and self.claim.refused_key) or self.claim.key


class Busy(OperationalError):
    """The database cannot take the write now; the caller is told to come again."""


class UnknownEmployee(ValidationError):
    """A claim names an employee that this organization does not have."""

    def __init__(self) -> None:
        super().__init__(_("No such employee."), code="unknown_employee")


def record_punch(organization_id: int, claim: Claim, known: Known | None = None) -> Outcome:
    """Store one claim, or find that it is stored already."""
    return record_punches(organization_id, [claim], known)[0]


def known_people(
    organization_id: int, *, codes: Sequence[str] = (), ids: Collection[UUID] = ()
) -> Known:
    """People by number (code, then worker id) and by id, for a door that has to know them before it
    can build its claims.

    Hand the answer on to `record_punches`, which then does not ask again. One query. Raises Busy.
    """
    try:
        return facts.read(organization_id, codes, None, worker_ids_too=True, ids=ids)
    except OperationalError as error:
        raise Busy from error


def record_punches(
    organization_id: int, claims: Sequence[Claim], known: Known | None = None
) -> list[Outcome]:
    """Judge and store a request's claims, all of one organization, door and terminal; outcomes in
    the order of the claims.

    Raises UnknownEmployee when a claim names nobody of the organization, Busy when the database
    does not let the write through in time.
    """
    if not claims:
        return []
    # Read before the transaction, so that it is short: on SQLite everybody waits for it.
    try:
        known = known or facts.gather(organization_id, claims)
    except OperationalError as error:
        raise Busy from error
    if any(
        claim.employee_id is not None and claim.employee_id not in known.named for claim in claims
    ):
        raise UnknownEmployee
    now = known.asked_at
    ahead = timedelta(seconds=settings.PUNCH_MAX_AHEAD_S)
    cases = [
        Case(claim, judge(claim, Facts(now, known.candidates(claim), ahead))) for claim in claims
    ]
    return in_rounds(lambda: _record(organization_id, cases, known))


def in_rounds(write: Callable[[], T]) -> T:
    """Run `write` in a transaction, again when it met another one that numbered the same lane.
    Raises Busy.
    """
    for _round in range(ROUNDS):
        try:
            with transaction.atomic():
                return write()
        except IntegrityError as error:
            if outbox.SEQUENCE_CONSTRAINT not in str(error):
                raise
        except OperationalError as error:
            if "deadlock" not in str(error):
                raise Busy from error
    raise Busy


def _record(organization_id: int, cases: Sequence[Case], known: Known) -> list[Outcome]:
    now = known.asked_at
    cases = _settled(organization_id, cases)
    first: dict[str, int] = {}
    for index, case in enumerate(cases):
        if case.first is None:
            first.setdefault(case.key, index)
    salts = {index: secrets.token_hex(16) for index in first.values()}
    bodies = {
        index: json.dumps(cases[index].claim.evidence, sort_keys=True) for index in first.values()
    }
    stored = _insert(
        organization_id, now, [(cases[i], _commit(salts[i], bodies[i])) for i in first.values()]
    )
    fresh = {index: stored[key] for key, index in first.items() if key in stored}
    outcomes = _outcomes(organization_id, cases, fresh, known)
    if fresh:
        evidence = [
            {
                "organization_id": organization_id,
                "punch_id": punch_id,
                "salt": salts[index],
                "body": bodies[index],
                "noted": False,
            }
            for index, punch_id in fresh.items()
        ]
        insert_rows(PunchEvidence, evidence)
        _note_phones(organization_id, [cases[index] for index in fresh])
    _count(organization_id, cases[0].claim.door, outcomes, now)
    outbox.publish(
        organization_id,
        _messages([(cases[index], fresh[index]) for index in fresh], known.targets, now),
        now,
    )
    return outcomes


def _note_phones(organization_id: int, cases: Sequence[Case]) -> None:
    for case in cases:
        if case.claim.handset is not None and case.judgement.verdict == Verdict.ACCEPTED:
            phones.note_punch(organization_id, case.claim.handset.id, case.claim.at)


def _commit(salt: str, body: str) -> str:
    return hashlib.sha256(f"{salt}.{body}".encode()).hexdigest()


def _settled(organization_id: int, cases: Sequence[Case]) -> list[Case]:
    """The cases with the last word on those that name a person, said under the lock on that
    person's row.
    """
    named = {case.claim.employee_id for case in cases if case.claim.employee_id is not None}
    if not named:
        return list(cases)
    facts.hold(organization_id, named)
    keys = {key for case in cases for key in (*case.claim.other_keys, case.claim.key)}
    earlier = _earlier(organization_id, cases[0].claim.source, keys)
    return [_settle(organization_id, case, _first(case.claim, earlier)) for case in cases]


def _first(claim: Claim, earlier: Mapping[str, Punch]) -> Punch | None:
    """What has one of the claim's keys."""
    return next((earlier[key] for key in (*claim.other_keys, claim.key) if key in earlier), None)


def _settle(organization_id: int, case: Case, found: Punch | None) -> Case:
    claim, employee_id = case.claim, case.claim.employee_id
    if found is not None and claim.content in (None, found.fingerprint):
        return replace(case, first=found)
    if employee_id is None:
        return case
    case = _standing(organization_id, case, employee_id)
    if found is not None and case.judgement.verdict not in UNPROVEN:
        return replace(case, first=found)
    if claim.pairing is None:
        return case
    # Of two that say "now" at once, the second to get the lock may be the first to have read the
    # clock: it comes after.
    until = claim.at if claim.at_text else max(claim.at, timezone.now())
    before = facts.earlier(organization_id, employee_id, until, claim.at - claim.pairing)
    if before is not None and before.at > claim.at:
        claim = replace(claim, at=before.at)
    return Case(claim, settle(claim, case.judgement, before))


def _standing(organization_id: int, case: Case, employee_id: UUID) -> Case:
    """The case, refused if the phone it came from was taken out of service since the door
    looked.
    """
    claim, handset = case.claim, case.claim.handset
    if handset is None or phones.stands(organization_id, employee_id, handset.key_id, claim.at):
        return case
    return replace(case, judgement=settle(claim, case.judgement, None, (FALLEN,)))


def _insert(
    organization_id: int, now: datetime, rows: Sequence[tuple[Case, str]]
) -> dict[str, int]:
    """Insert the punches whose key is free; key → id of those. A parallel repeat waits here until
    the first has committed.
    """
    values = []
    for case, commitment in sorted(rows, key=lambda row: row[0].key):
        claim, judgement = case.claim, case.judgement
        person = judgement.person
        values.append(
            {
                "organization_id": organization_id,
                "door": claim.door,
                "source": claim.source,
                "key": case.key,
                "fingerprint": claim.fingerprint,
                "employee_id": person.id if person else None,
                "device_id": claim.terminal.id if claim.terminal else None,
                "user_code": claim.user_code or (person.code if person else ""),
                "occurred_at": claim.at,
                "occurred_text": claim.at_text,
                "zone": claim.zone,
                "received_at": now,
                "direction": claim.direction,
                "raw_state": claim.raw_state,
                "raw_input_type": claim.raw_input_type,
                "verdict": judgement.verdict,
                "reasons": judgement.reasons,
                "flags": list(judgement.flags),
                "late": judgement.late,
                "commitment": commitment,
            }
        )
    if not values:
        return {}
    found = insert_rows(
        Punch,
        values,
        suffix="ON CONFLICT (organization_id, source, key) DO NOTHING RETURNING key, id",
    )
    return dict(found)


def _earlier(organization_id: int, source: str, keys: Collection[str]) -> dict[str, Punch]:
    """The rows that have these keys, with their evidence, by key."""
    rows = (
        Punch.objects.of(organization_id)
        .filter(source=source, key__in=sorted(keys))
        .select_related("evidence")
    )
    return {punch.key: punch for punch in rows}


def _outcomes(
    organization_id: int, cases: Sequence[Case], fresh: dict[int, int], known: Known
) -> list[Outcome]:
    new = {cases[index].key: index for index in fresh}
    old = {case.key for case in cases if case.first is None and case.key not in new}
    earlier = _earlier(organization_id, cases[0].claim.source, old) if old else {}
    firsts = [*earlier.values(), *(case.first for case in cases if case.first is not None)]
    people = _people(organization_id, {punch.employee_id for punch in firsts}, known)
    outcomes = []
    for index, case in enumerate(cases):
        if case.first is None and case.key in new:
            one = new[case.key]
            outcomes.append(
                _of_new(cases[one], fresh[one], known.asked_at, None if index == one else case)
            )
        else:
            punch = case.first or earlier[case.key]
            outcomes.append(
                _of_old(punch, case, people.get(punch.employee_id) if punch.employee_id else None)
            )
    return outcomes


def _of_new(case: Case, punch_id: int, now: datetime, repeat: Case | None) -> Outcome:
    """The outcome of a claim stored just now, or of its `repeat` in the same request."""
    claim, judgement = case.claim, case.judgement
    same = repeat is not None and repeat.claim.fingerprint == claim.fingerprint
    return Outcome(
        punch_id,
        judgement.verdict,
        judgement.reasons,
        judgement.person,
        claim.at,
        now,
        claim.direction,
        judgement.flags,
        judgement.late,
        claim.evidence,
        repeat=same,
        conflict=repeat is not None and not same,
    )


def _of_old(punch: Punch, case: Case, person: Person | None) -> Outcome:
    evidence: PunchEvidence | None = getattr(punch, "evidence", None)
    same = case.claim.content is not None or _same(punch, case.claim)
    return Outcome(
        punch.pk,
        punch.verdict,
        punch.reasons,
        person,
        punch.occurred_at,
        punch.received_at,
        punch.direction,
        tuple(punch.flags),
        punch.late,
        json.loads(evidence.body) if evidence and evidence.body else {},
        repeat=same,
        conflict=not same,
    )


def _same(punch: Punch, claim: Claim) -> bool:
    """Whether a claim says what the stored one said."""
    if punch.fingerprint == claim.fingerprint:
        return True
    # A time without an offset, read again after the zone of its place was corrected, is still the
    # time that was said.
    named = claim.employee_id is not None
    person = punch.employee_id == claim.employee_id if named else punch.user_code == claim.user_code
    return (
        person
        and punch.direction == claim.direction
        and bool(claim.at_text)
        and punch.occurred_text == claim.at_text
    )


def _people(organization_id: int, ids: Collection[UUID | None], known: Known) -> dict[UUID, Person]:
    """People by id: those known already, and in one more query those whose number belongs to
    somebody else by now.
    """
    found = {
        person.id: person
        for fitting in (*known.people.values(), known.named.values())
        for person in fitting
    }
    missing = {one for one in ids if one is not None} - found.keys()
    if missing:
        found |= facts.read(organization_id, [], None, worker_ids_too=False, ids=missing).named
    return found


def _count(organization_id: int, door: str, outcomes: Sequence[Outcome], now: datetime) -> None:
    kinds = Counter(_kind(outcome) for outcome in outcomes)
    numbers = {
        kind: kinds[kind] for kind in ("accepted", "refused", "duplicate", "conflict", "unmatched")
    }
    row = {"organization_id": organization_id, "door": door, "at": now, "received": len(outcomes)}
    insert_rows(IngestCount, [row | numbers])


def _kind(outcome: Outcome) -> str:
    if outcome.conflict:
        return "conflict"
    if outcome.repeat:
        return "duplicate"
    return (
        outcome.verdict if outcome.verdict in (Verdict.ACCEPTED, Verdict.UNMATCHED) else "refused"
    )


def _told(case: Case, punch_id: int, now: datetime) -> payloads.Told:
    claim, judgement = case.claim, case.judgement
    return payloads.Told(
        punch_id=punch_id,
        door=claim.door,
        direction=claim.direction,
        at=claim.at,
        home_zone=claim.home_zone,
        received_at=now,
        late=judgement.late,
        flags=judgement.flags,
        user_code=claim.user_code or (judgement.person.code if judgement.person else ""),
        raw_input_type=claim.raw_input_type,
        terminal=claim.terminal,
        source=claim.source,
        person=judgement.person,
        evidence=claim.evidence,
    )


def _messages(
    rows: Sequence[tuple[Case, int]], targets: Sequence[facts.Target], now: datetime
) -> list[outbox.Message]:
    messages = []
    for case, punch_id in rows:
        verdict = case.judgement.verdict
        wanted = [
            t
            for t in targets
            if verdict == Verdict.ACCEPTED or (verdict == Verdict.UNMATCHED and t.include_unmatched)
        ]
        if wanted:
            told = _told(case, punch_id, now)
            messages += [payloads.message(told, target, now) for target in wanted]
    return messages
