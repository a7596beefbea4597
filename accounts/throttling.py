"""Rate limits: one throttle for every channel, with several windows per key, exact over all web
processes that share a Redis.

A REST view names its limits; nothing else is needed, because `RateLimitThrottle` is in
DEFAULT_THROTTLE_CLASSES:

    class PunchView(APIView):
        limits = (V1_PUNCH,)

    # A limit of one's own. The key says who is counted; None counts nobody.
    limits = (Limit("hr-clock", (Window(600, MINUTE),), key=lambda request:
    request.auth.client_id),)

    # Windows that the caller brings along: a function instead of a tuple. No windows, no limit.
    limits = (Limit("biometric", lambda request: request.auth.windows or BIOMETRIC_WINDOWS,
    key=caller),)

`caller_key` asks what authentication left in `request.auth` for its `limit_key`: a text that stays
the same over rotation (token family, API client) and differs between kinds (`token:7`,
`endpoint:7`). Other ready keys: `client_network_key`, `username_key`. A view set gives different
limits per action with a property `throttling`, or with `as_view({…}, limits=(…))`. A plain Django
view calls `bill = spend(request, limits)` itself: `bill.retry_after` is None or the seconds to
wait, and `bill.headers` go onto the answer either way. `RateLimitUnavailable` may be raised
(below).

A request passes when every window of every limit has counted it, shortest window first. Once one
refuses, the rest are only read: a caller that hammers a minute's limit does not use up its day.
Windows are fixed and begin at another second for each key (django-ratelimit). Each answer, refused
or not, carries RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-11); a 429
carries Retry-After: seconds until the last refusing window ends, never 0.

When the cache fails or does not answer within 100 ms it is left alone for REST_S seconds, then one
request tries it again; the others do not wait. Meanwhile a limit with `on_failure=PASS` (punches)
is counted in this process, and one with `on_failure=REFUSE` (sign-in, tokens) raises Unavailable,
answered 503 with Retry-After.
"""

from __future__ import annotations

import hashlib
import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.cache import caches
from django.utils.translation import gettext_lazy as _
from django_ratelimit.core import get_usage
from redis.exceptions import RedisError
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.client_ip import get_client_network

if TYPE_CHECKING:
    from rest_framework.views import APIView  # It imports this module, by its setting.

log = logging.getLogger(__name__)

MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 86400
CACHE_RETRY_S: Final = 3.0
FAILURE_LOG_INTERVAL_S: Final = 60.0
# The caches' names in settings.CACHES: the one all processes share, and the one of this process for
# when it fails.
SHARED_CACHE: Final = "limits"
LOCAL_CACHE: Final = "limits-local"
_LABELS: Final = {MINUTE: "minute", HOUR: "hour", DAY: "day"}


class OnFailure(Enum):
    """What becomes of a request that cannot be counted."""

    PASS = "pass"  # noqa: S105
    REFUSE = "refuse"  # It is answered 503.


PASS: Final = OnFailure.PASS
REFUSE: Final = OnFailure.REFUSE


@dataclass(frozen=True, slots=True)
class Window:
    """At most `limit` requests in `period` seconds."""

    limit: int
    period: int

    @property
    def label(self) -> str:
        """The period in a word, for the headers."""
        return _LABELS.get(self.period, f"{self.period}s")


Windows = tuple[Window, ...]


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What is counted together (`name`), for whom (`key`), how much of it may be, and what happens
    when the cache fails.

    Limits of one name share their counts, as long as key and window are the same. A key may be any
    text, number or UUID.
    """

    name: str
    windows: Windows | Callable[[Any], Windows]
    key: Callable[[Any], object]
    on_failure: OnFailure = PASS


def caller_key(request: Any) -> object:
    """Key: whoever authentication found, by `request.auth.limit_key`."""
    return request.auth.limit_key


def client_network_key(request: Any) -> str:
    """Key: the client's address, or its /64."""
    return get_client_network(request)


def username_key(request: Any) -> str | None:
    """Key: the account that somebody tries to get into, by the body's `organization` and
    `username_key` (or `client_id`).
    """
    data = request.data
    if not isinstance(data, Mapping):
        return None
    name = data.get("username") or data.get("client_id")
    return f"{data.get('organization') or ''}\n{name}".casefold() if isinstance(name, str) else None


