"""Claims: which due lanes a worker gets, in fair shares and within the pace of each endpoint.

`claim_lanes` reads how many lanes every endpoint may be given now, lets `webhooks.fair_share`
divide the free slots, uses up the pace of endpoints that have one and leases the lanes under a
fresh token. Called by `webhooks.dispatcher`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from core.raw_sql import from_db_datetime, run_sql, to_db_datetime, write_transaction
from webhooks import pace
from webhooks.fair_share import EndpointCapacity, divide_fairly, slow_endpoint_limits
from webhooks.lanes import (
    HANDOVER_LEASE,
    SENDING_LEASE,
    LaneLease,
    new_lease_token,
    skip_locked_sql,
)

MAX_ENDPOINTS_PER_CLAIM = 300
_LANE_IS_DUE_SQL = "due_at <= %s AND (leased_until IS NULL OR leased_until <= %s)"


@dataclass(frozen=True, slots=True)
class PacedCapacity:
    """How many more lanes an endpoint may be given now, and the pace it asked for."""

    capacity: EndpointCapacity
    per_second: int | None
    paced_until: datetime | None


def claim_lanes(
    free_slots: int, lease: timedelta = HANDOVER_LEASE, total_slots: int | None = None
) -> list[LaneLease]:
    """Lease up to `free_slots` due lanes, divided fairly among endpoints that may be sent to now,
    under a new token.

    `lease` is short for a hand-over, which `accept_handovers` prolongs, and `SENDING_LEASE` for a
    thread that starts at once. `total_slots` is how many slots the worker has when all are free.
    """
    now = timezone.now()
    at = to_db_datetime(now)
    if not free_slots:
        return []
    held = _busy_lane_counts(at)
    capacities = _endpoint_capacities(
        now, _organizations_at_slow_limit(held, total_slots or free_slots)
    )
    if not capacities:
        return []
    shares = divide_fairly(
        [paced.capacity for paced in capacities.values()],
        held,
        free_slots,
        total_slots or free_slots,
    )
    shares = {
        key: number
        for key, number in shares.items()
        if _consume_pace(key, capacities[key], number, now)
    }
    if not shares:
        return []
    picks = [
        "SELECT id FROM (SELECT id FROM webhooks_lane"  # noqa: S608
        f" WHERE endpoint_id = %s AND {_LANE_IS_DUE_SQL}"
        f" ORDER BY due_at LIMIT %s {skip_locked_sql()}) AS pick{endpoint_id}"
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
        LaneLease(lane_id, token, bool(lapsed), lease >= SENDING_LEASE)
        for lane_id, token, lapsed in rows
    ]


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
    most, most_of_one = slow_endpoint_limits(total)
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
    capacities = {}
    for key, organization, slow, failures, allowance, per_second, until, busy in rows:
        paced_until = from_db_datetime(until)
        number = (1 if failures else allowance) - busy
        if per_second is not None:
            number = min(number, pace.pushes_within_pace(per_second, paced_until, now))
        if number > 0:
            capacity = EndpointCapacity(key, organization, number, bool(slow) or failures > 0)
            capacities[key] = PacedCapacity(capacity, per_second, paced_until)
    return capacities


def _consume_pace(endpoint_id: int, paced: PacedCapacity, number: int, now: datetime) -> bool:
    """Use up an endpoint's pace for `number` pushes; False when another worker was faster. True
    without a pace.
    """
    if paced.per_second is None:
        return True
    before = "paced_until IS NULL" if paced.paced_until is None else "paced_until = %s"
    until = pace.next_paced_until(paced.per_second, paced.paced_until, now, number)
    params = [
        to_db_datetime(until),
        endpoint_id,
        *([to_db_datetime(paced.paced_until)] if paced.paced_until else []),
    ]
    with write_transaction():
        return bool(
            run_sql(
                f"UPDATE webhooks_endpoint SET paced_until = %s WHERE id = %s AND {before}"  # noqa: S608
                " RETURNING id",
                *params,
            )
        )
