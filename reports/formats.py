"""The files a report can be: CSV, XLSX and JSON, each written piece by piece from one reading of
the rows.

CSV is UTF-8 with a byte order mark, because Excel reads Hindi only then, and LibreOffice and pandas
take it off again; commas, CRLF, dates as ISO 8601, and no rows but the rows. XLSX has real dates,
shown as the language writes them, and totals under the rows. Called by the API, the console and the
jobs.
"""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any, Final

from django.utils import translation
from django.utils.translation import gettext as _say
from django.utils.translation import gettext_lazy as _
from xlsxwriter import Workbook
from xlsxwriter.format import Format as Style
from xlsxwriter.worksheet import Worksheet

from core.csv_injection import is_formula
from reports.base import CSV, JSON, PDF, XLSX, Report, ReportRun
from reports.columns import Cell, ColumnKind, Row, cell_to_csv
from reports.pdf import render_pdf

# A piece is what is sent or written at a time.
CHUNK_BYTES: Final = 64 * 1024
BOM: Final = "\ufeff"
# What Excel can hold: rows of a sheet, characters of a sheet's name.
MAX_SHEET_ROWS: Final = 1_048_576
MAX_SHEET_NAME_LENGTH: Final = 31
# Paper sizes as spreadsheets number them, and from how many columns on the larger is taken.
A3_PAPER_CODE, A4_PAPER_CODE, A3_FROM_COLUMNS = 8, 9, 20
_FORBIDDEN_IN_SHEET_NAMES: Final = str.maketrans(dict.fromkeys("[]:*?/\\'", " "))
# language → how a spreadsheet shows a date, and a moment
_DATE_FORMATS: Final = {
    "en": ("dd-mmm-yyyy", "dd-mmm-yyyy hh:mm:ss"),
    "hi": ("dd-mm-yyyy", "dd-mm-yyyy hh:mm:ss"),
}


@dataclass(frozen=True, slots=True)
class ReportFormat:
    """A kind of file: its name in the address, what it is called, its content type, and who writes
    it.
    """

    name: str
    title: Any
    content_type: str
    render: Callable[[ReportRun], Iterator[bytes]]


def render_in_language(chunks: Iterator[bytes], language: str) -> Iterator[bytes]:
    """The pieces, each written in a language: whoever takes them may do other things between two of
    them.
    """
    while True:
        with translation.override(language):
            piece = next(chunks, None)
        if piece is None:
            return
        yield piece


# --- CSV ------------------------------------------------------------------------------------------
def render_csv(run: ReportRun) -> Iterator[bytes]:
    """A heading and the rows."""
    text = io.StringIO()
    text.write(BOM)
    writer = csv.writer(text, lineterminator="\r\n")
    columns = run.report.columns
    writer.writerow([cell_to_csv(str(column.title)) for column in columns])
    for row in run.rows():
        writer.writerow(
            [cell_to_csv(column.display(cell)) for column, cell in zip(columns, row, strict=True)]
        )
        if text.tell() >= CHUNK_BYTES:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


# --- JSON -----------------------------------------------------------------------------------------
def render_json(run: ReportRun) -> Iterator[bytes]:
    """The head, `data` with a record for each row, and `totals`, which are known only when all rows
    were read.
    """
    head = _json(run.report.json_header())[:-1]
    waiting = [head, "," if len(head) > 1 else "", '"data":[']
    length, comma = 0, ""
    for row in run.rows():
        record = comma + _json(run.report.row_to_json(row))
        waiting.append(record)
        length, comma = length + len(record), ","
        if length >= CHUNK_BYTES:
            yield "".join(waiting).encode()
            waiting, length = [], 0
    yield "".join([*waiting, '],"totals":', _json(run.totals), "}"]).encode()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# --- XLSX -----------------------------------------------------------------------------------------
def render_xlsx(run: ReportRun) -> Iterator[bytes]:
    """A workbook, written to disk row by row; its pieces come when it is whole, as it is a ZIP."""
    with tempfile.TemporaryFile(prefix="muster-report-") as file:
        _write_workbook(run, file)
        file.seek(0)
        while piece := file.read(CHUNK_BYTES):
            yield piece


