"""Reads a file of times as people save it from a spreadsheet: CSV or XLSX, as lines of text by
column. Nothing is judged here.

Files come from anywhere, so what they can cost is bounded before they are read: bytes, unpacked
bytes, lines; no document type (which could hold entities that grow), and a cell with a formula is
named as one, because what it last came to is nobody's word.
"""

from __future__ import annotations

import csv
import io
import logging
import re
import unicodedata
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from xml.parsers import expat  # Only to refuse what openpyxl's parser might follow.

from django.utils.translation import gettext as _
from openpyxl import load_workbook

from core.csv_injection import unescape_formula
from core.errors import RuleViolation

log = logging.getLogger(__name__)

MAX_BYTES: Final = 2 * 1024 * 1024
MAX_UNPACKED_BYTES: Final = 16 * 1024 * 1024
MAX_PARTS: Final = 200
MAX_ROWS: Final = 5000
# Lines with blank ones among them, and columns, beyond which nothing is looked for.
MAX_LINES: Final = 20_000
MAX_COLUMNS: Final = 50
# What is longer is wrong in any column: only so much is kept to say so.
MAX_CELL_LENGTH: Final = 1000

# Column → what people call it; compared without case, spaces, dots, dashes and underscores.
COLUMN_ALIASES: Final[Mapping[str, Sequence[str]]] = {
    "code": (
        "employee code",
        "code",
        "emp code",
        "employee",
        "employee id",
        "कर्मचारी कोड",
        "कर्मचारी कूट",
        "कोड",
        "कर्मचारी",
    ),
    "date": ("date", "day", "दिनांक", "तारीख", "तिथि"),
    "in": ("in", "in time", "time in", "came in", "आगमन", "आने का समय", "प्रवेश", "इन"),
    "out": ("out", "out time", "time out", "left", "प्रस्थान", "जाने का समय", "निकास", "आउट"),
    "reason": ("reason", "remarks", "कारण", "टिप्पणी"),
}
COLUMNS: Final = tuple(COLUMN_ALIASES)
_REQUIRED_COLUMNS: Final = ("code", "date", "reason")


@dataclass(frozen=True, slots=True)
class SheetLine:
    """A row of the file: its number as a spreadsheet counts, its cells by column, and the column
    that has a formula, if any.
    """

    number: int
    cells: Mapping[str, str] = field(default_factory=dict)
    formula: str = ""

    def __getitem__(self, column: str) -> str:
        """A cell as text; empty where there is none."""
        return self.cells.get(column, "")


def read_spreadsheet(content: bytes) -> list[SheetLine]:
    """The lines of a file that are not blank, without the titles. Raises RuleViolation for a file
    that is none of ours.
    """
    if len(content) > MAX_BYTES:
        raise _file_error(
            _("The file is larger than %(most)d MB. Split it.") % {"most": MAX_BYTES // 1024**2},
            "TOO_LARGE",
        )
    if content.startswith(b"PK\x03\x04"):
        rows: Iterator[list[_Cell]] = _read_workbook(content)
    elif content.startswith(b"\xd0\xcf\x11\xe0"):
        raise _file_error(
            _("This is an old or a protected Excel file. Save it as .xlsx without a password."),
            "UNREADABLE",
        )
    else:
        rows = _read_csv(content)
    return _parse_lines(rows)


# --- Lines ----------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Cell:
    text: str
    formula: bool = False


_BLANK: Final = _Cell("")


def _parse_lines(rows: Iterator[list[_Cell]]) -> list[SheetLine]:
    places: dict[str, int] = {}
    found: list[SheetLine] = []
    for number, row in enumerate(rows, 1):
        if not any(one.text for one in row):
            continue
        if number > MAX_LINES or len(found) == MAX_ROWS:
            raise _file_error(
                _("The file has more than %(most)d rows. Split it.") % {"most": MAX_ROWS},
                "TOO_MANY_ROWS",
            )
        if not places:
            places = _column_positions(row)
            continue
        cells = {name: row[place] for name, place in places.items() if place < len(row)}
        formula = next((name for name, one in cells.items() if one.formula), "")
        line = SheetLine(number, {name: one.text for name, one in cells.items()}, formula)
        if any(line.cells.values()):
            found.append(line)
    if not found:
        raise _file_error(_("There are no rows in this file below the column titles."), "EMPTY")
    return found


def _column_positions(row: Iterable[_Cell]) -> dict[str, int]:
    """Where each column is, by its title. Raises RuleViolation naming what is missing."""
    known = {
        _normalize_title(title): name for name, titles in COLUMN_ALIASES.items() for title in titles
    }
    places: dict[str, int] = {}
    for place, one in enumerate(row):
        name = known.get(_normalize_title(one.text))
        if name in places:
            raise _file_error(
                _("The column title %(title)s appears twice.") % {"title": one.text[:40]}, "TITLES"
            )
        if name is not None:
            places[name] = place
    missing = [COLUMN_ALIASES[name][0] for name in _REQUIRED_COLUMNS if name not in places]
    if "in" not in places and "out" not in places:
        missing.append("in")
    if missing:
        raise _file_error(
            _(
                "The first row has to name the columns employee code, date, in, out and reason."
                " Missing: %(missing)s."
            )
            % {"missing": ", ".join(missing)},
            "TITLES",
        )
    return places


def _normalize_title(title: str) -> str:
    return re.sub(r"[\s._\-:*()]+", "", unicodedata.normalize("NFKC", title).casefold())


def _file_error(sentence: str, code: str) -> RuleViolation:
    return RuleViolation(sentence, code=code, rule="FILE", field="file")


# --- CSV ------------------------------------------------------------------------------------------
def _read_csv(content: bytes) -> Iterator[list[_Cell]]:
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise _file_error(
            _("This file cannot be read. Save it as “CSV UTF-8” or as .xlsx."), "UNREADABLE"
        ) from error
    head = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(",;\t", key=head.count)
    # Strict: a quote that is never closed would swallow the rest of the file in one cell.
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for row in rows:
            yield [
                _csv_cell(unescape_formula(one.strip())[:MAX_CELL_LENGTH])
                for one in row[:MAX_COLUMNS]
            ]
    except csv.Error as error:
        raise _file_error(
            _("Line %(line)d is not valid CSV: check the quotes.") % {"line": rows.line_num},
            "UNREADABLE",
        ) from error


def _csv_cell(text: str) -> _Cell:
    return _Cell(text, formula=text.startswith("="))


# --- XLSX -----------------------------------------------------------------------------------------
def _read_workbook(content: bytes) -> Iterator[list[_Cell]]:
    unreadable = _file_error(
        _("This workbook cannot be read. Save it again as .xlsx or as CSV."), "UNREADABLE"
    )
    try:
        _check_workbook(content)
        # Its warnings are about styles and extensions, which nobody asks for.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = load_workbook(
                io.BytesIO(content), read_only=True, data_only=False, keep_links=False
            )
            rows = book.worksheets[0].iter_rows(max_row=MAX_LINES + 1, max_col=MAX_COLUMNS)
            found = [[_workbook_cell(one) for one in row] for row in rows]
    except RuleViolation:
        raise
    except Exception as error:  # A broken workbook makes the library raise anything.
        log.info("a workbook could not be read: %r", error)
        raise unreadable from error
    yield from found


