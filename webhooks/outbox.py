"""The queue of events: put in, inside the transaction that makes them true, and how long the oldest
waits. Called by attendance and by the readiness check; knows nothing about punches.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from core.raw_sql import SqlExpression, insert_rows
from webhooks.impossible_times import oldest_misdated_age
from webhooks.models import Delivery, Endpoint, Lane, new_message_id

# Two transactions that number the same lane at once: the constraint lets one through, the other is
# tried again whole.
SEQUENCE_CONSTRAINT = "delivery_sequence_once"
# A statement takes 32 766 (SQLite) or 65 535 (PostgreSQL) parameters; a row has about twenty.
ROWS_PER_STATEMENT = 1000


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """One event for one endpoint. The body is frozen when it is written: `head`, then the sequence
    number and `tail`.

    Without a `tail` the body is `head` alone, for formats that have no place for a number.
    """

    endpoint_id: int
    lane_key: str
    event_type: str
    subject: str
    head: str
    tail: str | None = None
    query: str = ""


def publish(organization_id: int, messages: Sequence[OutboxMessage], now: datetime) -> None:
    """Queue `messages` in their order, numbered within their lanes; one statement for each
    `ROWS_PER_STATEMENT` of them.

    Raises IntegrityError naming `SEQUENCE_CONSTRAINT` when another transaction numbered the same
    lane meanwhile.
    """
    # Sorted, so that two transactions meet in the same order and never wait for each other in a
    # circle. The sort is stable: within a lane the order of the messages holds.
    ordered = sorted(messages, key=lambda message: (message.endpoint_id, message.lane_key))
    for start in range(0, len(ordered), ROWS_PER_STATEMENT):
        insert_rows(
            Delivery, _rows(organization_id, ordered[start : start + ROWS_PER_STATEMENT], now)
        )


def _rows(
    organization_id: int, messages: Sequence[OutboxMessage], now: datetime
) -> list[dict[str, Any]]:
    """The rows of one statement, numbered after what is in their lanes by then."""
    ahead: Counter[tuple[int, str]] = Counter()
    rows = []
    for message in messages:
        lane = (message.endpoint_id, message.lane_key)
        ahead[lane] += 1
        sequence = SqlExpression(
            "(SELECT COALESCE(MAX(sequence), 0) FROM webhooks_delivery WHERE endpoint_id = %s AND"
            " lane_key = %s) + %s",
            (*lane, ahead[lane]),
        )
        rows.append(
            {
                "organization_id": organization_id,
                "message_id": new_message_id(),
                "endpoint_id": message.endpoint_id,
                "lane_key": message.lane_key,
                "sequence": sequence,
                "event_type": message.event_type,
                "subject": message.subject,
                "query": message.query,
                "body": _body(message, sequence),
                "state": Delivery.State.NEW,
                "attempts": 0,
                "refusals": 0,
                "created_at": now,
            }
        )
    return rows


def _body(message: OutboxMessage, sequence: SqlExpression) -> str | SqlExpression:
    if message.tail is None:
        return message.head
    return SqlExpression(
        f"%s || CAST({sequence.text} AS text) || %s", (message.head, *sequence.params, message.tail)
    )


def oldest_waiting_age() -> timedelta:
    """How long the longest-waiting delivery has waited that could be sent now: readiness looks at
    this.

    Leases are not looked at: a lane that is worked on is due again after every delivery. A lane
    whose due time cannot be right counts from when its delivery was accepted.
    """
    now = timezone.now()
    lane = (
        Lane.objects.filter(
            due_at__lte=now,
            endpoint__state=Endpoint.State.ACTIVE,
            endpoint__failures=0,
            endpoint__removed_at__isnull=True,
        )
        .order_by("due_at")
        .first()
    )
    new = Delivery.objects.filter(state=Delivery.State.NEW).order_by("id").first()
    ages = [now - lane.due_at] if lane is not None and lane.due_at is not None else []
    ages += [now - new.created_at] if new is not None else []
    return max(*ages, oldest_misdated_age(), timedelta())
