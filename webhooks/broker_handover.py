"""Hand-over of lanes to Celery, and whether the broker can be trusted with it.

A broker that refuses a message, does not accept it within `PUBLISH_TIMEOUT_S`, or whose message no
worker takes up within `ACCEPT_TIMEOUT_S`, is suspect: what was handed over comes back to the
dispatcher. After `BROKER_SUSPECT_S` one lane at a time is handed over on trial, and the broker is
trusted again when that one is taken up. Used by the pool of `webhooks.dispatcher`.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable

from webhooks import lanes
from webhooks.lanes import LaneLease

log = logging.getLogger(__name__)


PUBLISH_TIMEOUT_S = 0.5
# Shorter than the lease of a hand-over: the dispatcher notices first, and still has the lane.
ACCEPT_TIMEOUT_S = 1.0
BROKER_SUSPECT_S = 5.0


# Lanes in one message: what a broker and Celery spend on a message is more than what a push costs.
LANES_PER_MESSAGE = 8


PublishLanes = Callable[[list[tuple[int, int]]], object]


class BrokerHandover:
    """What is handed over to Celery, and whether that is to be trusted. The dispatcher
    asks, a thread publishes.
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
