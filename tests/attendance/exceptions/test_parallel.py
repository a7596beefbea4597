"""Several who look, and several who answer, at once: with real threads and real commits."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from attendance import recalculation_queue
from attendance.background import recalculation
from attendance.exceptions import scan as exception_scan
from attendance.exceptions import services as exception_services
from attendance.models import AttendanceException, DeviceActivityProfile, StaleDayRange
from devices.models import Device
from tests import people
from tests.leaves.test_parallel import at_once

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 7, 20, 12, tzinfo=UTC)


@pytest.fixture
def world(transactional_db: None) -> people.World:
    return people.make_world()


def test_many_who_look_at_once_make_one_question_for_each_number(world: people.World) -> None:
    gate, _token = people.make_device(world.acme, "GATE-1", last_seen_at=NOW)
    for code in ("77", "78", "79"):
        people.make_punch(world.acme, code, device=gate)
    looks = [lambda: exception_scan.scan_new_punches(0, NOW)] * 4 + [
        lambda: exception_scan.scan_silent_devices(world.acme, NOW)
    ] * 2
    assert set(at_once(looks)) == {"done"}
    asked = sorted((row.details["code"], row.state) for row in AttendanceException.objects.all())
    assert asked == [("77", "open"), ("78", "open"), ("79", "open")]
    assert DeviceActivityProfile.objects.get().seen_at == Device.objects.get().last_seen_at


def test_many_who_work_a_day_out_at_once_make_one_question(world: people.World) -> None:
    people.make_punch(
        world.acme, "1001", employee=world.asha, occurred_at=datetime(2026, 7, 6, 4, tzinfo=UTC)
    )
    for _number in range(4):
        recalculation_queue.mark_punch_days_stale(
            world.acme.pk, [(world.asha.pk, datetime(2026, 7, 6, 4, tzinfo=UTC))]
        )
    assert set(at_once([lambda: recalculation.recalculate_next_batch(NOW)] * 4)) == {"done"}
    while recalculation.recalculate_next_batch(NOW):
        pass
    assert not StaleDayRange.objects.exists()
    assert list(AttendanceException.objects.values_list("kind", "state")) == [("odd", "open")]


def test_one_of_many_answers_counts(world: people.World) -> None:
    row = AttendanceException.objects.create(
        organization=world.acme, kind="odd", subject="day:x", fingerprint="a"
    )
    outcomes = at_once(
        [lambda: exception_services.resolve_exception(row, remarks="Seen", actor=None)] * 4
    )
    assert sorted(outcomes) == ["CLOSED"] * 3 + ["done"]


def test_an_answer_and_a_look_at_once_ask_nothing_again(world: people.World) -> None:
    people.make_punch(world.acme, "77", received_at=NOW)
    exception_scan.scan_new_punches(0, NOW)
    row = AttendanceException.objects.get()
    at_once(
        [
            lambda: exception_services.resolve_exception(row, remarks="A visitor", actor=None),
            *[lambda: exception_scan.scan_new_punches(0, NOW)] * 3,
        ]
    )
    assert list(AttendanceException.objects.values_list("state", flat=True)) == ["resolved"]
