"""What became of the claims of a request: one result for each, of the punch stored now or of the
punch that was stored before.

`record` builds the results and returns them to the channels, which render their replies from them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from attendance.models import Punch, PunchEvidence, Verdict
from attendance.punches import context as punch_context
from attendance.punches.context import PunchContext
from attendance.punches.duplicates import has_same_content, query_stored_punches
from attendance.punches.judged_claims import JudgedClaim
from attendance.punches.verdicts import EmployeeSnapshot


@dataclass(frozen=True, slots=True)
class RecordResult:
    """What became of one claim, as it is stored.

    `is_duplicate`: it was stored before. `is_conflict`: its key belongs to another content. For
    both, everything is the first row's. `at` and `received_at` are UTC. `employee` is None while
    nobody is known. `evidence` is empty when it was erased.
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


def build_results(
    organization_id: int,
    judged_claims: Sequence[JudgedClaim],
    fresh: dict[int, int],
    context: PunchContext,
) -> list[RecordResult]:
    new = {judged_claims[index].key: index for index in fresh}
    old = {
        judged.key
        for judged in judged_claims
        if judged.stored_punch is None and judged.key not in new
    }
    earlier = (
        query_stored_punches(organization_id, judged_claims[0].claim.source, old) if old else {}
    )
    firsts = [
        *earlier.values(),
        *(judged.stored_punch for judged in judged_claims if judged.stored_punch is not None),
    ]
    people = _employees_by_id(organization_id, {punch.employee_id for punch in firsts}, context)
    outcomes = []
    for index, judged in enumerate(judged_claims):
        if judged.stored_punch is None and judged.key in new:
            one = new[judged.key]
            outcomes.append(
                _result_of_new_punch(
                    judged_claims[one],
                    fresh[one],
                    context.read_at,
                    None if index == one else judged,
                )
            )
        else:
            punch = judged.stored_punch or earlier[judged.key]
            outcomes.append(
                _result_of_stored_punch(
                    punch,
                    judged,
                    people.get(punch.employee_id) if punch.employee_id else None,
                )
            )
    return outcomes


def _result_of_new_punch(
    judged: JudgedClaim, punch_id: int, now: datetime, repeat: JudgedClaim | None
) -> RecordResult:
    """The outcome of a claim stored just now, or of its `repeat` in the same request."""
    claim, judgement = judged.claim, judged.judgement
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
    punch: Punch, judged: JudgedClaim, employee: EmployeeSnapshot | None
) -> RecordResult:
    evidence: PunchEvidence | None = getattr(punch, "evidence", None)
    same = judged.claim.content_digest is not None or has_same_content(punch, judged.claim)
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
