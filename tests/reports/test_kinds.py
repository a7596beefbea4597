"""The reports on exceptions, devices, deliveries and leave balances, each against what the rows
say.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import openpyxl
import pandas
import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.services import issue_personal_token
from attendance.models import PunchMatch
from employees.models import Assignment, Employee, Organization
from leaves.models import LeaveAccount
from leaves.services.policy_publishing import (
    ccs_1972_rules,
    draft_leave_policy,
    publish_leave_policy,
)
from reports import keyset
from reports.catalog import REPORTS
from tests import people
from tests.reports.conftest import JUNE, make_api_client, report_bytes
from tests.reports.test_punch_counts import ist, punch
from webhooks.models import Delivery
from webhooks.services import send_test_event

Get = Callable[..., Any]


def rows(reply: Any) -> list[dict[str, Any]]:
    assert reply.status_code == 200, reply.content
    found: list[dict[str, Any]] = reply.json()["data"]
    return found


# --- Exceptions -----------------------------------------------------------------------------------
def test_refused_and_unmatched_punches_are_listed_in_their_order_with_the_reasons(
    get: Get, asha: Employee
) -> None:
    device, _token = people.make_device(asha.organization, "GATE")
    punch(None, ist(22, 9), "unmatched", organization=asha.organization, device=device)
    punch(asha, ist(21, 9), "rejected_geofence", reasons={"geofence": "Outside"}, channel="phone")
    punch(asha, ist(21, 10))
    first, second = rows(get("exceptions", **JUNE))
    assert (first["name"], first["verdict"], first["reasons"]) == (
        "Asha",
        "rejected_geofence",
        "geofence: Outside",
    )
    assert (first["date"], first["occurred"], first["zone"]) == (
        "2026-06-21",
        "2026-06-21T09:00:00",
        "Asia/Kolkata",
    )
    assert (second["name"], second["device"], second["user_code"]) == (None, "GATE", "1001")


def test_a_matched_punch_is_no_exception_any_more(get: Get, asha: Employee) -> None:
    found = punch(None, ist(21, 9), "unmatched", organization=asha.organization)
    PunchMatch.objects.create(
        organization=asha.organization, punch=found, employee=asha, matched_at=ist(22, 9)
    )
    assert rows(get("exceptions", **JUNE)) == []


def test_exceptions_of_many_pages_come_once_each_and_add_up_to_the_pivot(
    get: Get, asha: Employee, bala: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyset.keyset_pages, "__defaults__", (3,))
    site = people.make_site(asha.organization, "New York", timezone="America/New_York")
    Assignment.objects.create(
        organization=asha.organization, employee=bala, site=site, starts_on="2026-06-03"
    )
    for number in range(20):
        at = datetime(2026, 6, 1, tzinfo=UTC) + timedelta(hours=number // 2 * 5)
        punch(
            [asha, bala, None][number % 3],
            at,
            ["rejected_time", "unmatched"][number % 3 // 2],
            organization=asha.organization,
        )
    for span in (
        JUNE,
        {"from": "2026-06-02", "to": "2026-06-02"},
        {"from": "2026-05-31", "to": "2026-05-31"},
    ):
        pivot, listed = get("attendance", **span).json(), get("exceptions", **span).json()
        assert listed["totals"] == {
            name: number for name, number in pivot["totals"].items() if name != "accepted"
        }
        assert len(listed["data"]) == sum(listed["totals"].values())


def test_exceptions_can_be_asked_for_by_site_person_and_verdict(
    get: Get, asha: Employee, bala: Employee
) -> None:
    site = people.make_site(asha.organization)
    Assignment.objects.create(
        organization=asha.organization, employee=asha, site=site, starts_on="2026-06-10"
    )
    for day in (5, 15):
        punch(asha, ist(day, 9), "rejected_time")
        punch(bala, ist(day, 9), "rejected_device")
    assert [row["date"] for row in rows(get("exceptions", site=site.pk, **JUNE))] == ["2026-06-15"]
    assert {row["name"] for row in rows(get("exceptions", employee="1002", **JUNE))} == {"Bala"}
    assert {row["name"] for row in rows(get("exceptions", verdict="rejected_time", **JUNE))} == {
        "Asha"
    }
    assert get("exceptions", verdict="accepted", **JUNE).status_code == 422


def test_reasons_that_begin_like_a_formula_are_text(get: Get, asha: Employee) -> None:
    punch(None, ist(21, 9), "unmatched", organization=asha.organization)
    people.make_punch(asha.organization, "=HYPERLINK(1)", occurred_at=ist(22, 9))
    table = pandas.read_csv(io.BytesIO(get("exceptions", format="csv", **JUNE).content), dtype=str)
    assert table["User code"].tolist() == ["1001", "'=HYPERLINK(1)"]
    assert table["Verdict"].tolist() == ["Unmatched"] * 2


# --- Devices --------------------------------------------------------------------------------------
def test_a_device_has_what_it_brought_on_the_days_of_its_own_clock(
    get: Get, asha: Employee
) -> None:
    device, _token = people.make_device(asha.organization, "GATE", timezone="America/New_York")
    people.make_device(asha.organization, "IDLE")
    for hour in (3, 5):  # The last hour of May in New York, and the first of June.
        punch(asha, datetime(2026, 6, 1, hour, tzinfo=UTC), device=device)
    punch(None, ist(21, 9), "unmatched", device=device, organization=asha.organization)
    punch(None, ist(21, 9), "rejected_time", device=device, organization=asha.organization)
    reply = get("devices", **JUNE)
    gate, idle = rows(reply)
    assert [gate[name] for name in ("punches", "accepted", "refused", "unmatched")] == [3, 1, 1, 1]
    assert (gate["first"], gate["zone"]) == ("2026-06-01T01:00:00", "America/New_York")
    assert (idle["punches"], idle["state"], idle["first"]) == (0, "never", None)
    assert reply.json()["totals"] == {"punches": 3, "accepted": 1, "refused": 1, "unmatched": 1}


def test_devices_can_be_asked_for_by_site(get: Get, acme: Organization) -> None:
    site = people.make_site(acme)
    people.make_device(acme, "HERE", site=site)
    people.make_device(acme, "ELSEWHERE")
    assert [row["serial"] for row in rows(get("devices", site=site.pk, **JUNE))] == ["HERE"]


# --- Deliveries -----------------------------------------------------------------------------------
def test_deliveries_are_told_by_endpoint_with_a_sum_for_each_state(acme: Organization) -> None:
    with time_machine.travel("2026-06-21T06:00:00+00:00", tick=False):
        for name in ("B", "A"):
            endpoint = people.make_endpoint(acme, "https://x.example/", name=name)
            send_test_event(endpoint)
            send_test_event(endpoint)
    Delivery.objects.filter(pk=Delivery.objects.latest("pk").pk).update(state="dead", attempts=7)
    client = make_api_client(acme, "hr_admin")
    reply = client.get("/api/v1/admin/reports/deliveries", JUNE)
    assert [row["endpoint"] for row in rows(reply)] == ["A", "A", "B", "B"]
    assert rows(reply)[0]["accepted"] == "2026-06-21T11:30:00"
    assert reply.json()["totals"] == {
        "attempts": 7,
        "refusals": 0,
        "new": 3,
        "waiting": 0,
        "delivered": 0,
        "dead": 1,
    }
    some = client.get(
        "/api/v1/admin/reports/deliveries", JUNE | {"endpoint": endpoint.pk, "state": "dead"}
    )
    assert [row["endpoint"] for row in rows(some)] == ["A"]


# --- Leave balances -------------------------------------------------------------------------------
@pytest.fixture
def ruled(acme: Organization) -> Organization:
    policy = draft_leave_policy(acme, ccs_1972_rules(), date(2026, 1, 1))
    publish_leave_policy(policy, actor=None)
    return acme


def test_leave_balances_are_those_of_everybodys_own_statement(
    ruled: Organization, asha: Employee, bala: Employee
) -> None:
    found = json.loads(report_bytes(ruled, "leave-balances", year=2026))
    for employee in (asha, bala):
        token = issue_personal_token(people.make_user(employee, employee.name), "x")[1]
        own = (
            Client(headers={"Authorization": f"Bearer {token}"})
            .get("/api/v1/leaves/balances?year=2026")
            .json()["data"]
        )
        mine = [row for row in found["data"] if row["employee"] == employee.code]
        assert [{name: row[name] for name in own[0]} for row in mine] == own


def test_reading_leave_balances_makes_no_account_and_asks_no_more_for_more_people(
    ruled: Organization, asha: Employee
) -> None:
    def asked() -> list[str]:
        with CaptureQueriesContext(connection) as queries:
            report_bytes(ruled, "leave-balances", year=2026)
        return [one["sql"] for one in queries]

    few = asked()
    for number in range(20):
        people.make_employee(ruled, f"E{number:02}", "Somebody")
    many = asked()
    assert len(many) == len(few)
    assert not [sql for sql in many if "FOR NO KEY UPDATE" in sql or not sql.startswith("SELECT")]
    assert not LeaveAccount.objects.exists()


def test_days_of_different_kinds_are_not_added_up(
    ruled: Organization, asha: Employee, bala: Employee
) -> None:
    found = json.loads(report_bytes(ruled, "leave-balances", year=2026))
    for kind, sums in found["totals"].items():
        of_kind = [row for row in found["data"] if row["leave_type"] == kind]
        assert sums == {name: sum(row[name] for row in of_kind) for name in sums}
    book = openpyxl.load_workbook(
        io.BytesIO(report_bytes(ruled, "leave-balances", "xlsx", year=2026))
    ).worksheets[0]
    assert [book.cell(book.max_row - 5 + place, 1).value for place in range(6)] == ["Total"] * 6


def test_who_left_before_the_year_has_no_balances_in_it(
    ruled: Organization, asha: Employee, bala: Employee
) -> None:
    Employee.objects.filter(pk=asha.pk).update(left_on="2025-12-31")
    assert {
        row["name"] for row in json.loads(report_bytes(ruled, "leave-balances", year=2026))["data"]
    } == {"Bala"}


# --- Who may --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "status"),
    [("exceptions", 200), ("devices", 200), ("deliveries", 403), ("leave-balances", 403)],
)
def test_a_report_shows_nothing_that_the_console_would_not_show(
    acme: Organization, name: str, status: int
) -> None:
    reply = make_api_client(acme, "reports").get(
        f"/api/v1/admin/reports/{name}", JUNE | {"year": 2026}
    )
    assert reply.status_code == status
    if status == 403:
        assert (
            reply.json()["message"]
            == f"Forbidden: the report '{name}' requires one of: hr_admin, admin"
        )
    assert (
        make_api_client(acme, "hr_admin")
        .get(f"/api/v1/admin/reports/{name}", JUNE | {"year": 2026})
        .status_code
        == 200
    )


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("form", ["csv", "xlsx", "json"])
def test_every_report_is_every_file_even_of_nothing(
    acme: Organization, name: str, form: str
) -> None:
    assert report_bytes(acme, name, form, year=2026, month="2026-06", **JUNE)
