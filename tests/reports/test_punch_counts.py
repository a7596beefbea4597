"""`GET /api/v1/admin/reports/attendance`: the pivot of verdicts."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pandas
import pytest
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import SecurityEvent
from accounts.services import issue_personal_token
from attendance.models import Punch, PunchMatch, Verdict
from employees.models import Assignment, Employee, Organization
from tests import people
from tests.reports.conftest import JUNE, make_api_client, report_bytes

Get = Callable[..., Any]
NONE = dict.fromkeys(Verdict.values, 0)


def punch(
    employee: Employee | None, at: datetime, verdict: str = "accepted", **facts: Any
) -> Punch:
    """A punch as it stands in the table."""
    organization = facts.pop("organization", None) or employee.organization
    return people.make_punch(
        organization, "1001", employee=employee, occurred_at=at, verdict=verdict, **facts
    )


def ist(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of June 2026 on Indian clocks."""
    return datetime(2026, 6, day, hour, minute, tzinfo=ZoneInfo("Asia/Kolkata"))


def test_a_day_of_one_employee_is_told_as_the_contract_has_it(get: Get, asha: Employee) -> None:
    punch(asha, ist(21, 9))
    punch(asha, ist(21, 18))
    punch(asha, ist(21, 19), "rejected_geofence")
    reply = get("attendance", **JUNE)
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "application/json")
    counts = NONE | {"accepted": 2, "rejected_geofence": 1}
    assert reply.json() == {
        "from": "2026-06-01",
        "to": "2026-06-30",
        "verdicts": Verdict.values,
        "data": [{"employee": "1001", "name": "Asha", "date": "2026-06-21", "counts": counts}],
        "totals": counts,
    }


def test_dates_are_those_of_the_clock_where_somebody_works(
    get: Get, asha: Employee, bala: Employee
) -> None:
    site = people.make_site(asha.organization, "New York", timezone="America/New_York")
    Assignment.objects.create(
        organization=asha.organization, employee=bala, site=site, starts_on="2020-01-01"
    )
    for employee in (asha, bala):
        punch(employee, datetime(2026, 6, 21, 1, tzinfo=UTC))
    found = {row["name"]: row["date"] for row in get("attendance", **JUNE).json()["data"]}
    assert found == {"Asha": "2026-06-21", "Bala": "2026-06-20"}


def test_who_changes_between_zones_has_each_punch_once(get: Get, asha: Employee) -> None:
    tokyo = people.make_site(asha.organization, "Tokyo", timezone="Asia/Tokyo")
    Assignment.objects.create(
        organization=asha.organization, employee=asha, site=tokyo, starts_on="2026-06-10"
    )
    for number in range(30 * 24):
        punch(asha, datetime(2026, 6, 1, tzinfo=UTC) + timedelta(hours=number))
    reply = get("attendance", **{"from": "2026-05-31", "to": "2026-07-01"}).json()
    assert reply["totals"]["accepted"] == 30 * 24


def test_the_first_and_the_last_day_are_included(get: Get, asha: Employee) -> None:
    for day in (1, 30):
        punch(asha, ist(day, 0))
        punch(asha, ist(day, 23, 59))
    assert get("attendance", **JUNE).json()["totals"]["accepted"] == 4
    assert get("attendance", **{"from": "2026-06-02", "to": "2026-06-29"}).json()["data"] == []


def test_punches_nobody_is_known_by_are_counted_without_a_name(get: Get, asha: Employee) -> None:
    punch(None, ist(21, 9), "unmatched", organization=asha.organization)
    punch(None, ist(21, 9), "rejected_time", organization=asha.organization)
    (row,) = get("attendance", **JUNE).json()["data"]
    assert (row["employee"], row["name"], row["date"]) == (None, None, "2026-06-21")
    assert row["counts"] == NONE | {"unmatched": 1, "rejected_time": 1}


def test_a_punch_that_was_matched_since_counts_as_accepted(get: Get, asha: Employee) -> None:
    found = punch(None, ist(21, 9), "unmatched", organization=asha.organization)
    PunchMatch.objects.create(
        organization=asha.organization, punch=found, employee=asha, matched_at=ist(22, 9)
    )
    (row,) = get("attendance", **JUNE).json()["data"]
    assert (row["employee"], row["counts"]) == ("1001", NONE | {"accepted": 1})
    assert get("attendance", verdict="unmatched", **JUNE).json()["data"] == []


def test_one_verdict_can_be_asked_for(get: Get, asha: Employee) -> None:
    punch(asha, ist(21, 9))
    punch(asha, ist(21, 9), "rejected_geofence")
    reply = get("attendance", verdict="rejected_geofence", **JUNE).json()
    assert reply["verdicts"] == ["rejected_geofence"]
    assert [row["counts"] for row in reply["data"]] == [{"rejected_geofence": 1}]


