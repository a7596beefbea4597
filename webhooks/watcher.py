"""Notices due work by looking at the database, and sees that somebody does it.

Normally that is Celery: a task carries a lane and a token. A broker that refuses a message, keeps
one waiting for `PATIENCE_S`, or whose message nobody takes up within `TAKEN_WITHIN_S`, is suspect:
the watcher's own threads do what was handed over (the token decides, should a task come after all)
and all that follows. After `SUSPECT_S` one lane at a time is handed over on trial, and the broker
is trusted again when that one is taken up. So a dead, hung or wiped broker delays a push, and never
stops one. Without a broker (`memory://`, one worker process for everything) the own threads always
do it.

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

from employees.loops import look_for_ever
from webhooks import delivery, lanes
from webhooks.lanes import Claimed, Job

log = logging.getLogger(__name__)

BUSY_S = 0.02
IDLE_S = 0.05
PATIENCE_S = 0.5
# Shorter than the lease of a hand-over: whoever handed it over notices first, and still has the
# lane.
TAKEN_WITHIN_S = 1.0
SUSPECT_S = 5.0
# A lane that was taken up is begun so soon that a push's deadline fits into its lease, or given
# back.
BEGUN_WITHIN_S = 10.0

# Lanes in one message: what a broker and Celery spend on a message is more than what a push costs.
LANES_AT_ONCE = 8

HandOver = Callable[[list[tuple[int, int]]], object]


class Broker:
    """What is handed over to Celery, and whether that is to be trusted. The watcher asks and tells,
    a thread publishes.
    """

    def __init__(self, publish: HandOver) -> None:
        self._publish = publish
        self._lock = threading.Lock()
        self._messages: queue.SimpleQueue[list[Claimed] | None] = queue.SimpleQueue()
        self._handed: dict[Claimed, float] = {}
        self._unpublished: set[Claimed] = set()
        self._publishing_since: float | None = None
        self._failed = ""
        self._suspect_until: float | None = None
        # A daemon: a broker that hangs for ever must not keep the process from ending.
        threading.Thread(target=self._publish_all, name="muster-publisher", daemon=True).start()

    def takes(self) -> int:
        """How many lanes may be handed over in one message now: one at a time on trial, none while
        it is suspect.
        """
        with self._lock:
            if self._suspect_until is None:
                return LANES_AT_ONCE
            return int(
                time.monotonic() >= self._suspect_until
                and not self._handed
                and self._publishing_since is None
            )

    @property
    def trusted(self) -> bool:
        """Whether nothing was wrong with it lately."""
        return self._suspect_until is None

    def waiting(self) -> int:
        """How many hand-overs were not taken up when it was last looked at."""
        return len(self._handed)

    def give(self, claimed: list[Claimed]) -> None:
        """Hand lanes over in one message; returns at once."""
        with self._lock:
            self._handed |= dict.fromkeys(claimed, time.monotonic())
            self._unpublished.update(claimed)
        self._messages.put(claimed)

    def look(self) -> list[Claimed]:
        """See what became of the hand-overs; returns those that somebody else has to do, if it is
        not to be trusted.
        """
        with self._lock:
            asked = [one for one in self._handed if one not in self._unpublished]
        waits = lanes.untaken(
            asked
        )  # Without the lock: the publisher need not wait for the database.
        with self._lock:
            taken = [one for one in asked if one not in waits]
            for one in taken:
                self._handed.pop(one, None)
            why = self._trouble()
            if not why and taken:
                self._suspect_until = None
        return self.suspect(why) if why else []

    def suspect(self, why: str) -> list[Claimed]:
        """Do not trust it for a while; returns what was handed over and is not known to be taken
        up.
        """
        with self._lock:
            if self._suspect_until is None:
                log.warning(
                    "The broker is slow or gone (%s): pushing without it for %.0f s", why, SUSPECT_S
                )
            self._suspect_until = time.monotonic() + SUSPECT_S
            self._failed = ""
            back = list(self._handed)
            self._handed.clear()
            self._unpublished.clear()
        return back

    def close(self) -> None:
        """Publish nothing more."""
        with self._lock:
            self._unpublished.clear()
        self._messages.put(None)

    def _trouble(self) -> str:
        now = time.monotonic()
        if self._failed:
            return self._failed
        since = [self._publishing_since] if self._publishing_since is not None else []
        if any(
            now - at > PATIENCE_S
            for at in (*since, *(self._handed[one] for one in self._unpublished))
        ):
            return "it does not take messages"
        if any(now - at > TAKEN_WITHIN_S for at in self._handed.values()):
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
            except Exception as error:  # noqa: BLE001 - whatever the client of the broker raises, there are other hands.
                failed = type(error).__name__
            with self._lock:
                self._publishing_since = None
                self._unpublished.difference_update(claimed)
                self._failed = failed or self._failed


class Hands:
    """Who does the work: Celery through `publish`, or `number` threads of our own while there is no
    broker to trust.
    """

    def __init__(self, publish: HandOver | None, number: int) -> None:
        self.number = number
        self._broker = Broker(publish) if publish is not None else None
        self._own = ThreadPoolExecutor(number, "muster-hands")
        self._lock = threading.Lock()
        self._in_own = 0

    def room(self) -> int:
        """How many more lanes may be claimed. What is handed over and not taken up yet waits in a
        queue long enough.
        """
        if self._broker is not None:
            for claimed in self._broker.look():
                self._keep(claimed)
            if self._broker.trusted:
                return max(2 * self.number - self._broker.waiting(), 0)
        with self._lock:
            return max(self.number - self._in_own, 0)

    def lease(self) -> timedelta:
        """For how long to claim: our own threads set to work at once, a hand-over may get lost."""
        return (
            lanes.HANDED_OVER
            if self._broker is not None and self._broker.takes()
            else lanes.SENDING
        )

    def give(self, claimed: list[Claimed]) -> None:
        """Have claimed lanes worked off by somebody."""
        if self._broker is not None:
            if self._broker.trusted and any(one.late for one in claimed):
                # Another worker's hand-over, or it would have been done by now.
                for one in self._broker.suspect("a hand-over was not taken up"):
                    self._keep(one)
            while (number := self._broker.takes()) and claimed and not claimed[0].held:
                self._broker.give(claimed[:number])
                claimed = claimed[number:]
        for one in claimed:
            self._keep(one)

    def run(self, handed: list[tuple[int, int]]) -> None:
        """What a Celery task does: take lanes up, work them off beside each other, and wait until
        that is done.
        """
        try:
            jobs = _taken_up(handed)
            until = time.monotonic() + BEGUN_WITHIN_S
            others = [self._own.submit(_guarded, _in_time, (job, until)) for job in jobs[1:]]
            for job in jobs[:1]:
                _guarded(delivery.work_off, job)
            wait(others)
        finally:
            close_old_connections()

    def close(self) -> None:
        """Finish what is under way; a publisher that hangs is left behind."""
        if self._broker is not None:
            self._broker.close()
        self._own.shutdown(wait=True)

    def _keep(self, claimed: Claimed) -> None:
        with self._lock:
            self._in_own += 1
        self._own.submit(_guarded, self._work, claimed)

    def _work(self, claimed: Claimed) -> None:
        try:
            if claimed.held:
                for job in lanes.next_jobs([claimed]):
                    delivery.work_off(job)
            else:
                delivery.run_lane(claimed.lane_id, claimed.token)
        finally:
            with self._lock:
                self._in_own -= 1


_employed: list[Hands] = []


def employ(publish: HandOver | None, number: int) -> Hands:
    """Make the hands of this worker process: for the watcher, and for the tasks that Celery
    brings.
    """
    _employed[:] = [Hands(publish, number)]
    return _employed[0]


def hands() -> Hands:
    """The hands of this worker process. Raises IndexError where nobody employed any: only a worker
    takes tasks.
    """
    return _employed[0]


def _taken_up(handed: list[tuple[int, int]]) -> list[Job]:
    try:
        return lanes.next_jobs(lanes.take_up(handed))
    except (OperationalError, InterfaceError):
        # The database was restarted, and this thread's connection with it. Once more on a new one:
        # the tokens make it safe.
        close_old_connections()
        return lanes.next_jobs(lanes.take_up(handed))


def _in_time(what: tuple[Job, float]) -> None:
    """Work a lane off, or give it back if all hands were busy for so long that its lease could end
    before the push does.
    """
    job, until = what
    if time.monotonic() < until:
        delivery.work_off(job)
    else:
        lanes.release(job.lane_id, job.token)


def _guarded(work: Callable[[Any], object], what: Any) -> None:
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


def tick(hands: Hands) -> int:
    """Look once: adopt what is new, claim what is due, hand it over. Returns how much there was."""
    adopted = lanes.adopt()
    claimed = lanes.claim(hands.room(), hands.lease(), hands.number)
    hands.give(claimed)
    return adopted + len(claimed)


def watch(hands: Hands, stop: threading.Event) -> None:
    """Look again and again until `stop`."""
    look_for_ever(lambda: BUSY_S if tick(hands) else IDLE_S, stop)
