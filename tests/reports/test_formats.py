"""Files that open right, wherever they are opened."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any

import openpyxl
import pandas
import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from core.csv_injection import escape_formula
from employees.models import Organization
from reports import formats
from reports.base import Chunk, Report, ReportRun
from reports.columns import Column, ColumnKind, Row
from reports.formats import FORMATS

pytestmark = pytest.mark.django_db
DATE, AT = (
    date(2026, 6, 21),
    datetime.fromisoformat("2026-06-21 09:30"),
)  # A cell's moment has no zone.
ROWS: list[Row] = [
    ["0012", "आशा, “the first”", DATE, AT, 3, 1.5],
    ["=1+1", "@SUM(A1)", DATE, None, -4, 0.5],
]


class Sample(Report):
    """One column of every kind."""

    name, title = "sample", "Sample: [all] kinds"
    given: list[Row] = ROWS

    def build_columns(self) -> Iterable[Column]:
        yield Column("code", "Code")
        yield Column("name", "Name")
        yield Column("date", "Date", ColumnKind.DATE)
        yield Column("at", "At", ColumnKind.DATETIME)
        yield Column("number", "Number", ColumnKind.INTEGER, total=True)
        yield Column("days", "Days", ColumnKind.DAYS, total=True)

    def step_count(self) -> int:
        return len(self.given)

    def chunks(self) -> Iterator[Chunk]:
        for row in self.given:
            yield Chunk(1, [row])


def written(form: str, rows: list[Row] | None = None) -> bytes:
    report = Sample(Organization(name="Acme", timezone="Asia/Kolkata"), {})
    report.given = ROWS if rows is None else rows
    return b"".join(FORMATS[form].render(ReportRun(report)))


def sheet(content: bytes) -> Any:
    return openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]


def test_pandas_reads_a_csv_with_hindi_zeros_and_dates() -> None:
    found = pandas.read_csv(
        io.BytesIO(written("csv")), dtype={"Code": str}, parse_dates=["Date", "At"]
    )
    assert list(found.columns) == ["Code", "Name", "Date", "At", "Number", "Days"]
    assert found.loc[0].tolist()[:2] == ["0012", "आशा, “the first”"]
    assert found.loc[0, "At"] == pandas.Timestamp("2026-06-21 09:30")
    assert (found["Number"].sum(), found["Days"].sum()) == (-1, 2.0)


def test_a_csv_begins_with_a_byte_order_mark_and_ends_its_lines_as_rfc_4180_says() -> None:
    content = written("csv")
    assert content.startswith("\ufeffCode,".encode())
    assert content.count(b"\r\n") == 3
    assert b"\n" not in content.replace(b"\r\n", b"")


@pytest.mark.parametrize("beginning", ["=", "+", "-", "@", "\t", "\r", "＝"])
def test_a_cell_that_begins_like_a_formula_is_text_in_every_file(beginning: str) -> None:
    text = f"{beginning}cmd|' /C calc'!A0"
    rows: list[Row] = [[text, "x", DATE, None, 1, 1.0]]
    _head, cells = csv.reader(io.StringIO(written("csv", rows).decode("utf-8-sig"), newline=""))
    assert cells[0] == f"'{text}"
    cell = sheet(written("xlsx", rows))["A2"]
    assert cell.data_type == "s"
    assert cell.quotePrefix


def test_numbers_below_zero_stay_numbers() -> None:
    assert b",-4," in written("csv")
    cell = sheet(written("xlsx"))["E3"]
    assert (cell.value, cell.data_type) == (-4, "n")


@given(st.text())
def test_inert_text_is_never_live_and_is_the_text_or_the_text_quoted(text: str) -> None:
    assert escape_formula(text) in (text, f"'{text}")
    assert escape_formula(text)[:1] not in set("=+-@\t\r")


def test_a_workbook_has_real_dates_totals_and_the_same_sums_as_its_rows() -> None:
    cells = sheet(written("xlsx"))
    assert cells["C2"].value.date() == DATE
    assert cells["D2"].value == AT
    assert cells["D3"].value is None
    assert [cells[f"{column}4"].value for column in "AEF"] == ["Total", -1, 2]
    assert cells.title == "Sample   all  kinds"


def test_a_workbook_shows_dates_as_the_language_writes_them() -> None:
    assert sheet(written("xlsx"))["C2"].number_format == "dd-mmm-yyyy"
    with translation.override("hi"):
        assert sheet(written("xlsx"))["C2"].number_format == "dd-mm-yyyy"


def test_a_full_sheet_is_followed_by_another_with_the_same_heading(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(formats, "MAX_SHEET_ROWS", 3)
    book = openpyxl.load_workbook(io.BytesIO(written("xlsx", ROWS * 2)))
    assert [one.max_row for one in book.worksheets] == [3, 3, 2]
    assert {one["A1"].value for one in book.worksheets} == {"Code"}
    assert book.worksheets[1].title.endswith(" 2")


def test_json_has_columns_rows_and_totals() -> None:
    found = json.loads(written("json"))
    assert found["data"][1] == {
        "code": "=1+1",
        "name": "@SUM(A1)",
        "date": "2026-06-21",
        "at": None,
        "number": -4,
        "days": 0.5,
    }
    assert found["totals"] == {"number": -1, "days": 2.0}
    assert [one["kind"] for one in found["columns"]] == [
        "text",
        "text",
        "date",
        "moment",
        "whole",
        "days",
    ]


@pytest.mark.parametrize("form", ["csv", "json", "xlsx"])
def test_an_empty_report_is_a_whole_file(form: str) -> None:
    content = written(form, [])
    if form == "json":
        assert json.loads(content)["data"] == []
    else:
        read: Any = pandas.read_csv if form == "csv" else pandas.read_excel
        found = read(io.BytesIO(content))
        assert next(iter(found.columns)) == "Code"


def test_pieces_are_written_in_the_language_of_the_reader_whatever_happens_between_them() -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(2):
            yield translation.get_language().encode()

    found = []
    with translation.override("en"):
        for piece in formats.render_in_language(pieces(), "hi"):
            found.append(piece)
            assert translation.get_language() == "en"
    assert found == [b"hi", b"hi"]