def _write_workbook(run: ReportRun, file: IO[bytes]) -> None:
    options = {
        "constant_memory": True,
        "strings_to_numbers": False,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "nan_inf_to_errors": True,
    }
    with Workbook(file, options) as book:
        book.set_properties(
            {"title": str(run.report.title), "company": run.report.organization.name}
        )
        sheets = _SheetWriter(book, run.report)
        for row in run.rows():
            sheets.write_row(row)
        for row in run.report.total_rows(run.totals):
            sheets.write_row(row, is_total=True)
        _write_about_sheet(book, run.report)
        run.on_progress(run.report.step_count())  # Putting the ZIP together takes its time.


def _write_about_sheet(book: Workbook, report: Report) -> None:
    """What a report says before its rows on paper: a sheet after them, so that the first sheet
    begins with the columns.
    """
    lines = report.header_lines()
    if not lines:
        return
    sheet, bold = (
        book.add_worksheet(str(_say("About"))[:MAX_SHEET_NAME_LENGTH]),
        book.add_format({"bold": True, "align": "left"}),
    )
    sheet.set_column(0, 0, 28)
    sheet.set_column(1, 1, 60)
    for number, (title, text) in enumerate(lines):
        sheet.write_string(number, 0, title, bold)
        sheet.write_string(number, 1, text)


class _SheetWriter:
    """The sheets of a workbook: when one is full the next begins, with the same heading."""

    def __init__(self, book: Workbook, report: Report) -> None:
        title, columns = str(report.title), report.columns
        # In a printed heading & begins a command.
        self._organization = report.organization.name.replace("&", "&&")[:100]
        day, moment = _DATE_FORMATS.get(translation.get_language() or "en", _DATE_FORMATS["en"])
        shown = {
            ColumnKind.DATE: {"num_format": day},
            ColumnKind.DATETIME: {"num_format": moment},
            ColumnKind.DAYS: {"num_format": "0.0"},
        }
        self._book, self._title, self._columns = (
            book,
            title.translate(_FORBIDDEN_IN_SHEET_NAMES).strip(),
            columns,
        )
        self._styles = [book.add_format(shown.get(column.kind)) for column in columns]
        self._bold = [
            book.add_format({**shown.get(column.kind, {}), "bold": True, "top": 1})
            for column in columns
        ]
        self._heading = book.add_format(
            {"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"}
        )
        # Says that the cell is text, even to somebody who edits it.
        self._quoted = book.add_format({"quote_prefix": True})
        self._number = 0
        self._start_sheet()

    def _start_sheet(self) -> None:
        self._number += 1
        tail = "" if self._number == 1 else f" {self._number}"
        self._sheet: Worksheet = self._book.add_worksheet(
            self._title[: MAX_SHEET_NAME_LENGTH - len(tail)] + tail
        )
        self._sheet.freeze_panes(1, 0)
        # Printed, each page has the heading, and says which of how many it is.
        self._sheet.set_landscape()
        self._sheet.set_paper(
            A3_PAPER_CODE if len(self._columns) > A3_FROM_COLUMNS else A4_PAPER_CODE
        )
        self._sheet.fit_to_pages(1, 0)
        self._sheet.repeat_rows(0)
        self._sheet.set_header(f"&L{self._organization}&C{self._title}&R&P / &N")
        for place, column in enumerate(self._columns):
            self._sheet.set_column(place, place, column.width)
            self._sheet.write_string(0, place, str(column.title), self._heading)
        self._next = 1

    def write_row(self, row: Row, *, is_total: bool = False) -> None:
        """One row under the last."""
        if self._next == MAX_SHEET_ROWS:
            self._start_sheet()
        for place, cell in enumerate(row):
            if cell is not None:
                self._write_cell(
                    place,
                    self._columns[place].display(cell),
                    (self._bold if is_total else self._styles)[place],
                )
        self._next += 1

    def _write_cell(self, place: int, cell: Cell, style: Style) -> None:
        if isinstance(cell, str):
            self._sheet.write_string(
                self._next, place, cell, self._quoted if is_formula(cell) else style
            )
        elif isinstance(cell, int | float):
            self._sheet.write_number(self._next, place, cell, style)
        elif cell is not None:
            self._sheet.write_datetime(self._next, place, cell, style)


FORMATS: Final = {
    one.name: one
    for one in (
        ReportFormat(JSON, _("JSON"), "application/json", render_json),
        ReportFormat(CSV, _("CSV"), "text/csv; charset=utf-8", render_csv),
        ReportFormat(
            XLSX,
            _("Excel"),
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            render_xlsx,
        ),
        ReportFormat(PDF, _("PDF"), "application/pdf", render_pdf),
    )
}
