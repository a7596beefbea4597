"""Reads an XLSX workbook as rows of cells. Called by `corrections.spreadsheet`.

A workbook can come from anywhere, so its size when unpacked and its number of parts and lines are
limited before openpyxl reads it, and a document type (which could hold entities that grow) is
refused.
"""

from __future__ import annotations

import io
import logging
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from xml.parsers import expat  # Only to refuse what openpyxl's parser might follow.

from django.utils.translation import gettext as _
from openpyxl import load_workbook

from attendance.corrections.sheet_lines import (
    MAX_CELL_LENGTH,
    MAX_COLUMNS,
    MAX_LINES,
    MAX_ROWS,
    Cell,
    file_error,
)
from core.csv_injection import unescape_formula
from core.errors import RuleViolation

log = logging.getLogger(__name__)

MAX_UNPACKED_BYTES: Final = 16 * 1024 * 1024
MAX_PARTS: Final = 200
_BLANK: Final = Cell("")


def read_workbook(content: bytes) -> Iterator[list[Cell]]:
    """The rows of the first sheet. Raises RuleViolation for a workbook that cannot be read."""
    unreadable = file_error(
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
            raise file_error(
                _("This workbook is too large when unpacked. Save only the sheet with the times."),
                "TOO_LARGE",
            )
        for one in parts:
            try:
                _PartChecker().check(packed.read(one))
            except expat.ExpatError:
                if one.filename.lower().endswith((".xml", ".rels")):
                    raise


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
        raise file_error(
            _("This workbook cannot be read. Save it again as .xlsx or as CSV."), "UNREADABLE"
        )

    def _on_element(self, name: str, attributes: Mapping[str, str]) -> None:
        kind = name.rpartition(":")[2]
        if kind == "row":
            self.row = int(attributes.get("r", self.row + 1))
        elif self.row > MAX_LINES and kind in ("v", "t", "f"):
            raise file_error(
                _("The file has more than %(most)d rows. Split it.") % {"most": MAX_ROWS},
                "TOO_MANY_ROWS",
            )


def _workbook_cell(cell: Any) -> Cell:
    value = cell.value
    if value is None:
        return _BLANK
    return Cell(_cell_text(value)[:MAX_CELL_LENGTH], formula=cell.data_type == "f")


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
