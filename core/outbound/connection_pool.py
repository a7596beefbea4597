"""Connections kept open between attempts. `core.outbound.client` takes them, and gives them back
when they can serve again.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import Generic, Protocol, TypeVar

from core.outbound.outbound_request import OutboundOrigin

MAX_IDLE_PER_ORIGIN = 16
MAX_IDLE_CONNECTIONS = 256
MAX_IDLE_S = 55.0


class PooledConnection(Protocol):
    """What can be kept."""

    origin: OutboundOrigin
    idle_since: float

    def is_usable(self, now: float) -> bool:
        """Whether it can serve again."""

    def close(self) -> None:
        """End it."""


_C = TypeVar("_C", bound=PooledConnection)


class ConnectionPool(Generic[_C]):
    """Connections waiting for the next errand to the same origin: the last used first, the longest
    forgotten evicted.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget them, closing none: after a fork they are the parent's."""
        self._lock = threading.Lock()
        self._by_origin: OrderedDict[OutboundOrigin, list[_C]] = OrderedDict()
        self._count = 0

    def acquire(self, origin: OutboundOrigin) -> _C | None:
        while True:
            with self._lock:
                kept = self._by_origin.get(origin)
                if not kept:
                    return None
                connection = self._pop(origin, -1)
            if connection.is_usable(time.monotonic()):
                return connection
            connection.close()

    def give_back(self, connection: _C) -> None:
        origin = connection.origin
        connection.idle_since = now = time.monotonic()
        surplus = []
        with self._lock:
            kept = self._by_origin.setdefault(origin, [])
            self._by_origin.move_to_end(origin)
            kept.append(connection)
            self._count += 1
            if len(kept) > MAX_IDLE_PER_ORIGIN:
                surplus.append(self._pop(origin, 0))
            while (
                self._count > MAX_IDLE_CONNECTIONS
                or now - next(iter(self._by_origin.values()))[0].idle_since > MAX_IDLE_S
            ):
                surplus.append(self._pop(next(iter(self._by_origin)), 0))
        for old in surplus:
            old.close()

    def _pop(self, origin: OutboundOrigin, index: int) -> _C:
        kept = self._by_origin[origin]
        connection = kept.pop(index)
        self._count -= 1
        if not kept:
            del self._by_origin[origin]
        return connection

    def close(self) -> None:
        with self._lock:
            everything = [connection for kept in self._by_origin.values() for connection in kept]
            self._by_origin.clear()
            self._count = 0
        for connection in everything:
            connection.close()
