"""Which claims were stored before: the rows that have a claim's keys, and whether a row has the
same content.

Called by `judged_claims` under the lock on the employee's row, and by `results` after the insert.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from attendance.models import Punch
from attendance.punches.claims import Claim


def query_stored_punches(
    organization_id: int, source: str, keys: Collection[str]
) -> dict[str, Punch]:
    """The rows that have these keys, with their evidence, by key."""
    rows = (
        Punch.objects.of(organization_id)
        .filter(source=source, key__in=sorted(keys))
        .select_related("evidence")
    )
    return {punch.key: punch for punch in rows}


def stored_punch_of(claim: Claim, stored_punches: Mapping[str, Punch]) -> Punch | None:
    """What has one of the claim's keys."""
    return next(
        (stored_punches[key] for key in (*claim.other_keys, claim.key) if key in stored_punches),
        None,
    )


def has_same_content(punch: Punch, claim: Claim) -> bool:
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
