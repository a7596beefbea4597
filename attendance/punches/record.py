"""The one way in: `record_punches`.

Every channel builds claims and calls this; nothing else writes punches. One short transaction
stores the punch, its verdict, its evidence, the count of the request and the rows of the outbox; no
broker and no customer is talked to.

Claims that name a person are settled inside the transaction, under a lock on that person's row:
there a repeat is found before anything is judged anew, and what was accepted meanwhile may still
refuse the claim (`punches.verdicts.settle`).
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

from attendance.models import IngestionLogEntry, Punch, PunchEvidence, Verdict
from attendance.punches import context as punch_context
from attendance.punches import payloads
from attendance.punches.claims import Claim, Finding
from attendance.punches.context import PunchContext
from attendance.punches.verdicts import (
    REJECTED_DEVICE,
    UNAUTHENTICATED_VERDICTS,
    ClaimFacts,
    ClaimJudgement,
    EmployeeSnapshot,
    finalize_judgement,
    judge_claim,
)
from core.raw_sql import insert_rows
from devices import phones
from webhooks import outbox

T = TypeVar("T")

PHONE_DEACTIVATED: Final = Finding("device", "deactivated", REJECTED_DEVICE)

# Two transactions may meet while numbering a lane; each round one of them is through, so this is
# more than enough.
MAX_SEQUENCE_RETRIES = 60


@dataclass(frozen=True, slots=True)
class RecordResult:
    """What became of one claim, as it is stored.

    `repeat`: it was stored before; `is_conflict`: its key belongs to another content. For both
    everything is the first row's. `at` and `received_at` are UTC; `person` is None while nobody is
    known; `evidence` is empty when it was erased.
    """

    punch_id: int
    verdict: str
    reasons: Mapping[str, Any]
    employee: EmployeeSnapshot | None
    at: datetime
    received_at: datetime
    direction: str | None
    flags: tuple[str, ...] = ()
    received_late: bool = False
    evidence: Mapping[str, Any] = field(default_factory=dict)
    is_duplicate: bool = False
    is_conflict: bool = False

    @property
    def is_accepted(self) -> bool:
        """Whether it counts."""
        return self.verdict == Verdict.ACCEPTED


@dataclass(frozen=True, slots=True)
class JudgedClaim:
    """A claim with what was decided about it so far, and the first row if it turned out to be a
    repeat.
    """

    claim: Claim
    judgement: ClaimJudgement
    stored_punch: Punch | None = None

    @property
    def key(self) -> str:
        """Under what the row is stored."""
        if self.judgement.verdict in UNAUTHENTICATED_VERDICTS and self.claim.unauthenticated_key:
            return self.claim.unauthenticated_key
        refused = self.judgement.verdict not in (Verdict.ACCEPTED, Verdict.UNMATCHED)
        return (refused and self.claim.rejected_key) or self.claim.key


class DatabaseBusy(OperationalError):
    """The database cannot take the write now; the caller is told to come again."""


class UnknownEmployee(ValidationError):
    """A claim names an employee that this organization does not have."""

    def __init__(self) -> None:
        super().__init__(_("No such employee."), code="unknown_employee")


def record_punch(
    organization_id: int, claim: Claim, context: PunchContext | None = None
) -> RecordResult:
    """Store one claim, or find that it is stored already."""
    return record_punches(organization_id, [claim], context)[0]


def load_punch_context(
    organization_id: int, *, codes: Sequence[str] = (), ids: Collection[UUID] = ()
) -> PunchContext:
    """People by number (code, then worker id) and by id, for a channel that has to know them before
    it can build its claims.

    Hand the answer on to `record_punches`, which then does not ask again. One query. Raises Busy.
    """
    try:
        return punch_context.query_punch_context(
            organization_id, codes, None, include_worker_ids=True, ids=ids
        )
    except OperationalError as error:
        raise DatabaseBusy from error


def record_punches(
    organization_id: int, claims: Sequence[Claim], context: PunchContext | None = None
) -> list[RecordResult]:
    """Judge and store a request's claims, all of one organization, channel and terminal; outcomes
    in the order of the claims.

    Raises UnknownEmployee when a claim names nobody of the organization, Busy when the database
    does not let the write through in time.
    """
    if not claims:
        return []
    # Read before the transaction, so that it is short: on SQLite everybody waits for it.
    try:
        context = context or punch_context.query_context_for_claims(organization_id, claims)
    except OperationalError as error:
        raise DatabaseBusy from error
    if any(
        claim.employee_id is not None and claim.employee_id not in context.employees_by_id
        for claim in claims
    ):
        raise UnknownEmployee
    now = context.read_at
    ahead = timedelta(seconds=settings.PUNCH_MAX_CLOCK_SKEW_S)
    cases = [
        JudgedClaim(claim, judge_claim(claim, ClaimFacts(now, context.candidates(claim), ahead)))
        for claim in claims
    ]
    return retry_on_sequence_conflict(lambda: _record(organization_id, cases, context))


def retry_on_sequence_conflict(write: Callable[[], T]) -> T:
    """Run `write` in a transaction, again when it met another one that numbered the same lane.
    Raises Busy.
    """
    for _round in range(MAX_SEQUENCE_RETRIES):
        try:
            with transaction.atomic():
                return write()
        except IntegrityError as error:
            if outbox.SEQUENCE_CONSTRAINT not in str(error):
                raise
        except OperationalError as error:
            if "deadlock" not in str(error):
                raise DatabaseBusy from error
    raise DatabaseBusy


def _record(
    organization_id: int, judged_claims: Sequence[JudgedClaim], context: PunchContext
) -> list[RecordResult]:
    now = context.read_at
    judged_claims = _finalize_claims(organization_id, judged_claims)
    first: dict[str, int] = {}
    for index, case in enumerate(judged_claims):
        if case.stored_punch is None:
            first.setdefault(case.key, index)
    salts = {index: secrets.token_hex(16) for index in first.values()}
    bodies = {
        index: json.dumps(judged_claims[index].claim.evidence, sort_keys=True)
        for index in first.values()
    }
    stored = _insert_punches(
        organization_id,
        now,
        [(judged_claims[i], _commitment(salts[i], bodies[i])) for i in first.values()],
    )
    fresh = {index: stored[key] for key, index in first.items() if key in stored}
    outcomes = _record_results(organization_id, judged_claims, fresh, context)
    if fresh:
        evidence = [
            {
                "organization_id": organization_id,
                "punch_id": punch_id,
                "salt": salts[index],
                "body": bodies[index],
                "recalculation_queued": False,
            }
            for index, punch_id in fresh.items()
        ]
        insert_rows(PunchEvidence, evidence)
        _touch_phones(organization_id, [judged_claims[index] for index in fresh])
    _log_ingestion(organization_id, judged_claims[0].claim.channel, outcomes, now)
    outbox.publish(
        organization_id,
        _outbox_messages(
            [(judged_claims[index], fresh[index]) for index in fresh], context.endpoints, now
        ),
        now,
    )
    return outcomes


def _touch_phones(organization_id: int, cases: Sequence[JudgedClaim]) -> None:
    for case in cases:
        if case.claim.signing_phone is not None and case.judgement.verdict == Verdict.ACCEPTED:
            phones.record_phone_punch(organization_id, case.claim.signing_phone.id, case.claim.at)


def _commitment(salt: str, body: str) -> str:
    return hashlib.sha256(f"{salt}.{body}".encode()).hexdigest()


def _finalize_claims(organization_id: int, cases: Sequence[JudgedClaim]) -> list[JudgedClaim]:
    """The cases with the last word on those that name a person, said under the lock on that
    person's row.
    """
    named = {case.claim.employee_id for case in cases if case.claim.employee_id is not None}
    if not named:
        return list(cases)
    punch_context.lock_employees(organization_id, named)
    keys = {key for case in cases for key in (*case.claim.other_keys, case.claim.key)}
    earlier = _stored_punches(organization_id, cases[0].claim.source, keys)
    return [
        _finalize_claim(organization_id, case, _stored_punch_of(case.claim, earlier))
        for case in cases
    ]


def _stored_punch_of(claim: Claim, stored_punches: Mapping[str, Punch]) -> Punch | None:
    """What has one of the claim's keys."""
    return next(
        (stored_punches[key] for key in (*claim.other_keys, claim.key) if key in stored_punches),
        None,
    )


