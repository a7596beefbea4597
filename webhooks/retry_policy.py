"""What an answer means and when to try again. Pure: numbers in, numbers out; used by the delivery
only.

Two kinds of fault are told apart. An *endpoint fault* (no connection, TLS, timeout, 5xx, 408, 425,
429) says nothing about the message: the endpoint is backed off as a whole and no message pays for
it. A *message fault* (any other refusal) counts on that message; after `MESSAGE_DELAYS` is used up
it is given up, and its lane goes on.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
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
# An endpoint whose answer took longer is not trusted with many hands.
SLOW_MS: Final = 1000
# An endpoint with a pace gets so much at once after a rest.
PACE_BURST_S: Final = 0.1

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
    own wish goes before.
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


def pushes_within_pace(per_second: int, paced_until: datetime | None, now: datetime) -> int:
    """How many pushes fit in now when `per_second` are wanted; what was not used adds up to a tenth
    of that and one more.
    """
    return int(
        (now - _effective_paced_until(per_second, paced_until, now)).total_seconds() * per_second
        + 1e-6
    )


def next_paced_until(
    per_second: int, before: datetime | None, now: datetime, number: int
) -> datetime:
    """Up to when the pace is used up after `number` more pushes."""
    return _effective_paced_until(per_second, before, now) + timedelta(seconds=number / per_second)


def _effective_paced_until(
    per_second: int, paced_until: datetime | None, now: datetime
) -> datetime:
    # Longer than the watcher looks away, and no longer: what is saved up comes on top of the pace
    # in the second after.
    earliest = now - timedelta(seconds=PACE_BURST_S + 1 / per_second)
    return max(paced_until, earliest) if paced_until is not None else earliest


@dataclass(frozen=True, slots=True)
class EndpointCapacity:
    """An endpoint that could be given `free_lanes` more lanes now. `slow`: it is not known to
    answer quickly.
    """

    endpoint_id: int
    organization_id: int
    free_lanes: int
    slow: bool


def slow_endpoint_limits(total_slots: int) -> tuple[int, int]:
    """How many of `total` hands slow endpoints may hold: all together, and those of one
    organization.
    """
    return max(total_slots // 4, 3), max(total_slots // 8, 2)


def divide_fairly(
    capacities: Sequence[EndpointCapacity],
    held: Mapping[tuple[int, bool], int],
    free_slots: int,
    total_slots: int,
) -> dict[int, int]:
    """Divide `free_slots` free hands of `total`: organization by organization in turn, and among an
    organization's endpoints.

    `held` counts the lanes being worked on by (organization, slow). One organization holds at most
    half of all hands, slow endpoints a quarter (at least three hands), one organization's an eighth
    (at least two): two hundred tar-pits cost the others nothing.
    """
    by_organization, slow = Counter[int](), Counter[int]()
    for (organization, is_slow), number in held.items():
        by_organization[organization] += number
        slow[organization] += number if is_slow else 0
    given = Counter[int]()
    queues: dict[int, deque[EndpointCapacity]] = {}
    most_slow, most_slow_of_one = slow_endpoint_limits(total_slots)
    for want in capacities:
        queues.setdefault(want.organization_id, deque()).append(want)

    def fits(want: EndpointCapacity) -> bool:
        if given[want.endpoint_id] >= want.free_lanes or by_organization[
            want.organization_id
        ] >= max(total_slots // 2, 1):
            return False
        return not want.slow or (
            slow.total() < most_slow and slow[want.organization_id] < most_slow_of_one
        )

    while free_slots > 0 and queues:
        for organization, queue in list(queues.items()):
            while queue and not fits(queue[0]):
                queue.popleft()
            if not queue:
                del queues[organization]
            elif free_slots > 0:
                want = queue[0]
                queue.rotate(-1)
                given[want.endpoint_id] += 1
                by_organization[organization] += 1
                slow[organization] += want.slow
                free_slots -= 1
    return dict(given)


def attempt_offsets(delays: tuple[int, ...] = MESSAGE_DELAYS) -> list[int]:
    """Seconds after the first attempt at which the later ones are made, at the earliest: for the
    docs and the console.
    """
    return list(accumulate(delays))
