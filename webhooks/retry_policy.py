"""What an answer means and when to try again. Pure: numbers in, numbers out. Called by
`webhooks.attempts`.

Two kinds of fault are told apart. An *endpoint fault* (no connection, TLS, timeout, 5xx, 408, 425,
429) says nothing about the message: the endpoint is backed off as a whole and no message pays for
it. A *message fault* (any other refusal) counts on that message; after `MESSAGE_DELAYS` is used up
it is given up, and its lane goes on.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from itertools import accumulate
from typing import Final

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

# Seconds to wait after the first, second … refusal of a message. Their sum is the promise: at least
# seven days of attempts.
MESSAGE_DELAYS: Final = (
    5,
    30,
    2 * MINUTE,
    10 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    4 * HOUR,
    8 * HOUR,
    12 * HOUR,
    DAY,
    DAY,
    DAY,
    DAY,
    DAY,
    DAY,
)
# Seconds between probes of an endpoint that fails. The last one goes on until the endpoint is
# paused.
ENDPOINT_DELAYS: Final = (
    1,
    2,
    5,
    10,
    30,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    30 * MINUTE,
    HOUR,
)
# After this long with nothing but failures an endpoint is paused. Its queue is kept, and grows.
PAUSE_ENDPOINT_AFTER_S: Final = 8 * DAY
RETRY_AFTER_CAP_S: Final = 6 * HOUR
JITTER: Final = 0.2
LONGEST_ENDPOINT_DELAY_S: Final = max(ENDPOINT_DELAYS[-1] * (1 + JITTER), RETRY_AFTER_CAP_S)
# An endpoint whose answer took longer does not get many threads.
SLOW_MS: Final = 1000

_ENDPOINT_STATUSES: Final = frozenset({408, 425, 429})


class AttemptOutcome(StrEnum):
    """What an attempt came to."""

    DELIVERED = "delivered"
    ENDPOINT_FAULT = "endpoint_fault"
    MESSAGE_FAULT = "message_fault"
    GONE = "gone"


def classify_attempt(mode: str, status: int | None, error: str, body: bytes) -> AttemptOutcome:
    """Judge an answer. `mode` is standard or cams; `error` is the client's error class, empty when
    a reply was read.
    """
    if status is None or (error and error != "redirect"):
        return AttemptOutcome.ENDPOINT_FAULT
    if status == 410:
        return AttemptOutcome.GONE
    if status >= 500 or status in _ENDPOINT_STATUSES:
        return AttemptOutcome.ENDPOINT_FAULT
    if not 200 <= status < 300:
        return AttemptOutcome.MESSAGE_FAULT
    if mode == "cams" and not is_cams_success(body):
        return AttemptOutcome.MESSAGE_FAULT
    return AttemptOutcome.DELIVERED


def is_cams_success(body: bytes) -> bool:
    """Whether a cams reply is a JSON object whose `status` is `done`, in any case. A login page is
    not.
    """
    try:
        reply = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(reply, dict) and str(reply.get("status", "")).strip().lower() == "done"


def message_retry_delay(refusals: int, random_fraction: float) -> float | None:
    """Seconds until a message is tried again after its `refusals`-th refusal (from 1); None when
    its budget is spent.

    `random_fraction` in [0, 1) spreads retries: it only ever lengthens a wait, so the sum of the
    schedule is a lower bound.
    """
    if refusals > len(MESSAGE_DELAYS):
        return None
    return MESSAGE_DELAYS[refusals - 1] * (1 + JITTER * random_fraction)


def endpoint_retry_delay(
    failures: int, random_fraction: float, retry_after: float | None = None
) -> float:
    """Seconds until an endpoint is probed again after `failures` in a row (from 1); the endpoint's
    Retry-After goes before.
    """
    wait = ENDPOINT_DELAYS[min(failures, len(ENDPOINT_DELAYS)) - 1] * (1 + JITTER * random_fraction)
    return wait if retry_after is None else max(min(retry_after, RETRY_AFTER_CAP_S), 1.0)


def parse_retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds asked for by a Retry-After header (a number or an HTTP date); None when absent or
    nonsense.
    """
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return (
            float(min(int(text[:12]), RETRY_AFTER_CAP_S))
            if len(text) <= 12
            else float(RETRY_AFTER_CAP_S)
        )
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return max((at - now).total_seconds(), 0.0)


def ramp_up_allowance(allowance: int, maximum: int) -> int:
    """How many pushes at a time an endpoint gets after one more success: it doubles until it is
    what HR set.
    """
    return min(max(allowance, 1) * 2, maximum)


def attempt_offsets(delays: tuple[int, ...] = MESSAGE_DELAYS) -> list[int]:
    """Seconds after the first attempt at which the later ones are made, at the earliest: for the
    docs and the console.
    """
    return list(accumulate(delays))