def _finalize_claim(
    organization_id: int, case: JudgedClaim, stored_punch: Punch | None
) -> JudgedClaim:
    claim, employee_id = case.claim, case.claim.employee_id
    if stored_punch is not None and claim.content_digest in (None, stored_punch.fingerprint):
        return replace(case, stored_punch=stored_punch)
    if employee_id is None:
        return case
    case = _recheck_phone(organization_id, case, employee_id)
    if stored_punch is not None and case.judgement.verdict not in UNAUTHENTICATED_VERDICTS:
        return replace(case, stored_punch=stored_punch)
    if claim.sequence_window is None:
        return case
    # Of two that say "now" at once, the second to get the lock may be the first to have read the
    # clock: it comes after.
    until = claim.at if claim.at_text else max(claim.at, timezone.now())
    before = punch_context.previous_punch(
        organization_id, employee_id, until, claim.at - claim.sequence_window
    )
    if before is not None and before.at > claim.at:
        claim = replace(claim, at=before.at)
    return JudgedClaim(claim, finalize_judgement(claim, case.judgement, before))


def _recheck_phone(organization_id: int, case: JudgedClaim, employee_id: UUID) -> JudgedClaim:
    """The case, refused if the phone it came from was taken out of service since the channel
    looked.
    """
    claim, handset = case.claim, case.claim.signing_phone
    if handset is None or phones.is_key_active(
        organization_id, employee_id, handset.key_id, claim.at
    ):
        return case
    return replace(
        case, judgement=finalize_judgement(claim, case.judgement, None, (PHONE_DEACTIVATED,))
    )


