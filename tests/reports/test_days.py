"""The reports that are made of days: muster roll, daily presence, late and early, overtime."""

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
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attendance.models import Day, DayAdjustment, PeriodLock
from employees.models import Assignment, Employee, Organization, Site
from reports import day_codes, day_rows
from tests import people
from tests.reports.conftest import JUNE, report_bytes

Get = Callable[..., Any]
MONTH = {"month": "2026-06"}
HALVES = {
    "present": ("present",) * 2,
    "absent": ("absent",) * 2,
    "half_day": ("present", "absent"),
    "tour": ("tour",) * 2,
}


@pytest.fixture(autouse=True)
def _july() -> Any:
    """June is over."""
    with time_machine.travel("2026-07-10T06:00:00+00:00", tick=False):
        yield


def day(employee: Employee, on: int | date, status: str = "present", **facts: Any) -> Day:
    """A day of June as it stands in the table."""
    when = on if isinstance(on, date) else date(2026, 6, on)
    first, second = facts.pop(
        "halves",
        HALVES.get(status) or ((status,) * 2 if status.startswith("leave:") else ("off",) * 2),
    )
    wanted = {"zone": "Asia/Kolkata", "first_half": first, "second_half": second} | facts
    return Day.objects.create(
        organization=employee.organization, employee=employee, date=when, status=status, **wanted
    )


def muster(organization: Organization, **asked: Any) -> dict[str, Any]:
    """The muster roll as JSON."""
    found: dict[str, Any] = json.loads(report_bytes(organization, "muster-roll", **(MONTH | asked)))
    return found


def presence(organization: Organization, name: str = "presence", **asked: Any) -> dict[str, Any]:
    """A report of days as JSON."""
    found: dict[str, Any] = json.loads(report_bytes(organization, name, **(JUNE | asked)))
    return found


def row_of(found: dict[str, Any], code: str = "1001") -> dict[str, Any]:
    return next(row for row in found["data"] if row["employee"] == code)


# --- Codes ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("status", "halves", "code"),
    [
        ("present", ("absent", "absent"), "P"),  # Still at work: the hours are not there yet.
        ("absent", ("absent", "absent"), "A"),
        ("half_day", ("present", "absent"), "HD"),
        ("half_day", ("leave:CL", "present"), "CL/P"),
        ("leave:CL", ("leave:CL", "absent"), "CL/A"),
        ("leave:EL", ("leave:EL", "leave:EL"), "EL"),
        ("leave:COMMUTED", ("leave:COMMUTED", "leave:COMMUTED"), "COM"),
        ("tour", ("tour", "tour"), "T"),
        ("holiday", ("off", "off"), "H"),
        ("weekly_off", ("off", "off"), "WO"),
        ("weekly_off", ("leave:CL", "off"), "CL/WO"),
        ("conflict", ("leave:CL", "leave:CL"), "!"),
        ("due", ("absent", "absent"), "…"),
        ("due", ("leave:CL", "absent"), "CL/…"),
    ],
)
def test_a_day_has_the_code_of_what_its_halves_count_as(
    status: str, halves: tuple[str, str], code: str
) -> None:
    assert day_codes.muster_code(day_codes.half_statuses(status, *halves)) == code


def test_no_code_is_taken_for_a_formula() -> None:
    assert not {code[:1] for code in day_codes.MUSTER_CODES.values()} & set("=+-@")


# --- Muster roll ----------------------------------------------------------------------------------
def test_a_month_is_a_row_with_a_code_for_each_day_and_what_it_comes_to(
    acme: Organization, asha: Employee
) -> None:
    day(asha, 1, worked=480, late_by=20)
    day(asha, 2, "absent")
    day(asha, 3, "half_day")
    day(asha, 4, "leave:CL")
    day(asha, 5, "leave:EL", halves=("leave:EL", "absent"))
    day(asha, 6, "weekly_off", worked=120, overtime=120)
    day(asha, 8, "holiday")
    day(asha, 9, "tour")
    row = row_of(muster(acme))
    assert [row[f"2026-06-0{number}"] for number in range(1, 10)] == [
        "P",
        "A",
        "HD",
        "CL",
        "EL/A",
        "WO",
        "?",
        "H",
        "T",
    ]
    expected = {
        "present": 1.5,
        "absent": 2.0,
        "leave": 1.5,
        "leave_CL": 1.0,
        "leave_EL": 0.5,
        "tour": 1.0,
        "holiday": 1.0,
        "weekly_off": 1.0,
        "unknown": 22.0,
        "half_days": 1,
        "late": 1,
        "late_by": 20,
        "overtime": 120,
        "worked": 600,
    }
    assert {name: row[name] for name in expected} == expected


