"""The frame every report stands in: who may read it, what it can be asked, its columns, and its
rows as they are read.

A report is a class in `reports/kinds` and a line in `reports/catalog.py`; formats, API, console and
jobs follow. Rows are read in chunks of a few queries each, found by the last key and not by an open
cursor: whoever downloads slowly holds no transaction, and memory stays flat however long the report
is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, ClassVar, Final

from django.utils.translation import gettext as _
from rest_framework.serializers import Serializer

from core.raw_sql import release_idle_connection
from employees.models import Organization
from reports.columns import Column, Row, cell_to_json
from reports.forms import ReportForm

CSV, XLSX, JSON, PDF = "csv", "xlsx", "json", "pdf"
Totals = dict[str, Any]
# A report that may have more rows than this is made by a job when it is asked for in the console.
BACKGROUND_ROW_THRESHOLD: Final = 50_000


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows that were read together, and how many of the report's `step_count` steps that were."""

    steps: int
    rows: Sequence[Row]


class Report:
    """A report of one organization, with the answers that were given to its form."""

    name: ClassVar[str]
    title: ClassVar[Any]
    # What it is for, in a sentence a clerk understands.
    description: ClassVar[Any]
    form_class: ClassVar[type[ReportForm]] = ReportForm
    formats: ClassVar[tuple[str, ...]] = (JSON, CSV, XLSX)
    # Beside the ability `reports`: the kind of row that one must be allowed to look at.
    required_permission: ClassVar[str] = "attendance.view_punch"
    # The shape of its JSON, for the OpenAPI file, where it is not the common one.
    serializer_class: ClassVar[type[Serializer[Any]] | None] = None

    def __init__(self, organization: Organization, parameters: Mapping[str, Any]) -> None:
        self.organization, self.parameters = organization, parameters

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """Its columns."""
        return tuple(self.build_columns())

    @cached_property
    def _summed(self) -> list[tuple[int, str]]:
        return [(place, column.name) for place, column in enumerate(self.columns) if column.total]

    # What a report says of itself
    def build_columns(self) -> Iterable[Column]:
        """Its columns, which may follow from what was asked."""
        raise NotImplementedError

    def chunks(self) -> Iterator[Chunk]:
        """Its rows, read piece by piece, always in the same order."""
        raise NotImplementedError

    def step_count(self) -> int:
        """How many steps there are, for the progress of a job."""
        raise NotImplementedError

    def estimated_rows(self) -> int:
        """About how many rows there are at most: what makes a report large."""
        return self.step_count()

    def zero_totals(self) -> Totals:
        """The totals before the first row."""
        return {column.name: 0 for column in self.columns if column.total}

    def add_to_totals(self, totals: Totals, row: Row) -> None:
        """Count a row in."""
        for place, name in self._summed:
            totals[name] += row[place] or 0

    def total_rows(self, totals: Totals) -> Sequence[Row]:
        """The rows under the rows, where a format has room for them; the first cell says what they
        are.
        """
        sums = [totals[one.name] if one.total else None for one in self.columns]
        return [[str(_("Total")), *sums[1:]]] if self._summed else []

    def header_lines(self) -> Sequence[tuple[str, str]]:
        """What stands before the report on paper, as titles and texts: a sheet of its own in a
        workbook.
        """
        return ()

    # In JSON
    def json_header(self) -> dict[str, Any]:
        """What stands before the rows."""
        columns = [
            {"name": one.name, "title": str(one.title), "kind": str(one.kind)}
            for one in self.columns
        ]
        return {"report": self.name, **self.period(), "columns": columns}

    def row_to_json(self, row: Row) -> dict[str, Any]:
        """A row."""
        return {
            column.name: cell_to_json(cell) for column, cell in zip(self.columns, row, strict=True)
        }

    # In the name of the file
    def period(self) -> dict[str, str]:
        """The days it is about, if it is about some."""
        days = {name: self.parameters.get(name) for name in ("from", "to")}
        return {name: day.isoformat() for name, day in days.items() if isinstance(day, date)}


ProgressCallback = Callable[[int], None]


def _ignore_progress(_done: int) -> None:
    """Nobody watches."""


class ReportRun:
    """One reading of a report: its rows once, and what they came to."""

    def __init__(self, report: Report, on_progress: ProgressCallback = _ignore_progress) -> None:
        self.report, self.on_progress = report, on_progress
        self.totals = report.zero_totals()
        self.row_count = 0

    def rows(self) -> Iterator[Row]:
        """All rows. `on_progress` is told after every chunk how many steps are done, and may raise
        to end it.
        """
        done = 0
        for chunk in self.report.chunks():
            release_idle_connection()  # Whoever takes the rows may take long.
            for row in chunk.rows:
                self.row_count += 1
                self.report.add_to_totals(self.totals, row)
                yield row
            done += chunk.steps
            self.on_progress(done)
