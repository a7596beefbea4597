"""Notices due work by looking at the database, and sees that somebody does it.

Normally that is Celery: a task carries a lane and a token. A broker that refuses a message, keeps
one waiting for `PUBLISH_TIMEOUT_S`, or whose message nobody takes up within `ACCEPT_TIMEOUT_S`, is
suspect: the watcher's own threads do what was handed over (the token decides, should a task come
after all) and all that follows. After `BROKER_SUSPECT_S` one lane at a time is handed over on
trial, and the broker is trusted again when that one is taken up. So a dead, hung or wiped broker
delays a push, and never stops one. Without a broker (`memory://`, one worker process for
everything) the own threads always do it.

Started by the worker's bootstep in `config.celery`, once per worker process.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, InterfaceError, OperationalError, close_old_connections

from core.background_loop import run_background_loop
from webhooks import delivery, lanes
from webhooks.lanes import DeliveryJob, LaneLease

log = logging.getLogger(__name__)

BUSY_POLL_S = 0.02
IDLE_POLL_S = 0.05
PUBLISH_TIMEOUT_S = 0.5
# Shorter than the lease of a hand-over: whoever handed it over notices first, and still has the
# lane.
ACCEPT_TIMEOUT_S = 1.0
BROKER_SUSPECT_S = 5.0
# A lane that was taken up is begun so soon that a push's deadline fits into its lease, or given
# back.
START_TIMEOUT_S = 10.0

# Lanes in one message: what a broker and Celery spend on a message is more than what a push costs.
LANES_PER_MESSAGE = 8

PublishLanes = Callable[[list[tuple[int, int]]], object]


class BrokerHandover:
    """What is handed over to Celery, and whether that is to be trusted. The watcher asks and tells,
    a thread publishes.
    """

    def __init__(self, publish: PublishLanes) -> None:
        self._publish = publish
        self._lock = threading.Lock()
        self._messages: queue.SimpleQueue[list[LaneLease] | None] = queue.SimpleQueue()
        self._pending: dict[LaneLease, float] = {}
        self._unpublished: set[LaneLease] = set()
        self._publishing_since: float | None = None
        self._failed = ""
        self._suspect_until: float | None = None
        # A daemon: a broker that hangs for ever must not keep the process from ending.
        threading.Thread(target=self._publish_all, name="muster-publisher", daemon=True).start()

    def capacity(self) -> int:
        """How many lanes may be handed over in one message now: one at a time on trial, none while
        it is suspect.
        """
        with self._lock:
            if self._suspect_until is None:
                return LANES_PER_MESSAGE
            return int(
                time.monotonic() >= self._suspect_until
                and not self._pending
                and self._publishing_since is None
            )

    @property
    def is_trusted(self) -> bool:
        """Whether nothing was wrong with it lately."""
        return self._suspect_until is None

    def pending_count(self) -> int:
        """How many hand-overs were not taken up when it was last looked at."""
        return len(self._pending)

    def hand_over(self, claimed: list[LaneLease]) -> None:
        """Hand lanes over in one message; returns at once."""
        with self._lock:
            self._pending |= dict.fromkeys(claimed, time.monotonic())
            self._unpublished.update(claimed)
        self._messages.put(claimed)

    def check_handovers(self) -> list[LaneLease]:
        """See what became of the hand-overs; returns those that somebody else has to do, if it is
        not to be trusted.
        """
        with self._lock:
            asked = [one for one in self._pending if one not in self._unpublished]
        waits = lanes.unaccepted_leases(
            asked
        )  # Without the lock: the publisher need not wait for the database.
        with self._lock:
            taken = [one for one in asked if one not in waits]
            for one in taken:
                self._pending.pop(one, None)
            why = self._suspicion()
            if not why and taken:
                self._suspect_until = None
        return self.mark_suspect(why) if why else []

    def mark_suspect(self, reason: str) -> list[LaneLease]:
        """Do not trust it for a while; returns what was handed over and is not known to be taken
        up.
        """
        with self._lock:
            if self._suspect_until is None:
                log.warning(
                    "The broker is slow or gone (%s): pushing without it for %.0f s",
                    reason,
                    BROKER_SUSPECT_S,
                )
            self._suspect_until = time.monotonic() + BROKER_SUSPECT_S
            self._failed = ""
            back = list(self._pending)
            self._pending.clear()
            self._unpublished.clear()
        return back

    def close(self) -> None:
        """Publish nothing more."""
        with self._lock:
            self._unpublished.clear()
        self._messages.put(None)

    def _suspicion(self) -> str:
        now = time.monotonic()
        if self._failed:
            return self._failed
        since = [self._publishing_since] if self._publishing_since is not None else []
        if any(
            now - at > PUBLISH_TIMEOUT_S
            for at in (*since, *(self._pending[one] for one in self._unpublished))
        ):
            return "it does not take messages"
        if any(now - at > ACCEPT_TIMEOUT_S for at in self._pending.values()):
            return "a hand-over was not taken up"
        return ""

    def _publish_all(self) -> None:
        while (claimed := self._messages.get()) is not None:
            with self._lock:
                if self._unpublished.isdisjoint(claimed):
                    continue  # Somebody else does it by now.
                self._publishing_since = time.monotonic()
            failed = ""
            try:
                self._publish([(one.lane_id, one.token) for one in claimed])
            except Exception as error:  # noqa: BLE001
                failed = type(error).__name__
            with self._lock:
                self._publishing_since = None
                self._unpublished.difference_update(claimed)
                self._failed = failed or self._failed


class DispatchPool:
    """Who does the work: Celery through `publish`, or `number` threads of our own while there is no
    broker to trust.
    """

    def __init__(self, publish: PublishLanes | None, size: int) -> None:
        self.size = size
        self._broker = BrokerHandover(publish) if publish is not None else None
        self._executor = ThreadPoolExecutor(size, "muster-dispatch")
        self._lock = threading.Lock()
        self._busy_threads = 0

    def free_slots(self) -> int:
        """How many more lanes may be claimed. What is handed over and not taken up yet waits in a
        queue long enough.
        """
        if self._broker is not None:
            for claimed in self._broker.check_handovers():
                self._submit(claimed)
            if self._broker.is_trusted:
                return max(2 * self.size - self._broker.pending_count(), 0)
        with self._lock:
            return max(self.size - self._busy_threads, 0)

    def lease_duration(self) -> timedelta:
        """For how long to claim: our own threads set to work at once, a hand-over may get lost."""
        return (
            lanes.HANDOVER_LEASE
            if self._broker is not None and self._broker.capacity()
            else lanes.SENDING_LEASE
        )

    def dispatch(self, claimed: list[LaneLease]) -> None:
        """Have claimed lanes worked off by somebody."""
        if self._broker is not None:
            if self._broker.is_trusted and any(one.lapsed for one in claimed):
                # Another worker's hand-over, or it would have been done by now.
                for one in self._broker.mark_suspect("a hand-over was not taken up"):
                    self._submit(one)
            while (number := self._broker.capacity()) and claimed and not claimed[0].held:
                self._broker.hand_over(claimed[:number])
                claimed = claimed[number:]
        for one in claimed:
            self._submit(one)

    def run_handover(self, handed: list[tuple[int, int]]) -> None:
        """What a Celery task does: take lanes up, work them off beside each other, and wait until
        that is done.
        """
        try:
            jobs = _accepted_jobs(handed)
            until = time.monotonic() + START_TIMEOUT_S
            others = [
                self._executor.submit(_run_guarded, _deliver_or_release, (job, until))
                for job in jobs[1:]
            ]
            for job in jobs[:1]:
                _run_guarded(delivery.deliver_waiting, job)
            wait(others)
        finally:
            close_old_connections()

    def close(self) -> None:
        """Finish what is under way; a publisher that hangs is left behind."""
        if self._broker is not None:
            self._broker.close()
        self._executor.shutdown(wait=True)

    def _submit(self, claimed: LaneLease) -> None:
        with self._lock:
            self._busy_threads += 1
        self._executor.submit(_run_guarded, self._process_lane, claimed)

    def _process_lane(self, claimed: LaneLease) -> None:
        try:
            if claimed.held:
                for job in lanes.next_jobs([claimed]):
                    delivery.deliver_waiting(job)
            else:
                delivery.run_lane(claimed.lane_id, claimed.token)
        finally:
            with self._lock:
                self._busy_threads -= 1


_pools: list[DispatchPool] = []


def create_dispatch_pool(publish: PublishLanes | None, size: int) -> DispatchPool:
    """Make the hands of this worker process: for the watcher, and for the tasks that Celery
    brings.
    """
    _pools[:] = [DispatchPool(publish, size)]
    return _pools[0]


def current_dispatch_pool() -> DispatchPool:
    """The hands of this worker process. Raises IndexError where nobody employed any: only a worker
    takes tasks.
    """
    return _pools[0]


def _accepted_jobs(handed: list[tuple[int, int]]) -> list[DeliveryJob]:
    try:
        return lanes.next_jobs(lanes.accept_handovers(handed))
    except (OperationalError, InterfaceError):
        # The database was restarted, and this thread's connection with it. Once more on a new one:
        # the tokens make it safe.
        close_old_connections()
        return lanes.next_jobs(lanes.accept_handovers(handed))


def _deliver_or_release(what: tuple[DeliveryJob, float]) -> None:
    """Work a lane off, or give it back if all hands were busy for so long that its lease could end
    before the push does.
    """
    job, until = what
    if time.monotonic() < until:
        delivery.deliver_waiting(job)
    else:
        lanes.release_lane(job.lane_id, job.token)


def _run_guarded(work: Callable[[Any], object], what: Any) -> None:
    """Do a piece of work in a thread that lives on, whatever comes of it, and keeps no
    connection.
    """
    try:
        work(what)
    except (DatabaseError, InterfaceError):
        log.warning("A push could not be recorded; it will be made again", exc_info=True)
    except Exception:
        log.exception("A push went wrong; it will be made again")
    finally:
        close_old_connections()


def dispatch_once(pool: DispatchPool) -> int:
    """Look once: adopt what is new, claim what is due, hand it over. Returns how much there was."""
    adopted = lanes.adopt_deliveries()
    claimed = lanes.claim_lanes(pool.free_slots(), pool.lease_duration(), pool.size)
    pool.dispatch(claimed)
    return adopted + len(claimed)


def run_dispatch_loop(pool: DispatchPool, stop: threading.Event) -> None:
    """Look again and again until `stop`."""
    run_background_loop(lambda: BUSY_POLL_S if dispatch_once(pool) else IDLE_POLL_S, stop)