# The limits that the channels' contracts name.
V1_LIMIT: Final = RateLimit("v1", (Window(60, MINUTE),), caller_key)
V1_PUNCH_LIMIT: Final = replace(V1_LIMIT, name="v1-punch", windows=(Window(30, MINUTE),))
# A terminal that stores what it could not send may send a day in a minute: off unless an operator
# knows his terminals.
DEVICE_LIMIT: Final = RateLimit(
    "device",
    lambda _: (
        (Window(settings.DEVICE_LIMIT_PER_MINUTE, MINUTE),)
        if settings.DEVICE_LIMIT_PER_MINUTE
        else ()
    ),
    key=lambda request: request.user.id,
)
BIOMETRIC_WINDOWS: Final = (Window(1000, HOUR), Window(10_000, DAY))
SSO_LIMIT: Final = RateLimit("sso", (Window(30, MINUTE),), client_network_key, REFUSE)
# Passwords and client secrets: one address tries few, and one account is tried few times from
# wherever it comes.
SIGN_IN_LIMITS: Final = (
    RateLimit("sign-in", (Window(30, MINUTE),), client_network_key, REFUSE),
    RateLimit("sign-in-account", (Window(10, MINUTE), Window(100, HOUR)), username_key, REFUSE),
)

# Nobody guesses a refresh token, and a whole site may stand behind one address.
REFRESH_LIMIT: Final = RateLimit("refresh", (Window(600, MINUTE),), client_network_key, REFUSE)


class RateLimitUnavailable(APIException):
    """Requests cannot be counted now, and this one must not pass uncounted. `wait` is in
    seconds.
    """

    status_code = 503
    default_detail = _("The server cannot check this now. Please try again.")
    default_code = "unavailable"

    def __init__(self, wait: int) -> None:
        self.wait = wait
        super().__init__()


class CounterLost(Exception):
    """The cache lost a count between two statements."""


@dataclass(frozen=True, slots=True)
class _CountedWindow:
    """One window of one limit for one key; the key is hashed, so that no name or address lies in
    the cache.
    """

    name: str
    window: Window
    key: str

    @property
    def title(self) -> str:
        return f'"{self.name}-{self.window.label}"'


@dataclass(frozen=True, slots=True)
class _WindowState:
    """How an entry stands: `count` requests so far, `ends_in` seconds until its window is over."""

    entry: _CountedWindow
    count: int
    resets_in: int
    refuses: bool


@dataclass(frozen=True, slots=True)
class RateLimitResult:
    """What counting a request came to."""

    states: tuple[_WindowState, ...]

    @property
    def retry_after(self) -> int | None:
        """Seconds, at least 1, until every window that refuses has ended; None when the request may
        pass.
        """
        return max((state.resets_in for state in self.states if state.refuses), default=None)

    @property
    def headers(self) -> dict[str, str]:
        """Headers for the answer, whatever it is."""
        if not self.states:
            return {}
        entries = [state.entry for state in self.states]
        found = {
            "RateLimit-Policy": ", ".join(
                f"{one.title};q={one.window.limit};w={one.window.period}" for one in entries
            ),
            "RateLimit": ", ".join(
                f"{state.entry.title};r={max(0, state.entry.window.limit - state.count)}"
                f";t={state.resets_in}"
                for state in self.states
            ),
        }
        if self.retry_after is not None:
            found["Retry-After"] = str(self.retry_after)
        return found


