"""Several who look, and several who answer, at once: with real threads and real commits."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from attendance import inbox, rebuilding, stale, watching
from attendance.models import DayException, DeviceHabit, StaleDays
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
    looks = [lambda: watching.look_at_new(0, NOW)] * 4 + [
        lambda: watching.look_at_devices(world.acme, NOW)
    ] * 2
    assert set(at_once(looks)) == {"done"}
    asked = sorted((row.details["code"], row.state) for row in DayException.objects.all())
    assert asked == [("77", "open"), ("78", "open"), ("79", "open")]
    assert DeviceHabit.objects.get().seen_at == Device.objects.get().last_seen_at


def test_many_who_work_a_day_out_at_once_make_one_question(world: people.World) -> None:
    people.make_punch(
        world.acme, "1001", employee=world.asha, occurred_at=datetime(2026, 7, 6, 4, tzinfo=UTC)
    )
    for _number in range(4):
        stale.note_punches(world.acme.pk, [(world.asha.pk, datetime(2026, 7, 6, 4, tzinfo=UTC))])
    assert set(at_once([lambda: rebuilding.work(NOW)] * 4)) == {"done"}
    while rebuilding.work(NOW):
        pass
    assert not StaleDays.objects.exists()
    assert list(DayException.objects.values_list("kind", "state")) == [("odd", "open")]


def test_one_of_many_answers_counts(world: people.World) -> None:
    row = DayException.objects.create(
        organization=world.acme, kind="odd", subject="day:x", facts="a"
    )
    outcomes = at_once([lambda: inbox.resolve(row, note="Seen", actor=None)] * 4)
    assert sorted(outcomes) == ["CLOSED"] * 3 + ["done"]


def test_an_answer_and_a_look_at_once_ask_nothing_again(world: people.World) -> None:
    people.make_punch(world.acme, "77", received_at=NOW)
    watching.look_at_new(0, NOW)
    row = DayException.objects.get()
    at_once(
        [
            lambda: inbox.resolve(row, note="A visitor", actor=None),
            *[lambda: watching.look_at_new(0, NOW)] * 3,
        ]
    )
    assert list(DayException.objects.values_list("state", flat=True)) == ["resolved"]
