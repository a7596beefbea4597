"""LibreOffice opens the files as a clerk would see them, where it is installed."""

from __future__ import annotations

import csv
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.utils import translation

from employees.models import Employee, Organization
from tests import people
from tests.reports.conftest import JUNE, report_bytes
from tests.reports.test_days import day

OFFICE = shutil.which("soffice")
pytestmark = [
    pytest.mark.skipif(OFFICE is None, reason="LibreOffice (soffice) is not installed"),
    pytest.mark.timeout(180),
]
# Comma, quotes, UTF-8, from the first line, all columns as they are, English, not quoted, formulas
# and formats as shown.
SHOWN = "csv:Text - txt - csv (StarCalc):44,34,76,1,,1033,false,true,true"
FORMULA = '=HYPERLINK("https://x.example")'
Open = Callable[[bytes, str], list[list[str]]]


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    """What a file shows in LibreOffice, cell by cell: it opens it, and writes down what it
    shows.
    """

    def show(content: bytes, form: str) -> list[list[str]]:
        file = tmp_path / f"report.{form}"
        file.write_bytes(content)
        profile = f"-env:UserInstallation=file://{tmp_path}/profile"
        told = ["--infilter=CSV:44,34,76,1"] if form == "csv" else []
        command = [
            str(OFFICE),
            profile,
            "--headless",
            *told,
            "--convert-to",
            SHOWN,
            "--outdir",
            f"{tmp_path}/out",
            str(file),
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=150)
        found = next((tmp_path / "out").glob("report*.csv"))
        return list(csv.reader(found.read_text("utf-8-sig").splitlines()))

    return show


@pytest.fixture
def hostile(acme: Organization) -> Employee:
    """Somebody with leading zeros, a Hindi name and a formula for a department."""
    employee = people.make_employee(acme, "0012", "श्रीमती क्षमा त्रिपाठी")
    department = people.make_department(acme, FORMULA)
    day(
        employee,
        1,
        department=department,
        first_in=datetime(2026, 6, 1, 3, 40, tzinfo=UTC),
        worked=500,
    )
    return employee


def one_day() -> dict[str, Any]:
    return JUNE | {"to": "2026-06-01", "employee": "0012"}


@time_machine.travel("2026-07-10T06:00:00+00:00")
def test_a_csv_opens_with_its_columns_its_hindi_and_its_formulas_as_text(
    acme: Organization, hostile: Employee, opened: Open
) -> None:
    head, row = opened(report_bytes(acme, "presence", "csv", **one_day()), "csv")
    cells = dict(zip(head, row, strict=True))
    assert (cells["Name"], cells["Department"]) == ("श्रीमती क्षमा त्रिपाठी", f"'{FORMULA}")
    assert (cells["Status"], cells["Worked (minutes)"]) == ("Present", "500")


@time_machine.travel("2026-07-10T06:00:00+00:00")
@pytest.mark.parametrize(("language", "date"), [("en", "01-Jun-2026"), ("hi", "01-06-2026")])
def test_a_workbook_opens_with_dates_as_the_language_writes_them(
    acme: Organization, hostile: Employee, opened: Open, language: str, date: str
) -> None:
    with translation.override(language):
        content = report_bytes(acme, "presence", "xlsx", **one_day())
    row = opened(content, "xlsx")[1]
    assert row[:3] == ["0012", "श्रीमती क्षमा त्रिपाठी", date]
    assert row[4] == FORMULA
    assert row[10].startswith(date)


@time_machine.travel("2026-07-10T06:00:00+00:00")
def test_a_muster_roll_opens_with_a_column_for_each_day(
    acme: Organization, hostile: Employee, opened: Open
) -> None:
    found = opened(
        report_bytes(acme, "muster-roll", "xlsx", month="2026-06", employee="0012"), "xlsx"
    )
    cells = dict(zip(found[0], found[1], strict=True))
    assert (cells["Employee code"], cells["01 Mon"], cells["02 Tue"], cells["Present"]) == (
        "0012",
        "P",
        "?",
        "1.0",
    )
