"""The push itself: take up a lane → sign and send with no transaction open → record. From the
database alone.

Constraints that shaped it: tasks may vanish, run twice or run late; one lane is strictly in order;
an endpoint that fails must not cost the others anything; no transaction is open while a customer's
server thinks. Called by the Celery task, and by the dispatcher's own threads while the broker
is suspect.
"""

from __future__ import annotations

import time
from datetime import datetime

from cryptography.fernet import InvalidToken
from django.db import InterfaceError, OperationalError, close_old_connections
from django.utils import timezone

from accounts.credentials import decrypt
from core.outbound import client as outbound_client
from core.raw_sql import release_idle_connection
from webhooks.attempts import record_attempt
from webhooks.jobs import DeliveryJob, next_job, next_jobs
from webhooks.lanes import LaneLease, accept_handovers
from webhooks.signing import sign

ATTEMPT_DEADLINE_S = 15.0
# A thread stays with an endpoint for this many deliveries and begins none after so long, then
# others get a turn.
MAX_DELIVERIES_PER_TURN = 20
MAX_TURN_S = 0.5


def run_lane(lane_id: int, token: int) -> int:
    """Take up a lane that was handed over, and work it off; returns how many attempts were made.

    A token that is no longer the lane's changes nothing: somebody else has the lane, or had it
    already.
    """
    return sum(deliver_waiting(job) for job in next_jobs(accept_handovers([(lane_id, token)])))


def deliver_waiting(job: DeliveryJob) -> int:
    """Deliver what waits in the lane of `job`, in order, and then in other lanes of its endpoint,
    as long as it goes well.

    Returns how many attempts were made. Going on spares a claim, a message and the time until
    somebody takes that up.
    """
    until = time.monotonic() + MAX_TURN_S
    for done in range(1, MAX_DELIVERIES_PER_TURN):
        held = attempt_delivery(job, keep_lane=not job.has_pace and time.monotonic() < until)
        following = next_job(held) if held else None
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
