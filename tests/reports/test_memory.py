"""Reports are read and written in flat memory: four times the people take no more of it."""

from __future__ import annotations

import tracemalloc
import uuid
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.db import reset_queries

from attendance.models import Day
from employees.models import Employee, Organization
from reports import day_rows
from reports.base import ReportRun
from reports.catalog import REPORTS
from reports.formats import FORMATS
from reports.services import build_report
from tests.reports.conftest import JUNE

pytestmark = pytest.mark.any_engine

FEW, MANY = 100, 400
# What may differ: what waits for the garbage collector. The rows themselves would be nine times
# that.
ALLOWED = 1024 * 1024
# What one more person on a page of PDF may take, which is put together in memory.
ON_PAPER = 12 * 1024


@pytest.fixture
def crowd(acme: Organization, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let there be so many people more, each with a row for every day of June."""
    monkeypatch.setattr(day_rows, "EMPLOYEES_PER_CHUNK", 50)

    def fill(number: int) -> None:
        names = [f"C{uuid.uuid4().hex[:10]}" for _ in range(number)]
        staff = Employee.objects.bulk_create(
            Employee(
                organization=acme, code=name, name=f"Person {name}", joined_on=date(2020, 1, 1)
            )
            for name in names
        )
        for employee in staff:
            Day.objects.bulk_create(
                Day(
                    organization=acme,
                    employee=employee,
                    date=date(2026, 6, 1) + timedelta(days=number),
                    zone="Asia/Kolkata",
                    status="present",
                    first_half="present",
                    second_half="present",
                    worked=480,
                    late_by=number,
                )
                for number in range(30)
            )

    return fill


def peak(organization: Organization, name: str, form: str, **asked: Any) -> int:
    """The most memory in use at once while a report is written and thrown away, in bytes."""
    run = ReportRun(build_report(REPORTS[name], organization, asked))
    tracemalloc.start()
    try:
        for _piece in FORMATS[form].render(run):
            reset_queries()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@time_machine.travel("2026-07-10T06:00:00+00:00", tick=False)
@pytest.mark.parametrize(
    ("name", "form", "more"),
    [
        ("muster-roll", "csv", 0),
        ("presence", "csv", 0),
        ("muster-roll", "xlsx", 0),
        ("muster-roll", "pdf", ON_PAPER),
    ],
)
def test_more_people_take_no_more_memory(
    acme: Organization, crowd: Callable[[int], None], name: str, form: str, more: int
) -> None:
    asked = {"month": "2026-06"} if name == "muster-roll" else JUNE
    crowd(FEW)
    peak(acme, name, form, **asked)  # Whatever is made once is made now.
    few = peak(acme, name, form, **asked)
    crowd(MANY - FEW)
    assert peak(acme, name, form, **asked) - few < ALLOWED + more * (MANY - FEW)