def test_a_day_that_nobody_worked_out_is_not_absence(acme: Organization, asha: Employee) -> None:
    with time_machine.travel("2026-06-10T06:00:00+00:00", tick=False):
        row = row_of(muster(acme))
    assert (row["2026-06-10"], row["2026-06-11"], row["unknown"], row["absent"]) == (
        "?",
        "",
        10.0,
        0.0,
    )


def test_today_before_somebody_comes_is_not_absence(acme: Organization, asha: Employee) -> None:
    day(asha, 10, "due", halves=("absent", "absent"))
    row = row_of(muster(acme))
    assert (row["2026-06-10"], row["due"], row["absent"]) == ("…", 1.0, 0.0)


def test_who_joins_or_leaves_in_the_month_has_the_days_of_their_service(
    acme: Organization, asha: Employee
) -> None:
    Employee.objects.filter(pk=asha.pk).update(joined_on="2026-06-10", left_on="2026-06-12")
    row = row_of(muster(acme))
    assert [row[f"2026-06-{number:02}"] for number in (9, 10, 12, 13)] == ["", "?", "?", ""]
    assert row["unknown"] == 3.0
    assert [one["employee"] for one in muster(acme, month="2026-05")["data"]] == ["1002"]


def test_a_site_has_the_days_that_were_worked_there(
    acme: Organization, asha: Employee, bala: Employee
) -> None:
    first, second = people.make_site(acme, "One"), people.make_site(acme, "Two")
    Assignment.objects.create(
        organization=acme, employee=asha, site=first, starts_on="2020-01-01", ends_on="2026-06-14"
    )
    Assignment.objects.create(organization=acme, employee=asha, site=second, starts_on="2026-06-15")
    day(asha, 14, site=first)
    day(asha, 15, site=second)
    found = muster(acme, site=str(first.pk))
    assert [row["employee"] for row in found["data"]] == ["1001"]
    row = row_of(found)
    assert (row["2026-06-14"], row["2026-06-15"], row["present"], row["unknown"]) == (
        "P",
        "",
        1.0,
        13.0,
    )
    assert (row["site"], found["site"]) == ("One", "One")


def test_a_locked_month_stands_as_it_was_and_late_facts_are_marked(
    acme: Organization, asha: Employee
) -> None:
    lock = PeriodLock.objects.create(organization=acme, month=date(2026, 6, 1))
    day(asha, 1, "absent")
    before = {"status": "absent", "worked": 0, "late_by": 0, "early_by": 0, "overtime": 0}
    after = before | {"status": "present", "worked": 480}
    DayAdjustment.objects.create(
        organization=acme,
        employee=asha,
        date=date(2026, 6, 1),
        lock=lock,
        posted_to=date(2026, 7, 1),
        posted_at=datetime(2026, 7, 5, tzinfo=UTC),
        before=before,
        after=after,
    )
    row = row_of(muster(acme))
    assert (row["2026-06-01"], row["absent"], row["present"], row["adjusted"]) == (
        "A*",
        1.0,
        0.0,
        1,
    )
    told = next(
        one
        for one in presence(acme)["data"]
        if one["date"] == "2026-06-01" and one["employee"] == "1001"
    )
    assert (told["status"], told["adjustment"]) == (
        "absent",
        "Present, worked 8:00 (counted in 2026-07)",
    )


def test_a_lifted_lock_leaves_no_mark(acme: Organization, asha: Employee) -> None:
    lock = PeriodLock.objects.create(
        organization=acme, month=date(2026, 6, 1), lifted_at=datetime(2026, 7, 6, tzinfo=UTC)
    )
    day(asha, 1, "absent")
    DayAdjustment.objects.create(
        organization=acme,
        employee=asha,
        date=date(2026, 6, 1),
        lock=lock,
        posted_to=date(2026, 7, 1),
        posted_at=datetime(2026, 7, 5, tzinfo=UTC),
        before={},
        after={"status": "present"},
    )
    assert row_of(muster(acme))["2026-06-01"] == "A"


