"""Tours over REST, from three chairs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine

from tests import people
from tests.leaves.conftest import Office, make_office
from tests.leaves.test_api import Chair
from tours.models import Tour

TRIP = {
    "tour_type": "TOUR",
    "purpose": "Audit of the Pune office",
    "places": ["Pune"],
    "start_at": "2026-07-06T09:00:00+05:30",
    "end_at": "2026-07-08T18:00:00+05:30",
    "order_no": "12/2026",
}


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    with time_machine.travel("2026-06-29T06:30:00+00:00", tick=False):
        yield


@pytest.fixture
def office(world: people.World) -> Office:
    return make_office(world)


@pytest.fixture
def asha(office: Office) -> Chair:
    return Chair(people.make_user(office.asha, "asha"))


@pytest.fixture
def bala(office: Office) -> Chair:
    return Chair(office.bala)


@pytest.fixture
def chitra(world: people.World) -> Chair:
    return Chair(people.make_user(world.chitra, "chitra", "admin"))


@pytest.fixture
def applied(asha: Chair) -> int:
    return int(asha.post("tours", TRIP).json()["id"])


def test_a_tour_comes_back_with_its_state_and_stands_in_the_list(asha: Chair, bala: Chair) -> None:
    reply = asha.post("tours", TRIP)
    row = reply.json()
    assert reply.status_code == 201
    assert (row["status"], row["places"], row["start_at"]) == (
        "pending",
        ["Pune"],
        "2026-07-06T03:30:00Z",
    )
    assert asha.get("tours").json() == {"data": [row], "next": None}
    assert asha.get("tours", status="pending", tour_type="TOUR").json()["data"] == [row]
    assert (
        asha.get("tours", tour_type="WFH").json()["data"] == bala.get("tours").json()["data"] == []
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"start_at": "2026-07-06T09:00:00"}, "start_at"),
        ({"start_at": "yesterday"}, "start_at"),
        ({"start_at": 5}, "start_at"),
        ({"end_at": "9999-12-31T23:59:59-14:00"}, "end_at"),
        ({"end_at": "2026-07-06T09:00:00+05:30"}, "end_at"),
        ({"tour_type": "HOLIDAY"}, "tour_type"),
        ({"purpose": ""}, "purpose"),
        ({"purpose": "\x00"}, "purpose"),
        ({"purpose": "\udfff"}, "purpose"),
        ({"places": "Pune"}, "places"),
        ({"places": ["x"] * 21}, "places"),
        ({"places": [{}]}, "places.0"),
        ({"places": ["\ud800"]}, "places.0"),
        ({"end_at": "2027-07-20T09:00:00Z"}, "end_at"),
        ({"start_at": "0001-01-01T00:00:00+05:30"}, "start_at"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_field(
    asha: Chair, change: dict[str, Any], field: str
) -> None:
    reply = asha.post("tours", TRIP | change)
    assert (reply.status_code, list(reply.json()["errors"])) == (422, [field])
    assert not Tour.objects.exists()


def test_an_approver_decides_once(asha: Chair, bala: Chair, chitra: Chair, applied: int) -> None:
    decision = {"decision": "approve", "remarks": "Take the train"}
    assert asha.post(f"tours/{applied}/decide", decision).status_code == 403
    assert chitra.post(f"tours/{applied}/decide", decision).status_code == 404
    assert [one["id"] for one in bala.get("tours/to-decide").json()["data"]] == [applied]
    reply = bala.post(f"tours/{applied}/decide", decision)
    assert (reply.status_code, reply.json()["status"], reply.json()["decided_by"]) == (
        200,
        "approved",
        "Bala",
    )
    again = bala.post(f"tours/{applied}/decide", {"decision": "reject"})
    assert (again.status_code, again.json()["code"]) == (409, "ALREADY_DECIDED")
    own = bala.post("tours", TRIP).json()["id"]
    assert bala.post(f"tours/{own}/decide", decision).status_code == 403


def test_a_tour_is_cut_short_extended_reported_and_taken_back(
    asha: Chair, bala: Chair, applied: int
) -> None:
    bala.post(f"tours/{applied}/decide", {"decision": "approve"})
    end = {"end_at": "2026-07-07T12:00:00+05:30"}
    assert asha.post(f"tours/{applied}/curtail", end).status_code == 403
    assert bala.post(f"tours/{applied}/curtail", end).json()["end_at"] == "2026-07-07T06:30:00Z"
    assert bala.post(f"tours/{applied}/extend", {"end_at": TRIP["end_at"]}).status_code == 200
    assert asha.post(f"tours/{applied}/complete", {"report": "Done"}).json()["code"] == "NOT_OVER"
    assert asha.post(f"tours/{applied}/cancel").json()["status"] == "cancelled"


def test_leave_on_a_tour_is_a_conflict_told_with_the_tours_number(
    asha: Chair, applied: int
) -> None:
    leave = {
        "leave_type": "EL",
        "start_date": "2026-07-07",
        "end_date": "2026-07-07",
        "reason": "personal",
    }
    body = asha.post("leaves", leave).json()
    assert (body["code"], body["rule"], body["details"]["tour"]) == ("TOUR_CONFLICT", "T8", applied)
