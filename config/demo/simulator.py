"""Devices at work, simulated over real HTTP, and what of it arrives at the customer's server.

The load is open: each punch has a time at which it is due, and its latency counts from there. A
server that stalls is charged for the queue it causes, which a client that waits for its last answer
would hide. Called by `manage.py simulate_devices`; config/demo/load_summary.py works out the
result.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import urllib3
from django.core.management.base import CommandError

from config.demo.organization import DEMO_SLUG, ensure_employee
from devices.models import Device
from devices.services import issue_token
from employees.models import Department, Organization, Site

MAX_THREADS: Final = 64
IDLE_TIMEOUT_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class SimulatedDevice:
    """A simulated device and the one person who uses it."""

    serial: str
    token: str
    user_code: str


@dataclass(frozen=True, slots=True)
class SentPunch:
    """What became of one request."""

    latency_ms: float
    status: int
    punch_id: str


class LoadGenerator:
    """Sends punch number i when it is due, i / rate seconds after the start, whatever became of the
    ones before.
    """

    def __init__(
        self, url: str, terminals: Sequence[SimulatedDevice], rate: float, count: int
    ) -> None:
        self._url, self._terminals, self._rate, self._count = (
            f"{url}/api/attendance/v1/punch",
            terminals,
            rate,
            count,
        )
        self._threads = min(MAX_THREADS, max(8, int(rate)))
        self._pool = urllib3.PoolManager(maxsize=self._threads, retries=False, timeout=30)
        self._run, self._lock, self._next = uuid.uuid4().hex[:8], threading.Lock(), 0
        self._begin, self._first_time = 0.0, datetime.now(UTC)

    def run(self) -> tuple[list[SentPunch], float]:
        """Send them all; returns what became of each and how many seconds that took."""
        # Each person's punches are a second apart and end now, so that no two of them are the same
        # event.
        span = timedelta(seconds=self._count // len(self._terminals) + 1)
        self._begin, self._first_time = time.monotonic() + 0.2, datetime.now(UTC) - span
        with ThreadPoolExecutor(self._threads) as threads:
            parts = [threads.submit(self._work) for _ in range(self._threads)]
            sent = [one for part in parts for one in part.result()]
        return sent, time.monotonic() - self._begin

    def _work(self) -> list[SentPunch]:
        sent: list[SentPunch] = []
        while True:
            with self._lock:
                number, self._next = self._next, self._next + 1
            if number >= self._count:
                return sent
            due = self._begin + number / self._rate
            time.sleep(max(0.0, due - time.monotonic()))
            sent.append(self._send(number, due))

    def _send(self, number: int, due: float) -> SentPunch:
        terminal = self._terminals[number % len(self._terminals)]
        turn = number // len(self._terminals)
        body = {
            "user_id": terminal.user_code,
            "att_time": (self._first_time + timedelta(seconds=turn)).isoformat(timespec="seconds"),
            "att_state": 1 + turn % 2,
            "input_type": 50,
            "request_id": f"sim-{self._run}-{number}",
        }
        headers = {"sn": terminal.serial, "auth-token": terminal.token}
        try:
            reply = self._pool.request("POST", self._url, json=body, headers=headers)
        except urllib3.exceptions.HTTPError:
            return SentPunch((time.monotonic() - due) * 1000, 0, "")
        stored = reply.status == 200 and reply.data == b'{"ok":true}'
        return SentPunch(
            (time.monotonic() - due) * 1000,
            reply.status,
            reply.headers.get("Muster-Punch-Id", "") if stored else "",
        )


class ReceiverPoller:
    """The demo's receiver, asked again and again so that its bounded list never overruns us."""

    def __init__(self, url: str) -> None:
        self._url, self._pool = url, urllib3.PoolManager(retries=False, timeout=10)
        self._after = max((arrival["n"] for arrival in self._fetch_arrivals(0)), default=0)
        self._stop = threading.Event()
        self.times: dict[str, dict[str, list[datetime]]] = {"standard": {}, "cams": {}}
        self.accepted: dict[str, datetime] = {}
        self.faulty = 0
        self._thread = threading.Thread(target=self._poll, daemon=True)
        self._thread.start()

    def wait_for_punches(self, punch_ids: set[str]) -> None:
        """Return when each mode has every punch, or when nothing new has come for a while."""
        seen, until = -1, 0.0
        while any(punch_ids - arrivals.keys() for arrivals in self.times.values()):
            total = sum(map(len, self.times.values()))
            if total != seen:
                seen, until = total, time.monotonic() + IDLE_TIMEOUT_S
            if time.monotonic() > until:
                break
            time.sleep(0.2)
        time.sleep(0.5)  # A repeat would come now.
        self._stop.set()
        self._thread.join()

    def _poll(self) -> None:
        while not self._stop.wait(0.3):
            with contextlib.suppress(
                CommandError
            ):  # Gone for a while: what it did not get counts as lost.
                for arrival in self._fetch_arrivals(self._after):
                    self._after = arrival["n"]
                    self._record_arrival(arrival)

    def _fetch_arrivals(self, after: int) -> list[dict[str, Any]]:
        try:
            reply = self._pool.request("GET", f"{self._url}/received?after={after}")
        except urllib3.exceptions.HTTPError as error:
            raise CommandError(
                f"The demo's receiver does not answer at {self._url}: start `make run` first."
            ) from error
        arrivals: list[dict[str, Any]] = json.loads(reply.data)
        return arrivals

    def _record_arrival(self, arrival: dict[str, Any]) -> None:
        """File an arrival under its punch: `data.id` in the standard event, `punch-<id>` in the
        Cams form.
        """
        event = arrival["event"] if isinstance(arrival["event"], dict) else {}
        if not arrival["verified"] or arrival["problems"]:
            self.faulty += 1
        elif arrival["mode"] == "cams" and "RealTime" in event:
            self._add_time("cams", event["RealTime"]["OperationID"].removeprefix("punch-"), arrival)
        elif event.get("type") == "punch.recorded":
            punch_id = str(event["data"]["id"])
            self.accepted[punch_id] = datetime.fromisoformat(event["data"]["received_at"])
            self._add_time("standard", punch_id, arrival)

    def _add_time(self, mode: str, punch_id: str, arrival: dict[str, Any]) -> None:
        self.times[mode].setdefault(punch_id, []).append(
            datetime.fromisoformat(arrival["received_at"])
        )


def make_simulated_devices(number: int) -> list[SimulatedDevice]:
    """`number` devices SIM-0001… with one employee each in the demo organization, made where they
    are missing.
    """
    try:
        organization = Organization.objects.get(slug=DEMO_SLUG)
    except Organization.DoesNotExist as error:
        raise CommandError("There is no demo organization yet: start `make run` first.") from error
    site = Site.objects.of(organization).get(name="Head Office")
    department, _made = Department.objects.get_or_create(
        organization=organization, name="Simulation"
    )
    terminals = []
    for place in range(1, number + 1):
        code = f"SIM-{place:04}"
        device, _made = Device.objects.get_or_create(
            organization=organization,
            serial=code,
            defaults={"site": site, "name": f"Simulated {place}"},
        )
        ensure_employee(organization, site, department, code=code, name=f"Simulated Person {place}")
        terminals.append(SimulatedDevice(code, issue_token(device, overlap=timedelta()), code))
    return terminals