def test_the_roll_says_whose_it_is_and_what_the_codes_mean(
    acme: Organization, asha: Employee
) -> None:
    found = muster(acme)
    assert (found["establishment"], found["month"], found["legend"]["WO"]) == (
        "Acme",
        "2026-06",
        "Weekly off",
    )
    book = openpyxl.load_workbook(io.BytesIO(report_bytes(acme, "muster-roll", "xlsx", **MONTH)))
    about = {row[0].value: row[1].value for row in book.worksheets[1]}
    assert (about["For the month"], about["Name of the establishment"], about["HD"]) == (
        "June 2026",
        "Acme",
        "Half a day",
    )
    table = pandas.read_csv(
        io.BytesIO(report_bytes(acme, "muster-roll", "csv", **MONTH)), dtype={"Employee code": str}
    )
    assert (table["Employee code"].tolist(), table["Not calculated"].tolist()) == (
        ["1001", "1002"],
        [30.0, 30.0],
    )


@pytest.mark.parametrize(
    "month", ["", "2026", "2026-13", "2026-6", "1800-01", "2026-06-01", "٢٠٢٦-٠٦"]
)
def test_a_month_that_is_none_is_422(get: Get, month: str) -> None:
    reply = get("muster-roll", month=month)
    assert (reply.status_code, list(reply.json()["errors"])) == (422, ["month"])


def test_another_organizations_days_are_not_there(acme: Organization, chitra: Employee) -> None:
    day(chitra, 1)
    assert muster(acme)["totals"]["present"] == 0
    assert presence(acme, status="present")["data"] == []


# --- Days one by one ------------------------------------------------------------------------------
def test_presence_tells_when_somebody_came_and_left_on_the_clock_of_the_place(
    acme: Organization, asha: Employee
) -> None:
    site = people.make_site(acme, "Head office")
    day(
        asha,
        1,
        site=site,
        first_in=datetime(2026, 6, 1, 3, 40, tzinfo=UTC),
        last_out=datetime(2026, 6, 1, 12, tzinfo=UTC),
        worked=500,
        late_by=10,
        marks=["outside_window"],
    )
    (row,) = presence(acme, **{"from": "2026-06-01", "to": "2026-06-01", "employee": "1001"})[
        "data"
    ]
    assert (row["in"], row["out"], row["site"], row["code"]) == (
        "2026-06-01T09:10:00",
        "2026-06-01T17:30:00",
        "Head office",
        "P",
    )
    assert (row["worked"], row["late_by"], row["remarks"]) == (
        500,
        10,
        "A punch outside the shift's window",
    )


def test_presence_can_be_asked_for_by_status(
    acme: Organization, asha: Employee, bala: Employee
) -> None:
    day(asha, 1, "leave:CL")
    day(asha, 2, "absent")
    for status, number in (("leave", 1), ("absent", 1), ("unknown", 58), ("tour", 0)):
        assert presence(acme, status=status)["totals"]["rows"] == number, status


def test_late_and_overtime_have_the_days_that_were(
    acme: Organization, asha: Employee, bala: Employee
) -> None:
    day(asha, 1, late_by=20)
    day(asha, 2, early_by=15, overtime=30)
    day(bala, 2)
    assert [row["date"] for row in presence(acme, "late")["data"]] == ["2026-06-01", "2026-06-02"]
    assert [row["date"] for row in presence(acme, "overtime")["data"]] == ["2026-06-02"]
    assert presence(acme, "late")["totals"]["late"] == 1


def test_words_stand_in_place_of_statuses_for_people(acme: Organization, asha: Employee) -> None:
    day(asha, 1, "leave:CL", halves=("leave:CL", "absent"))
    table = pandas.read_csv(
        io.BytesIO(report_bytes(acme, "presence", "csv", **JUNE, employee="1001"))
    )
    assert table.loc[0, ["Status", "First half", "Second half"]].tolist() == [
        "Leave (CL)",
        "Leave (CL)",
        "absent",
    ]
    assert table.loc[1, "Status"] == "Not calculated yet"


def test_queries_grow_with_lists_of_people_and_not_with_people(acme: Organization) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            report_bytes(acme, "muster-roll", **MONTH)
        return len(queries)

    few = asked()
    for number in range(60):
        day(people.make_employee(acme, f"E{number:02}", "Somebody"), 1)
    assert asked() == few