class CircuitBreaker:
    """Keeps a process away from a cache that failed. Says so once a minute at most; `counters` are
    since the process began.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock, self._clock = threading.Lock(), clock
        self.reset()

    def reset(self) -> None:
        """As if nothing had ever failed."""
        self._tripped, self._until, self._said = False, 0.0, -math.inf
        self.failures = self.uncounted = 0

    @property
    def counters(self) -> dict[str, int]:
        """`failures`: calls of the cache that failed; `uncounted`: requests that were decided
        without it.
        """
        return {"failures": self.failures, "uncounted": self.uncounted}

    @property
    def wait(self) -> int:
        """Whole seconds, at least 1, until the cache is tried again."""
        return max(1, math.ceil(self._until - self._clock()))

    def allows_request(self) -> bool:
        """Whether the cache may be asked: always while it works, one request each REST_S seconds
        while it does not.
        """
        if not self._tripped:
            return True
        with self._lock:
            now = self._clock()
            if now < self._until:
                return False
            self._until = now + CACHE_RETRY_S
            return True

    def record_success(self) -> None:
        """The cache answered."""
        if self._tripped:
            self._tripped = False
            log.warning("The cache of the rate limits answers again.")

    def record_failure(self, error: Exception) -> None:
        """The cache did not answer, or not as it should."""
        with self._lock:
            self.failures += 1
            self._tripped, self._until = True, self._clock() + CACHE_RETRY_S
            self._log_failure(error)

    def record_uncounted(self) -> None:
        """A request was decided without the cache."""
        with self._lock:
            self.uncounted += 1

    def _log_failure(self, error: Exception) -> None:
        if (now := self._clock()) - self._said >= FAILURE_LOG_INTERVAL_S:
            self._said = now
            log.warning(
                "The cache of the rate limits fails (%s: %s): punches are limited per process,"
                " sign-in answers 503. Failures so far: %d, requests decided without it: %d.",
                type(error).__name__,
                error,
                self.failures,
                self.uncounted,
            )


circuit_breaker: Final = CircuitBreaker()


def count_request(request: Any, limits: Iterable[RateLimit]) -> RateLimitResult:
    """Count a request against `throttling`. Raises RateLimitUnavailable when it cannot be counted
    and one of them must be.
    """
    limits = tuple(limits)
    entries = list(_counted_windows(request, limits))
    if not entries:
        return RateLimitResult(())
    if circuit_breaker.allows_request():
        try:
            bill = _count_windows(entries, _count_shared)
        except (RedisError, OSError, CounterLost) as error:
            circuit_breaker.record_failure(error)
        else:
            circuit_breaker.record_success()
            return bill
    circuit_breaker.record_uncounted()
    if any(limit.on_failure is REFUSE for limit in limits):
        raise RateLimitUnavailable(circuit_breaker.wait)
    return _count_windows(entries, _count_local)


class RateLimitThrottle(BaseThrottle):
    """Holds a view to its `throttling`, and puts what is left of them onto its answers."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count the request. Raises RateLimitUnavailable."""
        self._bill = count_request(request, getattr(view, "limits", ()))
        # REST framework copies these onto every answer of the view, failures included.
        view.headers.update(self._bill.headers)
        return self._bill.retry_after is None

    def wait(self) -> float | None:
        """Seconds until it is worth trying again."""
        return self._bill.retry_after


def _counted_windows(request: Any, limits: tuple[RateLimit, ...]) -> Iterator[_CountedWindow]:
    for limit in limits:
        windows = limit.windows(request) if callable(limit.windows) else limit.windows
        key = limit.key(request) if windows else None
        if key is not None:
            digest = hashlib.sha256(str(key).encode("utf-8", "surrogatepass")).hexdigest()
            yield from (
                _CountedWindow(limit.name, one, digest)
                for one in sorted(windows, key=lambda window: window.period)
            )


def _count_windows(
    entries: list[_CountedWindow], count: Callable[[_CountedWindow, bool], tuple[int, int]]
) -> RateLimitResult:
    """Count in each window until one refuses, and only read the rest."""
    states: list[_WindowState] = []
    refused = False
    for entry in entries:
        so_far, ends_in = count(entry, not refused)
        # A count that includes this request may reach the limit; one that does not must leave room
        # for it.
        refuses = so_far >= entry.window.limit + (not refused)
        states.append(_WindowState(entry, so_far, ends_in, refuses))
        refused = refused or refuses
    return RateLimitResult(tuple(states))


def _count_shared(entry: _CountedWindow, spends: bool) -> tuple[int, int]:
    """Requests so far, and seconds until the window is over, from the cache that all processes
    share.
    """
    usage = get_usage(
        None,
        group=f"{entry.name}:",
        key=partial(_cache_key, entry),
        rate=(entry.window.limit, entry.window.period),
        increment=spends,
    )
    if spends and not usage["count"]:
        raise CounterLost
    # django-ratelimit's windows end with their last second, which `time_left` leaves out; the clock
    # may have gone on since.
    return usage["count"], max(1, usage["time_left"] + 1)


def _cache_key(entry: _CountedWindow, *_: object) -> str:
    return f":{entry.key}:"


def _count_local(entry: _CountedWindow, spends: bool) -> tuple[int, int]:
    """The same, counted in this process."""
    cache, now, period = caches[LOCAL_CACHE], int(time.time()), entry.window.period
    begun = now - now % period
    name = f"{entry.name}:{entry.key}:{period}:{begun}"
    cache.add(name, 0, period)
    return cache.incr(name) if spends else cache.get(name, 0), begun + period - now
