"""The one way in: `record_punches`.

Every door builds claims and calls this; nothing else writes punches. One short transaction stores the punch, its verdict, its
evidence, the count of the request and the rows of the outbox; no broker and no customer is talked to.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.db import IntegrityError, OperationalError, transaction
from django.utils import timezone

from attendance import facts, payloads
from attendance.claims import Claim
from attendance.models import IngestCount, Punch, PunchEvidence, Verdict
from attendance.verdicts import Facts, Judgement, judge
from employees.rows import insert_rows
from webhooks import outbox

T = TypeVar("T")

# Two transactions may meet while numbering a lane; each round one of them is through, so this is more than enough.
ROUNDS = 60


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one claim. `repeat`: it was stored before; `conflict`: its key belongs to another content."""

    punch_id: int
    verdict: str
    reasons: dict[str, Any]
    employee_id: object
    repeat: bool = False
    conflict: bool = False
    judgement: Judgement | None = None


class Busy(OperationalError):
    """The database cannot take the write now; the caller is told to come again."""


def record_punch(organization_id: int, claim: Claim) -> Outcome:
    """Store one claim, or find that it is stored already."""
    return record_punches(organization_id, [claim])[0]


def record_punches(organization_id: int, claims: Sequence[Claim]) -> list[Outcome]:
    """Judge and store a request's claims, all of one organization, door and terminal; outcomes in the order of the claims.

    Raises Busy when the database does not let the write through in time.
    """
    # Read before the transaction, so that it is short: on SQLite everybody waits for it. `now` comes first: what is created
    # after it, be it an endpoint or an employee, is later than these punches.
    now = timezone.now()
    try:
        known = facts.gather(organization_id, claims)
    except OperationalError as error:
        raise Busy from error
    ahead = timedelta(seconds=settings.PUNCH_MAX_AHEAD_S)
    judged = [judge(claim, Facts(now, known.candidates(claim), ahead)) for claim in claims]
    return in_rounds(lambda: _record(organization_id, claims, judged, known.targets, now))


def in_rounds(write: Callable[[], T]) -> T:
    """Run `write` in a transaction, again when it met another one that numbered the same lane. Raises Busy."""
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


def _record(
    organization_id: int,
    claims: Sequence[Claim],
    judged: Sequence[Judgement],
    targets: Sequence[facts.Target],
    now: datetime,
) -> list[Outcome]:
    first: dict[str, int] = {}
    for index, claim in enumerate(claims):
        first.setdefault(claim.key, index)
    salts = {index: secrets.token_hex(16) for index in first.values()}
    bodies = {index: json.dumps(claims[index].evidence, sort_keys=True) for index in first.values()}
    stored = _insert(organization_id, now, [(claims[i], judged[i], _commit(salts[i], bodies[i])) for i in first.values()])
    fresh = {index: stored[key] for key, index in first.items() if key in stored}
    outcomes = _outcomes(organization_id, claims, judged, fresh)
    if fresh:
        evidence = [
            {"organization_id": organization_id, "punch_id": punch_id, "salt": salts[index], "body": bodies[index]}
            for index, punch_id in fresh.items()
        ]
        insert_rows(PunchEvidence, evidence)
    _count(organization_id, claims[0].door, outcomes, now)
    told = [_told(claims[index], judged[index], punch_id, now) for index, punch_id in fresh.items()]
    outbox.publish(organization_id, _messages(told, judged, fresh, targets, now), now)
    return outcomes


def _commit(salt: str, body: str) -> str:
    return hashlib.sha256(f"{salt}.{body}".encode()).hexdigest()


def _insert(organization_id: int, now: datetime, rows: Sequence[tuple[Claim, Judgement, str]]) -> dict[str, int]:
    """Insert the punches whose key is free; key → id of those. A parallel repeat waits here until the first has committed."""
    ordered = sorted(rows, key=lambda row: row[0].key)
    values = [
        {
            "organization_id": organization_id,
            "door": claim.door,
            "source": claim.source,
            "key": claim.key,
            "fingerprint": claim.fingerprint,
            "employee_id": judgement.person.id if judgement.person else None,
            "device_id": claim.terminal.id if claim.terminal else None,
            "user_code": claim.user_code,
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
        for claim, judgement, commitment in ordered
    ]
    found = insert_rows(Punch, values, suffix="ON CONFLICT (organization_id, source, key) DO NOTHING RETURNING key, id")
    return dict(found)


def _outcomes(
    organization_id: int, claims: Sequence[Claim], judged: Sequence[Judgement], fresh: dict[int, int]
) -> list[Outcome]:
    new = {claims[index].key: index for index in fresh}
    old = {claim.key for claim in claims} - set(new)
    earlier: dict[str, Punch] = {}
    if old:
        rows = Punch.objects.of(organization_id).filter(source=claims[0].source, key__in=old)
        earlier = {punch.key: punch for punch in rows}
    outcomes = []
    for index, claim in enumerate(claims):
        if claim.key in new:
            first = new[claim.key]
            judgement = judged[first]
            person = judgement.person
            repeat, same = index != first, claims[first].fingerprint == claim.fingerprint
            outcomes.append(
                Outcome(
                    fresh[first], judgement.verdict, judgement.reasons, person.id if person else None,
                    repeat and same, repeat and not same, judgement,
                )
            )  # fmt: skip
        else:
            punch = earlier[claim.key]
            same = punch.fingerprint == claim.fingerprint
            outcomes.append(Outcome(punch.pk, punch.verdict, punch.reasons, punch.employee_id, same, not same))
    return outcomes


def _count(organization_id: int, door: str, outcomes: Sequence[Outcome], now: datetime) -> None:
    kinds = Counter(_kind(outcome) for outcome in outcomes)
    numbers = {kind: kinds[kind] for kind in ("accepted", "refused", "duplicate", "conflict", "unmatched")}
    row = {"organization_id": organization_id, "door": door, "at": now, "received": len(outcomes)}
    insert_rows(IngestCount, [row | numbers])


def _kind(outcome: Outcome) -> str:
    if outcome.conflict:
        return "conflict"
    if outcome.repeat:
        return "duplicate"
    return outcome.verdict if outcome.verdict in (Verdict.ACCEPTED, Verdict.UNMATCHED) else "refused"


def _told(claim: Claim, judgement: Judgement, punch_id: int, now: datetime) -> payloads.Told:
    return payloads.Told(
        punch_id=punch_id,
        door=claim.door,
        direction=claim.direction,
        at=claim.at,
        home_zone=claim.home_zone,
        received_at=now,
        late=judgement.late,
        flags=judgement.flags,
        user_code=claim.user_code,
        raw_input_type=claim.raw_input_type,
        terminal=claim.terminal,
        source=claim.source,
        person=judgement.person,
        evidence=claim.evidence,
    )


def _messages(
    told: Sequence[payloads.Told],
    judged: Sequence[Judgement],
    fresh: dict[int, int],
    targets: Sequence[facts.Target],
    now: datetime,
) -> list[outbox.Message]:
    messages = []
    for one, index in zip(told, fresh, strict=True):
        verdict = judged[index].verdict
        for target in targets:
            if verdict == Verdict.ACCEPTED or (verdict == Verdict.UNMATCHED and target.include_unmatched):
                messages.append(payloads.message(one, target, now))
    return messages
