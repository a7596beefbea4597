"""What a punch costs in statements: a checked-in figure, so that a change of it is seen in review."""

from __future__ import annotations

import json
from pathlib import Path

from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import people
from tests.attendance.doors.test_device import Terminal

FIGURES = Path(__file__).parent.parent / "query_counts.json"
# BEGIN, COMMIT and the savepoints that stand for them in a test are no round trips of ours to save.
_FRAME = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE SAVEPOINT")


def test_a_device_punch_costs_what_is_checked_in(world: people.World) -> None:
    people.make_endpoint(world.acme, "https://hooks.example.com/a")
    people.make_endpoint(world.acme, "https://hooks.example.com/b", mode="cams", virtual_serial="V")
    terminal = Terminal(*people.make_device(world.acme, "GATE-9"))
    terminal.punch(request_id="first")
    figures = {}
    for name, key in (("device_punch", "second"), ("device_punch_repeated", "second")):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert terminal.punch(request_id=key).status_code == 200
        figures[name] = sum(not query["sql"].startswith(_FRAME) for query in queries.captured_queries)
    assert figures == json.loads(FIGURES.read_text())
    assert figures["device_punch"] <= 6
