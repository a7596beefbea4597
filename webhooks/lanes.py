"""Lanes: one-at-a-time order of deliveries, held by lease and token. All of it is SQL that both
engines run.

`webhooks.lane_claims` leases due lanes under a fresh token. `accept_handovers` trades that token
for one to work with, `reschedule_lane` and `release_lane` give a lane back, `claim_next_lane`
continues with the next lane of the endpoint. Every change names the token: a worker that was
stopped and wakes up late changes nothing. Plain SQL, because this runs for every push and the ORM
spends more on writing a statement than the database on running it. Called by the modules around
it: `webhooks.lane_claims`, `dispatcher`, `broker_handover`, `jobs`, `delivery` and `attempts`.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from core.raw_sql import SqlExpression, run_sql, to_db_datetime, write_transaction

# While sending: longer than the deadline can take. While handed over: as long as a healthy broker
# may need.
SENDING_LEASE = timedelta(seconds=30)
HANDOVER_LEASE = timedelta(seconds=1.5)
# A worker that does nothing for this long within a transaction was stopped: its locks are taken
# from it. Milliseconds.
IDLE_TRANSACTION_TIMEOUT_MS = "1500"
# Only what was adopted: a new row belongs to the adopter, who will wake the lane.
WAITING_IN_LANE_SQL = "d.endpoint_id = l.endpoint_id AND d.lane_key = l.key AND d.state = 'waiting'"
_LANE_HAS_WAITING_SQL = f"SELECT 1 FROM webhooks_delivery d WHERE {WAITING_IN_LANE_SQL}"  # noqa: S608


@dataclass(frozen=True, slots=True)
class LaneLease:
    """A lane under lease. `lapsed` says that an earlier lease ran out: nobody took it up in time,
    or its holder is gone.

    `held` says that the lease is long enough to work with as it is; else it must be taken up.
    """

    lane_id: int
    token: int
    lapsed: bool
    held: bool = False


def new_lease_token() -> int:
    """A token nobody had before. Random and not counted up: the worker's commits are not waited
    for, so a database that crashes may forget the last tokens, and a number that comes again would
    let their holders back in.
    """
    return secrets.randbelow(2**63 - 1) + 1


def accept_handovers(handed: Sequence[tuple[int, int]]) -> list[LaneLease]:
    """Trade the tokens of hand-overs (lane, token) for one to work with, so that a task that runs
    twice works once.

    What is missing in the answer came too late. Locked in the order in which `adopt_deliveries`
    locks lanes.
    """
    if not handed:
        return []
    held = new_lease_token()
    theirs = " OR ".join(["(id = %s AND lease_token = %s)"] * len(handed))
    locked = (
        'ORDER BY organization_id, endpoint_id, key COLLATE "C" FOR UPDATE'
        if skip_locked_sql()
        else ""
    )
    with write_transaction():
        taken = run_sql(
            "UPDATE webhooks_lane SET lease_token = %s, leased_until = %s, held = TRUE WHERE id IN"  # noqa: S608
            f" (SELECT id FROM webhooks_lane WHERE leased_until IS NOT NULL AND ({theirs})"
            f" {locked}) RETURNING id",
            *(
                held,
                to_db_datetime(timezone.now() + SENDING_LEASE),
                *(value for pair in handed for value in pair),
            ),
        )
    return [LaneLease(lane_id, held, lapsed=False, held=True) for (lane_id,) in taken]


def unaccepted_leases(claimed: Collection[LaneLease]) -> set[LaneLease]:
    """Those of `claimed` that nobody has taken up yet."""
    if not claimed:
        return set()
    marks = ", ".join(["%s"] * len(claimed))
    rows = run_sql(
        f"SELECT id, lease_token FROM webhooks_lane WHERE id IN ({marks})",  # noqa: S608
        *(one.lane_id for one in claimed),
    )
    now = dict(rows)
    return {one for one in claimed if now.get(one.lane_id) == one.token}


def lane_lock_query(lane_id: int, token: int) -> SqlExpression:
    """The query that locks a lane until the transaction ends, and has a row if the lane is still
    ours.

    A process that is stopped before the transaction's end loses the lock: an adopter would wait
    for it. On SQLite the transaction itself is the lock.
    """
    if connection.vendor != "postgresql":
        return SqlExpression(
            "SELECT id FROM webhooks_lane WHERE id = %s AND lease_token = %s", (lane_id, token)
        )
    return SqlExpression(
        "SELECT id, set_config('idle_in_transaction_session_timeout', %s, TRUE) FROM webhooks_lane"
        " WHERE id = %s AND lease_token = %s FOR UPDATE",
        (IDLE_TRANSACTION_TIMEOUT_MS, lane_id, token),
    )


def reschedule_lane(lane_id: int, token: int, due_at: datetime) -> None:
    """Give a lane back, to be worked on again at `due_at`."""
    run_sql(
        "UPDATE webhooks_lane SET due_at = %s, leased_until = NULL WHERE id = %s AND lease_token"
        " = %s",
        *(to_db_datetime(due_at), lane_id, token),
    )


def renew_or_release_lane(lane_id: int, token: int, *, keep_lane: bool) -> bool:
    """Whether a held and locked lane has more to send; with `keep_lane` it is kept then for as long
    as sending may take, in all other cases it is given back.

    A statement of its own after the one that locked the lane: it sees all that was adopted before
    the lock.
    """
    now = timezone.now()
    kept = f"CASE WHEN EXISTS ({_LANE_HAS_WAITING_SQL}) THEN %s END" if keep_lane else "NULL"
    rows = run_sql(
        "UPDATE webhooks_lane AS l"  # noqa: S608
        f" SET due_at = CASE WHEN EXISTS ({_LANE_HAS_WAITING_SQL}) THEN %s END,"
        f" leased_until = {kept}"
        # Not asked for as `IS NOT NULL`: with a partial index of that condition SQLite says yes
        # whatever was written.
        " WHERE id = %s AND lease_token = %s RETURNING leased_until",
        *(
            to_db_datetime(now),
            *([to_db_datetime(now + SENDING_LEASE)] if keep_lane else []),
            lane_id,
            token,
        ),
    )
    return bool(rows) and rows[0][0] is not None


def claim_next_lane(endpoint_id: int) -> LaneLease | None:
    """One more due lane of an endpoint, for the thread that has just finished one of it; None when
    there is none, or no room.

    Within the transaction that gave the other lane back: so nobody ever counts one push more at the
    endpoint than it may get. What an earlier lease ran out on is left to `claim_lanes`, which knows
    whom to suspect.
    """
    now = timezone.now()
    # Without the lock on the endpoint: one that another thread finds failing at this moment gets
    # one push too many.
    rows = run_sql(
        "UPDATE webhooks_lane SET lease_token = %s, leased_until = %s, held = TRUE,"  # noqa: S608
        " lapsed = FALSE WHERE id = (SELECT id FROM webhooks_lane WHERE endpoint_id = %s"
        " AND due_at <= %s AND leased_until IS NULL ORDER BY due_at LIMIT 1"
        f" {skip_locked_sql()}) AND leased_until IS NULL AND EXISTS (SELECT 1 FROM"
        " webhooks_endpoint e"
        " WHERE e.id = webhooks_lane.endpoint_id AND e.state = 'active' AND e.removed_at IS NULL"
        " AND e.failures = 0"
        " AND e.allowance > (SELECT COUNT(*) FROM webhooks_lane busy WHERE busy.endpoint_id = e.id"
        " AND busy.leased_until > %s))"
        " RETURNING id, lease_token",
        *(
            new_lease_token(),
            to_db_datetime(now + SENDING_LEASE),
            endpoint_id,
            to_db_datetime(now),
            to_db_datetime(now),
        ),
    )
    return next(
        (LaneLease(lane_id, token, lapsed=False, held=True) for lane_id, token in rows), None
    )


def release_lane(lane_id: int, token: int) -> None:
    """Give a lane back with nothing sent: it sleeps when nothing waits in it, else it stays due."""
    statement = lane_lock_query(lane_id, token)
    with transaction.atomic():
        if run_sql(statement.text, *statement.params):
            renew_or_release_lane(lane_id, token, keep_lane=False)


def skip_locked_sql() -> str:
    """What a query that locks lanes ends with: it passes over those that others have locked."""
    return "FOR UPDATE SKIP LOCKED" if connection.features.has_select_for_update_skip_locked else ""