def test_somebody_belongs_to_a_site_on_the_days_they_worked_there(
    get: Get, asha: Employee, bala: Employee
) -> None:
    first, second = (
        people.make_site(asha.organization, "One"),
        people.make_site(asha.organization, "Two"),
    )
    stores = people.make_department(asha.organization)
    of_asha = {"organization": asha.organization, "employee": asha}
    Assignment.objects.create(site=first, starts_on="2020-01-01", ends_on="2026-06-14", **of_asha)
    Assignment.objects.create(site=second, department=stores, starts_on="2026-06-15", **of_asha)
    for day in (10, 20):
        punch(asha, ist(day, 9))
        punch(bala, ist(day, 9))
    dates = {
        question: [
            row["date"] for row in get("attendance", **JUNE, **dict([question])).json()["data"]
        ]
        for question in (
            ("site", first.pk),
            ("site", second.pk),
            ("department", stores.pk),
            ("employee", "1001"),
        )
    }
    assert list(dates.values()) == [
        ["2026-06-10"],
        ["2026-06-20"],
        ["2026-06-20"],
        ["2026-06-10", "2026-06-20"],
    ]


def test_a_site_has_the_punches_of_nobody_that_its_devices_took(
    get: Get, acme: Organization
) -> None:
    site = people.make_site(acme)
    for serial, at in (("HERE", site), ("ELSEWHERE", None)):
        device, _token = people.make_device(acme, serial, site=at)
        punch(None, ist(21, 9), "unmatched", organization=acme, device=device)
    assert get("attendance", site=site.pk, **JUNE).json()["totals"]["unmatched"] == 1
    assert get("attendance", employee="1001", **JUNE).json()["totals"]["unmatched"] == 0


def test_an_employee_is_named_by_code_or_by_id(get: Get, asha: Employee, bala: Employee) -> None:
    punch(asha, ist(21, 9))
    punch(bala, ist(21, 9))
    for name in ("1001", str(asha.pk)):
        assert [row["name"] for row in get("attendance", employee=name, **JUNE).json()["data"]] == [
            "Asha"
        ]


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"from": "", "to": "2026-06-30"}, "from"),
        ({"from": "2026-06-01", "to": "30.06.2026"}, "to"),
        ({"from": "2026-06-02", "to": "2026-06-01"}, "to"),
        ({"from": "2025-01-01", "to": "2026-01-02"}, "to"),
        ({"from": "0001-01-01", "to": "1950-01-02"}, "from"),
        (JUNE | {"verdict": "duplicate"}, "verdict"),
        (JUNE | {"site": "x"}, "site"),
        (JUNE | {"site": str(2**70)}, "site"),
        (JUNE | {"department": "\0"}, "department"),
        (JUNE | {"employee": "nobody"}, "employee"),
        (JUNE | {"format": "ods"}, "format"),
    ],
    ids=range(11),
)
def test_what_cannot_be_answered_is_422_and_names_the_field(
    get: Get, asked: dict[str, str], field: str
) -> None:
    reply = get("attendance", **asked)
    assert (reply.status_code, list(reply.json()["errors"])) == (422, [field])


def test_a_leap_year_and_no_day_more_can_be_asked_for(get: Get) -> None:
    assert get("attendance", **{"from": "2024-01-01", "to": "2024-12-31"}).status_code == 200


@pytest.mark.parametrize(
    ("role", "status"), [("reports", 200), ("hr_admin", 200), ("admin", 200), ("approver", 403)]
)
def test_it_is_for_those_with_the_ability(acme: Organization, role: str, status: int) -> None:
    reply = make_api_client(acme, role).get("/api/v1/admin/reports/attendance", JUNE)
    assert reply.status_code == status
    if status == 403:
        assert (
            reply.json()["message"]
            == "Forbidden: 'reports' requires one of: admin, hr_admin, reports"
        )


def test_who_is_only_an_employee_is_refused(asha: Employee) -> None:
    token = issue_personal_token(people.make_user(asha, "asha"), "phone")[1]
    client = Client(headers={"Authorization": f"Bearer {token}"})
    assert client.get("/api/v1/admin/reports/attendance", JUNE).status_code == 403


def test_what_is_theirs_is_not_there(get: Get, asha: Employee, chitra: Employee) -> None:
    punch(chitra, ist(21, 9))
    punch(None, ist(21, 9), "unmatched", organization=chitra.organization)
    site = people.make_site(chitra.organization)
    assert get("attendance", **JUNE).json()["data"] == []
    theirs, nobodys = (get("attendance", site=pk, **JUNE) for pk in (site.pk, 987_654_321))
    assert (
        (theirs.status_code, theirs.content)
        == (nobodys.status_code, nobodys.content)
        == (422, nobodys.content)
    )
    assert get("attendance", employee=str(chitra.pk), **JUNE).status_code == 422


