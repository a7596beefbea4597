"""The final decision on claims that name an employee, made under the lock on that employee's row.

Called by `record` inside its transaction. A duplicate is found here before anything is judged
again, and what was accepted in the meantime may still reject the claim. The rules themselves are in
`verdicts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from django.utils import timezone

from attendance.models import Punch, Verdict
from attendance.punches import context as punch_context
from attendance.punches.claims import Claim, Finding
from attendance.punches.duplicates import query_stored_punches, stored_punch_of
from attendance.punches.verdicts import (
    REJECTED_DEVICE,
    UNAUTHENTICATED_VERDICTS,
    ClaimJudgement,
    finalize_judgement,
)
from devices import phones

PHONE_DEACTIVATED: Final = Finding("device", "deactivated", REJECTED_DEVICE)


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


def finalize_claims(
    organization_id: int, judged_claims: Sequence[JudgedClaim]
) -> list[JudgedClaim]:
    """The claims, finally decided. Those that name an employee are decided under the lock on that
    employee's row.
    """
    named = {
        judged.claim.employee_id for judged in judged_claims if judged.claim.employee_id is not None
    }
    if not named:
        return list(judged_claims)
    punch_context.lock_employees(organization_id, named)
    keys = {key for judged in judged_claims for key in (*judged.claim.other_keys, judged.claim.key)}
    earlier = query_stored_punches(organization_id, judged_claims[0].claim.source, keys)
    return [
        _finalize_claim(organization_id, judged, stored_punch_of(judged.claim, earlier))
        for judged in judged_claims
    ]


def _finalize_claim(
    organization_id: int, judged: JudgedClaim, stored_punch: Punch | None
) -> JudgedClaim:
    claim, employee_id = judged.claim, judged.claim.employee_id
    if stored_punch is not None and claim.content_digest in (None, stored_punch.fingerprint):
        return replace(judged, stored_punch=stored_punch)
    if employee_id is None:
        return judged
    judged = _recheck_phone(organization_id, judged, employee_id)
    if stored_punch is not None and judged.judgement.verdict not in UNAUTHENTICATED_VERDICTS:
        return replace(judged, stored_punch=stored_punch)
    if claim.sequence_window is None:
        return judged
    # Of two that say "now" at once, the second to get the lock may be the first to have read the
    # clock: it comes after.
    until = claim.at if claim.at_text else max(claim.at, timezone.now())
    before = punch_context.previous_punch(
        organization_id, employee_id, until, claim.at - claim.sequence_window
    )
    if before is not None and before.at > claim.at:
        claim = replace(claim, at=before.at)
    return JudgedClaim(claim, finalize_judgement(claim, judged.judgement, before))


def _recheck_phone(organization_id: int, judged: JudgedClaim, employee_id: UUID) -> JudgedClaim:
    """The claim, rejected if its phone was deactivated after the channel looked."""
    claim, phone = judged.claim, judged.claim.signing_phone
    if phone is None or phones.is_key_active(organization_id, employee_id, phone.key_id, claim.at):
        return judged
    return replace(
        judged,
        judgement=finalize_judgement(claim, judged.judgement, None, (PHONE_DEACTIVATED,)),
    )
