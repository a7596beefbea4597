"""Lanes: one-at-a-time order of deliveries, held by lease and token. All of it is SQL that both
engines run.

`adopt` puts new deliveries into their lanes, `claim` leases due lanes under a fresh token,
`take_up` trades that token for one to work with, `settle` and `release` give a lane back, `another`
goes on with the next of its endpoint. Every change names the token: a worker that was stopped and
wakes up late changes nothing. Plain SQL, because this runs for every push and the ORM spends more
on writing a statement than the database on running it. Called by `webhooks.watcher` and
`webhooks.delivery`.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from employees.rows import Sql, moment, read_moment, run, turn
from webhooks import schedule

# While sending: longer than the deadline can take. While handed over: as long as a healthy broker
# may need.
SENDING = timedelta(seconds=30)
HANDED_OVER = timedelta(seconds=1.5)
# A few milliseconds, after which others are looked at: one punch of a tenant with hundreds of
# endpoints is hundreds of rows.
ADOPT_AT_ONCE = 50
LOOK_AT = 5000
# A worker that does nothing for this long within a transaction was stopped: its locks are taken
# from it. Milliseconds.
STOPPED_MS = "1500"
ENDPOINTS_AT_ONCE = 300

# Only what was adopted: a new row belongs to the adopter, who will wake the lane.
_WAITS = "d.endpoint_id = l.endpoint_id AND d.lane_key = l.key AND d.state = 'waiting'"
_WAITING = f"SELECT 1 FROM webhooks_delivery d WHERE {_WAITS}"  # noqa: S608
_NEXT = f"SELECT d.id FROM webhooks_delivery d WHERE {_WAITS} ORDER BY d.sequence LIMIT 1"  # noqa: S608
# Any number: the advisory lock under which one worker at a time adopts.
_ADOPTING = 7_411_903
_FREE = "due_at <= %s AND (leased_until IS NULL OR leased_until <= %s)"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A lane under lease. `late` says that an earlier lease ran out: nobody took it up in time, or
    its holder is gone.

    `held` says that the lease is long enough to work with as it is; else it must be taken up.
    """

    lane_id: int
    token: int
    late: bool
    held: bool = False


@dataclass(frozen=True, slots=True)
class Job:
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
    paced: bool
    previous: int


def adopt() -> int:
    """Put deliveries nobody has seen yet into their lanes and make those due; returns how many
    deliveries.

    A lane that is being worked on keeps its lease: its worker looks for a successor under the
    lane's lock, after this.
    """
    # Looking first costs a reader nothing; an UPDATE would take SQLite's only write lock twenty
    # times a second.
    if not run("SELECT 1 FROM webhooks_delivery WHERE state = 'new' LIMIT 1"):
        return 0
    with transaction.atomic():
        if not _alone():
            return 0
        # Organizations in turn: a gate of one tenant with hundreds of endpoints does not keep the
        # others' punches waiting.
        fresh = run(
            "WITH fresh AS (SELECT id, organization_id, endpoint_id, lane_key, position FROM"
            " webhooks_delivery WHERE state = 'new' ORDER BY id LIMIT %s), turns AS (SELECT"
            " fresh.*, ROW_NUMBER() OVER (PARTITION BY organization_id ORDER BY id) AS turn FROM"
            " fresh) SELECT organization_id, endpoint_id, lane_key, id, position FROM turns ORDER"
            " BY turn, id LIMIT %s",
            *(LOOK_AT, ADOPT_AT_ONCE),
        )
        if not fresh:
            return 0
        # Lanes before endpoints, as a worker locks them when it records.
        _wake(sorted({row[:3] for row in fresh}))
        places = _places(
            [(endpoint_id, key) for _, endpoint_id, _, key, position in fresh if position is None]
        )
        places |= {key: position for *_, key, position in fresh if position is not None}
        given = ", ".join(["(%s, %s)"] * len(places))
        run(
            f"WITH given (id, place) AS (VALUES {given}) UPDATE webhooks_delivery"  # noqa: S608
            " SET state = 'waiting', position = given.place"
            " FROM given WHERE webhooks_delivery.id = given.id",
            *(value for pair in sorted(places.items()) for value in pair),
        )
    return len(fresh)


def _alone() -> bool:
    """Whether this transaction is the one that adopts: two could put a lane's sixth delivery into
    place before its fifth.

    Should this process be stopped half way, the database ends the transaction, and another worker
    adopts.
    """
    if connection.vendor != "postgresql":
        return True
    ((alone, _),) = run(
        "SELECT pg_try_advisory_xact_lock(%s), set_config('idle_in_transaction_session_timeout',"
        " %s, TRUE)",
        *(_ADOPTING, STOPPED_MS),
    )
    return bool(alone)


