"""The inbox in the console: what happened, what to do, and the button that does it; for HR only,
and for its own people.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from attendance.exceptions import scan as exception_scan
from attendance.exceptions.admin.action_links import day_correction_url
from attendance.models import AttendanceException, Punch, PunchMatch
from devices.models import DeviceUser
from employees.models import HalfDayReservation
from tests import people

LIST = "admin:attendance_attendanceexception_changelist"


def page(row: Any, name: str = "change") -> str:
    return reverse(f"admin:attendance_attendanceexception_{name}", args=(row.pk,))


def text(response: Any) -> str:
    return response.content.decode()


@pytest.fixture
def hr(client: Client, ours: SimpleNamespace) -> Client:
    """A browser of somebody whose role is hr_admin, and nothing more."""
    client.force_login(people.make_staff(ours.organization, "keeper", role="hr_admin"))
    return client


@pytest.fixture
def unknown(ours: SimpleNamespace) -> AttendanceException:
    """The question about the number that nobody has."""
    exception_scan.scan_new_punches(0, timezone.now())
    return AttendanceException.objects.of(ours.organization).get(kind="unmatched")


def test_the_list_says_what_happened_and_what_to_do(
    hr: Client, ours: SimpleNamespace, unknown: AttendanceException
) -> None:
    shown = text(hr.get(reverse(LIST)))
    assert "acmemark-77" in shown
    assert "Match the number to an employee, or enter it in the employee" in shown
    assert page(unknown, "match") in shown
    assert "No out punch. Punches at 09:00." in shown
    assert day_correction_url(ours.day.pk) in shown


def test_open_ones_are_counted_by_kind_and_the_counts_lead_to_them(
    hr: Client, unknown: AttendanceException
) -> None:
    cards = hr.get(reverse(LIST)).context["muster_cards"]
    assert {str(card["title"]): card["number"] for card in cards} == {
        "Unmatched punches": 1,
        "Odd number of punches": 2,
    }
    assert all(
        len(hr.get(card["url"]).context["cl"].result_list) == card["number"] for card in cards
    )


def test_a_number_is_said_to_be_somebodys_and_is_theirs_from_then_on(
    hr: Client, ours: SimpleNamespace, unknown: AttendanceException
) -> None:
    people.make_punch(ours.organization, "acmemark-77", device=ours.device)
    before_joining = people.make_punch(
        ours.organization,
        "acmemark-77",
        device=ours.device,
        occurred_at=timezone.now().replace(year=2019),
    )
    assert (
        hr.post(page(unknown, "match"), {"employee": ours.employee.pk, "lasting": "on"}).status_code
        == 302
    )
    assert (
        PunchMatch.objects.filter(employee=ours.employee, punch__user_code="acmemark-77").count()
        == 2
    )
    assert DeviceUser.objects.filter(
        device=ours.device, user_code="acmemark-77", employee=ours.employee
    ).exists()
    # What came before the time of service still waits, and is still asked about.
    assert Punch.objects.of(ours.organization).unmatched().get() == before_joining
    unknown.refresh_from_db()
    assert (unknown.state, unknown.details["count"]) == ("open", 1)


def test_a_number_closes_once_all_its_punches_are_known(
    hr: Client, ours: SimpleNamespace, unknown: AttendanceException
) -> None:
    hr.post(page(unknown, "match"), {"employee": ours.employee.pk})
    unknown.refresh_from_db()
    assert unknown.state == "gone"
    again = hr.post(page(unknown, "match"), {"employee": ours.employee.pk})
    assert "None of these punches" in text(again)


def test_nobody_of_another_organization_can_be_chosen(
    hr: Client, unknown: AttendanceException, theirs: SimpleNamespace
) -> None:
    refused = hr.post(page(unknown, "match"), {"employee": theirs.employee.pk})
    assert "Select a valid choice" in text(refused)
    assert not PunchMatch.objects.filter(punch__user_code="acmemark-77").exists()


def test_nothing_to_do_is_noted_with_a_reason_and_kept(hr: Client, ours: SimpleNamespace) -> None:
    row = ours.attendanceexception
    assert "This field is required" in text(hr.post(page(row, "resolve"), {"remarks": " "}))
    assert hr.post(page(row, "resolve"), {"remarks": "Left with permission"}).status_code == 302
    row.refresh_from_db()
    assert (row.state, row.remarks, row.closed_by.username) == (
        "resolved",
        "Left with permission",
        "keeper",
    )
    assert "This exception is already closed." in text(
        hr.post(page(row, "resolve"), {"remarks": "Again"})
    )
    assert f"/{row.pk}/change/" not in text(hr.get(reverse(LIST)))
    assert f"/{row.pk}/change/" in text(hr.get(reverse(LIST), {"state": "resolved"}))


def test_many_are_noted_at_once_and_each_says_what_became_of_it(
    hr: Client, ours: SimpleNamespace, unknown: AttendanceException
) -> None:
    form = {"action": "bulk_resolve", "_selected_action": [ours.attendanceexception.pk, unknown.pk]}
    asked = text(hr.post(reverse(LIST), form))
    assert (
        "All are resolved with the same reason. A new exception opens only if the facts change."
        in asked
    )
    assert AttendanceException.objects.filter(state="resolved").count() == 0
    done = hr.post(reverse(LIST), form | {"confirmed": "1", "remarks": "Drill"})
    assert [ok for _row, ok, _text in done.context["results"]] == [True, True]
    assert AttendanceException.objects.filter(state="resolved", remarks="Drill").count() == 2


def test_rows_that_no_page_of_ours_names_are_a_bad_request(
    hr: Client, ours: SimpleNamespace
) -> None:
    assert (
        hr.post(reverse(LIST), {"action": "bulk_resolve", "_selected_action": "x"}).status_code
        == 400
    )


def test_a_conflict_leads_to_the_leave(hr: Client, ours: SimpleNamespace) -> None:
    leave = ours.leaveapplication
    on = leave.starts_on
    assert HalfDayReservation.objects.filter(
        employee=ours.employee, date=on, holder=leave.holder
    ).exists()
    row = AttendanceException.objects.create(
        organization=ours.organization,
        kind="conflict",
        subject="day:x",
        employee=ours.employee,
        date=on,
        details={
            "zone": "Asia/Kolkata",
            "taken": ["leave:CL", "leave:CL"],
            "times": ["2026-07-06T03:30:00Z"],
        },
    )
    shown = text(hr.get(page(row)))
    assert reverse("admin:leaves_leaveapplication_change", args=(leave.pk,)) in shown
    assert "Leave (CL) was approved, and there are punches at 09:00." in shown


KINDS: dict[str, dict[str, Any]] = {
    "long_day": {
        "zone": "Asia/Kolkata",
        "first": "2026-06-20T00:00:00Z",
        "last": "2026-06-20T17:00:00Z",
        "minutes": 1020,
    },
    "clock": {"minutes": -12},
    "silent_device": {
        "since": "2026-06-20T00:00:00+00:00",
        "usual_minutes": 30,
        "zone": "Asia/Kolkata",
    },
    "outside": {
        "zone": "Asia/Kolkata",
        "times": ["2026-06-20T00:00:00Z"],
        "window": ["2026-06-20T01:00:00Z", "2026-06-20T17:00:00Z"],
    },
}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_says_something_a_clerk_understands(
    hr: Client, ours: SimpleNamespace, kind: str
) -> None:
    row = AttendanceException.objects.create(
        organization=ours.organization,
        kind=kind,
        subject="x",
        device=ours.device,
        punch=ours.punch,
        details=KINDS[kind],
    )
    for shown in (text(hr.get(page(row))), text(hr.get(reverse(LIST)))):
        assert "%(" not in shown
    assert hr.get(page(row)).status_code == 200


def test_refused_times_and_journeys_show_their_punches(hr: Client, ours: SimpleNamespace) -> None:
    refused = people.make_punch(
        ours.organization, "1001", device=ours.device, verdict="rejected_time"
    )
    same = {"organization": ours.organization, "device": ours.device, "punch": refused}
    clock = AttendanceException.objects.create(
        kind="clock", subject="a", details={"refused": 1, "last_id": refused.pk}, **same
    )
    way = {
        "zone": "Asia/Kolkata",
        "from_punch": ours.accepted.pk,
        "from_at": "2026-06-21T06:30:00+00:00",
        "at": "2026-06-21T06:40:00+00:00",
        "km": 178.0,
        "minutes": 10,
        "kmh": 1068,
    }
    travel = AttendanceException.objects.create(kind="travel", subject="b", details=way, **same)
    assert f"#{refused.pk}" in text(hr.get(page(clock)))
    shown = text(hr.get(page(travel)))
    assert f"#{ours.accepted.pk}" in shown
    assert "178.0 km between two punches, at 12:00 and 12:10 (10 minutes)." in shown


def test_the_list_costs_as_many_queries_for_many_rows_as_for_one(
    hr: Client, ours: SimpleNamespace, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        AttendanceException.objects.create(
            organization=ours.organization,
            kind="clock",
            subject=f"x{number}",
            device=ours.device,
            details={"minutes": 9},
        )
    hr.get(reverse(LIST))
    with django_assert_max_num_queries(20):
        hr.get(reverse(LIST))


@pytest.mark.parametrize("role", ["approver", "reports"])
def test_the_inbox_is_for_hr(client: Client, ours: SimpleNamespace, role: str) -> None:
    client.force_login(people.make_staff(ours.organization, "other", role=role))
    assert client.get(reverse(LIST)).status_code == 403
    assert (
        client.post(page(ours.attendanceexception, "resolve"), {"remarks": "x"}).status_code == 403
    )
    ours.attendanceexception.refresh_from_db()
    assert ours.attendanceexception.state == "open"


def test_an_empty_inbox_says_what_will_come(hr: Client, ours: SimpleNamespace) -> None:
    AttendanceException.objects.all().delete()
    assert "No exceptions" in text(hr.get(reverse(LIST)))
