"""Punches of numbers that nobody has yet."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from attendance.background.changes import process_changes, rematch_recent_punches
from attendance.models import Punch, PunchMatch
from attendance.punches.matching import match_punch
from core.raw_sql import run_sql
from devices.models import DeviceUser
from devices.services import save_device_user
from employees.services import save_employee
from tests import people
from tests.attendance.channels.test_device import Terminal
from webhooks.models import Delivery


@pytest.fixture
def terminal(world: people.World) -> Terminal:
    process_changes()
    people.make_endpoint(world.acme, "https://hooks.example.com/a")
    return Terminal(*people.make_device(world.acme, "SN-1"))


def test_an_unknown_number_is_kept_and_not_pushed(terminal: Terminal) -> None:
    assert terminal.punch(user_id="7777").status_code == 200
    punch = Punch.objects.unmatched().get()
    assert punch.reasons == {"employee": "unknown"}
    assert not Delivery.objects.exists()


def test_entering_the_number_matches_and_pushes_what_waited(
    terminal: Terminal, world: people.World
) -> None:
    terminal.punch(user_id="7777")
    terminal.punch(user_id="7777", att_time="2026-06-21 18:00:00", att_state=2)
    new = people.make_employee(world.acme, "7777", "Dev")
    assert process_changes() == 1
    assert set(PunchMatch.objects.values_list("employee", flat=True)) == {new.pk}
    assert Punch.objects.accepted().count() == 2
    bodies = [
        json.loads(body)["data"]
        for body in Delivery.objects.order_by("sequence").values_list("body", flat=True)
    ]
    assert [(body["direction"], body["employee"]["name"], body["flags"]) for body in bodies] == [
        ("in", "Dev", ["matched"]),
        ("out", "Dev", ["matched"]),
    ]


def test_the_drain_stops_between_two_changes_when_it_is_asked_to(
    terminal: Terminal, world: people.World
) -> None:
    for code in ("7777", "8888"):
        people.make_employee(world.acme, code, "Dev")
    asked = threading.Event()
    asked.set()
    assert [
        process_changes(stop=asked),
        process_changes(stop=asked),
        process_changes(stop=asked),
    ] == [1, 1, 0]


def test_a_device_number_entered_later_matches_only_that_devices_punches(
    terminal: Terminal, world: people.World
) -> None:
    other = Terminal(*people.make_device(world.acme, "SN-2"))
    terminal.punch(user_id="29")
    other.punch(user_id="29")
    save_device_user(
        DeviceUser(
            organization=world.acme, device=other.device, user_code="29", employee=world.asha
        )
    )
    process_changes()
    assert PunchMatch.objects.get().punch.device == other.device


def test_a_punch_before_joining_or_after_leaving_is_not_theirs(
    terminal: Terminal, world: people.World
) -> None:
    people.make_employee(world.acme, "55", "Eva", joined_on=date(2026, 6, 22))
    people.make_employee(world.acme, "56", "Fay", left_on=date(2026, 6, 20))
    for user in ("55", "56"):
        terminal.punch(user_id=user)
    assert {tuple(punch.reasons.items()) for punch in Punch.objects.unmatched()} == {
        (("employee", "not_employed"),)
    }


def test_moving_the_joining_date_back_matches_what_waited(
    terminal: Terminal, world: people.World
) -> None:
    eva = people.make_employee(world.acme, "55", "Eva", joined_on=date(2026, 6, 22))
    terminal.punch(user_id="55")
    eva.joined_on = date(2026, 6, 1)
    save_employee(eva)
    process_changes()
    assert PunchMatch.objects.get().employee == eva


def test_the_last_day_counts_in_the_zone_of_the_place(
    terminal: Terminal, world: people.World
) -> None:
    fay = people.make_employee(world.acme, "56", "Fay", left_on=date(2026, 6, 21))
    terminal.punch(user_id="56", att_time="2026-06-21 23:59:59")
    terminal.punch(user_id="56", att_time="2026-06-22 00:00:00")
    assert list(Punch.objects.filter(verdict="accepted").values_list("employee", flat=True)) == [
        fay.pk
    ]


def test_a_clerk_matches_a_punch_once(
    terminal: Terminal, world: people.World, acme_staff: Any
) -> None:
    terminal.punch(user_id="7777")
    punch = Punch.objects.get()
    assert match_punch(punch, world.bala, acme_staff).matched_by == acme_staff
    with pytest.raises(ValidationError):
        match_punch(punch, world.asha, acme_staff)
    assert PunchMatch.objects.get().employee == world.bala


def test_nobody_of_another_organization_is_matched(
    terminal: Terminal, world: people.World, acme_staff: Any
) -> None:
    terminal.punch(user_id="7777")
    with pytest.raises(ValidationError):
        match_punch(Punch.objects.get(), world.chitra, acme_staff)


def test_a_punch_that_crossed_with_the_entry_is_found_by_the_sweep(
    terminal: Terminal, world: people.World
) -> None:
    people.make_employee(world.acme, "7777", "Dev")
    process_changes()
    terminal.punch(user_id="8888")
    # The entry was worked in before the punch was committed: as if it had never been noted.
    from employees.models import Employee

    Employee.objects.filter(code="7777").update(code="8888")
    assert (process_changes(), rematch_recent_punches()) == (0, 1)


def test_who_asked_for_it_gets_unmatched_punches_at_once(
    terminal: Terminal, world: people.World
) -> None:
    eager = people.make_endpoint(world.acme, "https://hooks.example.com/b", include_unmatched=True)
    terminal.punch(user_id="7777")
    delivery = Delivery.objects.get()
    assert (delivery.endpoint, json.loads(delivery.body)["data"]["employee"]) == (eager, None)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("work", [process_changes, rematch_recent_punches])
def test_a_match_waits_for_the_disk_where_the_scheduler_does_not(
    terminal: Terminal, world: people.World, work: Callable[[], int]
) -> None:
    """Its event may be sent right after the commit: a power cut must not take the match back."""
    terminal.punch(user_id="7777")
    people.make_employee(world.acme, "7777", "Dev")
    postgresql = connection.vendor == "postgresql"
    run_sql("SET synchronous_commit = off" if postgresql else "PRAGMA synchronous = NORMAL")
    ask, waits = ("SHOW synchronous_commit", "on") if postgresql else ("PRAGMA synchronous", 2)
    found: list[Any] = []

    def look(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        done = execute(sql, params, many, context)
        if "webhooks_delivery" in sql and sql.startswith("INSERT"):
            with connection.cursor() as cursor:
                cursor.execute(ask)
                found.append(cursor.fetchone()[0])
        return done

    with connection.execute_wrapper(look):
        assert work() == 1
    ((after,),) = run_sql(ask)
    run_sql("SET synchronous_commit = on" if postgresql else "PRAGMA synchronous = FULL")
    assert found == [waits]
    assert after != waits
