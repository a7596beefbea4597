"""Adoption: puts new deliveries into the lanes of their endpoints and makes those lanes due.

`webhooks.outbox` only inserts deliveries. The dispatcher calls `adopt_deliveries`, which locks the
lanes, numbers the deliveries in the feed of their endpoint and wakes the lanes. `webhooks.services`
calls `mark_waiting_lanes_due` after a replay.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from core.raw_sql import run_sql, to_db_datetime
from webhooks.lanes import IDLE_TRANSACTION_TIMEOUT_MS

# A few milliseconds, after which others are looked at: one punch of a tenant with hundreds of
# endpoints is hundreds of rows.
ADOPT_BATCH_SIZE = 50
ADOPT_SCAN_LIMIT = 5000
# Any number: the advisory lock under which one worker at a time adopts.
_ADOPTION_LOCK_ID = 7_411_903


def adopt_deliveries() -> int:
    """Put deliveries that nobody adopted yet into their lanes and make those due; returns how many
    deliveries.

    A lane that is being worked on keeps its lease: its worker looks for a successor under the
    lane's lock, after this.
    """
    # Looking first costs a reader nothing; an UPDATE would take SQLite's only write lock twenty
    # times a second.
    if not run_sql("SELECT 1 FROM webhooks_delivery WHERE state = 'new' LIMIT 1"):
        return 0
    with transaction.atomic():
        if not _try_adoption_lock():
            return 0
        # Organizations in turn: a gate of one tenant with hundreds of endpoints does not keep the
        # others' punches waiting.
        fresh = run_sql(
            "WITH fresh AS (SELECT id, organization_id, endpoint_id, lane_key, position FROM"
            " webhooks_delivery WHERE state = 'new' ORDER BY id LIMIT %s), turns AS (SELECT"
            " fresh.*, ROW_NUMBER() OVER (PARTITION BY organization_id ORDER BY id) AS turn FROM"
            " fresh) SELECT organization_id, endpoint_id, lane_key, id, position FROM turns ORDER"
            " BY turn, id LIMIT %s",
            *(ADOPT_SCAN_LIMIT, ADOPT_BATCH_SIZE),
        )
        if not fresh:
            return 0
        # Lanes before endpoints, as a worker locks them when it records.
        _mark_lanes_due(sorted({row[:3] for row in fresh}))
        positions = _assign_positions(
            [(endpoint_id, key) for _, endpoint_id, _, key, position in fresh if position is None]
        )
        positions |= {key: position for *_, key, position in fresh if position is not None}
        given = ", ".join(["(%s, %s)"] * len(positions))
        run_sql(
            f"WITH given (id, place) AS (VALUES {given}) UPDATE webhooks_delivery"  # noqa: S608
            " SET state = 'waiting', position = given.place"
            " FROM given WHERE webhooks_delivery.id = given.id",
            *(value for pair in sorted(positions.items()) for value in pair),
        )
    return len(fresh)


def _try_adoption_lock() -> bool:
    """Whether this transaction is the one that adopts: two could put a lane's sixth delivery into
    place before its fifth.

    Should this process be stopped half way, the database ends the transaction, and another worker
    adopts.
    """
    if connection.vendor != "postgresql":
        return True
    ((alone, _),) = run_sql(
        "SELECT pg_try_advisory_xact_lock(%s), set_config('idle_in_transaction_session_timeout',"
        " %s, TRUE)",
        *(_ADOPTION_LOCK_ID, IDLE_TRANSACTION_TIMEOUT_MS),
    )
    return bool(alone)


def _assign_positions(rows: Sequence[tuple[int, int]]) -> dict[int, int]:
    """Positions in the feeds of their endpoints for deliveries (endpoint, id), taken under the
    endpoints' locks.
    """
    by_endpoint: dict[int, list[int]] = {}
    for endpoint_id, key in sorted(rows):
        by_endpoint.setdefault(endpoint_id, []).append(key)
    if not by_endpoint:
        return {}
    wanted = ", ".join(["(%s, %s)"] * len(by_endpoint))
    last = dict(
        run_sql(
            f"WITH wanted (id, number) AS (VALUES {wanted}) UPDATE webhooks_endpoint"  # noqa: S608
            " SET last_position = last_position + wanted.number FROM wanted"
            " WHERE webhooks_endpoint.id = wanted.id RETURNING webhooks_endpoint.id, last_position",
            *(
                value
                for endpoint_id, keys in by_endpoint.items()
                for value in (endpoint_id, len(keys))
            ),
        )
    )
    return {
        key: position
        for endpoint_id, keys in by_endpoint.items()
        for position, key in enumerate(keys, last[endpoint_id] - len(keys) + 1)
    }


def _mark_lanes_due(lanes: Sequence[tuple[Any, ...]]) -> None:
    if not lanes:
        return
    now = to_db_datetime(timezone.now())
    rows = ", ".join(["(%s, %s, %s, %s, 0, FALSE, FALSE)"] * len(lanes))
    run_sql(
        "INSERT INTO webhooks_lane (organization_id, endpoint_id, key, due_at,"  # noqa: S608
        f" lease_token, held, lapsed) VALUES {rows} ON CONFLICT (endpoint_id, key)"
        " DO UPDATE SET due_at = COALESCE(webhooks_lane.due_at, excluded.due_at)",
        *(value for lane in lanes for value in (*lane, now)),
    )


def mark_waiting_lanes_due(endpoint_id: int, keys: Collection[str]) -> None:
    """Make those lanes of an endpoint due in which something waits: after a replay put finished
    deliveries back.
    """
    order = 'COLLATE "C"' if connection.vendor == "postgresql" else ""
    marks = ", ".join(["%s"] * len(keys))
    run_sql(
        "INSERT INTO webhooks_lane (organization_id, endpoint_id, key, due_at,"  # noqa: S608
        " lease_token, held, lapsed)"
        " SELECT organization_id, endpoint_id, lane_key, %s, 0, FALSE, FALSE FROM"
        " webhooks_delivery d"
        f" WHERE d.endpoint_id = %s AND d.lane_key IN ({marks}) AND d.state = 'waiting'"
        f" GROUP BY organization_id, endpoint_id, lane_key ORDER BY lane_key {order}"
        " ON CONFLICT (endpoint_id, key) DO UPDATE SET due_at = COALESCE(webhooks_lane.due_at,"
        " excluded.due_at)",
        *(to_db_datetime(timezone.now()), endpoint_id, *keys),
    )
