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

from accounts.secrets import decrypt
from employees.rows import Sql, give_back, insert_rows, moment, run
from webhooks import http, lanes, schedule
from webhooks.lanes import Claimed, Job
from webhooks.models import Attempt, Delivery, Endpoint, Lane
from webhooks.schedule import Outcome
from webhooks.signing import sign

DEADLINE_S = 15.0
# A hand stays with an endpoint for this many deliveries and begins none after so long, then others
# get a turn.
STAY = 20
STAY_S = 0.5
REPLY_KEPT = 2048
STALE = "stale"


def run_lane(lane_id: int, token: int) -> int:
    """Take up a lane that was handed over, and work it off; returns how many attempts were made.

    A token that is no longer the lane's changes nothing: somebody else has the lane, or had it
    already.
    """
    return sum(work_off(job) for job in lanes.next_jobs(lanes.take_up([(lane_id, token)])))


def work_off(job: Job) -> int:
    """Deliver what waits in the lane of `job`, in order, and then in other lanes of its endpoint,
    as long as it goes well.

    Returns how many attempts were made. Going on spares a claim, a message and the time until
    somebody takes that up.
    """
    until = time.monotonic() + STAY_S
    for done in range(1, STAY):
        held = attempt(job, stay=not job.paced and time.monotonic() < until)
        following = lanes.next_job(held) if held else None
        if following is None:
            return done
        job = following
    attempt(job, stay=False)
    return STAY


def attempt(job: Job, *, stay: bool) -> Claimed | None:
    """Send a delivery once and record what became of it; the lane to go on with, if there
    is one.
    """
    started = timezone.now()
    reply = send(job, started)
    try:
        return record(job, started, reply, stay=stay)
    except (OperationalError, InterfaceError):
        # The database was restarted, and this thread's connection with it. Once more on a new one:
        # the token makes it safe. Without going on: should the first have been committed all the
        # same, nobody would know the lane it had taken.
        close_old_connections()
        return record(job, started, reply, stay=False)


def send(job: Job, started: datetime) -> http.Reply:
    """Sign a delivery for this attempt and post it. Touches no row."""
    try:
        secrets = [decrypt(job.secret_cipher)]
        if job.previous_secret_until is not None and job.previous_secret_until > started:
            secrets.append(decrypt(job.previous_secret_cipher))
    except InvalidToken:
        return http.Reply(
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
        "Muster-Previous-Sequence": str(job.previous),
        "Muster-Lane": job.lane_key,
        "Muster-Attempt": str(job.attempts + 1),
    }
    url = job.url
    if job.query:
        url += ("&" if "?" in url else "?") + job.query
    # A pooled connection goes back while the customer's server thinks; there are more of those than
    # connections.
    give_back()
    return http.send(url, body, headers, deadline_s=DEADLINE_S)


def record(job: Job, started: datetime, reply: http.Reply, *, stay: bool = True) -> Claimed | None:
    """Write down what an attempt came to and set the lane for what is next.

    Returns the lane to go on with right away: this one, or when nothing waits in it another of the
    same endpoint. None without `stay`, after a failure, and while the endpoint is slow or ramping
    up. One short transaction. If the lane's token is not ours any more, only the attempt itself is
    kept, marked stale.
    """
    outcome = schedule.outcome(job.mode, reply.status, reply.error, reply.body)
    now = timezone.now()
    change = _change(job, outcome, now)
    with transaction.atomic():
        if not _note(job, started, reply, outcome, change):
            return None
        slow = reply.duration_ms >= schedule.SLOW_MS
        if outcome is Outcome.DELIVERED or outcome is Outcome.MESSAGE_FAULT:
            _endpoint_answered(job, slow)
        else:
            _endpoint_failed(job, outcome, reply, started, now)
        if change.due_at is not None:
            lanes.settle(job.lane_id, job.token, change.due_at)
            return None
        stay = stay and outcome is Outcome.DELIVERED
        if lanes.go_on(job.lane_id, job.token, stay=stay):
            return Claimed(job.lane_id, job.token, late=False, held=True)
        # An endpoint that is slow, or just recovers, gets its hands one claim at a time.
        return (
            lanes.another(job.endpoint_id)
            if stay and not slow and job.allowance == job.max_in_flight
            else None
        )


