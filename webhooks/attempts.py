"""Recording an attempt: its result, the new state of its delivery and of its endpoint, and when its
lane is due again.

`record_attempt` does it in one short transaction after the customer's server has answered. Called
by `webhooks.delivery`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from core.outbound import client as outbound_client
from core.raw_sql import SqlExpression, insert_rows, run_sql, to_db_datetime
from webhooks import lanes, retry_policy
from webhooks.jobs import DeliveryJob
from webhooks.lanes import LaneLease
from webhooks.models import Attempt, Delivery, Endpoint
from webhooks.retry_policy import AttemptOutcome

MAX_STORED_REPLY_BYTES = 2048
STALE_VERDICT = "stale"


def record_attempt(
    job: DeliveryJob,
    started: datetime,
    reply: outbound_client.OutboundResponse,
    *,
    keep_lane: bool = True,
) -> LaneLease | None:
    """Write down what an attempt came to and set the lane for what is next.

    Returns the lane to go on with right away: this one, or when nothing waits in it another of the
    same endpoint. None without `keep_lane`, after a failure, and while the endpoint is slow or
    ramping up. One short transaction. If the lane's token is not ours any more, only the attempt
    itself is kept, marked stale.
    """
    outcome = retry_policy.classify_attempt(job.mode, reply.status, reply.error, reply.body)
    now = timezone.now()
    change = _delivery_update(job, outcome, now)
    with transaction.atomic():
        if not _record_result(job, started, reply, outcome, change):
            return None
        slow = reply.duration_ms >= retry_policy.SLOW_MS
        if outcome is AttemptOutcome.DELIVERED or outcome is AttemptOutcome.MESSAGE_FAULT:
            _endpoint_answered(job, slow)
        else:
            _endpoint_failed(job, outcome, reply, started, now)
        if change.due_at is not None:
            lanes.reschedule_lane(job.lane_id, job.token, change.due_at)
            return None
        keep_lane = keep_lane and outcome is AttemptOutcome.DELIVERED
        if lanes.renew_or_release_lane(job.lane_id, job.token, keep_lane=keep_lane):
            return LaneLease(job.lane_id, job.token, lapsed=False, held=True)
        # An endpoint that is slow, or just recovers, gets its threads one claim at a time.
        return (
            lanes.claim_next_lane(job.endpoint_id)
            if keep_lane and not slow and job.allowance == job.max_in_flight
            else None
        )


@dataclass(frozen=True, slots=True)
class DeliveryUpdate:
    """What an attempt does to its delivery, and when its lane is due again. None: when something
    waits in it.
    """

    state: str
    refusals: int
    finished_at: datetime | None
    due_at: datetime | None


def _delivery_update(job: DeliveryJob, outcome: AttemptOutcome, now: datetime) -> DeliveryUpdate:
    if outcome is AttemptOutcome.DELIVERED:
        return DeliveryUpdate(Delivery.State.DELIVERED, 0, now, None)
    if outcome is not AttemptOutcome.MESSAGE_FAULT:
        return DeliveryUpdate(Delivery.State.WAITING, 0, None, now)
    delay = retry_policy.message_retry_delay(job.refusals + 1, random.random())  # noqa: S311
    if delay is None:
        return DeliveryUpdate(Delivery.State.DEAD, 1, now, None)
    return DeliveryUpdate(Delivery.State.WAITING, 1, None, now + timedelta(seconds=delay))


def _record_result(
    job: DeliveryJob,
    started: datetime,
    reply: outbound_client.OutboundResponse,
    outcome: AttemptOutcome,
    change: DeliveryUpdate,
) -> bool:
    """Lock the lane, keep the attempt, and count it on its delivery; False, and the attempt marked
    stale, when it is not ours.

    The lane comes first: a delivery adopted from now on finds the lane after us and wakes it again.
    """
    lock = lanes.lane_lock_query(job.lane_id, job.token)
    finished_at = change.finished_at and to_db_datetime(change.finished_at)
    # One that is finished stays as it is.
    count = SqlExpression(
        "UPDATE webhooks_delivery SET attempts = attempts + 1, refusals = refusals + %s, state ="
        " %s, finished_at = %s WHERE id = %s AND state = 'waiting'",
        (change.refusals, change.state, finished_at, job.delivery_id),
    )
    row = _attempt_row(job, started, reply)
    if connection.vendor != "postgresql":
        mine = bool(run_sql(lock.text, *lock.params))
        insert_rows(Attempt, [row | {"verdict": str(outcome) if mine else STALE_VERDICT}])
        if mine:
            run_sql(count.text, *count.params)
        return mine
    # The same in one round trip.
    text = f"WITH mine AS ({lock.text}), counted AS ({count.text} AND EXISTS (SELECT 1 FROM mine))"  # noqa: S608
    both = SqlExpression(text, (*lock.params, *count.params))
    verdict = SqlExpression(
        "CASE WHEN EXISTS (SELECT 1 FROM mine) THEN %s ELSE %s END", (str(outcome), STALE_VERDICT)
    )
    return insert_rows(
        Attempt, [row | {"verdict": verdict}], before=both, suffix="RETURNING verdict"
    ) != [(STALE_VERDICT,)]


def _attempt_row(
    job: DeliveryJob, started: datetime, reply: outbound_client.OutboundResponse
) -> dict[str, object]:
    text = reply.body[:MAX_STORED_REPLY_BYTES].decode("utf-8", "replace").replace("\x00", "�")
    return {
        "organization_id": job.organization_id,
        "delivery_id": job.delivery_id,
        "number": job.attempts + 1,
        "started_at": started,
        "duration_ms": reply.duration_ms,
        "status": reply.status,
        "error": reply.error,
        "detail": reply.detail.replace("\x00", "�")[:300],
        "address": reply.address,
        "reply": text,
    }


def _endpoint_answered(job: DeliveryJob, slow: bool) -> None:
    """An answer of any kind proves the endpoint alive: close the breaker and ramp up. One that took
    long is noted.
    """
    if job.failures == 0 and job.allowance == job.max_in_flight and job.slow == slow:
        return
    Endpoint.objects.of(job.organization_id).filter(pk=job.endpoint_id).update(
        failures=0,
        failing_since=None,
        retry_at=None,
        allowance=retry_policy.ramp_up_allowance(job.allowance, job.max_in_flight),
        slow=slow,
    )


def _endpoint_failed(
    job: DeliveryJob,
    outcome: AttemptOutcome,
    reply: outbound_client.OutboundResponse,
    started: datetime,
    now: datetime,
) -> None:
    """Back the endpoint off, or pause it. Attempts that were under way together count as one
    failure.
    """
    rows = Endpoint.objects.of(job.organization_id).filter(
        pk=job.endpoint_id, state=Endpoint.State.ACTIVE
    )
    if outcome is AttemptOutcome.GONE:
        rows.update(state=Endpoint.State.PAUSED, pause_reason=Endpoint.PauseReason.GONE)
        return
    failures = job.failures + 1
    asked = retry_policy.parse_retry_after(reply.retry_after, now)
    delay = retry_policy.endpoint_retry_delay(failures, random.random(), asked)  # noqa: S311
    since = job.failing_since or now
    changes: dict[str, object] = {
        "failures": failures,
        "failing_since": since,
        "retry_at": now + timedelta(seconds=delay),
        "allowance": 1,
        "slow": True,
    }
    if (now - since).total_seconds() > retry_policy.PAUSE_ENDPOINT_AFTER_S:
        changes |= {"state": Endpoint.State.PAUSED, "pause_reason": Endpoint.PauseReason.FAILING}
    rows.filter(Q(retry_at__isnull=True) | Q(retry_at__lte=started)).update(**changes)
