"""Terminals at work: each sends its punches one after the other, and repeats what got no answer, as
real ones do.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from tests.rig.check import SendResult, SentPunch
from tests.rig.recorder import punch_name
from tests.rig.world import RigWorld, Terminal


@dataclass(frozen=True, slots=True)
class PunchResult:
    """What a terminal knows of one punch: its fate, how many tries it took, when it was answered
    and how fast.
    """

    sent: SentPunch
    tries: int
    at: float
    took_s: float


class Load(threading.Thread):
    """`count` punches at `rate` a second over all terminals. `start`, then `finish`; `results`
    grows meanwhile.

    Two terminals share an employee where there are more terminals than people, so that lanes are
    numbered by both.
    """

    def __init__(
        self,
        url: str,
        world: RigWorld,
        *,
        count: int,
        rate: float,
        seed: int = 0,
        give_up_s: float = 60.0,
        timeout_s: float = 10.0,
    ) -> None:
        super().__init__(name="load", daemon=True)
        self._address = urlsplit(url)
        self._world, self._count, self._rate, self._give_up_s, self._timeout_s = (
            world,
            count,
            rate,
            give_up_s,
            timeout_s,
        )
        self._seed, self._run = seed, uuid.uuid4().hex[:8]
        self._first = _reserve_time_span(count)
        self._halt = threading.Event()
        self.results: list[PunchResult] = []

    def run(self) -> None:
        """Let every terminal work until it has nothing left."""
        self.began = time.monotonic()
        terminals = self._world.terminals
        threads = [
            threading.Thread(target=self._work, args=(index, terminal), daemon=True)
            for index, terminal in enumerate(terminals)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def halt(self) -> None:
        """Begin no further punch."""
        self._halt.set()

    def finish(self, seconds: float) -> list[SentPunch]:
        """Wait until every terminal is done; what became of each punch."""
        self.join(seconds)
        assert not self.is_alive(), (
            f"the terminals are not done; {len(self.results)} of {self._count}"
        )
        return [one.sent for one in self.results]

    def _work(self, index: int, terminal: Terminal) -> None:
        dice = random.Random(f"{self._seed}-{index}")
        code = self._world.codes[index % len(self._world.codes)]
        connection = http.client.HTTPConnection(
            self._address.hostname or "", self._address.port, timeout=self._timeout_s
        )
        for number in range(index, self._count, len(self._world.terminals)):
            if self._halt.wait(max(0.0, self.began + number / self._rate - time.monotonic())):
                break
            self._punch(connection, terminal, code, number, dice)
        connection.close()

    def _punch(
        self,
        connection: http.client.HTTPConnection,
        terminal: Terminal,
        code: str,
        number: int,
        dice: random.Random,
    ) -> None:
        at = (self._first + timedelta(seconds=number)).isoformat()
        key = f"{self._run}-{number}"
        body = json.dumps(
            {
                "user_id": code,
                "att_time": at,
                "att_state": 1 + number % 2,
                "input_type": 50,
                "request_id": key,
            }
        )
        headers = {
            "sn": terminal.serial,
            "auth-token": terminal.token,
            "Content-Type": "application/json",
        }
        deadline, tries, fate, began = (
            time.monotonic() + self._give_up_s,
            0,
            SendResult.INDETERMINATE,
            time.monotonic(),
        )
        while fate is SendResult.INDETERMINATE and time.monotonic() < deadline:
            tries += 1
            began = time.monotonic()
            fate = _send_result(self._ask(connection, body, headers))
            if fate is SendResult.INDETERMINATE:
                time.sleep(dice.uniform(0.1, 0.8))
        self.results.append(
            PunchResult(
                SentPunch(punch_name(code, at), fate), tries, time.time(), time.monotonic() - began
            )
        )

    def _ask(
        self, connection: http.client.HTTPConnection, body: str, headers: dict[str, str]
    ) -> int | None:
        try:
            connection.request("POST", "/api/attendance/v1/punch", body, headers)
            reply = connection.getresponse()
            reply.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            return None
        return reply.status


_BEGAN = datetime.now(UTC).replace(microsecond=0) - timedelta(days=3)
_used = 0


def _reserve_time_span(seconds: int) -> datetime:
    """A stretch of the past that no other load of this process uses: punches of two loads never
    have the same name.
    """
    global _used  # noqa: PLW0603
    _used += seconds
    return _BEGAN + timedelta(seconds=_used - seconds)


def _send_result(status: int | None) -> SendResult:
    if status == 200:
        return SendResult.ACKNOWLEDGED
    return (
        SendResult.INDETERMINATE
        if status is None or status >= 500 or status in (408, 429)
        else SendResult.REFUSED
    )


class Chaos(threading.Thread):
    """Does one of `actions` at random, again and again, for `seconds`; a context manager. What it
    did is in `performed`.
    """

    def __init__(
        self,
        actions: dict[str, Callable[[], None]],
        *,
        seed: int,
        seconds: float,
        every_s: tuple[float, float],
    ) -> None:
        super().__init__(name="chaos", daemon=True)
        self._deeds, self._dice, self._seconds, self._every_s = (
            actions,
            random.Random(seed),
            seconds,
            every_s,
        )
        self.performed: list[str] = []
        self.error: BaseException | None = None

    def run(self) -> None:
        """Every kind once, in a random order, then whatever the dice say."""
        deadline = time.monotonic() + self._seconds
        queue = self._dice.sample(sorted(self._deeds), len(self._deeds))
        try:
            while time.monotonic() < deadline or queue:
                time.sleep(self._dice.uniform(*self._every_s))
                name = queue.pop() if queue else self._dice.choice(sorted(self._deeds))
                self._deeds[name]()
                self.performed.append(name)
        except BaseException as error:  # noqa: BLE001
            self.error = error

    def finish(self, seconds: float) -> str:
        """Wait for the end; what was done, counted."""
        self.join(seconds)
        if self.error:
            raise self.error
        assert not self.is_alive()
        return ", ".join(
            f"{name} ×{self.performed.count(name)}" for name in sorted(set(self.performed))
        )


def wait_until(holds: Callable[[], object], seconds: float, every_s: float = 0.1) -> bool:
    """Wait for something to hold; whether it did."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if holds():
                return True
        time.sleep(every_s)
    return False
