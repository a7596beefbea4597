"""Name lookups with an end, whatever the name server does. `core.outbound.connection` asks before
it connects.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from core.outbound.deadlines import Deadline
from core.outbound.response_reader import OutboundRequestError

MAX_CONCURRENT_LOOKUPS = 256
STUCK_LOOKUP_S = 60.0

Resolver = Callable[[str, int], Sequence[str]]


class DnsLookups:
    """Name lookups, which cannot be interrupted, each in a thread of its own so that a sender need
    not wait for its end.

    A name that is being looked up is not looked up a second time, so a name server that never
    answers costs one thread per name, not one per attempt. At most MOST_LOOKUPS run at once; beyond
    that a lookup fails at once and is retried with the delivery. libc gives up by itself within a
    minute or so; a lookup older than STUCK_LOOKUP_S is counted no more, so even lookups that hang
    for good cannot keep the others out for longer than that.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget what is running: threads do not survive a fork."""
        self._lock = threading.Lock()
        self._running: OrderedDict[tuple[Resolver, str], tuple[Future[Sequence[str]], float]] = (
            OrderedDict()
        )

    def resolve(
        self, host: str, port: int, resolver: Resolver, deadline: Deadline
    ) -> Sequence[str]:
        found = self._lookup(host, port, resolver).result(timeout=deadline.remaining())
        if not found:
            raise OutboundRequestError("dns", f"The name {host} has no address.")
        return found

    def _lookup(self, host: str, port: int, resolver: Resolver) -> Future[Sequence[str]]:
        key = (resolver, host)
        now = time.monotonic()
        with self._lock:
            while self._running and now - next(iter(self._running.values()))[1] > STUCK_LOOKUP_S:
                self._running.popitem(last=False)
            if key in self._running:
                return self._running[key][0]
            if len(self._running) >= MAX_CONCURRENT_LOOKUPS:
                raise OutboundRequestError(
                    "dns", "Too many name lookups are hanging; this one will be tried again."
                )
            future: Future[Sequence[str]] = Future()
            self._running[key] = (future, now)
        work = threading.Thread(
            target=self._work, args=(key, port, future), name="outbound-dns", daemon=True
        )
        try:
            work.start()
        except RuntimeError as trouble:  # No more threads to be had.
            self._forget(key, future)
            future.set_exception(OutboundRequestError("dns", "No name lookup can be started now."))
            raise OutboundRequestError("dns", "No name lookup can be started now.") from trouble
        return future

    def _work(self, key: tuple[Resolver, str], port: int, future: Future[Sequence[str]]) -> None:
        resolver, host = key
        try:
            found = resolver(host, port)
        except Exception as trouble:  # noqa: BLE001
            self._forget(key, future)
            why = getattr(trouble, "strerror", None) or str(trouble)
            future.set_exception(
                OutboundRequestError("dns", f"The name {host} could not be found: {why}.")
            )
        else:
            self._forget(key, future)
            future.set_result(found)

    def _forget(self, key: tuple[Resolver, str], future: Future[Sequence[str]]) -> None:
        with self._lock:
            if self._running.get(key, (None, 0.0))[0] is future:
                del self._running[key]
