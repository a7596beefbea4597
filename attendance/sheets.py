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

from employees.refusals import Refused
from employees.spreadsheets import as_it_was

log = logging.getLogger(__name__)

MOST_BYTES: Final = 2 * 1024 * 1024
MOST_UNPACKED: Final = 16 * 1024 * 1024
MOST_PARTS: Final = 200
MOST_ROWS: Final = 5000
# Lines with blank ones among them, and columns, beyond which nothing is looked for.
MOST_LINES: Final = 20_000
MOST_COLUMNS: Final = 50
# What is longer is wrong in any column: only so much is kept to say so.
LONGEST_CELL: Final = 1000

# Column → what people call it; compared without case, spaces, dots, dashes and underscores.
TITLES: Final[Mapping[str, Sequence[str]]] = {
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
COLUMNS: Final = tuple(TITLES)
_NEEDED: Final = ("code", "date", "reason")


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the file: its number as a spreadsheet counts, its cells by column, and the column
    that has a formula, if any.
    """

    number: int
    cells: Mapping[str, str] = field(default_factory=dict)
    formula: str = ""

    def __getitem__(self, column: str) -> str:
        """A cell as text; empty where there is none."""
        return self.cells.get(column, "")


def read(content: bytes) -> list[Line]:
    """The lines of a file that are not blank, without the titles. Raises Refused for a file that is
    none of ours.
    """
    if len(content) > MOST_BYTES:
        raise _refused(
            _("The file is larger than %(most)d MB. Divide it.") % {"most": MOST_BYTES // 1024**2},
            "TOO_LARGE",
        )
    if content.startswith(b"PK\x03\x04"):
        rows: Iterator[list[_Cell]] = _of_workbook(content)
    elif content.startswith(b"\xd0\xcf\x11\xe0"):
        raise _refused(
            _("This is an old or a protected Excel file. Save it as .xlsx without a password."),
            "UNREADABLE",
        )
    else:
        rows = _of_text(content)
    return _lines(rows)


# --- Lines ----------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Cell:
    text: str
    formula: bool = False


_BLANK: Final = _Cell("")


def _lines(rows: Iterator[list[_Cell]]) -> list[Line]:
    places: dict[str, int] = {}
    found: list[Line] = []
    for number, row in enumerate(rows, 1):
        if not any(one.text for one in row):
            continue
        if number > MOST_LINES or len(found) == MOST_ROWS:
            raise _refused(
                _("The file has more than %(most)d rows. Divide it.") % {"most": MOST_ROWS},
                "TOO_MANY_ROWS",
            )
        if not places:
            places = _places(row)
            continue
        cells = {name: row[place] for name, place in places.items() if place < len(row)}
        formula = next((name for name, one in cells.items() if one.formula), "")
        line = Line(number, {name: one.text for name, one in cells.items()}, formula)
        if any(line.cells.values()):
            found.append(line)
    if not found:
        raise _refused(_("There are no rows in this file below the titles."), "EMPTY")
    return found


def _places(row: Iterable[_Cell]) -> dict[str, int]:
    """Where each column is, by its title. Raises Refused naming what is missing."""
    known = {_plain(title): name for name, titles in TITLES.items() for title in titles}
    places: dict[str, int] = {}
    for place, one in enumerate(row):
        name = known.get(_plain(one.text))
        if name in places:
            raise _refused(
                _("The title %(title)s is there twice.") % {"title": one.text[:40]}, "TITLES"
            )
        if name is not None:
            places[name] = place
    missing = [TITLES[name][0] for name in _NEEDED if name not in places]
    if "in" not in places and "out" not in places:
        missing.append("in")
    if missing:
        raise _refused(
            _(
                "The first row has to name the columns employee code, date, in, out and reason."
                " Missing: %(missing)s."
            )
            % {"missing": ", ".join(missing)},
            "TITLES",
        )
    return places


def _plain(title: str) -> str:
    return re.sub(r"[\s._\-:*()]+", "", unicodedata.normalize("NFKC", title).casefold())


def _refused(sentence: str, code: str) -> Refused:
    return Refused(sentence, code=code, rule="FILE", field="file")


# --- CSV ------------------------------------------------------------------------------------------
def _of_text(content: bytes) -> Iterator[list[_Cell]]:
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise _refused(
            _("This file cannot be read. Save it as “CSV UTF-8” or as .xlsx."), "UNREADABLE"
        ) from error
    head = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(",;\t", key=head.count)
    # Strict: a quote that is never closed would swallow the rest of the file in one cell.
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for row in rows:
            yield [_written(as_it_was(one.strip())[:LONGEST_CELL]) for one in row[:MOST_COLUMNS]]
    except csv.Error as error:
        raise _refused(
            _("Line %(line)d is no CSV: look for a quote.") % {"line": rows.line_num}, "UNREADABLE"
        ) from error


def _written(text: str) -> _Cell:
    return _Cell(text, formula=text.startswith("="))


# --- XLSX -----------------------------------------------------------------------------------------
def _of_workbook(content: bytes) -> Iterator[list[_Cell]]:
    unreadable = _refused(
        _("This workbook cannot be read. Save it anew as .xlsx or as CSV."), "UNREADABLE"
    )
    try:
        _examine(content)
        # Its warnings are about styles and extensions, which nobody asks for.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = load_workbook(
                io.BytesIO(content), read_only=True, data_only=False, keep_links=False
            )
            rows = book.worksheets[0].iter_rows(max_row=MOST_LINES + 1, max_col=MOST_COLUMNS)
            found = [[_cell(one) for one in row] for row in rows]
    except Refused:
        raise
    except Exception as error:  # A broken workbook makes the library raise anything.
        log.info("a workbook could not be read: %r", error)
        raise unreadable from error
    yield from found


def _examine(content: bytes) -> None:
    """Raise Refused for a workbook that would grow beyond bounds, or has a document type."""
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        parts = packed.infolist()
        # No part unpacks to more than it declares: zipfile stops there.
        if len(parts) > MOST_PARTS or sum(one.file_size for one in parts) > MOST_UNPACKED:
            raise _refused(
                _("This workbook unpacks to too much. Save only the sheet with the times."),
                "TOO_LARGE",
            )
        for one in parts:
            try:
                _Examiner().look(packed.read(one))
            except expat.ExpatError:
                if one.filename.lower().endswith((".xml", ".rels")):
                    raise
                # A picture, say: whatever it is called, it is no document that could be built.


class _Examiner:
    """Looks through a part of a workbook before anybody builds anything from it."""

    def __init__(self) -> None:
        self.row = 0
        self.parser = expat.ParserCreate()
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._element

    def look(self, data: bytes) -> None:
        """Raises Refused, or ExpatError for what is no XML."""
        self.parser.Parse(data, True)

    def _doctype(self, *_declared: Any) -> None:
        raise _refused(
            _("This workbook cannot be read. Save it anew as .xlsx or as CSV."), "UNREADABLE"
        )

    def _element(self, name: str, attributes: Mapping[str, str]) -> None:
        kind = name.rpartition(":")[2]
        if kind == "row":
            self.row = int(attributes.get("r", self.row + 1))
        elif self.row > MOST_LINES and kind in ("v", "t", "f"):
            raise _refused(
                _("The file has more than %(most)d rows. Divide it.") % {"most": MOST_ROWS},
                "TOO_MANY_ROWS",
            )


def _cell(cell: Any) -> _Cell:
    value = cell.value
    if value is None:
        return _BLANK
    return _Cell(_text(value)[:LONGEST_CELL], formula=cell.data_type == "f")


def _text(value: Any) -> str:
    """A cell's value as a clerk reads it: dates ISO, times HH:MM, whole numbers without a point."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time(0) else f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return _clock(
            value.hour * 3600 + value.minute * 60 + value.second + (value.microsecond >= 500_000)
        )
    if isinstance(value, timedelta):
        return _clock(round(value.total_seconds()))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return as_it_was(str(value).strip())


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}" + (
        f":{seconds % 60:02}" if seconds % 60 else ""
    )