# --- They agree -----------------------------------------------------------------------------------
KINDS = st.sampled_from(
    [
        "present",
        "absent",
        "half_day",
        "tour",
        "holiday",
        "weekly_off",
        "due",
        "conflict",
        "leave:CL",
        "leave:EL",
    ]
)
MADE = st.tuples(
    KINDS,
    st.sampled_from([None, ("leave:CL", "present"), ("tour", "absent")]),
    st.integers(0, 90),
    st.integers(0, 60),
    st.integers(0, 120),
    st.integers(0, 600),
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    made=st.dictionaries(st.tuples(st.integers(0, 3), st.integers(1, 30)), MADE, max_size=25),
    joined=st.integers(1, 30),
    moved=st.integers(2, 30),
    locked=st.booleans(),
    at_a_time=st.integers(1, 5),
)
def test_totals_of_all_reports_agree_with_each_other_and_with_the_days(
    db: None,
    made: dict[tuple[int, int], Any],
    joined: int,
    moved: int,
    locked: bool,
    at_a_time: int,
) -> None:
    with transaction.atomic(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(day_rows, "EMPLOYEES_PER_CHUNK", at_a_time)
        acme = people.make_organization("sums")
        one, two = people.make_site(acme, "One"), people.make_site(acme, "Two")
        staff = [
            people.make_employee(acme, f"{number}", "x", joined_on=date(2026, 6, joined))
            for number in range(4)
        ]
        _assign(acme, staff, one, two, moved)
        if locked:
            PeriodLock.objects.create(organization=acme, month=date(2026, 6, 1))
        for (number, on), (status, halves, late, early, overtime, worked) in made.items():
            given_halves = (
                {"halves": halves} if halves and status in {"half_day", "leave:CL"} else {}
            )
            day(
                staff[number],
                on,
                status,
                late_by=late,
                early_by=early,
                overtime=overtime,
                worked=worked,
                site=one if on < moved else two,
                **given_halves,
            )
        _agree(acme, [one, two], staff)
        transaction.set_rollback(True)


def _assign(acme: Organization, staff: list[Employee], one: Site, two: Site, moved: int) -> None:
    ends = date(2026, 6, moved) - timedelta(days=1)
    for employee in staff:
        Assignment.objects.create(
            organization=acme, employee=employee, site=one, starts_on="2020-01-01", ends_on=ends
        )
        Assignment.objects.create(
            organization=acme, employee=employee, site=two, starts_on=date(2026, 6, moved)
        )


def _agree(acme: Organization, sites: list[Site], staff: list[Employee]) -> None:
    whole, daily = muster(acme)["totals"], presence(acme)["totals"]
    late, overtime = presence(acme, "late")["totals"], presence(acme, "overtime")["totals"]
    stored = Day.objects.of(acme)
    assert {name: daily[name] for name in day_codes.ALL_TOTALS} == whole
    # Each day counts once, in halves: rows, and days in service without one.
    serving = sum(30 - one.joined_on.day + 1 for one in staff)
    before = sum(row.date < row.employee.joined_on for row in stored.select_related("employee"))
    assert (
        sum(whole[name] for name in (*day_codes.HALF_STATUSES, "leave"))
        == serving + before
        == daily["rows"]
    )
    assert whole["unknown"] == serving + before - stored.count()
    for name in ("late", "early", "late_by", "early_by"):
        assert late[name] == whole[name]
    assert (
        overtime["overtime"] == whole["overtime"] == sum(stored.values_list("overtime", flat=True))
    )
    assert (whole["late"], whole["worked"]) == (
        stored.filter(late_by__gt=0).count(),
        sum(stored.values_list("worked", flat=True)),
    )
    assert whole["leave"] == sum(whole[name] for name in whole if name.startswith("leave_"))
    parts = [muster(acme, site=str(one.pk))["totals"] for one in sites] + [
        muster(acme, employee="0")["totals"]
    ]
    assert {name: parts[0][name] + parts[1][name] for name in whole} == whole
    by_day = [
        presence(acme, **{"from": f"2026-06-{on:02}", "to": f"2026-06-{on:02}"})["totals"]
        for on in range(1, 31)
    ]
    assert {name: sum(one[name] for one in by_day) for name in whole} == whole