def _check_workbook(content: bytes) -> None:
    """Raise RuleViolation for a workbook that would grow beyond bounds, or has a document type."""
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        parts = packed.infolist()
        # No part unpacks to more than it declares: zipfile stops there.
        if len(parts) > MAX_PARTS or sum(one.file_size for one in parts) > MAX_UNPACKED_BYTES:
            raise _file_error(
                _("This workbook is too large when unpacked. Save only the sheet with the times."),
                "TOO_LARGE",
            )
        for one in parts:
            try:
                _PartChecker().check(packed.read(one))
            except expat.ExpatError:
                if one.filename.lower().endswith((".xml", ".rels")):
                    raise
                # A picture, say: whatever it is called, it is no document that could be built.


class _PartChecker:
    """Looks through a part of a workbook before anybody builds anything from it."""

    def __init__(self) -> None:
        self.row = 0
        self.parser = expat.ParserCreate()
        self.parser.StartDoctypeDeclHandler = self._on_doctype
        self.parser.StartElementHandler = self._on_element

    def check(self, data: bytes) -> None:
        """Raises RuleViolation, or ExpatError for what is no XML."""
        self.parser.Parse(data, True)

    def _on_doctype(self, *_declared: Any) -> None:
        raise _file_error(
            _("This workbook cannot be read. Save it again as .xlsx or as CSV."), "UNREADABLE"
        )

    def _on_element(self, name: str, attributes: Mapping[str, str]) -> None:
        kind = name.rpartition(":")[2]
        if kind == "row":
            self.row = int(attributes.get("r", self.row + 1))
        elif self.row > MAX_LINES and kind in ("v", "t", "f"):
            raise _file_error(
                _("The file has more than %(most)d rows. Split it.") % {"most": MAX_ROWS},
                "TOO_MANY_ROWS",
            )


def _workbook_cell(cell: Any) -> _Cell:
    value = cell.value
    if value is None:
        return _BLANK
    return _Cell(_cell_text(value)[:MAX_CELL_LENGTH], formula=cell.data_type == "f")


def _cell_text(value: Any) -> str:
    """A cell's value as a clerk reads it: dates ISO, times HH:MM, whole numbers without a point."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time(0) else f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return _duration_text(
            value.hour * 3600 + value.minute * 60 + value.second + (value.microsecond >= 500_000)
        )
    if isinstance(value, timedelta):
        return _duration_text(round(value.total_seconds()))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return unescape_formula(str(value).strip())


def _duration_text(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}" + (
        f":{seconds % 60:02}" if seconds % 60 else ""
    )
