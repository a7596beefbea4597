"""Notices due work by looking at the database, and sees that somebody does it.

Normally that is Celery: a task carries a lane and a token. A hand-over that is not taken up within `lanes.HANDED_OVER`, or a
broker that does not take a message within `PATIENCE_S`, makes the broker suspect: for a while the watcher's own threads do
the work, and the broker is tried again later. So a dead, hung or wiped broker delays a push, and never stops one. Without
a broker (`memory://`, one worker process for everything) the own threads always do it.

Started by the worker's bootstep in `config.celery`, once per worker process.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from django.db import DatabaseError, InterfaceError, close_old_connections

from employees.loops import look_for_ever
from webhooks import delivery, lanes
from webhooks.lanes import Claimed

log = logging.getLogger(__name__)

BUSY_S = 0.02
IDLE_S = 0.05
PATIENCE_S = 0.5
SUSPECT_S = 5.0

HandOver = Callable[[int, int], object]


class Hands:
    """Who does the work: Celery through `publish`, or `number` threads of our own while there is no broker to trust."""

    def __init__(self, publish: HandOver | None, number: int) -> None:
        self.number = number
        self._publish = publish
        self._publisher = ThreadPoolExecutor(1, "muster-publisher")
        self._own = ThreadPoolExecutor(number, "muster-hands")
        self._lock = threading.Lock()
        self._unpublished: dict[Future[object], float] = {}
        self._handed: dict[Claimed, float] = {}
        self._in_own = 0
        self._suspect_until = 0.0

    def alone(self) -> bool:
        """Whether our own threads do the work now."""
        return self._publish is None or time.monotonic() < self._suspect_until

    def room(self) -> int:
        """How many more lanes may be claimed. What is handed over and not taken up yet waits in a queue long enough.

        A hand-over whose lease has run out waits no more: there must be room to claim it again, or nobody ever would.
        """
        if self._stuck():
            self.suspect("it does not take messages")
        if self.alone():
            with self._lock:
                return max(self.number - self._in_own, 0)
        oldest = time.monotonic() - lanes.HANDED_OVER.total_seconds()
        waiting = lanes.untaken([one for one, since in self._handed.items() if since > oldest])
        self._handed = {one: since for one, since in self._handed.items() if one in waiting}
        return max(2 * self.number - len(self._handed), 0)

    def suspect(self, why: str) -> None:
        """Stop trusting the broker for a while."""
        if not self.alone():
            log.warning("The broker is slow or gone (%s): pushing without it for %.0f s", why, SUSPECT_S)
        self._suspect_until = time.monotonic() + SUSPECT_S
        self._handed = {}

    def give(self, claimed: Claimed) -> None:
        """Have a claimed lane worked off by somebody."""
        if self._publish is None:
            self._keep(claimed)
            return
        if claimed.late:
            self.suspect("a hand-over was not taken up")
        if self.alone():
            self._keep(claimed)
            return
        self._handed[claimed] = time.monotonic()
        future = self._publisher.submit(self._publish, claimed.lane_id, claimed.token)
        with self._lock:
            self._unpublished[future] = time.monotonic()
        future.add_done_callback(self._published)

    def close(self) -> None:
        """Finish what is under way; a publisher that hangs is left behind."""
        self._publisher.shutdown(wait=False, cancel_futures=True)
        self._own.shutdown(wait=True)

    def _stuck(self) -> bool:
        """Whether the broker has kept a message waiting too long."""
        with self._lock:
            return any(time.monotonic() - since > PATIENCE_S for since in self._unpublished.values())

    def _published(self, future: Future[object]) -> None:
        with self._lock:
            self._unpublished.pop(future, None)
        if not future.cancelled() and future.exception() is not None:
            self.suspect(type(future.exception()).__name__)

    def _keep(self, claimed: Claimed) -> None:
        with self._lock:
            self._in_own += 1
        self._own.submit(self._work, claimed)

    def _work(self, claimed: Claimed) -> None:
        try:
            work = delivery.work_off if claimed.held else delivery.run_lane
            work(claimed.lane_id, claimed.token)
        except (DatabaseError, InterfaceError):
            log.warning("A push could not be recorded; it will be made again", exc_info=True)
        finally:
            close_old_connections()
            with self._lock:
                self._in_own -= 1


def tick(hands: Hands) -> int:
    """Look once: adopt what is new, claim what is due, hand it over. Returns how much there was."""
    adopted = lanes.adopt()
    claimed = lanes.claim(hands.room(), lanes.SENDING if hands.alone() else lanes.HANDED_OVER, hands.number)
    for lane in claimed:
        hands.give(lane)
    return adopted + len(claimed)


def watch(hands: Hands, stop: threading.Event) -> None:
    """Look again and again until `stop`."""
    look_for_ever(lambda: BUSY_S if tick(hands) else IDLE_S, stop)