def _places(rows: Sequence[tuple[int, int]]) -> dict[int, int]:
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
        run(
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


def _wake(lanes: Sequence[tuple[Any, ...]]) -> None:
    if not lanes:
        return
    now = moment(timezone.now())
    rows = ", ".join(["(%s, %s, %s, %s, 0, FALSE, FALSE)"] * len(lanes))
    run(
        "INSERT INTO webhooks_lane (organization_id, endpoint_id, key, due_at,"  # noqa: S608
        f" lease_token, held, lapsed) VALUES {rows} ON CONFLICT (endpoint_id, key)"
        " DO UPDATE SET due_at = COALESCE(webhooks_lane.due_at, excluded.due_at)",
        *(value for lane in lanes for value in (*lane, now)),
    )


def wake(endpoint_id: int, keys: Collection[str]) -> None:
    """Make those lanes of an endpoint due in which something waits: after a replay put finished
    deliveries back.
    """
    order = 'COLLATE "C"' if connection.vendor == "postgresql" else ""
    marks = ", ".join(["%s"] * len(keys))
    run(
        "INSERT INTO webhooks_lane (organization_id, endpoint_id, key, due_at,"  # noqa: S608
        " lease_token, held, lapsed)"
        " SELECT organization_id, endpoint_id, lane_key, %s, 0, FALSE, FALSE FROM"
        " webhooks_delivery d"
        f" WHERE d.endpoint_id = %s AND d.lane_key IN ({marks}) AND d.state = 'waiting'"
        f" GROUP BY organization_id, endpoint_id, lane_key ORDER BY lane_key {order}"
        " ON CONFLICT (endpoint_id, key) DO UPDATE SET due_at = COALESCE(webhooks_lane.due_at,"
        " excluded.due_at)",
        *(moment(timezone.now()), endpoint_id, *keys),
    )


def claim(hands: int, lease: timedelta = HANDED_OVER, total: int | None = None) -> list[Claimed]:
    """Lease up to `hands` due lanes, divided fairly among endpoints that may be sent to now, under
    a new token.

    `lease` is short for a hand-over, which `take_up` prolongs, and `SENDING` for whoever sets to
    work at once. `total` is how many hands there are when all are free.
    """
    now = timezone.now()
    at = moment(now)
    if not hands:
        return []
    held = _held(at)
    rooms = _rooms(now, _full(held, total or hands))
    if not rooms:
        return []
    shares = schedule.share([room.want for room in rooms.values()], held, hands, total or hands)
    shares = {
        key: number for key, number in shares.items() if _keep_pace(key, rooms[key], number, now)
    }
    if not shares:
        return []
    picks = [
        f"SELECT id FROM (SELECT id FROM webhooks_lane WHERE endpoint_id = %s AND {_FREE}"  # noqa: S608
        f" ORDER BY due_at LIMIT %s {_skip()}) AS pick{endpoint_id}"
        for endpoint_id in shares
    ]
    params = [
        value for endpoint_id, number in shares.items() for value in (endpoint_id, at, at, number)
    ]
    with turn():
        rows = run(
            "UPDATE webhooks_lane SET lease_token = %s, leased_until = %s, held = %s,"  # noqa: S608
            " lapsed = (leased_until IS NOT NULL AND NOT held) WHERE id IN"
            f" ({' UNION ALL '.join(picks)})"
            " AND (leased_until IS NULL OR leased_until <= %s) RETURNING id, lease_token, lapsed",
            new_token(),
            moment(now + lease),
            lease >= SENDING,
            *params,
            at,
        )
    return [Claimed(lane_id, token, bool(late), lease >= SENDING) for lane_id, token, late in rows]


@dataclass(frozen=True, slots=True)
class Room:
    """How many more lanes an endpoint may be given now, and the pace it asked for."""

    want: schedule.Want
    per_second: int | None
    paced_until: datetime | None


def _held(at: Any) -> dict[tuple[int, bool], int]:
    """How many lanes are being worked on, by organization and whether their endpoint is slow."""
    rows = run(
        "SELECT e.organization_id, (e.slow OR e.failures > 0), COUNT(*) FROM webhooks_lane l"
        " JOIN webhooks_endpoint e ON e.id = l.endpoint_id WHERE l.leased_until > %s"
        " GROUP BY e.organization_id, (e.slow OR e.failures > 0)",
        at,
    )
    return {(organization, bool(slow)): number for organization, slow, number in rows}


def _full(held: dict[tuple[int, bool], int], total: int) -> list[int] | None:
    """Organizations whose slow endpoints hold all they may; None when all slow endpoints together
    do.
    """
    most, most_of_one = schedule.slow_hands(total)
    slow = {organization: number for (organization, is_slow), number in held.items() if is_slow}
    return (
        None
        if sum(slow.values()) >= most
        else [one for one, number in slow.items() if number >= most_of_one]
    )


def _rooms(now: datetime, full: list[int] | None) -> dict[int, Room]:
    """What each endpoint may be given. One that fails gets one probe at a time, one with a pace no
    more than its pace.

    Slow endpoints of organizations in `full` (None: of all) would get nothing: they are not asked
    for. Two hundred that hang would cost every look at the others some milliseconds.
    """
    at = moment(now)
    quick = "AND NOT (e.slow OR e.failures > 0)"
    if full:
        quick = (
            "AND NOT ((e.slow OR e.failures > 0) AND e.organization_id IN"
            f" ({', '.join(['%s'] * len(full))}))"
        )
    elif full is not None:
        quick = ""
    rows = run(
        "SELECT e.id, e.organization_id, e.slow, e.failures, e.allowance,"  # noqa: S608
        " e.max_per_second, e.paced_until,"
        " (SELECT COUNT(*) FROM webhooks_lane busy"
        " WHERE busy.endpoint_id = e.id AND busy.leased_until > %s)"
        f" FROM webhooks_endpoint e WHERE e.state = 'active' AND e.removed_at IS NULL {quick}"
        " AND (e.retry_at IS NULL OR e.retry_at <= %s)"
        " AND EXISTS (SELECT 1 FROM webhooks_lane l WHERE l.endpoint_id = e.id AND l.due_at <= %s"
        " AND (l.leased_until IS NULL OR l.leased_until <= %s))"
        " ORDER BY e.slow, RANDOM() LIMIT %s",
        *(at, *(full or []), at, at, at, ENDPOINTS_AT_ONCE),
    )
    rooms = {}
    for key, organization, slow, failures, allowance, per_second, until, busy in rows:
        paced_until = read_moment(until)
        number = (1 if failures else allowance) - busy
        if per_second is not None:
            number = min(number, schedule.pace(per_second, paced_until, now))
        if number > 0:
            want = schedule.Want(key, organization, number, bool(slow) or failures > 0)
            rooms[key] = Room(want, per_second, paced_until)
    return rooms


def _keep_pace(endpoint_id: int, room: Room, number: int, now: datetime) -> bool:
    """Use up an endpoint's pace for `number` pushes; False when another watcher was faster. True
    without a pace.
    """
    if room.per_second is None:
        return True
    before = "paced_until IS NULL" if room.paced_until is None else "paced_until = %s"
    until = schedule.paced_until(room.per_second, room.paced_until, now, number)
    params = [moment(until), endpoint_id, *([moment(room.paced_until)] if room.paced_until else [])]
    with turn():
        return bool(
            run(
                f"UPDATE webhooks_endpoint SET paced_until = %s WHERE id = %s AND {before}"  # noqa: S608
                " RETURNING id",
                *params,
            )
        )


def take_up(handed: Sequence[tuple[int, int]]) -> list[Claimed]:
    """Trade the tokens of hand-overs (lane, token) for one to work with, so that a task that runs
    twice works once.

    What is missing in the answer came too late. Locked in the order in which `adopt` locks lanes.
    """
    if not handed:
        return []
    held = new_token()
    theirs = " OR ".join(["(id = %s AND lease_token = %s)"] * len(handed))
    locked = 'ORDER BY organization_id, endpoint_id, key COLLATE "C" FOR UPDATE' if _skip() else ""
    with turn():
        taken = run(
            "UPDATE webhooks_lane SET lease_token = %s, leased_until = %s, held = TRUE WHERE id IN"  # noqa: S608
            f" (SELECT id FROM webhooks_lane WHERE leased_until IS NOT NULL AND ({theirs})"
            f" {locked}) RETURNING id",
            *(
                held,
                moment(timezone.now() + SENDING),
                *(value for pair in handed for value in pair),
            ),
        )
    return [Claimed(lane_id, held, late=False, held=True) for (lane_id,) in taken]


def untaken(claimed: Collection[Claimed]) -> set[Claimed]:
    """Those of `claimed` that nobody has taken up yet."""
    if not claimed:
        return set()
    marks = ", ".join(["%s"] * len(claimed))
    rows = run(
        f"SELECT id, lease_token FROM webhooks_lane WHERE id IN ({marks})",  # noqa: S608
        *(one.lane_id for one in claimed),
    )
    now = dict(rows)
    return {one for one in claimed if now.get(one.lane_id) == one.token}


def new_token() -> int:
    """A token nobody had before. Random and not counted up: the worker's commits are not waited
    for, so a database that crashes may forget the last tokens, and a number that comes again would
    let their holders back in.
    """
    return secrets.randbelow(2**63 - 1) + 1


def next_jobs(held: Sequence[Claimed]) -> list[Job]:
    """What is next in each of the lanes that are held; a lane in which nothing is to be sent is
    given back.
    """
    if not held:
        return []
    ours = " OR ".join(["(l.id = %s AND l.lease_token = %s)"] * len(held))
    rows = run(
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
        f" JOIN webhooks_delivery d ON d.id = ({_NEXT}) WHERE {ours}",
        *(value for one in held for value in (one.lane_id, one.token)),
    )
    jobs = [_job(*row) for row in rows]
    idle = {one.lane_id for one in held} - {job.lane_id for job in jobs}
    for one in held:
        if one.lane_id in idle:
            release(one.lane_id, one.token)
    return jobs


def next_job(held: Claimed) -> Job | None:
    """As `next_jobs`, of one lane."""
    return next(iter(next_jobs([held])), None)


def _job(*row: Any) -> Job:
    facts = list(row)
    facts[16], facts[18] = read_moment(facts[16]), read_moment(facts[18])
    facts[21], facts[22] = bool(facts[21]), bool(facts[22])
    return Job(*facts)


def hold(lane_id: int, token: int) -> Sql:
    """The query that locks a lane until the transaction ends, and has a row if the lane is still
    ours.

    A process that is stopped before the transaction's end loses the lock: whoever adopts would wait
    for it. On SQLite the transaction itself is the lock.
    """
    if connection.vendor != "postgresql":
        return Sql(
            "SELECT id FROM webhooks_lane WHERE id = %s AND lease_token = %s", (lane_id, token)
        )
    return Sql(
        "SELECT id, set_config('idle_in_transaction_session_timeout', %s, TRUE) FROM webhooks_lane"
        " WHERE id = %s AND lease_token = %s FOR UPDATE",
        (STOPPED_MS, lane_id, token),
    )


def settle(lane_id: int, token: int, due_at: datetime) -> None:
    """Give a lane back, to be worked on again at `due_at`."""
    run(
        "UPDATE webhooks_lane SET due_at = %s, leased_until = NULL WHERE id = %s AND lease_token"
        " = %s",
        *(moment(due_at), lane_id, token),
    )


def go_on(lane_id: int, token: int, *, stay: bool) -> bool:
    """Whether a held and locked lane has more to send; with `stay` it is kept then for as long as
    sending may take, in all other cases it is given back.

    A statement of its own after the one that locked the lane: it sees all that was adopted before
    the lock.
    """
    now = timezone.now()
    kept = f"CASE WHEN EXISTS ({_WAITING}) THEN %s END" if stay else "NULL"
    rows = run(
        f"UPDATE webhooks_lane AS l SET due_at = CASE WHEN EXISTS ({_WAITING}) THEN %s END,"  # noqa: S608
        f" leased_until = {kept}"
        # Not asked for as `IS NOT NULL`: with a partial index of that condition SQLite says yes
        # whatever was written.
        " WHERE id = %s AND lease_token = %s RETURNING leased_until",
        *(moment(now), *([moment(now + SENDING)] if stay else []), lane_id, token),
    )
    return bool(rows) and rows[0][0] is not None


def another(endpoint_id: int) -> Claimed | None:
    """One more due lane of an endpoint, for the hand that has just finished one of it; None when
    there is none, or no room.

    Within the transaction that gave the other lane back: so nobody ever counts one push more at the
    endpoint than it may get. What an earlier lease ran out on is left to `claim`, which knows whom
    to suspect.
    """
    now = timezone.now()
    # Without the lock on the endpoint: one that another hand finds failing at this moment gets one
    # push too many, as ever.
    rows = run(
        "UPDATE webhooks_lane SET lease_token = %s, leased_until = %s, held = TRUE,"  # noqa: S608
        " lapsed = FALSE WHERE id = (SELECT id FROM webhooks_lane WHERE endpoint_id = %s"
        " AND due_at <= %s AND leased_until IS NULL ORDER BY due_at LIMIT 1"
        f" {_skip()}) AND leased_until IS NULL AND EXISTS (SELECT 1 FROM webhooks_endpoint e"
        " WHERE e.id = webhooks_lane.endpoint_id AND e.state = 'active' AND e.removed_at IS NULL"
        " AND e.failures = 0"
        " AND e.allowance > (SELECT COUNT(*) FROM webhooks_lane busy WHERE busy.endpoint_id = e.id"
        " AND busy.leased_until > %s))"
        " RETURNING id, lease_token",
        *(new_token(), moment(now + SENDING), endpoint_id, moment(now), moment(now)),
    )
    return next((Claimed(lane_id, token, late=False, held=True) for lane_id, token in rows), None)


def release(lane_id: int, token: int) -> None:
    """Give a lane back with nothing sent: it sleeps when nothing waits in it, else it stays due."""
    statement = hold(lane_id, token)
    with transaction.atomic():
        if run(statement.text, *statement.params):
            go_on(lane_id, token, stay=False)


def _skip() -> str:
    return "FOR UPDATE SKIP LOCKED" if connection.features.has_select_for_update_skip_locked else ""
