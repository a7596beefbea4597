"""Lanes: one-at-a-time order of deliveries, held by lease and token. All of it is SQL that both
engines run.

`adopt_deliveries` puts new deliveries into their lanes, `claim_lanes` leases due lanes under a
fresh token, `accept_handovers` trades that token for one to work with, `reschedule_lane` and
`release_lane` give a lane back, `claim_next_lane` goes on with the next of its endpoint. Every
change names the token: a worker that was stopped and wakes up late changes nothing. Plain SQL,
because this runs for every push and the ORM spends more on writing a statement than the database on
running it. Called by `webhooks.dispatcher` and `webhooks.delivery`.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from core.raw_sql import SqlExpression, from_db_datetime, run_sql, to_db_datetime, write_transaction
from webhooks import retry_policy

# While sending: longer than the deadline can take. While handed over: as long as a healthy broker
# may need.
SENDING_LEASE = timedelta(seconds=30)
HANDOVER_LEASE = timedelta(seconds=1.5)
# A few milliseconds, after which others are looked at: one punch of a tenant with hundreds of
# endpoints is hundreds of rows.
ADOPT_BATCH_SIZE = 50
ADOPT_SCAN_LIMIT = 5000
# A worker that does nothing for this long within a transaction was stopped: its locks are taken
# from it. Milliseconds.
IDLE_TRANSACTION_TIMEOUT_MS = "1500"
MAX_ENDPOINTS_PER_CLAIM = 300

# Only what was adopted: a new row belongs to the adopter, who will wake the lane.
_WAITING_IN_LANE_SQL = (
    "d.endpoint_id = l.endpoint_id AND d.lane_key = l.key AND d.state = 'waiting'"
)
_LANE_HAS_WAITING_SQL = f"SELECT 1 FROM webhooks_delivery d WHERE {_WAITING_IN_LANE_SQL}"  # noqa: S608
_NEXT_DELIVERY_SQL = (
    f"SELECT d.id FROM webhooks_delivery d WHERE {_WAITING_IN_LANE_SQL} ORDER BY d.sequence LIMIT 1"  # noqa: S608
)
# Any number: the advisory lock under which one worker at a time adopts.
_ADOPTION_LOCK_ID = 7_411_903
_LANE_IS_DUE_SQL = "due_at <= %s AND (leased_until IS NULL OR leased_until <= %s)"


@dataclass(frozen=True, slots=True)
class LaneLease:
    """A lane under lease. `late` says that an earlier lease ran out: nobody took it up in time, or
    its holder is gone.

    `held` says that the lease is long enough to work with as it is; else it must be taken up.
    """

    lane_id: int
    token: int
    lapsed: bool
    held: bool = False


@dataclass(frozen=True, slots=True)
class DeliveryJob:
    """The next delivery of a lane that is held, and where it goes: facts at the time of reading."""

    lane_id: int
    token: int
    organization_id: int
    endpoint_id: int
    lane_key: str
    delivery_id: int
    message_id: str
    sequence: int
    query: str
    body: str
    attempts: int
    refusals: int
    mode: str
    url: str
    secret_cipher: str
    previous_secret_cipher: str
    previous_secret_until: datetime | None
    failures: int
    failing_since: datetime | None
    allowance: int
    max_in_flight: int
    slow: bool
    has_pace: bool
    previous_sequence: int


def adopt_deliveries() -> int:
    """Put deliveries nobody has seen yet into their lanes and make those due; returns how many
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
        places = _assign_positions(
            [(endpoint_id, key) for _, endpoint_id, _, key, position in fresh if position is None]
        )
        places |= {key: position for *_, key, position in fresh if position is not None}
        given = ", ".join(["(%s, %s)"] * len(places))
        run_sql(
            f"WITH given (id, place) AS (VALUES {given}) UPDATE webhooks_delivery"  # noqa: S608
            " SET state = 'waiting', position = given.place"
            " FROM given WHERE webhooks_delivery.id = given.id",
            *(value for pair in sorted(places.items()) for value in pair),
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
    """Places in the feeds of their endpoints for deliveries (endpoint, id), taken under the
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
        key: place
        for endpoint_id, keys in by_endpoint.items()
        for place, key in enumerate(keys, last[endpoint_id] - len(keys) + 1)
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


def claim_lanes(
    free_slots: int, lease: timedelta = HANDOVER_LEASE, total_slots: int | None = None
) -> list[LaneLease]:
    """Lease up to `free_slots` due lanes, divided fairly among endpoints that may be sent to now,
    under a new token.

    `lease` is short for a hand-over, which `accept_handovers` prolongs, and `SENDING_LEASE` for
    whoever sets to work at once. `total` is how many hands there are when all are free.
    """
    now = timezone.now()
    at = to_db_datetime(now)
    if not free_slots:
        return []
    held = _busy_lane_counts(at)
    rooms = _endpoint_capacities(now, _organizations_at_slow_limit(held, total_slots or free_slots))
    if not rooms:
        return []
    shares = retry_policy.divide_fairly(
        [room.capacity for room in rooms.values()], held, free_slots, total_slots or free_slots
    )
    shares = {
        key: number for key, number in shares.items() if _consume_pace(key, rooms[key], number, now)
    }
    if not shares:
        return []
    picks = [
        "SELECT id FROM (SELECT id FROM webhooks_lane"  # noqa: S608
        f" WHERE endpoint_id = %s AND {_LANE_IS_DUE_SQL}"
        f" ORDER BY due_at LIMIT %s {_skip_locked_sql()}) AS pick{endpoint_id}"
        for endpoint_id in shares
    ]
    params = [
        value for endpoint_id, number in shares.items() for value in (endpoint_id, at, at, number)
    ]
    with write_transaction():
        rows = run_sql(
            "UPDATE webhooks_lane SET lease_token = %s, leased_until = %s, held = %s,"  # noqa: S608
            " lapsed = (leased_until IS NOT NULL AND NOT held) WHERE id IN"
            f" ({' UNION ALL '.join(picks)})"
            " AND (leased_until IS NULL OR leased_until <= %s) RETURNING id, lease_token, lapsed",
            new_lease_token(),
            to_db_datetime(now + lease),
            lease >= SENDING_LEASE,
            *params,
            at,
        )
    return [
        LaneLease(lane_id, token, bool(late), lease >= SENDING_LEASE)
        for lane_id, token, late in rows
    ]


@dataclass(frozen=True, slots=True)
class PacedCapacity:
    """How many more lanes an endpoint may be given now, and the pace it asked for."""

    capacity: retry_policy.EndpointCapacity
    per_second: int | None
    paced_until: datetime | None


def _busy_lane_counts(at: Any) -> dict[tuple[int, bool], int]:
    """How many lanes are being worked on, by organization and whether their endpoint is slow."""
    rows = run_sql(
        "SELECT e.organization_id, (e.slow OR e.failures > 0), COUNT(*) FROM webhooks_lane l"
        " JOIN webhooks_endpoint e ON e.id = l.endpoint_id WHERE l.leased_until > %s"
        " GROUP BY e.organization_id, (e.slow OR e.failures > 0)",
        at,
    )
    return {(organization, bool(slow)): number for organization, slow, number in rows}


def _organizations_at_slow_limit(held: dict[tuple[int, bool], int], total: int) -> list[int] | None:
    """Organizations whose slow endpoints hold all they may; None when all slow endpoints together
    do.
    """
    most, most_of_one = retry_policy.slow_endpoint_limits(total)
    slow = {organization: number for (organization, is_slow), number in held.items() if is_slow}
    return (
        None
        if sum(slow.values()) >= most
        else [one for one, number in slow.items() if number >= most_of_one]
    )


def _endpoint_capacities(now: datetime, full: list[int] | None) -> dict[int, PacedCapacity]:
    """What each endpoint may be given. One that fails gets one probe at a time, one with a pace no
    more than its pace.

    Slow endpoints of organizations in `full` (None: of all) would get nothing: they are not asked
    for. Two hundred that hang would cost every look at the others some milliseconds.
    """
    at = to_db_datetime(now)
    quick = "AND NOT (e.slow OR e.failures > 0)"
    if full:
        quick = (
            "AND NOT ((e.slow OR e.failures > 0) AND e.organization_id IN"
            f" ({', '.join(['%s'] * len(full))}))"
        )
    elif full is not None:
        quick = ""
    rows = run_sql(
        "SELECT e.id, e.organization_id, e.slow, e.failures, e.allowance,"  # noqa: S608
        " e.max_per_second, e.paced_until,"
        " (SELECT COUNT(*) FROM webhooks_lane busy"
        " WHERE busy.endpoint_id = e.id AND busy.leased_until > %s)"
        f" FROM webhooks_endpoint e WHERE e.state = 'active' AND e.removed_at IS NULL {quick}"
        " AND (e.retry_at IS NULL OR e.retry_at <= %s)"
        " AND EXISTS (SELECT 1 FROM webhooks_lane l WHERE l.endpoint_id = e.id AND l.due_at <= %s"
        " AND (l.leased_until IS NULL OR l.leased_until <= %s))"
        " ORDER BY e.slow, RANDOM() LIMIT %s",
        *(at, *(full or []), at, at, at, MAX_ENDPOINTS_PER_CLAIM),
    )
    rooms = {}
    for key, organization, slow, failures, allowance, per_second, until, busy in rows:
        paced_until = from_db_datetime(until)
        number = (1 if failures else allowance) - busy
        if per_second is not None:
            number = min(number, retry_policy.pushes_within_pace(per_second, paced_until, now))
        if number > 0:
            want = retry_policy.EndpointCapacity(
                key, organization, number, bool(slow) or failures > 0
            )
            rooms[key] = PacedCapacity(want, per_second, paced_until)
    return rooms


def _consume_pace(endpoint_id: int, room: PacedCapacity, number: int, now: datetime) -> bool:
    """Use up an endpoint's pace for `number` pushes; False when another watcher was faster. True
    without a pace.
    """
    if room.per_second is None:
        return True
    before = "paced_until IS NULL" if room.paced_until is None else "paced_until = %s"
    until = retry_policy.next_paced_until(room.per_second, room.paced_until, now, number)
    params = [
        to_db_datetime(until),
        endpoint_id,
        *([to_db_datetime(room.paced_until)] if room.paced_until else []),
    ]
    with write_transaction():
        return bool(
            run_sql(
                f"UPDATE webhooks_endpoint SET paced_until = %s WHERE id = %s AND {before}"  # noqa: S608
                " RETURNING id",
                *params,
            )
        )


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
        if _skip_locked_sql()
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


def new_lease_token() -> int:
    """A token nobody had before. Random and not counted up: the worker's commits are not waited
    for, so a database that crashes may forget the last tokens, and a number that comes again would
    let their holders back in.
    """
    return secrets.randbelow(2**63 - 1) + 1


def next_jobs(held: Sequence[LaneLease]) -> list[DeliveryJob]:
    """What is next in each of the lanes that are held; a lane in which nothing is to be sent is
    given back.
    """
    if not held:
        return []
    ours = " OR ".join(["(l.id = %s AND l.lease_token = %s)"] * len(held))
    rows = run_sql(
        "SELECT l.id, l.lease_token, l.organization_id, l.endpoint_id, l.key, d.id,"  # noqa: S608
        " d.message_id, d.sequence, d.query, d.body, d.attempts, d.refusals, e.mode, e.url,"
        " e.secret_cipher, e.previous_secret_cipher, e.previous_secret_until,"
        " e.failures, e.failing_since, e.allowance, e.max_in_flight, e.slow, e.max_per_second IS"
        " NOT NULL,"
        " COALESCE((SELECT p.sequence FROM webhooks_delivery p WHERE p.endpoint_id = l.endpoint_id"
        " AND p.lane_key = l.key"
        " AND p.sequence < d.sequence AND p.state = 'delivered' ORDER BY p.sequence DESC LIMIT 1),"
        " 0) FROM webhooks_lane l"
        " JOIN webhooks_endpoint e ON e.id = l.endpoint_id AND e.state = 'active' AND e.removed_at"
        " IS NULL"
        f" JOIN webhooks_delivery d ON d.id = ({_NEXT_DELIVERY_SQL}) WHERE {ours}",
        *(value for one in held for value in (one.lane_id, one.token)),
    )
    jobs = [_job_from_row(*row) for row in rows]
    idle = {one.lane_id for one in held} - {job.lane_id for job in jobs}
    for one in held:
        if one.lane_id in idle:
            release_lane(one.lane_id, one.token)
    return jobs


def next_job(held: LaneLease) -> DeliveryJob | None:
    """As `next_jobs`, of one lane."""
    return next(iter(next_jobs([held])), None)


def _job_from_row(*row: Any) -> DeliveryJob:
    facts = list(row)
    facts[16], facts[18] = from_db_datetime(facts[16]), from_db_datetime(facts[18])
    facts[21], facts[22] = bool(facts[21]), bool(facts[22])
    return DeliveryJob(*facts)


def lane_lock_query(lane_id: int, token: int) -> SqlExpression:
    """The query that locks a lane until the transaction ends, and has a row if the lane is still
    ours.

    A process that is stopped before the transaction's end loses the lock: whoever adopts would wait
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
    """One more due lane of an endpoint, for the hand that has just finished one of it; None when
    there is none, or no room.

    Within the transaction that gave the other lane back: so nobody ever counts one push more at the
    endpoint than it may get. What an earlier lease ran out on is left to `claim_lanes`, which knows
    whom to suspect.
    """
    now = timezone.now()
    # Without the lock on the endpoint: one that another hand finds failing at this moment gets one
    # push too many, as ever.
    rows = run_sql(
        "UPDATE webhooks_lane SET lease_token = %s, leased_until = %s, held = TRUE,"  # noqa: S608
        " lapsed = FALSE WHERE id = (SELECT id FROM webhooks_lane WHERE endpoint_id = %s"
        " AND due_at <= %s AND leased_until IS NULL ORDER BY due_at LIMIT 1"
        f" {_skip_locked_sql()}) AND leased_until IS NULL AND EXISTS (SELECT 1 FROM"
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


def _skip_locked_sql() -> str:
    return "FOR UPDATE SKIP LOCKED" if connection.features.has_select_for_update_skip_locked else ""
