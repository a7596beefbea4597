"""Columns of a report and how their cells are written as text. Pure; used by the formats and by
every report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from core.csv_injection import escape_formula

# A moment is a wall-clock time without zone; the zone, where it may differ from row to row, is a
# column of its own.
Cell = str | int | float | date | datetime | None
Row = Sequence[Cell]


class ColumnKind(StrEnum):
    """What the cells of a column are."""

    TEXT = "text"
    INTEGER = "whole"
    DAYS = "days"
    DATE = "date"
    DATETIME = "moment"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `name` for machines, `title` (translated when it is written) for people, `width` in
    characters.

    `total`: the sum of its cells belongs under it. `labels`: what people read in place of a cell
    that is one of a few words.
    """

    name: str
    title: Any
    kind: ColumnKind = ColumnKind.TEXT
    total: bool = False
    width: int = 14
    labels: Mapping[Any, Any] = field(default_factory=dict)

    def display(self, cell: Cell) -> Cell:
        """A cell as people read it."""
        return str(self.labels[cell]) if self.labels and cell in self.labels else cell


def cell_to_csv(cell: Cell) -> str | int | float:
    """A cell for a file of text: numbers stay numbers, dates and moments are ISO 8601 (a moment
    with a space, for Excel).
    """
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return (
            cell.strftime("%Y-%m-%d %H:%M:%S")
            if cell.year >= 1000
            else cell.isoformat(" ", "seconds")
        )
    if isinstance(cell, date):
        return cell.isoformat()
    return escape_formula(cell) if isinstance(cell, str) else cell


def cell_to_json(cell: Cell) -> str | int | float | None:
    """A cell for JSON: as `cell_to_csv`, text as it is, nothing as null."""
    if cell is None or isinstance(cell, str | int | float):
        return cell
    return cell.isoformat(timespec="seconds") if isinstance(cell, datetime) else cell.isoformat()
