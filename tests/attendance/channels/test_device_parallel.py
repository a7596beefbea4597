"""The device channel under many terminals at once, with real threads and real commits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections

from attendance.models import IngestionLogEntry, Punch
from tests import people
from tests.attendance.channels.test_device import SEED, Terminal
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db(transaction=True)


def _parallel(calls: list[Any]) -> list[Any]:
    def closing(call: Any) -> Any:
        try:
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(closing, calls))


@pytest.fixture
def terminal(transactional_db: None) -> Terminal:
    acme = people.make_organization("acme")
    people.make_employee(acme, "1001", "Asha")
    people.make_endpoint(acme, "https://hooks.example.com/in")
    return Terminal(*people.make_device(acme, "SN7A2300583"))


def test_fifty_equal_punches_at_once_are_one_row_and_fifty_equal_answers(
    terminal: Terminal,
) -> None:
    replies = _parallel([terminal.punch] * 50)
    assert {
        (reply.status_code, reply.content, reply.headers["Muster-Punch-Id"]) for reply in replies
    } == {(200, b'{"ok":true}', str(Punch.objects.get().pk))}
    assert sum("Idempotent-Replayed" in reply.headers for reply in replies) == 49
    assert Delivery.objects.count() == 1
    counts = IngestionLogEntry.objects.values_list("accepted", "duplicate")
    assert sorted(counts) == [(0, 1)] * 49 + [(1, 0)]


def test_punches_of_one_person_at_once_are_numbered_without_a_gap(terminal: Terminal) -> None:
    times = [f"2026-06-21 09:30:{second:02}" for second in range(20)]
    replies = _parallel([lambda text=text: terminal.punch(att_time=text) for text in times])
    assert {reply.status_code for reply in replies} == {200}
    rows = list(Delivery.objects.order_by("sequence").values_list("sequence", "body"))
    assert [sequence for sequence, _ in rows] == list(range(1, 21))
    assert all(f'"sequence":{sequence},' in body for sequence, body in rows)


def test_one_key_with_two_contents_at_once_keeps_one(terminal: Terminal) -> None:
    bodies = [{**SEED, "request_id": "r", "user_id": user} for user in ("1001", "1002")] * 5
    replies = _parallel([lambda body=body: terminal.call(body=body) for body in bodies])
    kept = Punch.objects.get().user_code
    assert [reply.status_code for reply in replies] == [
        200 if body["user_id"] == kept else 422 for body in bodies
    ]
