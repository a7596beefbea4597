"""The push itself: take up a lane → sign and send with no transaction open → record. From the
database alone.

Constraints that shaped it: tasks may vanish, run twice or run late; one lane is strictly in order;
an endpoint that fails must not cost the others anything; no transaction is open while a customer's
server thinks. Called by the Celery task, and by the watcher's own threads while the broker is
suspect.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.fernet import InvalidToken
from django.db import (
    InterfaceError,
    OperationalError,
    close_old_connections,
    connection,
    transaction,
)
from django.db.models import Q
from django.utils import timezone

from accounts.credentials import decrypt
from core.outbound import client as outbound_client
from core.raw_sql import (
    SqlExpression,
    insert_rows,
    release_idle_connection,
    run_sql,
    to_db_datetime,
)
from webhooks import lanes, retry_policy
from webhooks.lanes import DeliveryJob, LaneLease
from webhooks.models import Attempt, Delivery, Endpoint, Lane
from webhooks.retry_policy import AttemptOutcome
from webhooks.signing import sign

ATTEMPT_DEADLINE_S = 15.0
# A hand stays with an endpoint for this many deliveries and begins none after so long, then others
# get a turn.
MAX_DELIVERIES_PER_TURN = 20
MAX_TURN_S = 0.5
MAX_STORED_REPLY_BYTES = 2048
STALE_VERDICT = "stale"


def run_lane(lane_id: int, token: int) -> int:
    """Take up a lane that was handed over, and work it off; returns how many attempts were made.

    A token that is no longer the lane's changes nothing: somebody else has the lane, or had it
    already.
    """
    return sum(
        deliver_waiting(job) for job in lanes.next_jobs(lanes.accept_handovers([(lane_id, token)]))
    )


def deliver_waiting(job: DeliveryJob) -> int:
    """Deliver what waits in the lane of `job`, in order, and then in other lanes of its endpoint,
    as long as it goes well.

    Returns how many attempts were made. Going on spares a claim, a message and the time until
    somebody takes that up.
    """
    until = time.monotonic() + MAX_TURN_S
    for done in range(1, MAX_DELIVERIES_PER_TURN):
        held = attempt_delivery(job, keep_lane=not job.has_pace and time.monotonic() < until)
        following = lanes.next_job(held) if held else None
        if following is None:
            return done
        job = following
    attempt_delivery(job, keep_lane=False)
    return MAX_DELIVERIES_PER_TURN


def attempt_delivery(job: DeliveryJob, *, keep_lane: bool) -> LaneLease | None:
    """Send a delivery once and record what became of it; the lane to go on with, if there
    is one.
    """
    started = timezone.now()
    reply = send_attempt(job, started)
    try:
        return record_attempt(job, started, reply, keep_lane=keep_lane)
    except (OperationalError, InterfaceError):
        # The database was restarted, and this thread's connection with it. Once more on a new one:
        # the token makes it safe. Without going on: should the first have been committed all the
        # same, nobody would know the lane it had taken.
        close_old_connections()
        return record_attempt(job, started, reply, keep_lane=False)


def send_attempt(job: DeliveryJob, started: datetime) -> outbound_client.OutboundResponse:
    """Sign a delivery for this attempt and post it. Touches no row."""
    try:
        secrets = [decrypt(job.secret_cipher)]
        if job.previous_secret_until is not None and job.previous_secret_until > started:
            secrets.append(decrypt(job.previous_secret_cipher))
    except InvalidToken:
        return outbound_client.OutboundResponse(
            None, b"", "secret", "No configured key fits the endpoint's secret.", "", 0, None
        )
    body = job.body.encode()
    timestamp = int(started.timestamp())
    headers = {
        "Content-Type": "application/json",
        "webhook-id": job.message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secrets, job.message_id, timestamp, body),
        "Muster-Sequence": str(job.sequence),
        "Muster-Previous-Sequence": str(job.previous_sequence),
        "Muster-Lane": job.lane_key,
        "Muster-Attempt": str(job.attempts + 1),
    }
    url = job.url
    if job.query:
        url += ("&" if "?" in url else "?") + job.query
    # A pooled connection goes back while the customer's server thinks; there are more of those than
    # connections.
    release_idle_connection()
    return outbound_client.send_request(url, body, headers, deadline_s=ATTEMPT_DEADLINE_S)


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
        # An endpoint that is slow, or just recovers, gets its hands one claim at a time.
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


def oldest_due_age() -> timedelta:
    """How long the longest-waiting delivery has waited that could be sent now: readiness looks at
    this.
    """
    now = timezone.now()
    lane = (
        Lane.objects.filter(
            due_at__lte=now, endpoint__state=Endpoint.State.ACTIVE, endpoint__failures=0
        )
        .filter(
            Q(leased_until__isnull=True) | Q(leased_until__lte=now),
            endpoint__removed_at__isnull=True,
        )
        .order_by("due_at")
        .first()
    )
    new = Delivery.objects.filter(state=Delivery.State.NEW).order_by("id").first()
    ages = [now - lane.due_at] if lane is not None and lane.due_at is not None else []
    ages += [now - new.created_at] if new is not None else []
    return max(ages, default=timedelta())
