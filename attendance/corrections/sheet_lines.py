"""The lines of a spreadsheet of times: the known columns, the cells below each title, and the
limits of a file. Used by `corrections.spreadsheet` and `corrections.workbook`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from django.utils.translation import gettext as _

from core.errors import RuleViolation

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


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    formula: bool = False


def parse_lines(rows: Iterator[list[Cell]]) -> list[SheetLine]:
    """The lines below the titles that are not blank. Raises RuleViolation if there are none."""
    places: dict[str, int] = {}
    found: list[SheetLine] = []
    for number, row in enumerate(rows, 1):
        if not any(one.text for one in row):
            continue
        if number > MAX_LINES or len(found) == MAX_ROWS:
            raise file_error(
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
        raise file_error(_("There are no rows in this file below the column titles."), "EMPTY")
    return found


def _column_positions(row: Iterable[Cell]) -> dict[str, int]:
    """Where each column is, by its title. Raises RuleViolation naming what is missing."""
    known = {
        _normalize_title(title): name for name, titles in COLUMN_ALIASES.items() for title in titles
    }
    places: dict[str, int] = {}
    for place, one in enumerate(row):
        name = known.get(_normalize_title(one.text))
        if name in places:
            raise file_error(
                _("The column title %(title)s appears twice.") % {"title": one.text[:40]}, "TITLES"
            )
        if name is not None:
            places[name] = place
    missing = [COLUMN_ALIASES[name][0] for name in _REQUIRED_COLUMNS if name not in places]
    if "in" not in places and "out" not in places:
        missing.append("in")
    if missing:
        raise file_error(
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


def file_error(sentence: str, code: str) -> RuleViolation:
    """The error for a file that is not imported at all."""
    return RuleViolation(sentence, code=code, rule="FILE", field="file")
