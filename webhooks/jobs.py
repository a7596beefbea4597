"""Jobs: the next delivery of each lane that is held, with all that is needed to send it.

`next_jobs` reads it in one statement, and gives a lane back in which nothing is to be sent. Called
by `webhooks.dispatcher` and `webhooks.delivery`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.raw_sql import from_db_datetime, run_sql
from webhooks.lanes import WAITING_IN_LANE_SQL, LaneLease, release_lane

_NEXT_DELIVERY_SQL = (
    f"SELECT d.id FROM webhooks_delivery d WHERE {WAITING_IN_LANE_SQL} ORDER BY d.sequence LIMIT 1"  # noqa: S608
)


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
