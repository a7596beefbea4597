"""The one way in: `record_punches`.

Every channel builds claims and calls this; nothing else writes punches. One short transaction
stores the punch, its verdict, its evidence, the count of the request and the rows of the outbox; no
broker and no customer is contacted.

The steps inside the transaction have a module each: `judged_claims` makes the final decision, under
the lock on the employee's row; `inserts` stores the rows; `results` says what became of each claim;
`events` makes the outbox messages.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, OperationalError, transaction
from django.utils.translation import gettext_lazy as _

from attendance.models import Verdict
from attendance.punches import context as punch_context
from attendance.punches.claims import Claim
from attendance.punches.context import PunchContext
from attendance.punches.events import build_outbox_messages
from attendance.punches.inserts import (
    evidence_commitment,
    insert_evidence,
    insert_punches,
    log_ingestion,
)
from attendance.punches.judged_claims import JudgedClaim, finalize_claims
from attendance.punches.results import RecordResult, build_results
from attendance.punches.verdicts import ClaimFacts, judge_claim
from devices import phones
from webhooks import outbox

T = TypeVar("T")

# Two transactions may meet while numbering a lane; each round one of them is through, so this is
# more than enough.
MAX_SEQUENCE_RETRIES = 60


class DatabaseBusy(OperationalError):
    """The database cannot take the write now; the caller has to try again."""


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

    Hand the answer on to `record_punches`, which then does not ask again. One query. Raises
    DatabaseBusy.
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

    Raises UnknownEmployee when a claim names nobody of the organization, DatabaseBusy when the
    database does not let the write through in time.
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
    judged_claims = [
        JudgedClaim(claim, judge_claim(claim, ClaimFacts(now, context.candidates(claim), ahead)))
        for claim in claims
    ]
    return retry_on_sequence_conflict(lambda: _record(organization_id, judged_claims, context))


def retry_on_sequence_conflict(
    write: Callable[[], T],
    begin: Callable[[], AbstractContextManager[None]] = transaction.atomic,
) -> T:
    """Run `write` in a transaction, again when it met another one that numbered the same lane.
    `begin` opens the transaction. Raises DatabaseBusy.
    """
    for _round in range(MAX_SEQUENCE_RETRIES):
        try:
            with begin():
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
    judged_claims = finalize_claims(organization_id, judged_claims)
    first: dict[str, int] = {}
    for index, judged in enumerate(judged_claims):
        if judged.stored_punch is None:
            first.setdefault(judged.key, index)
    salts = {index: secrets.token_hex(16) for index in first.values()}
    bodies = {
        index: json.dumps(judged_claims[index].claim.evidence, sort_keys=True)
        for index in first.values()
    }
    stored = insert_punches(
        organization_id,
        now,
        [(judged_claims[i], evidence_commitment(salts[i], bodies[i])) for i in first.values()],
    )
    fresh = {index: stored[key] for key, index in first.items() if key in stored}
    outcomes = build_results(organization_id, judged_claims, fresh, context)
    if fresh:
        insert_evidence(
            organization_id,
            [(punch_id, salts[index], bodies[index]) for index, punch_id in fresh.items()],
        )
        _touch_phones(organization_id, [judged_claims[index] for index in fresh])
    log_ingestion(organization_id, judged_claims[0].claim.channel, outcomes, now)
    outbox.publish(
        organization_id,
        build_outbox_messages(
            [(judged_claims[index], fresh[index]) for index in fresh], context.endpoints, now
        ),
        now,
    )
    return outcomes


def _touch_phones(organization_id: int, judged_claims: Sequence[JudgedClaim]) -> None:
    for judged in judged_claims:
        if judged.claim.signing_phone is not None and judged.judgement.verdict == Verdict.ACCEPTED:
            phones.record_phone_punch(
                organization_id, judged.claim.signing_phone.id, judged.claim.at
            )
