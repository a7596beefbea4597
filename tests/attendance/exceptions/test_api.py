"""The inbox over REST: for who keeps attendance, of their own organization."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.test import Client

from accounts.services import issue_personal_token
from attendance.exceptions import services as exception_services
from attendance.models import AttendanceException
from tests import people
from tests.people import World

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/admin/exceptions"
ODD = {"zone": "Asia/Kolkata", "marks": ["missing_out"], "times": ["2026-07-06T03:30:00Z"]}


def browser(user: Any) -> Client:
    return Client(headers={"Authorization": f"Bearer {issue_personal_token(user, 'telephone')[1]}"})


@pytest.fixture
def hr(world: World) -> Client:
    return browser(people.make_staff(world.acme, "hr", role="hr_admin"))


def odd(employee: Any, number: int = 6, **facts: Any) -> AttendanceException:
    return AttendanceException.objects.create(
        **{
            "organization": employee.organization,
            "employee": employee,
            "kind": "odd",
            "subject": f"day:{number}",
            "date": date(2026, 7, number),
            "fingerprint": "a",
            "details": ODD,
        }
        | facts,
    )


def found(hr: Client, **query: Any) -> list[int]:
    reply = hr.get(ADDRESS, query)
    assert reply.status_code == 200, reply.content
    return [row["id"] for row in reply.json()["data"]]


def test_a_row_says_what_happened_and_what_to_do(hr: Client, world: World) -> None:
    row = odd(world.asha)
    body = hr.get(ADDRESS).json()
    assert body["next"] is None
    (one,) = body["data"]
    assert (one["id"], one["kind"], one["state"], one["date"]) == (
        row.pk,
        "odd",
        "open",
        "2026-07-06",
    )
    assert one["employee"] == {"id": str(world.asha.pk), "code": "1001", "name": "Asha"}
    assert one["happened"] == "No out punch. Punches at 09:00."
    assert one["to_do"] == "Ask the employee for the missing time, and correct the day."


def test_it_is_narrowed_down_by_kind_state_employee_and_date(hr: Client, world: World) -> None:
    first, second = (
        odd(world.asha),
        odd(world.bala, 7, kind="conflict", details=ODD | {"taken": ["leave:CL", ""]}),
    )
    exception_services.resolve_exception(first, remarks="Seen", actor=None)
    assert found(hr) == [second.pk, first.pk]
    assert found(hr, kind="conflict") == [second.pk]
    assert found(hr, state="resolved") == [first.pk]
    assert found(hr, employee=world.bala.pk) == [second.pk]
    assert found(hr, date="2026-07-06") == [first.pk]
    assert hr.get(ADDRESS, {"kind": "nonsense"}).status_code == 422


def test_it_is_resolved_once_with_remarks(hr: Client, world: World) -> None:
    row = odd(world.asha)
    address = f"{ADDRESS}/{row.pk}/resolve"

    def resolve(**body: Any) -> Any:
        return hr.post(address, body, content_type="application/json")

    assert set(resolve().json()["errors"]) == {"remarks"}
    reply = resolve(remarks="Left with permission")
    assert (reply.status_code, reply.json()["state"], reply.json()["remarks"]) == (
        200,
        "resolved",
        "Left with permission",
    )
    again = resolve(remarks="Again")
    assert (again.status_code, again.json()["message"]) == (
        409,
        "This exception is already closed.",
    )


def test_another_organizations_row_is_not_there(hr: Client, world: World) -> None:
    theirs = odd(world.chitra)
    assert found(hr) == []
    reply = hr.post(
        f"{ADDRESS}/{theirs.pk}/resolve", {"remarks": "x"}, content_type="application/json"
    )
    assert reply.status_code == 404
    theirs.refresh_from_db()
    assert theirs.state == "open"


@pytest.mark.parametrize("role", ["approver", "reports"])
def test_it_is_for_who_keeps_attendance(world: World, role: str) -> None:
    row = odd(world.asha)
    other = browser(people.make_staff(world.acme, "other", role=role))
    assert other.get(ADDRESS).status_code == 403
    assert (
        other.post(
            f"{ADDRESS}/{row.pk}/resolve", {"remarks": "x"}, content_type="application/json"
        ).status_code
        == 403
    )
    asha = browser(people.make_user(world.asha, "asha"))
    assert asha.get(ADDRESS).status_code == 403


def test_a_page_costs_few_queries(
    hr: Client, world: World, django_assert_max_num_queries: Any
) -> None:
    for number in range(1, 21):
        odd(world.asha, number)
    found(hr)
    with django_assert_max_num_queries(6):
        assert len(found(hr)) == 20
