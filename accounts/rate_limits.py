"""Rate limits: what one is, and the counting, exact over all web processes that share a Redis.

`accounts.throttling` holds REST views to theirs; a plain Django view calls
`count_request(request, limits)` itself. The result's `retry_after` is None or the seconds to wait,
and its `headers` go onto the answer either way. `RateLimitUnavailable` may be raised (below).

A request passes when every window of every limit has counted it, shortest window first. Once one
refuses, the rest are only read: a caller that hammers a minute's limit does not use up its day.
Windows are fixed and begin at another second for each key (django-ratelimit). Each answer, refused
or not, carries RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-11); a 429
carries Retry-After: seconds until the last refusing window ends, never 0.

When the cache fails or does not answer within 100 ms it is left alone for CACHE_RETRY_S seconds,
then one request tries it again; the others do not wait (`accounts.circuit_breaker`). Meanwhile a
limit with `on_failure=PASS` (punches) is counted in this process, and one with `on_failure=REFUSE`
(sign-in, tokens) raises RateLimitUnavailable, answered 503 with Retry-After.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any, Final

from django.core.cache import caches
from django.utils.translation import gettext_lazy as _
from django_ratelimit.core import get_usage
from redis.exceptions import RedisError
from rest_framework.exceptions import APIException

from accounts.circuit_breaker import circuit_breaker

MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 86400
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


def override_windows(windows: Windows, own: Windows) -> Windows:
    """`windows`, in which each window of `own` replaces the one of the same length; the others
    stay.
    """
    return (
        *own,
        *(one for one in windows if one.period not in {window.period for window in own}),
    )


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What is counted together (`name`), for whom (`key`), how much of it may be, and what happens
    when the cache fails.

    Limits of one name share their counts, as long as key and window are the same. A key may be any
    text, number or UUID, or a tuple of them: then each is counted.
    """

    name: str
    windows: Windows | Callable[[Any], Windows]
    key: Callable[[Any], object]
    on_failure: OnFailure = PASS


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
        # Of several keys of a limit the fullest is shown; how many there are is not.
        shown: dict[str, _WindowState] = {}
        for state in self.states:
            title = state.entry.title
            if title not in shown or state.count > shown[title].count:
                shown[title] = state
        found = {
            "RateLimit-Policy": ", ".join(
                f"{title};q={state.entry.window.limit};w={state.entry.window.period}"
                for title, state in shown.items()
            ),
            "RateLimit": ", ".join(
                f"{title};r={max(0, state.entry.window.limit - state.count)};t={state.resets_in}"
                for title, state in shown.items()
            ),
        }
        if self.retry_after is not None:
            found["Retry-After"] = str(self.retry_after)
        return found


def count_request(request: Any, limits: Iterable[RateLimit]) -> RateLimitResult:
    """Count a request against `limits`. Raises RateLimitUnavailable when it cannot be counted
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


def _counted_windows(request: Any, limits: tuple[RateLimit, ...]) -> Iterator[_CountedWindow]:
    for limit in limits:
        windows = limit.windows(request) if callable(limit.windows) else limit.windows
        found = limit.key(request) if windows else None
        for key in found if isinstance(found, tuple) else (found,) if found is not None else ():
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
