"""The push itself: take up a lane → sign and send with no transaction open → record. From the database alone.

Constraints that shaped it: tasks may vanish, run twice or run late; one lane is strictly in order; an endpoint that fails must
not cost the others anything; no transaction is open while a customer's server thinks. Called by the Celery task, and by
the watcher's own threads while the broker is suspect.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from cryptography.fernet import InvalidToken
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.secrets import decrypt
from employees.rows import give_back, insert_rows, moment, run
from webhooks import http, lanes, schedule
from webhooks.lanes import Job
from webhooks.models import Attempt, Delivery, Endpoint, Lane
from webhooks.schedule import Outcome
from webhooks.signing import sign

DEADLINE_S = 15.0
# One worker stays on a lane for this many deliveries, then others get a turn.
STAY = 20
REPLY_KEPT = 2048


def run_lane(lane_id: int, token: int) -> int:
    """Take up a lane that was handed over, and work it off; returns how many attempts were made.

    A token that is no longer the lane's changes nothing: somebody else has the lane, or had it already.
    """
    held = lanes.take_up(lane_id, token)
    return 0 if held is None else work_off(lane_id, held)


def work_off(lane_id: int, held: int) -> int:
    """Deliver what waits in a lane that is held, in order, as long as it goes well; returns how many attempts were made."""
    for done in range(STAY):
        job = lanes.next_job(lane_id, held)
        if job is None:
            return done
        started = timezone.now()
        reply = send(job, started)
        if not record(job, started, reply, stay=done + 1 < STAY and not job.paced):
            return done + 1
    return STAY


def send(job: Job, started: datetime) -> http.Reply:
    """Sign a delivery for this attempt and post it. Touches no row."""
    try:
        secrets = [decrypt(job.secret_cipher)]
        if job.previous_secret_until is not None and job.previous_secret_until > started:
            secrets.append(decrypt(job.previous_secret_cipher))
    except InvalidToken:
        return http.Reply(None, b"", "secret", "No configured key fits the endpoint's secret.", "", 0, None)
    body = job.body.encode()
    timestamp = int(started.timestamp())
    headers = {
        "Content-Type": "application/json",
        "webhook-id": job.message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secrets, job.message_id, timestamp, body),
        "Muster-Sequence": str(job.sequence),
        "Muster-Previous-Sequence": str(job.previous),
        "Muster-Lane": job.lane_key,
        "Muster-Attempt": str(job.attempts + 1),
    }
    url = job.url
    if job.query:
        url += ("&" if "?" in url else "?") + job.query
    # A pooled connection goes back while the customer's server thinks; there are more of those than connections.
    give_back()
    return http.send(url, body, headers, deadline_s=DEADLINE_S)


def record(job: Job, started: datetime, reply: http.Reply, *, stay: bool = True) -> bool:
    """Write down what an attempt came to and set the lane for what is next; True when more can be sent right away.

    One short transaction. If the lane's token is not ours any more, only the attempt itself is kept, marked stale.
    """
    outcome = schedule.outcome(job.mode, reply.status, reply.error, reply.body)
    now = timezone.now()
    with transaction.atomic():
        # First, because it locks the lane: a delivery adopted from now on finds the lane after us and wakes it again.
        mine = lanes.hold(job.lane_id, job.token)
        _note(job, started, reply, str(outcome) if mine else "stale")
        if not mine:
            return False
        due_at: datetime | None = now
        if outcome is Outcome.DELIVERED or outcome is Outcome.MESSAGE_FAULT:
            due_at = _finish(job, outcome, now)
            _endpoint_answered(job, reply.duration_ms >= schedule.SLOW_MS)
        else:
            _count(job)
            _endpoint_failed(job, outcome, reply, started, now)
        more = stay and outcome is Outcome.DELIVERED and due_at is not None
        if not more:
            lanes.settle(job.lane_id, job.token, due_at)
    return more


def _note(job: Job, started: datetime, reply: http.Reply, verdict: str) -> None:
    text = reply.body[:REPLY_KEPT].decode("utf-8", "replace").replace("\x00", "�")
    row = {
        "organization_id": job.organization_id,
        "delivery_id": job.delivery_id,
        "number": job.attempts + 1,
        "started_at": started,
        "duration_ms": reply.duration_ms,
        "status": reply.status,
        "verdict": verdict,
        "error": reply.error,
        "detail": reply.detail.replace("\x00", "�")[:300],
        "address": reply.address,
        "reply": text,
    }
    insert_rows(Attempt, [row])


def _count(job: Job, *, refusals: int = 0, state: str = "waiting", finished_at: datetime | None = None) -> None:
    """Add an attempt to a delivery that still waits; one that is finished stays as it is."""
    run(
        "UPDATE webhooks_delivery SET attempts = attempts + 1, refusals = refusals + %s, state = %s, finished_at = %s"
        " WHERE id = %s AND state = 'waiting'",
        *(refusals, state, finished_at and moment(finished_at), job.delivery_id),
    )


def _finish(job: Job, outcome: Outcome, now: datetime) -> datetime | None:
    """Close a delivered or given-up message, or set its next try; returns when the lane is due (None: nothing waits)."""
    if outcome is Outcome.MESSAGE_FAULT:
        delay = schedule.message_delay(job.refusals + 1, random.random())  # noqa: S311
        if delay is not None:
            _count(job, refusals=1)
            return now + timedelta(seconds=delay)
        _count(job, refusals=1, state=Delivery.State.DEAD, finished_at=now)
    else:
        _count(job, state=Delivery.State.DELIVERED, finished_at=now)
    return now if lanes.waits(job.lane_id) else None


def _endpoint_answered(job: Job, slow: bool) -> None:
    """An answer of any kind proves the endpoint alive: close the breaker and ramp up. One that took long is noted."""
    if job.failures == 0 and job.allowance == job.max_in_flight and job.slow == slow:
        return
    Endpoint.objects.of(job.organization_id).filter(pk=job.endpoint_id).update(
        failures=0,
        failing_since=None,
        retry_at=None,
        allowance=schedule.ramped(job.allowance, job.max_in_flight),
        slow=slow,
    )


def _endpoint_failed(job: Job, outcome: Outcome, reply: http.Reply, started: datetime, now: datetime) -> None:
    """Back the endpoint off, or pause it. Attempts that were under way together count as one failure."""
    rows = Endpoint.objects.of(job.organization_id).filter(pk=job.endpoint_id, state=Endpoint.State.ACTIVE)
    if outcome is Outcome.GONE:
        rows.update(state=Endpoint.State.PAUSED, pause_reason=Endpoint.PauseReason.GONE)
        return
    failures = job.failures + 1
    asked = schedule.retry_after(reply.retry_after, now)
    delay = schedule.endpoint_delay(failures, random.random(), asked)  # noqa: S311
    since = job.failing_since or now
    changes: dict[str, object] = {
        "failures": failures,
        "failing_since": since,
        "retry_at": now + timedelta(seconds=delay),
        "allowance": 1,
        "slow": True,
    }
    if (now - since).total_seconds() > schedule.GIVE_UP_AFTER_S:
        changes |= {"state": Endpoint.State.PAUSED, "pause_reason": Endpoint.PauseReason.FAILING}
    rows.filter(Q(retry_at__isnull=True) | Q(retry_at__lte=started)).update(**changes)


def oldest_due() -> timedelta:
    """How long the longest-waiting delivery has waited that could be sent now: readiness looks at this."""
    now = timezone.now()
    lane = (
        Lane.objects.filter(due_at__lte=now, endpoint__state=Endpoint.State.ACTIVE, endpoint__failures=0)
        .filter(Q(leased_until__isnull=True) | Q(leased_until__lte=now), endpoint__removed_at__isnull=True)
        .order_by("due_at")
        .first()
    )
    new = Delivery.objects.filter(state=Delivery.State.NEW).order_by("id").first()
    ages = [now - lane.due_at] if lane is not None and lane.due_at is not None else []
    ages += [now - new.created_at] if new is not None else []
    return max(ages, default=timedelta())