def _insert_punches(
    organization_id: int, now: datetime, rows: Sequence[tuple[JudgedClaim, str]]
) -> dict[str, int]:
    """Insert the punches whose key is free; key → id of those. A parallel repeat waits here until
    the first has committed.
    """
    values = []
    for case, commitment in sorted(rows, key=lambda row: row[0].key):
        claim, judgement = case.claim, case.judgement
        person = judgement.employee
        values.append(
            {
                "organization_id": organization_id,
                "channel": claim.channel,
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
                "received_late": judgement.received_late,
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


def _stored_punches(organization_id: int, source: str, keys: Collection[str]) -> dict[str, Punch]:
    """The rows that have these keys, with their evidence, by key."""
    rows = (
        Punch.objects.of(organization_id)
        .filter(source=source, key__in=sorted(keys))
        .select_related("evidence")
    )
    return {punch.key: punch for punch in rows}


def _record_results(
    organization_id: int, cases: Sequence[JudgedClaim], fresh: dict[int, int], context: PunchContext
) -> list[RecordResult]:
    new = {cases[index].key: index for index in fresh}
    old = {case.key for case in cases if case.stored_punch is None and case.key not in new}
    earlier = _stored_punches(organization_id, cases[0].claim.source, old) if old else {}
    firsts = [
        *earlier.values(),
        *(case.stored_punch for case in cases if case.stored_punch is not None),
    ]
    people = _employees_by_id(organization_id, {punch.employee_id for punch in firsts}, context)
    outcomes = []
    for index, case in enumerate(cases):
        if case.stored_punch is None and case.key in new:
            one = new[case.key]
            outcomes.append(
                _result_of_new_punch(
                    cases[one], fresh[one], context.read_at, None if index == one else case
                )
            )
        else:
            punch = case.stored_punch or earlier[case.key]
            outcomes.append(
                _result_of_stored_punch(
                    punch, case, people.get(punch.employee_id) if punch.employee_id else None
                )
            )
    return outcomes


def _result_of_new_punch(
    case: JudgedClaim, punch_id: int, now: datetime, repeat: JudgedClaim | None
) -> RecordResult:
    """The outcome of a claim stored just now, or of its `repeat` in the same request."""
    claim, judgement = case.claim, case.judgement
    same = repeat is not None and repeat.claim.fingerprint == claim.fingerprint
    return RecordResult(
        punch_id,
        judgement.verdict,
        judgement.reasons,
        judgement.employee,
        claim.at,
        now,
        claim.direction,
        judgement.flags,
        judgement.received_late,
        claim.evidence,
        is_duplicate=same,
        is_conflict=repeat is not None and not same,
    )


def _result_of_stored_punch(
    punch: Punch, case: JudgedClaim, employee: EmployeeSnapshot | None
) -> RecordResult:
    evidence: PunchEvidence | None = getattr(punch, "evidence", None)
    same = case.claim.content_digest is not None or _has_same_content(punch, case.claim)
    return RecordResult(
        punch.pk,
        punch.verdict,
        punch.reasons,
        employee,
        punch.occurred_at,
        punch.received_at,
        punch.direction,
        tuple(punch.flags),
        punch.received_late,
        json.loads(evidence.body) if evidence and evidence.body else {},
        is_duplicate=same,
        is_conflict=not same,
    )


def _has_same_content(punch: Punch, claim: Claim) -> bool:
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


def _employees_by_id(
    organization_id: int, ids: Collection[UUID | None], context: PunchContext
) -> dict[UUID, EmployeeSnapshot]:
    """People by id: those known already, and in one more query those whose number belongs to
    somebody else by now.
    """
    found = {
        person.id: person
        for fitting in (*context.employees_by_code.values(), context.employees_by_id.values())
        for person in fitting
    }
    missing = {one for one in ids if one is not None} - found.keys()
    if missing:
        found |= punch_context.query_punch_context(
            organization_id, [], None, include_worker_ids=False, ids=missing
        ).employees_by_id
    return found


def _log_ingestion(
    organization_id: int, channel: str, outcomes: Sequence[RecordResult], now: datetime
) -> None:
    kinds = Counter(_ingestion_category(outcome) for outcome in outcomes)
    numbers = {
        kind: kinds[kind] for kind in ("accepted", "refused", "duplicate", "conflict", "unmatched")
    }
    row = {
        "organization_id": organization_id,
        "channel": channel,
        "at": now,
        "received": len(outcomes),
    }
    insert_rows(IngestionLogEntry, [row | numbers])


def _ingestion_category(outcome: RecordResult) -> str:
    if outcome.is_conflict:
        return "conflict"
    if outcome.is_duplicate:
        return "duplicate"
    return (
        outcome.verdict if outcome.verdict in (Verdict.ACCEPTED, Verdict.UNMATCHED) else "refused"
    )


def _punch_event(case: JudgedClaim, punch_id: int, now: datetime) -> payloads.PunchEvent:
    claim, judgement = case.claim, case.judgement
    return payloads.PunchEvent(
        punch_id=punch_id,
        channel=claim.channel,
        direction=claim.direction,
        at=claim.at,
        home_zone=claim.home_zone,
        received_at=now,
        received_late=judgement.received_late,
        flags=judgement.flags,
        user_code=claim.user_code or (judgement.employee.code if judgement.employee else ""),
        raw_input_type=claim.raw_input_type,
        terminal=claim.terminal,
        source=claim.source,
        employee=judgement.employee,
        evidence=claim.evidence,
    )


def _outbox_messages(
    rows: Sequence[tuple[JudgedClaim, int]],
    endpoints: Sequence[punch_context.EndpointConfig],
    now: datetime,
) -> list[outbox.OutboxMessage]:
    messages = []
    for case, punch_id in rows:
        verdict = case.judgement.verdict
        wanted = [
            t
            for t in endpoints
            if verdict == Verdict.ACCEPTED or (verdict == Verdict.UNMATCHED and t.include_unmatched)
        ]
        if wanted:
            told = _punch_event(case, punch_id, now)
            messages += [payloads.build_outbox_message(told, target, now) for target in wanted]
    return messages
