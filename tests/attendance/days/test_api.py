"""Days over REST, from three chairs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.test import Client

from attendance import recalculation_queue
from attendance.background import recalculation
from employees.models import Employee
from tests import people
from tests.leaves.test_api import Chair

MONDAY = date(2026, 7, 6)


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    with time_machine.travel("2026-07-08T06:30:00+00:00", tick=False):
        yield


@pytest.fixture
def asha(world: people.World) -> Chair:
    return Chair(people.make_user(world.asha, "asha"))


@pytest.fixture
def bala(world: people.World) -> Chair:
    return Chair(people.make_user(world.bala, "bala", "approver"))


@pytest.fixture
def chitra(world: people.World) -> Chair:
    return Chair(people.make_user(world.chitra, "chitra", "admin"))


def worked(employee: Employee, *clocks: str) -> None:
    """Punches of Monday, in UTC, and the days that follow from them."""
    for clock in clocks:
        at = datetime.combine(
            MONDAY, datetime.strptime(clock, "%H:%M").replace(tzinfo=UTC).time(), UTC
        )
        people.make_punch(
            employee.organization, employee.code, employee=employee, occurred_at=at, direction=None
        )
    recalculation_queue.mark_days_stale(
        employee.organization_id, [employee.pk], MONDAY, MONDAY, background=False
    )
    while recalculation.recalculate_next_batch():
        pass


@pytest.fixture
def monday(world: people.World) -> None:
    worked(world.asha, "03:40", "03:40", "12:00")


def test_a_day_is_listed_with_its_times_in_minutes(asha: Chair, monday: None) -> None:
    reply = asha.get("days?from=2026-07-06&to=2026-07-06").json()
    (day,) = reply["data"]
    assert (day["status"], day["first_in"], day["worked_minutes"]) == (
        "present",
        "2026-07-06T03:40:00Z",
        470,
    )
    assert (day["late_by_minutes"], day["shift"], day["timezone"], day["final"]) == (
        10,
        "General",
        "Asia/Kolkata",
        True,
    )


def test_an_explanation_names_every_punch_the_window_and_the_rule(
    asha: Chair, monday: None
) -> None:
    reply = asha.get("days/2026-07-06/explain").json()
    assert [(one["why"], one["counted"]) for one in reply["punches"]] == [
        ("in", True),
        ("repeat", False),
        ("out", True),
    ]
    assert reply["roster"]["window_from"] == "2026-07-05T23:30:00Z"
    assert reply["reasons"] == [
        "The shift is General, 09:00 to 17:30 (no roster: the default shift).",
        "Punches from 05:00 to 00:00 belong to it.",
        "Calculated from the punches. Worked: 7:50.",
    ]


def test_reasons_are_told_in_the_readers_language(asha: Chair, monday: None) -> None:
    english = asha.get("days/2026-07-06/explain").json()["reasons"]
    reply = Client().get(
        "/api/v1/days/2026-07-06/explain", HTTP_ACCEPT_LANGUAGE="hi", **asha.headers
    )
    hindi = reply.json()["reasons"]
    assert len(hindi) == len(english)
    assert all(one != other for one, other in zip(hindi, english, strict=True))


def test_an_approver_sees_the_days_of_those_they_decide_for(
    bala: Chair, asha: Chair, world: people.World, monday: None
) -> None:
    query = f"days?from=2026-07-06&to=2026-07-06&employee={world.asha.pk}"
    assert bala.get(query).json()["data"][0]["status"] == "present"
    other = people.make_employee(world.acme, "1003", "Dev")
    assert bala.get(f"days/2026-07-06/explain?employee={other.pk}").status_code == 404
    assert asha.get(f"days/2026-07-06/explain?employee={world.bala.pk}").status_code == 404


def test_another_tenants_employee_is_answered_like_one_that_never_was(
    chitra: Chair, world: people.World, monday: None
) -> None:
    theirs = chitra.get(f"days/2026-07-06/explain?employee={world.asha.pk}")
    never = chitra.get("days/2026-07-06/explain?employee=00000000-0000-4000-8000-000000000000")
    assert (
        (theirs.status_code, theirs.json())
        == (never.status_code, never.json())
        == (404, theirs.json())
    )


def test_a_day_of_which_nothing_is_known_is_not_found(asha: Chair) -> None:
    assert asha.get("days/2026-07-06/explain").status_code == 404


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=2026-07-06", "to"),
        ("from=tomorrow&to=2026-07-06", "from"),
        ("from=2026-07-06&to=2026-07-05", "to"),
        ("from=2020-01-01&to=2026-07-05", "to"),
        ("from=20260706&to=2026-07-06", "from"),
        ("from=2026-07-06&to=2026-07-06&employee=me", "employee"),
    ],
)
def test_a_bad_question_names_the_field(asha: Chair, query: str, field: str) -> None:
    reply = asha.get(f"days?{query}")
    assert (reply.status_code, list(reply.json()["errors"])) == (422, [field])


def test_a_bad_date_in_the_path_is_named(asha: Chair) -> None:
    assert list(asha.get("days/2026-02-30/explain").json()["errors"]) == ["date"]


def test_a_year_of_days_is_one_page(asha: Chair, world: people.World) -> None:
    recalculation_queue.mark_days_stale(
        world.acme.pk, [world.asha.pk], MONDAY - timedelta(days=364), MONDAY
    )
    while recalculation.recalculate_next_batch():
        pass
    assert len(asha.get("days?from=2025-07-07&to=2026-07-06").json()["data"]) == 365
