"""Keeps a process away from the shared cache while the cache fails. `accounts.rate_limits` asks
it before each count and tells it what came of that.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from typing import Final

log = logging.getLogger(__name__)

CACHE_RETRY_S: Final = 3.0
FAILURE_LOG_INTERVAL_S: Final = 60.0


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
        """Whether the cache may be asked: always while it works, one request each CACHE_RETRY_S
        seconds while it does not.
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
