"""Pace: how many pushes fit into the rate (deliveries per second) that HR set for an endpoint.

Pure: the row keeps only the time up to which the pace is used up (`paced_until`). Called by
`webhooks.lane_claims`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

# An endpoint with a pace gets so much at once after a rest.
PACE_BURST_S: Final = 0.1


def pushes_within_pace(per_second: int, paced_until: datetime | None, now: datetime) -> int:
    """How many pushes fit in now when `per_second` are wanted; what was not used adds up to a tenth
    of that and one more.
    """
    return int(
        (now - _effective_paced_until(per_second, paced_until, now)).total_seconds() * per_second
        + 1e-6
    )


def next_paced_until(
    per_second: int, before: datetime | None, now: datetime, number: int
) -> datetime:
    """Up to when the pace is used up after `number` more pushes."""
    return _effective_paced_until(per_second, before, now) + timedelta(seconds=number / per_second)


def _effective_paced_until(
    per_second: int, paced_until: datetime | None, now: datetime
) -> datetime:
    # Longer than the dispatcher looks away, and no longer: what is saved up comes on top of the
    # pace in the second after.
    earliest = now - timedelta(seconds=PACE_BURST_S + 1 / per_second)
    return max(paced_until, earliest) if paced_until is not None else earliest
