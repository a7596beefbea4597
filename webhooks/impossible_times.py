"""Times that no worker with a right clock can have written, and their repair.

A worker whose clock was ahead leaves leases, due times and retry times that are as far ahead as its
clock was. After the clock is put right they would stop the pushes for so long. A lease, a retry and
a pace have a longest length: what is further ahead than that counts as run out. The dispatcher
calls `reset_impossible_times` every `TIME_CHECK_INTERVAL_S`; readiness calls
`oldest_misdated_age`. The rows are changed, so every other reader sees times that can be.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from core.raw_sql import from_db_datetime, run_sql, to_db_datetime
from webhooks import retry_policy
from webhooks.lanes import SENDING_LEASE, WAITING_IN_LANE_SQL, skip_locked_sql

log = logging.getLogger(__name__)

TIME_CHECK_INTERVAL_S: Final = 5.0
# The clocks of two workers may differ by as much: neither takes the other's times for impossible.
CLOCK_TOLERANCE: Final = timedelta(seconds=30)
RESET_BATCH_SIZE: Final = 2000

# How long a lane may wait depends on how often its message was refused: not at all before the
# first refusal. Only the first message that waits in a lane was ever attempted.
_REFUSALS_SQL = (
    "COALESCE((SELECT d.refusals FROM webhooks_delivery d"  # noqa: S608
    f" WHERE {WAITING_IN_LANE_SQL} AND d.refusals > 0 ORDER BY d.sequence LIMIT 1), 0)"
)
_DUE_IS_IMPOSSIBLE_SQL = (
    f"(l.due_at > %s AND l.due_at > CASE {_REFUSALS_SQL}"
    + " WHEN %s THEN %s" * len(retry_policy.MESSAGE_DELAYS)
    + " WHEN 0 THEN %s ELSE %s END)"
)


def _due_is_impossible_params(now: datetime) -> list[Any]:
    latest = now + CLOCK_TOLERANCE
    bounds = [
        latest + timedelta(seconds=delay * (1 + retry_policy.JITTER))
        for delay in retry_policy.MESSAGE_DELAYS
    ]
    levels = [
        value
        for refusals, bound in enumerate(bounds, start=1)
        for value in (refusals, to_db_datetime(bound))
    ]
    soonest = to_db_datetime(latest)
    return [soonest, *levels, soonest, to_db_datetime(max(bounds))]


def reset_impossible_times() -> int:
    """Count as run out, or as now, what is further ahead than it can be: leases and due times of
    lanes, the next attempt and the pace of endpoints. Returns how many rows were changed.
    """
    now = timezone.now()
    changed = 0
    while number := _reset_lanes(now):
        changed += number
        if number < RESET_BATCH_SIZE:
            break
    changed += _reset_endpoints(now)
    if changed:
        log.warning(
            "A clock was ahead: %d times of lanes and endpoints could not be right and count as"
            " now",
            changed,
        )
    return changed


def _reset_lanes(now: datetime) -> int:
    lease_end = to_db_datetime(now + SENDING_LEASE + CLOCK_TOLERANCE)
    found = (
        "SELECT l.id FROM webhooks_lane l WHERE"  # noqa: S608
        f" (l.leased_until > %s OR {_DUE_IS_IMPOSSIBLE_SQL}) LIMIT {RESET_BATCH_SIZE}"
    )
    params = [lease_end, *_due_is_impossible_params(now)]
    # Looking first costs a reader nothing; an UPDATE would take SQLite's only write lock.
    if not run_sql(found, *params):
        return 0
    at = to_db_datetime(now)
    with transaction.atomic():
        # Passing over those that others have locked: nobody waits for this in a circle.
        rows = run_sql(f"{found} {skip_locked_sql()}", *params)
        if not rows:
            return 0
        ids = [lane_id for (lane_id,) in rows]
        marks = ", ".join(["%s"] * len(ids))
        run_sql(
            "UPDATE webhooks_lane SET leased_until = CASE WHEN leased_until > %s THEN NULL"  # noqa: S608
            " ELSE leased_until END,"
            f" due_at = CASE WHEN due_at > %s THEN %s ELSE due_at END WHERE id IN ({marks})",
            *(lease_end, at, at, *ids),
        )
        # Who put off such a lane by a clock that was ahead may have put off its endpoint as well.
        run_sql(
            "UPDATE webhooks_endpoint SET retry_at = %s WHERE retry_at > %s AND id IN"  # noqa: S608
            f" (SELECT endpoint_id FROM webhooks_lane WHERE id IN ({marks}))",
            *(at, at, *ids),
        )
    return len(ids)


def _reset_endpoints(now: datetime) -> int:
    latest = now + CLOCK_TOLERANCE
    at, soonest = to_db_datetime(now), to_db_datetime(latest)
    longest = to_db_datetime(latest + timedelta(seconds=retry_policy.LONGEST_ENDPOINT_DELAY_S))
    impossible = "(retry_at > %s OR failing_since > %s OR paced_until > %s)"
    params = (longest, soonest, soonest)
    if not run_sql(f"SELECT 1 FROM webhooks_endpoint WHERE {impossible} LIMIT 1", *params):  # noqa: S608
        return 0
    with transaction.atomic():
        return len(
            run_sql(
                "UPDATE webhooks_endpoint SET"  # noqa: S608
                # A failure that began in the future was written down by a clock that was ahead.
                " retry_at = CASE WHEN retry_at > %s OR (failing_since > %s AND retry_at > %s)"
                " THEN %s ELSE retry_at END,"
                " failing_since = CASE WHEN failing_since > %s THEN %s ELSE failing_since END,"
                " paced_until = CASE WHEN paced_until > %s THEN NULL ELSE paced_until END"
                f" WHERE id IN (SELECT id FROM webhooks_endpoint WHERE {impossible}"
                f" {skip_locked_sql()}) RETURNING id",
                *(longest, soonest, at, at, soonest, at, soonest, *params),
            )
        )


def oldest_misdated_age() -> timedelta:
    """How long the oldest delivery waits whose lane is due at a time that cannot be, of endpoints
    that do not fail.
    """
    now = timezone.now()
    ((oldest,),) = run_sql(
        "SELECT MIN((SELECT d.created_at FROM webhooks_delivery d"  # noqa: S608
        f" WHERE {WAITING_IN_LANE_SQL} ORDER BY d.sequence LIMIT 1)) FROM webhooks_lane l"
        " JOIN webhooks_endpoint e ON e.id = l.endpoint_id AND e.state = 'active'"
        " AND e.failures = 0 AND e.removed_at IS NULL"
        f" WHERE {_DUE_IS_IMPOSSIBLE_SQL}",
        *_due_is_impossible_params(now),
    )
    at = from_db_datetime(oldest)
    return now - at if at is not None else timedelta()
