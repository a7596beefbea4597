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
GIVE_UP_AFTER_S: Final = 8 * DAY
RETRY_AFTER_CAP_S: Final = 6 * HOUR
JITTER: Final = 0.2
# An endpoint whose answer took longer is not trusted with many hands.
SLOW_MS: Final = 1000
# An endpoint with a pace gets so much at once after a rest.
SAVED_UP_S: Final = 0.1

_ENDPOINT_STATUSES: Final = frozenset({408, 425, 429})


class Outcome(StrEnum):
    """What an attempt came to."""

    DELIVERED = "delivered"
    ENDPOINT_FAULT = "endpoint_fault"
    MESSAGE_FAULT = "message_fault"
    GONE = "gone"


def outcome(mode: str, status: int | None, error: str, body: bytes) -> Outcome:
    """Judge an answer. `mode` is standard or cams; `error` is the client's error class, empty when
    a reply was read.
    """
    if status is None or (error and error != "redirect"):
        return Outcome.ENDPOINT_FAULT
    if status == 410:
        return Outcome.GONE
    if status >= 500 or status in _ENDPOINT_STATUSES:
        return Outcome.ENDPOINT_FAULT
    if not 200 <= status < 300:
        return Outcome.MESSAGE_FAULT
    if mode == "cams" and not says_done(body):
        return Outcome.MESSAGE_FAULT
    return Outcome.DELIVERED


def says_done(body: bytes) -> bool:
    """Whether a cams reply is a JSON object whose `status` is `done`, in any case. A login page is
    not.
    """
    try:
        reply = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(reply, dict) and str(reply.get("status", "")).strip().lower() == "done"


def message_delay(refusals: int, dice: float) -> float | None:
    """Seconds until a message is tried again after its `refusals`-th refusal (from 1); None when
    its budget is spent.

    `dice` in [0, 1) spreads retries: it only ever lengthens a wait, so the sum of the schedule is a
    lower bound.
    """
    if refusals > len(MESSAGE_DELAYS):
        return None
    return MESSAGE_DELAYS[refusals - 1] * (1 + JITTER * dice)


def endpoint_delay(failures: int, dice: float, retry_after: float | None = None) -> float:
    """Seconds until an endpoint is probed again after `failures` in a row (from 1); the endpoint's
    own wish goes before.
    """
    wait = ENDPOINT_DELAYS[min(failures, len(ENDPOINT_DELAYS)) - 1] * (1 + JITTER * dice)
    return wait if retry_after is None else max(min(retry_after, RETRY_AFTER_CAP_S), 1.0)


def retry_after(header: str | None, now: datetime) -> float | None:
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


def ramped(allowance: int, most: int) -> int:
    """How many pushes at a time an endpoint gets after one more success: it doubles until it is
    what HR set.
    """
    return min(max(allowance, 1) * 2, most)


def pace(per_second: int, paced_until: datetime | None, now: datetime) -> int:
    """How many pushes fit in now when `per_second` are wanted; what was not used adds up to a tenth
    of that and one more.
    """
    return int((now - _paced(per_second, paced_until, now)).total_seconds() * per_second + 1e-6)


def paced_until(per_second: int, before: datetime | None, now: datetime, number: int) -> datetime:
    """Up to when the pace is used up after `number` more pushes."""
    return _paced(per_second, before, now) + timedelta(seconds=number / per_second)


def _paced(per_second: int, paced_until: datetime | None, now: datetime) -> datetime:
    # Longer than the watcher looks away, and no longer: what is saved up comes on top of the pace
    # in the second after.
    earliest = now - timedelta(seconds=SAVED_UP_S + 1 / per_second)
    return max(paced_until, earliest) if paced_until is not None else earliest


@dataclass(frozen=True, slots=True)
class Want:
    """An endpoint that could be given `lanes` more lanes now. `slow`: it is not known to answer
    quickly.
    """

    endpoint: int
    organization: int
    lanes: int
    slow: bool


def slow_hands(total: int) -> tuple[int, int]:
    """How many of `total` hands slow endpoints may hold: all together, and those of one
    organization.
    """
    return max(total // 4, 3), max(total // 8, 2)


def share(
    wants: Sequence[Want], held: Mapping[tuple[int, bool], int], hands: int, total: int
) -> dict[int, int]:
    """Divide `hands` free hands of `total`: organization by organization in turn, and among an
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
    queues: dict[int, deque[Want]] = {}
    most_slow, most_slow_of_one = slow_hands(total)
    for want in wants:
        queues.setdefault(want.organization, deque()).append(want)

    def fits(want: Want) -> bool:
        if given[want.endpoint] >= want.lanes or by_organization[want.organization] >= max(
            total // 2, 1
        ):
            return False
        return not want.slow or (
            slow.total() < most_slow and slow[want.organization] < most_slow_of_one
        )

    while hands > 0 and queues:
        for organization, queue in list(queues.items()):
            while queue and not fits(queue[0]):
                queue.popleft()
            if not queue:
                del queues[organization]
            elif hands > 0:
                want = queue[0]
                queue.rotate(-1)
                given[want.endpoint] += 1
                by_organization[organization] += 1
                slow[organization] += want.slow
                hands -= 1
    return dict(given)


def moments(delays: tuple[int, ...] = MESSAGE_DELAYS) -> list[int]:
    """Seconds after the first attempt at which the later ones are made, at the earliest: for the
    docs and the console.
    """
    return list(accumulate(delays))
