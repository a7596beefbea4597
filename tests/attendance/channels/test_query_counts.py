"""What a punch costs in statements: a checked-in figure, so that a change of it is seen in
review.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from attendance.models import Punch
from tests import people
from tests.attendance.channels.clients import HrSystem, PhoneApp, Scanner, event
from tests.attendance.channels.test_device import Terminal

FIGURES = Path(__file__).parents[2] / "query_counts.json"
# BEGIN, COMMIT and the savepoints that stand for them in a test are no round trips of ours to save.
_FRAME = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE SAVEPOINT")


def _figures(calls: dict[str, Callable[[], Any]]) -> dict[str, int]:
    figures = {}
    for name, call in calls.items():
        with CaptureQueriesContext(connection) as queries:
            assert call().status_code in (200, 201, 422)
        figures[name] = sum(
            not query["sql"].startswith(_FRAME) for query in queries.captured_queries
        )
    return figures


def test_a_punch_costs_what_is_checked_in(world: people.World) -> None:
    people.make_endpoint(world.acme, "https://hooks.example.com/a")
    people.make_endpoint(world.acme, "https://hooks.example.com/b", mode="cams", virtual_serial="V")
    gate, token = people.make_device(world.acme, "GATE-9")
    for number in range(100):
        people.make_employee(world.acme, f"E{number}", f"Employee {number}")
    people.make_geofence(world.acme)
    terminal, scanner, hr, app = (
        Terminal(gate, token),
        Scanner(world.acme),
        HrSystem(world.acme),
        PhoneApp(world.asha),
    )
    # The first use of a credential is noted; the rest of the minute is free.
    terminal.punch(request_id="first"), scanner.call({}), hr.call({}), app.today()
    on_the_phone = app.text()
    batch = [event(scanId=f"s{number}", employeeId=f"E{number}") for number in range(100)]
    figures = _figures(
        {
            "device_punch": lambda: terminal.punch(request_id="second"),
            "device_punch_repeated": lambda: terminal.punch(request_id="second"),
            "biometric_event": lambda: scanner.send(employeeId="1001"),
            "biometric_batch_of_100": lambda: scanner.batch(*batch, device_id="GATE-9"),
            "biometric_batch_of_100_repeated": lambda: scanner.batch(*batch, device_id="GATE-9"),
            "hr_clock": lambda: hr.clock(world.asha),
            "hr_clock_repeated": lambda: hr.clock(world.asha),
            "phone_punch": lambda: app.send(on_the_phone),
            "phone_punch_repeated": lambda: app.send(on_the_phone),
            "phone_month": lambda: app.month("2026-06"),
        }
    )
    # On PostgreSQL the lock on the employee's row is a statement of its own.
    locks = int(connection.vendor == "postgresql")
    for name in ("hr_clock", "hr_clock_repeated", "phone_punch", "phone_punch_repeated"):
        figures[name] -= locks
    assert Punch.objects.filter(channel="phone", verdict="accepted").count() == 1
    assert figures == json.loads(FIGURES.read_text())
    assert figures["device_punch"] <= 6
