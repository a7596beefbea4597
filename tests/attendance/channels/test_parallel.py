"""The biometric, the HR and the phone channel under many clients at once, with real threads and
real commits.
"""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from attendance.channels.phone import PhoneChannelView
from attendance.models import IngestionLogEntry, Punch
from tests import people
from tests.attendance.channels.clients import HrSystem, PhoneApp, Scanner, at_once, event
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world(transactional_db: None) -> people.World:
    world = people.make_world()
    people.make_endpoint(world.acme, "https://hooks.example.com/in")
    return world


@pytest.fixture
def scanner(world: people.World) -> Scanner:
    scanner = Scanner(world.acme)
    scanner.call({})
    return scanner


def test_fifty_equal_scans_at_once_are_one_row_and_fifty_equal_answers(scanner: Scanner) -> None:
    replies = at_once([lambda: scanner.send(employeeId="1001")] * 50)
    assert {(reply.status_code, reply.content, reply["Muster-Punch-Id"]) for reply in replies} == {
        (200, replies[0].content, str(Punch.objects.get().pk))
    }
    assert sum("Idempotent-Replayed" in reply for reply in replies) == 49
    assert Delivery.objects.count() == 1
    assert sorted(IngestionLogEntry.objects.values_list("accepted", "duplicate")) == [
        (0, 1)
    ] * 49 + [(1, 0)]


def test_fifty_shuffled_batches_of_the_same_scans_do_not_deadlock(scanner: Scanner) -> None:
    events = [event(scanId=f"s{number}", employeeId=str(1001 + number % 2)) for number in range(20)]
    batches = [random.sample(events, len(events)) for _ in range(50)]
    replies = at_once([lambda batch=batch: scanner.batch(*batch) for batch in batches])
    assert {(reply.status_code, reply.json()["successful"]) for reply in replies} == {(200, 20)}
    assert Punch.objects.count() == 20
    bodies = [json.loads(body)["data"] for body in Delivery.objects.values_list("body", flat=True)]
    assert sorted((body["lane"], body["sequence"]) for body in bodies) == sorted(
        (f"employee:{person.pk}", number)
        for person in people_of(scanner)
        for number in range(1, 11)
    )
    assert sum(IngestionLogEntry.objects.values_list("duplicate", flat=True)) == 49 * 20


def people_of(scanner: Scanner) -> Any:
    from employees.models import Employee

    return Employee.objects.of(scanner.row.organization)


def test_batches_that_overlap_give_each_scan_one_row(scanner: Scanner) -> None:
    batches = [
        [event(scanId=f"s{number}", employeeId="1001") for number in range(start, start + 10)]
        for start in range(12)
    ]
    for batch in batches:
        random.shuffle(batch)
    replies = at_once([lambda batch=batch: scanner.batch(*batch) for batch in batches])
    assert {(reply.status_code, reply.json()["failed"]) for reply in replies} == {(200, 0)}
    assert (Punch.objects.count(), Delivery.objects.count()) == (21, 21)


@pytest.mark.parametrize("moment", [{}, {"occurredAt": "2026-06-21T09:30:00+05:30"}])
def test_fifty_equal_clock_ins_at_once_are_one_row_and_fifty_equal_answers(
    world: people.World, moment: Any
) -> None:
    hr = HrSystem(world.acme)
    replies = at_once([lambda: hr.clock(world.asha, **moment)] * 50)
    assert {(reply.status_code, reply.content) for reply in replies} == {(201, replies[0].content)}
    assert replies[0].json()["data"]["id"] == Punch.objects.get().pk
    assert sum("Idempotent-Replayed" in reply for reply in replies) == 49


@pytest.mark.parametrize("moment", [{}, {"occurredAt": "2026-06-21T09:30:00+05:30"}])
def test_of_twenty_that_clock_one_person_in_at_once_one_is_accepted(
    world: people.World, moment: Any
) -> None:
    hr = HrSystem(world.acme)
    replies = at_once(
        [lambda key=f"k{number}": hr.clock(world.asha, key=key, **moment) for number in range(20)]
    )
    assert sorted(reply.status_code for reply in replies) == [201] + [422] * 19
    assert Punch.objects.filter(verdict="accepted").count() == 1
    assert Delivery.objects.count() == 1


def test_one_key_for_two_people_at_once_is_one_row(world: people.World) -> None:
    hr = HrSystem(world.acme)
    replies = at_once([lambda who=who: hr.clock(who) for who in (world.asha, world.bala)] * 5)
    kept = Punch.objects.get().employee
    expected = [201 if who == kept else 422 for who in (world.asha, world.bala)] * 5
    assert [reply.status_code for reply in replies] == expected


def test_fifty_equal_punches_of_a_phone_at_once_are_one_row_one_201_and_duplicates(
    world: people.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.make_geofence(world.acme)
    app = PhoneApp(world.asha)
    app.today()
    monkeypatch.setattr(PhoneChannelView, "limits", ())
    text = app.text()
    replies = at_once([lambda: app.send(text)] * 50)
    assert sorted(reply.status_code for reply in replies) == [201] + [422] * 49
    punch = Punch.objects.get()
    assert {
        (reply.json()["punch_id"], reply.json()["verdict"])
        for reply in replies
        if reply.status_code == 422
    } == {(punch.pk, "duplicate")}
    assert Delivery.objects.count() == 1
    assert sorted(IngestionLogEntry.objects.values_list("accepted", "duplicate")) == [
        (0, 1)
    ] * 49 + [(1, 0)]
