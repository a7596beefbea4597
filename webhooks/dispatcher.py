"""Notices due work by looking at the database, and sees that somebody does it.

Normally that is Celery: a task carries lanes and their tokens. While the broker is suspect
(`webhooks.broker_handover`), the dispatcher's own threads do what was handed over (the token
decides, should a task come after all) and all that follows. So a dead, hung or wiped broker delays
a push, and never stops one. Without a broker (`memory://`, one worker process for everything) the
own threads always do it.

Started by the worker's bootstep in `config.celery`, once per worker process.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, InterfaceError, OperationalError, close_old_connections

from core.background_loop import run_background_loop
from webhooks import delivery, lanes
from webhooks.adoption import adopt_deliveries
from webhooks.broker_handover import BrokerHandover, PublishLanes
from webhooks.impossible_times import TIME_CHECK_INTERVAL_S, reset_impossible_times
from webhooks.jobs import DeliveryJob, next_jobs
from webhooks.lane_claims import claim_lanes
from webhooks.lanes import LaneLease

log = logging.getLogger(__name__)

BUSY_POLL_S = 0.02
IDLE_POLL_S = 0.05
# A lane that was taken up is begun so soon that a push's deadline fits into its lease, or given
# back.
START_TIMEOUT_S = 10.0


class DispatchPool:
    """Who does the work: Celery through `publish`, or `size` threads of our own while there is no
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
                for job in next_jobs([claimed]):
                    delivery.deliver_waiting(job)
            else:
                delivery.run_lane(claimed.lane_id, claimed.token)
        finally:
            with self._lock:
                self._busy_threads -= 1


_pools: list[DispatchPool] = []


def create_dispatch_pool(publish: PublishLanes | None, size: int) -> DispatchPool:
    """Create the pool of this worker process: for the dispatcher, and for the tasks that Celery
    brings.
    """
    _pools[:] = [DispatchPool(publish, size)]
    return _pools[0]


def current_dispatch_pool() -> DispatchPool:
    """The pool of this worker process. Raises IndexError where there is none: only a worker takes
    tasks.
    """
    return _pools[0]


def _accepted_jobs(handed: list[tuple[int, int]]) -> list[DeliveryJob]:
    try:
        return next_jobs(lanes.accept_handovers(handed))
    except (OperationalError, InterfaceError):
        # The database was restarted, and this thread's connection with it. Once more on a new one:
        # the tokens make it safe.
        close_old_connections()
        return next_jobs(lanes.accept_handovers(handed))


def _deliver_or_release(what: tuple[DeliveryJob, float]) -> None:
    """Work a lane off, or give it back if all threads were busy for so long that its lease could
    end before the push does.
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
    adopted = adopt_deliveries()
    claimed = claim_lanes(pool.free_slots(), pool.lease_duration(), pool.size)
    pool.dispatch(claimed)
    return adopted + len(claimed)


def run_dispatch_loop(pool: DispatchPool, stop: threading.Event) -> None:
    """Look again and again until `stop`, and now and then for times that cannot be."""
    next_time_check = 0.0

    def look() -> float:
        nonlocal next_time_check
        if time.monotonic() >= next_time_check:
            reset_impossible_times()
            next_time_check = time.monotonic() + TIME_CHECK_INTERVAL_S
        return BUSY_POLL_S if dispatch_once(pool) else IDLE_POLL_S

    run_background_loop(look, stop)
