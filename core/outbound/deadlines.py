"""The end of an attempt, enforced from outside: one total deadline from the name lookup to the last
byte.

One thread (`DeadlineReaper`) cuts the line of an attempt under a thread that is still using it:
socket timeouts start again with every byte, so a server that drips one byte a second would never
meet one. `core.outbound.connection` says what a line is.
"""

from __future__ import annotations

import heapq
import itertools
import os
import threading
import time
from types import TracebackType
from typing import Protocol, Self


class ConnectionHandle(Protocol):
    """A handle on a connection that is the deadline's alone. Neither call raises."""

    def abort(self) -> None:
        """End the connection under whoever uses it."""

    def close(self) -> None:
        """Let go of the handle; the connection goes on."""


class Deadline:
    """One attempt's end. While it watches a line, that line is cut when the time is up."""

    def __init__(self, seconds: float) -> None:
        self.ends_at = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._handle: ConnectionHandle | None = None
        self._expired = False

    @property
    def is_over(self) -> bool:
        return self._expired or time.monotonic() >= self.ends_at

    def remaining(self) -> float:
        """Seconds left, more than 0. Raises TimeoutError when there are none."""
        left = self.ends_at - time.monotonic()
        if self._expired or left <= 0:
            raise TimeoutError
        return left

    def watch(self, handle: ConnectionHandle) -> None:
        """Watch this line, and no other any more."""
        self.stop_watching()
        with self._lock:
            self._handle = handle
        self.remaining()

    def stop_watching(self) -> None:
        with self._lock:
            if self._handle is not None:
                self._handle.close()
                self._handle = None

    def complete(self) -> None:
        """Stop watching, for good: the work is done. Raises TimeoutError if it was not done in
        time.
        """
        self.stop_watching()
        self.remaining()

    def expire(self) -> None:
        """The time is up: whoever reads, writes or shakes hands on the line wakes up with an end or
        an error.
        """
        with self._lock:
            self._expired = True
            if self._handle is not None:
                self._handle.abort()

    def __enter__(self) -> Self:
        _reaper.add(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop_watching()


class DeadlineReaper:
    """The one thread that ends attempts whose time is up. Deadlines that were met stay in the heap
    till their hour, idle.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """In a forked process too, which has the heap but not the thread."""
        self._condition = threading.Condition()
        self._heap: list[tuple[float, int, Deadline]] = []
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None

    def add(self, deadline: Deadline) -> None:
        with self._condition:
            heapq.heappush(self._heap, (deadline.ends_at, next(self._numbers), deadline))
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._work, name="outbound-reaper", daemon=True
                )
                self._thread.start()
            if self._heap[0][2] is deadline:
                self._condition.notify()

    def _work(self) -> None:
        while True:
            self._next().expire()

    def _next(self) -> Deadline:
        with self._condition:
            while not self._heap or self._heap[0][0] > time.monotonic():
                self._condition.wait(self._heap[0][0] - time.monotonic() if self._heap else None)
            return heapq.heappop(self._heap)[2]


_reaper = DeadlineReaper()
os.register_at_fork(after_in_child=_reaper.reset)