@dataclass(frozen=True, slots=True)
class Change:
    """What an attempt does to its delivery, and when its lane is due again. None: when something
    waits in it.
    """

    state: str
    refusals: int
    finished_at: datetime | None
    due_at: datetime | None


def _change(job: Job, outcome: Outcome, now: datetime) -> Change:
    if outcome is Outcome.DELIVERED:
        return Change(Delivery.State.DELIVERED, 0, now, None)
    if outcome is not Outcome.MESSAGE_FAULT:
        return Change(Delivery.State.WAITING, 0, None, now)
    delay = schedule.message_delay(job.refusals + 1, random.random())  # noqa: S311
    if delay is None:
        return Change(Delivery.State.DEAD, 1, now, None)
    return Change(Delivery.State.WAITING, 1, None, now + timedelta(seconds=delay))


def _note(job: Job, started: datetime, reply: http.Reply, outcome: Outcome, change: Change) -> bool:
    """Lock the lane, keep the attempt, and count it on its delivery; False, and the attempt marked
    stale, when it is not ours.

    The lane comes first: a delivery adopted from now on finds the lane after us and wakes it again.
    """
    lock = lanes.hold(job.lane_id, job.token)
    finished_at = change.finished_at and moment(change.finished_at)
    # One that is finished stays as it is.
    count = Sql(
        "UPDATE webhooks_delivery SET attempts = attempts + 1, refusals = refusals + %s, state ="
        " %s, finished_at = %s WHERE id = %s AND state = 'waiting'",
        (change.refusals, change.state, finished_at, job.delivery_id),
    )
    row = _attempt(job, started, reply)
    if connection.vendor != "postgresql":
        mine = bool(run(lock.text, *lock.params))
        insert_rows(Attempt, [row | {"verdict": str(outcome) if mine else STALE}])
        if mine:
            run(count.text, *count.params)
        return mine
    # The same in one round trip.
    text = f"WITH mine AS ({lock.text}), counted AS ({count.text} AND EXISTS (SELECT 1 FROM mine))"  # noqa: S608
    both = Sql(text, (*lock.params, *count.params))
    verdict = Sql(
        "CASE WHEN EXISTS (SELECT 1 FROM mine) THEN %s ELSE %s END", (str(outcome), STALE)
    )
    return insert_rows(
        Attempt, [row | {"verdict": verdict}], before=both, suffix="RETURNING verdict"
    ) != [(STALE,)]


def _attempt(job: Job, started: datetime, reply: http.Reply) -> dict[str, object]:
    text = reply.body[:REPLY_KEPT].decode("utf-8", "replace").replace("\x00", "�")
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


def _endpoint_answered(job: Job, slow: bool) -> None:
    """An answer of any kind proves the endpoint alive: close the breaker and ramp up. One that took
    long is noted.
    """
    if job.failures == 0 and job.allowance == job.max_in_flight and job.slow == slow:
        return
    Endpoint.objects.of(job.organization_id).filter(pk=job.endpoint_id).update(
        failures=0,
        failing_since=None,
        retry_at=None,
        allowance=schedule.ramped(job.allowance, job.max_in_flight),
        slow=slow,
    )


def _endpoint_failed(
    job: Job, outcome: Outcome, reply: http.Reply, started: datetime, now: datetime
) -> None:
    """Back the endpoint off, or pause it. Attempts that were under way together count as one
    failure.
    """
    rows = Endpoint.objects.of(job.organization_id).filter(
        pk=job.endpoint_id, state=Endpoint.State.ACTIVE
    )
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
