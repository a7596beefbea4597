"""Corrections people ask for, over REST, from three chairs: Asha who asks, Bala who decides, Chitra
of another organization.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group

from attendance.background import changes
from attendance.models import Correction, Regularization, StaleDayRange
from employees.models import Assignment
from employees.services import save_assignment
from tests import people
from tests.attendance.background.test_recalculation import MONDAY, NOW, at, comes, day, settle
from tests.leaves.test_api import Chair

pytestmark = pytest.mark.django_db
WISH = {
    "date": "2026-07-06",
    "in_at": "2026-07-06T09:00",
    "out_at": "2026-07-06T17:30",
    "reason": "forgot the card",
}


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def world(db: None) -> people.World:
    found = people.make_world()
    changes.process_changes()
    StaleDayRange.objects.all().delete()
    return found


@pytest.fixture
def asha(world: people.World) -> Chair:
    return Chair(people.make_user(world.asha, "asha"))


@pytest.fixture
def bala(world: people.World) -> Chair:
    return Chair(people.make_user(world.bala, "bala", "approver"))


@pytest.fixture
def chitra(world: people.World) -> Chair:
    return Chair(people.make_user(world.chitra, "chitra", "admin"))


@pytest.fixture
def asked(asha: Chair) -> int:
    return int(asha.post("regularizations", WISH).json()["id"])


def test_what_was_asked_is_told_as_a_row_that_waits(asha: Chair, world: people.World) -> None:
    reply = asha.post("regularizations", WISH)
    body = reply.json()
    assert (reply.status_code, body["status"], body["reason"]) == (
        201,
        "pending",
        "forgot the card",
    )
    assert (body["in_at"], body["out_at"]) == ("2026-07-06T03:30:00Z", "2026-07-06T12:00:00Z")
    assert body["employee"] == {"id": str(world.asha.pk), "code": "1001", "name": "Asha"}
    assert (body["decided_by"], body["decided_at"], body["remarks"]) == (None, None, "")
    assert asha.get("regularizations").json() == {"data": [body], "next": None}


def test_a_time_without_an_offset_is_read_where_one_works_on_that_date(
    asha: Chair, world: people.World
) -> None:
    tokyo = people.make_site(world.acme, "Tokyo", timezone="Asia/Tokyo")
    save_assignment(
        Assignment(organization=world.acme, employee=world.asha, site=tokyo, starts_on=MONDAY)
    )
    assert asha.post("regularizations", WISH).json()["in_at"] == "2026-07-06T00:00:00Z"


def test_an_offset_is_taken_at_its_word(asha: Chair) -> None:
    body = WISH | {"in_at": "2026-07-06T04:00:00Z", "out_at": "2026-07-06 17:00:00+05:30"}
    reply = asha.post("regularizations", body).json()
    assert (reply["in_at"], reply["out_at"]) == ("2026-07-06T04:00:00Z", "2026-07-06T11:30:00Z")


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"in_at": "nine"}, "in_at", "invalid"),
        ({"in_at": 9}, "in_at", "invalid"),
        ({"date": "06/07/2026"}, "date", "invalid"),
        ({"reason": ""}, "reason", "invalid"),
        ({"in_at": None, "out_at": ""}, "in_at", "NOTHING"),
        ({"date": "2026-07-21"}, "date", "FUTURE"),
        ({"date": "2026-06-06"}, "date", "DAYS_BACK"),
        ({"in_at": "2026-07-08T09:00", "out_at": None}, "in_at", "OUTSIDE_WINDOW"),
        ({"out_at": "2026-07-06T08:00"}, "out_at", "OUT_BEFORE_IN"),
    ],
)
def test_a_wish_that_cannot_be_names_field_code_and_rule(
    asha: Chair, change: dict[str, Any], field: str, code: str
) -> None:
    stamped = {"in_at": "2026-06-06T09:00", "out_at": None} if code == "DAYS_BACK" else {}
    reply = asha.post("regularizations", WISH | stamped | change)
    body = reply.json()
    assert (reply.status_code, list(body["errors"]), body["code"]) == (422, [field], code)
    assert (body["rule"] is None) == (code == "invalid")
    assert not Regularization.objects.exists()


def test_the_limit_of_a_month_is_told_with_its_numbers(asha: Chair) -> None:
    for number in range(4):
        on = f"2026-07-{6 + number:02}"
        reply = asha.post("regularizations", {"date": on, "in_at": f"{on}T09:00", "reason": "card"})
    assert (reply.status_code, reply.json()["code"]) == (422, "MONTH_LIMIT")
    assert reply.json()["details"] == {"limit": 3, "used": 3, "month": "2026-07"}


def test_a_date_that_waits_already_is_a_conflict(asha: Chair, asked: int) -> None:
    reply = asha.post("regularizations", WISH)
    assert (reply.status_code, reply.json()["code"]) == (409, "PENDING")


def test_the_list_is_narrowed_by_status_and_dates_newest_first(asha: Chair, asked: int) -> None:
    later = asha.post(
        "regularizations", {"date": "2026-07-08", "in_at": "2026-07-08T09:00", "reason": "card"}
    ).json()["id"]
    asha.post(f"regularizations/{asked}/withdraw")

    def found(**query: Any) -> list[int]:
        return [one["id"] for one in asha.get("regularizations", **query).json()["data"]]

    assert found() == [later, asked]
    assert found(status="withdrawn") == [asked]
    assert found(**{"from": "2026-07-07"}) == [later]
    assert found(to="2026-07-07") == [asked]
    assert found(**{"from": "2026-07-06", "to": "2026-07-08"}) == [later, asked]


@pytest.mark.parametrize(
    ("name", "value"), [("from", "6 July"), ("to", "2026-02-30"), ("status", "lost")]
)
def test_a_filter_that_cannot_be_is_named(asha: Chair, name: str, value: str) -> None:
    reply = asha.get("regularizations", **{name: value})
    assert (reply.status_code, list(reply.json()["errors"])) == (422, [name])


def test_who_decides_sees_what_waits_and_what_is_approved_makes_the_day(
    asha: Chair, bala: Chair, asked: int, world: people.World
) -> None:
    comes(world, MONDAY, "17:30", "out")
    assert [one["id"] for one in bala.get("regularizations/to-decide").json()["data"]] == [asked]
    reply = bala.post(f"regularizations/{asked}/decide", {"decision": "approve", "remarks": "seen"})
    assert (reply.status_code, reply.json()["status"], reply.json()["decided_by"]) == (
        200,
        "approved",
        "Bala",
    )
    settle()
    assert (day(world).first_in, day(world).last_out) == (at(MONDAY, "09:00"), at(MONDAY, "17:30"))
    assert bala.get("regularizations/to-decide").json()["data"] == []
    assert asha.get("regularizations").json()["data"][0]["remarks"] == "seen"


def test_what_is_rejected_changes_nothing(bala: Chair, asked: int) -> None:
    reply = bala.post(f"regularizations/{asked}/decide", {"decision": "reject"})
    assert (reply.json()["status"], Correction.objects.count()) == ("rejected", 0)


def test_deciding_again_is_a_conflict(bala: Chair, asha: Chair, asked: int) -> None:
    bala.post(f"regularizations/{asked}/decide", {"decision": "reject"})
    again = bala.post(f"regularizations/{asked}/decide", {"decision": "approve"})
    taken = asha.post(f"regularizations/{asked}/withdraw")
    assert [(one.status_code, one.json()["code"]) for one in (again, taken)] == [
        (409, "ALREADY_DECIDED")
    ] * 2


def test_deciding_is_for_those_with_the_ability_and_the_place(
    asha: Chair, asked: int, world: people.World, chitra: Chair
) -> None:
    body = {"decision": "approve"}
    assert asha.post(f"regularizations/{asked}/decide", body).status_code == 403
    assert asha.get("regularizations/to-decide").status_code == 403
    other = Chair(
        people.make_user(people.make_employee(world.acme, "55", "Dev"), "dev", "approver")
    )
    assert other.get("regularizations/to-decide").json()["data"] == []
    assert other.post(f"regularizations/{asked}/decide", body).status_code == 403
    theirs, never = (
        chitra.post(f"regularizations/{one}/decide", body) for one in (asked, 987_654_321)
    )
    assert (
        (theirs.status_code, theirs.content)
        == (never.status_code, never.content)
        == (404, theirs.content)
    )


def test_nobody_decides_their_own_and_nobody_withdraws_anothers(
    asha: Chair, bala: Chair, asked: int
) -> None:
    asha.user.groups.add(Group.objects.get(name="hr_admin"))
    assert asha.post(f"regularizations/{asked}/decide", {"decision": "approve"}).status_code == 403
    assert bala.post(f"regularizations/{asked}/withdraw").status_code == 404
    assert Regularization.objects.get().status == "pending"


@pytest.mark.parametrize(
    "body", [{}, {"decision": "maybe"}, {"decision": "approve", "remarks": "x" * 401}]
)
def test_a_bad_decision_names_the_field(bala: Chair, asked: int, body: dict[str, str]) -> None:
    reply = bala.post(f"regularizations/{asked}/decide", body)
    assert (reply.status_code, list(reply.json()["errors"])) == (
        422,
        ["remarks" if "remarks" in body else "decision"],
    )


def test_who_is_no_employee_asks_nothing(world: people.World) -> None:
    clerk = Chair(people.make_staff(world.acme, "clerk", role="hr_admin"))
    assert clerk.get("regularizations").status_code == 403
    assert clerk.post("regularizations", WISH).status_code == 403
    assert clerk.get("regularizations/to-decide").json()["data"] == []


def test_a_long_list_is_read_by_its_cursor(asha: Chair, world: people.World) -> None:
    Regularization.objects.bulk_create(
        Regularization(
            organization=world.acme,
            employee=world.asha,
            date=date(2026, 1, 1) + timedelta(days=number),
            reason="card",
            in_at=at(MONDAY, "09:00"),
            status="rejected",
        )
        for number in range(51)
    )
    first = asha.get("regularizations").json()
    second = asha.get("regularizations?" + first["next"].partition("?")[2]).json()
    assert (len(first["data"]), len(second["data"]), second["next"]) == (50, 1, None)
