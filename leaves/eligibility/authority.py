"""Is leave of this type and length within an officer's authority (G11)? Pure. Called by
`leaves.services.authority`.
"""

from __future__ import annotations

from leaves.eligibility.refusal import LeaveRefusal
from leaves.policies import Authority, LeavePolicyVersion, LeaveType


def authority_refusal(
    kind: LeaveType, days: float, own: Authority | None, policy: LeavePolicyVersion
) -> LeaveRefusal | None:
    """Why leave of that length is not this authority's to decide; None when it is."""
    needed = policy.sanction_for(kind, days)
    if needed is None or (own is not None and own.rank >= needed.authority.rank):
        return None
    mine = [
        one.up_to_days or 0
        for one in policy.sanctions_for(kind)
        if own is not None and one.authority.rank <= own.rank
    ]
    limit = max(mine, default=0)
    about = {
        "kind": str(kind),
        "days": days,
        "needed": str(needed.authority),
        "own": str(own or ""),
        "limit": limit,
    }
    return LeaveRefusal("BEYOND_AUTHORITY", "G11", "decision", about)
