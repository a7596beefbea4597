"""Reads a file of times as people save it from a spreadsheet: CSV or XLSX, as lines of text by
column. Nothing is judged here. Called by the console's import pages.

A file can come from anywhere, so its size is limited before it is read; a cell with a formula is
named as one, because its last value was entered by nobody.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Final

from django.utils.translation import gettext as _

from attendance.corrections.sheet_lines import (
    MAX_CELL_LENGTH,
    MAX_COLUMNS,
    Cell,
    SheetLine,
    file_error,
    parse_lines,
)
from attendance.corrections.workbook import read_workbook
from core.csv_injection import unescape_formula

MAX_BYTES: Final = 2 * 1024 * 1024


def read_spreadsheet(content: bytes) -> list[SheetLine]:
    """The lines of a file that are not blank, without the titles. Raises RuleViolation for a file
    that is none of ours.
    """
    if len(content) > MAX_BYTES:
        raise file_error(
            _("The file is larger than %(most)d MB. Split it.") % {"most": MAX_BYTES // 1024**2},
            "TOO_LARGE",
        )
    if content.startswith(b"PK\x03\x04"):
        rows: Iterator[list[Cell]] = read_workbook(content)
    elif content.startswith(b"\xd0\xcf\x11\xe0"):
        raise file_error(
            _("This is an old or a protected Excel file. Save it as .xlsx without a password."),
            "UNREADABLE",
        )
    else:
        rows = _read_csv(content)
    return parse_lines(rows)


def _read_csv(content: bytes) -> Iterator[list[Cell]]:
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise file_error(
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
        raise file_error(
            _("Line %(line)d is not valid CSV: check the quotes.") % {"line": rows.line_num},
            "UNREADABLE",
        ) from error


def _csv_cell(text: str) -> Cell:
    return Cell(text, formula=text.startswith("="))