def test_the_files_say_the_same_as_the_json(get: Get, asha: Employee, bala: Employee) -> None:
    for employee, day in ((asha, 20), (asha, 21), (bala, 21)):
        punch(employee, ist(day, 9))
        punch(employee, ist(day, 10), "rejected_device")
    asked = get("attendance", **JUNE).json()
    table = pandas.read_csv(
        io.BytesIO(get("attendance", format="csv", **JUNE).content), dtype={"Employee code": str}
    )
    assert table["Employee code"].tolist() == [row["employee"] for row in asked["data"]]
    assert table["Date"].tolist() == [row["date"] for row in asked["data"]]
    assert int(table["Accepted"].sum()) == asked["totals"]["accepted"]
    book = openpyxl.load_workbook(
        io.BytesIO(get("attendance", format="xlsx", **JUNE).content)
    ).worksheets[0]
    assert [cell.value for cell in book[book.max_row]][3:] == list(asked["totals"].values())


def test_a_file_has_a_name_and_is_for_nobodys_cache(get: Get) -> None:
    reply = get("attendance", format="csv", **JUNE)
    assert reply.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert (
        reply.headers["Content-Disposition"]
        == 'attachment; filename="attendance-2026-06-01-2026-06-30.csv"'
    )
    assert reply.headers["Cache-Control"] == "private, no-store"


def test_headings_are_in_the_language_of_whoever_asks(acme: Organization) -> None:
    reply = make_api_client(acme).get(
        "/api/v1/admin/reports/attendance",
        JUNE | {"format": "csv"},
        headers={"Accept-Language": "hi"},
    )
    assert "स्वीकृत" in reply.content.decode()


def test_every_download_is_written_down(get: Get, acme: Organization) -> None:
    get("attendance", format="csv", employee="1001", **JUNE)
    event = SecurityEvent.objects.of(acme).filter(kind="exported").get()
    assert (event.about, event.actor_text) == ("report attendance", "acme-reports")
    assert event.details == {
        "format": "csv",
        "asked": {"from": "2026-06-01", "to": "2026-06-30", "employee": "Asha (1001)"},
    }


def test_what_is_refused_is_not_written_down(get: Get, acme: Organization) -> None:
    get("attendance")
    assert not SecurityEvent.objects.of(acme).filter(kind="exported").exists()


ZONES = st.sampled_from(["Asia/Kolkata", "America/New_York", "Pacific/Apia", "Asia/Tokyo", ""])
HOURS = st.integers(0, 24 * 40)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    moves=st.lists(st.tuples(st.integers(1, 40), ZONES), max_size=2),
    hours=st.lists(HOURS, max_size=12),
    start=st.integers(0, 30),
)
def test_whatever_is_asked_totals_are_the_sums_of_the_rows_and_single_days_make_up_the_span(
    db: None, moves: list[tuple[int, str]], hours: list[int], start: int
) -> None:
    with transaction.atomic():
        acme = people.make_organization("sum")
        employee = people.make_employee(acme, "1", "One")
        days = sorted(
            {date(2026, 5, 20) + timedelta(days=offset): zone for offset, zone in moves}.items()
        )
        for number, (day, zone) in enumerate(days):
            ends = days[number + 1][0] - timedelta(days=1) if number + 1 < len(days) else None
            site = people.make_site(acme, f"s{number}", timezone=zone)
            Assignment.objects.create(
                organization=acme, employee=employee, site=site, starts_on=day, ends_on=ends
            )
        verdicts = ["accepted", "rejected_device"]
        for number, hour in enumerate(hours):
            punch(
                employee,
                datetime(2026, 5, 20, tzinfo=UTC) + timedelta(hours=hour),
                verdicts[number % 2],
            )
        first = date(2026, 5, 20) + timedelta(days=start)
        whole = json.loads(
            report_bytes(acme, "attendance", **{"from": first, "to": first + timedelta(days=9)})
        )
        summed: Counter[str] = Counter()
        for row in whole["data"]:
            summed.update(row["counts"])
        assert summed == Counter(whole["totals"])
        single = [
            json.loads(report_bytes(acme, "attendance", **{"from": one, "to": one}))
            for one in (first + timedelta(days=number) for number in range(10))
        ]
        assert [row for one in single for row in one["data"]] == whole["data"]
        everything = json.loads(
            report_bytes(acme, "attendance", **{"from": date(2026, 5, 1), "to": date(2026, 7, 31)})
        )
        assert everything["totals"]["accepted"] == (len(hours) + 1) // 2
        transaction.set_rollback(True)
