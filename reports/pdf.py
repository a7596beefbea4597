"""The muster roll on paper: a PDF with the head of the register, the heads of its columns and the
legend on every page.

Rows are put aside on disk as they are read, because only then is known how many pages there are and
which kinds of leave somebody took; then they are drawn page by page on a `pdf_canvas`. The PDF
itself is put together in memory, so a roll for paper has at most MAX_EMPLOYEES rows
(docs/reports-kinds.md). Called by `reports.formats`.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import IO, Any, Final
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.utils import formats
from django.utils.translation import gettext as _

from attendance.days.labels import minutes_text
from reports import day_codes
from reports.base import ReportRun
from reports.columns import Row
from reports.kinds.muster import LEADING_COLUMNS, MusterRollReport
from reports.pdf_canvas import PdfCanvas

CHUNK_BYTES: Final = 64 * 1024
MAX_EMPLOYEES: Final = 10_000
# Millimetres and points.
MARGIN, HEAD_HEIGHT, COLUMN_HEADS_HEIGHT, ROW_HEIGHT, FOOT_HEIGHT = 8.0, 22.0, 8.0, 6.4, 20.0
NUMBER_WIDTH, NAME_WIDTH, DAY_WIDTH, TOTAL_WIDTH, HOURS_WIDTH = 7.0, 40.0, 4.6, 5.4, 8.5
TITLE_PT, TEXT_PT, SMALL_PT = 13.0, 7.5, 6.0
A4_MM, A3_MM = (297.0, 210.0), (420.0, 297.0)
# On the larger paper everything is so much larger at most.
MAX_A3_SCALE: Final = 1.3
_STANDARD_TOTALS: Final = (
    "present",
    "absent",
    "half_days",
    "leave",
    "tour",
    "holiday",
    "weekly_off",
)
_OPTIONAL_TOTALS: Final = (
    *(f"leave_{kind}" for kind in (*day_codes.LEAVE_KINDS, day_codes.OTHER_LEAVE)),
    "conflict",
    "due",
    "unknown",
)
_OFF_CODES: Final = frozenset(
    (day_codes.MUSTER_CODES[day_codes.WEEKLY_OFF], day_codes.MUSTER_CODES[day_codes.HOLIDAY])
)


@dataclass(frozen=True, slots=True)
class TotalColumn:
    """A column of sums: its place in the row, its head, its width, and whether it is minutes."""

    index: int
    heading: str
    width: float = TOTAL_WIDTH
    minutes: bool = False

    def text(self, value: Any) -> str:
        """A sum as it is printed: nothing in place of nothing, half days as .5."""
        if not value:
            return ""
        return minutes_text(int(value)) if self.minutes else f"{value:g}"


def render_pdf(run: ReportRun) -> Iterator[bytes]:
    """The roll. Raises ValidationError when there are more people than paper is for."""
    report = run.report
    if not isinstance(report, MusterRollReport):
        raise TypeError(report.name)
    with tempfile.TemporaryFile("w+", prefix="muster-roll-", encoding="utf-8") as aside:
        for row in run.rows():
            if run.row_count > MAX_EMPLOYEES:
                said = _(
                    "A PDF muster roll has at most %(most)d employees: choose a site or a"
                    " department."
                )
                raise ValidationError({"format": said % {"most": MAX_EMPLOYEES}})
            aside.write(json.dumps(row) + "\n")
        aside.seek(0)
        drawn = _MusterRollDrawing(report, run.row_count, run.totals).draw(aside)
    for start in range(0, len(drawn), CHUNK_BYTES):
        yield bytes(drawn[start : start + CHUNK_BYTES])


class _MusterRollDrawing:
    """The drawing of one roll."""

    def __init__(self, report: MusterRollReport, count: int, totals: dict[str, Any]) -> None:
        self.report, self.count, self.totals = report, count, totals
        self.total_columns = list(_printed_totals(report, totals))
        width = (
            2 * MARGIN
            + NUMBER_WIDTH
            + NAME_WIDTH
            + DAY_WIDTH * len(report.dates)
            + sum(one.width for one in self.total_columns)
        )
        paper, scale = (
            (A4_MM, 1.0) if width <= A4_MM[0] else (A3_MM, min(MAX_A3_SCALE, A3_MM[0] / width))
        )
        self.width, self.height = paper[0] / scale, paper[1] / scale
        # What is left over is for names.
        self.name = NAME_WIDTH + self.width - width
        room = self.height - 2 * MARGIN - HEAD_HEIGHT - COLUMN_HEADS_HEIGHT - FOOT_HEIGHT
        self.rows_per_page = int(room // ROW_HEIGHT)
        # The last page has the totals and a place to sign, as one row more.
        self.page_count = max(1, -(-(count + 1) // self.rows_per_page))
        self.pen = PdfCanvas(paper, scale, str(report.title), report.organization.name)

    def draw(self, aside: IO[str]) -> bytearray:
        """All pages; the rows come from `aside`, one line each."""
        rows = (json.loads(line) for line in aside)
        number = 0
        for page in range(1, self.page_count + 1):
            self.pen.add_page()
            self._head(page)
            self._column_heads()
            y = MARGIN + HEAD_HEIGHT + COLUMN_HEADS_HEIGHT
            for row in islice(rows, self.rows_per_page):
                number += 1
                self._row(y, number, row)
                y += ROW_HEIGHT
            if page == self.page_count:
                self._totals(y)
            self._foot(page)
        return self.pen.to_bytes()

    # --- A page
    def _head(self, page: int) -> None:
        (month, place), pen = (
            (self.report.header_lines()[0], self.report.header_lines()[1:5]),
            self.pen,
        )
        pen.draw_text(
            MARGIN, MARGIN, self.width / 2, f"{self.report.title} · {month[1]}", TITLE_PT, bold=True
        )
        column = (self.width - 2 * MARGIN) / 2
        for at, (title, text) in enumerate(place):
            x, y = MARGIN + column * (at // 2), MARGIN + 8 + 5 * (at % 2)
            pen.draw_text(x, y, column - 4, f"{title}: {text}", TEXT_PT)
        said = _("Page %(page)d of %(pages)d") % {"page": page, "pages": self.page_count}
        pen.draw_text(self.width - MARGIN - 80, MARGIN, 80, said, TEXT_PT, align="R")

    def _column_heads(self) -> None:
        y, pen = MARGIN + HEAD_HEIGHT, self.pen
        pen.fill_band(MARGIN, y, self.width - 2 * MARGIN, COLUMN_HEADS_HEIGHT)
        pen.draw_text(MARGIN, y + 2, NUMBER_WIDTH - 1, _("No."), SMALL_PT, bold=True, align="R")
        pen.draw_text(
            MARGIN + NUMBER_WIDTH + 1, y + 2, self.name - 2, _("Name"), SMALL_PT, bold=True
        )
        for x, on in zip(self._day_positions(), self.report.dates, strict=True):
            pen.draw_text(x, y + 0.6, DAY_WIDTH, str(on.day), SMALL_PT, bold=True, align="C")
            pen.draw_text(
                x, y + 4, DAY_WIDTH, formats.date_format(on, "D"), SMALL_PT - 1, align="C"
            )
        for x, one in self._total_positions():
            pen.draw_text(x, y + 2, one.width - 0.4, one.heading, SMALL_PT, bold=True, align="R")

    def _row(self, y: float, number: int, row: Row) -> None:
        pen = self.pen
        code, name, _site, department = row[:LEADING_COLUMNS]
        pen.draw_text(MARGIN, y + 0.4, NUMBER_WIDTH - 1, str(number), SMALL_PT, align="R")
        pen.draw_text(MARGIN + NUMBER_WIDTH + 1, y + 0.2, self.name - 2, str(name), SMALL_PT + 0.5)
        post = " · ".join(str(one) for one in (code, department) if one)
        pen.draw_text(MARGIN + NUMBER_WIDTH + 1, y + 3.3, self.name - 2, post, SMALL_PT - 1)
        for x, text in zip(
            self._day_positions(),
            row[LEADING_COLUMNS : LEADING_COLUMNS + len(self.report.dates)],
            strict=True,
        ):
            if text in _OFF_CODES:
                pen.fill_band(x, y, DAY_WIDTH, ROW_HEIGHT)
            pen.draw_text(x + 0.2, y + 1.6, DAY_WIDTH - 0.4, str(text), SMALL_PT, align="C")
        for x, one in self._total_positions():
            pen.draw_text(
                x, y + 1.6, one.width - 0.4, one.text(row[one.index]), SMALL_PT, align="R"
            )
        pen.draw_line(MARGIN, y + ROW_HEIGHT, self.width - MARGIN)

    def _totals(self, y: float) -> None:
        pen = self.pen
        said = _("Total of %(count)d employees") % {"count": self.count}
        pen.draw_text(
            MARGIN + NUMBER_WIDTH + 1, y + 1.6, self.name - 2, said, SMALL_PT + 0.5, bold=True
        )
        for x, one in self._total_positions():
            value = self.totals[self.report.columns[one.index].name]
            pen.draw_text(
                x - 0.4, y + 1.6, one.width, one.text(value), SMALL_PT, bold=True, align="R"
            )

    def _foot(self, page: int) -> None:
        y, pen = self.height - MARGIN - FOOT_HEIGHT + 1, self.pen
        pen.draw_words(
            MARGIN,
            y,
            self.width - 2 * MARGIN,
            [f"{code} {word}" for code, word in self.report.legend()],
            SMALL_PT,
        )
        now = self.report.day_reader.now.astimezone(ZoneInfo(self.report.organization.timezone))
        said = _("Printed on %(when)s") % {"when": f"{now:%Y-%m-%d %H:%M}"}
        pen.draw_text(MARGIN, self.height - MARGIN - 4, 90, said, SMALL_PT)
        if page == self.page_count:
            for at, who in enumerate(
                (_("Prepared by"), _("Checked by"), _("Authorized signatory"))
            ):
                x = self.width - MARGIN - 60 * (3 - at)
                pen.draw_line(x, self.height - MARGIN - 5, x + 54)
                pen.draw_text(x, self.height - MARGIN - 4, 54, who, SMALL_PT)

    # --- Where things stand
    def _day_positions(self) -> Iterator[float]:
        begin = MARGIN + NUMBER_WIDTH + self.name
        return (begin + DAY_WIDTH * number for number in range(len(self.report.dates)))

    def _total_positions(self) -> Iterator[tuple[float, TotalColumn]]:
        x = self.width - MARGIN - sum(one.width for one in self.total_columns)
        for one in self.total_columns:
            yield x, one
            x += one.width


def _printed_totals(report: MusterRollReport, totals: dict[str, Any]) -> Iterator[TotalColumn]:
    """The sums that are printed: the usual ones, and of the others those that are not nothing."""
    places = {column.name: place for place, column in enumerate(report.columns)}
    heads = {"half_days": day_codes.MUSTER_CODES[day_codes.HALF_DAY], "leave": _("Leave")}
    for name in (
        *_STANDARD_TOTALS[:4],
        *(one for one in _OPTIONAL_TOTALS if totals[one]),
        *_STANDARD_TOTALS[4:],
    ):
        half = name.replace("leave_", day_codes.LEAVE_PREFIX)
        yield TotalColumn(places[name], heads.get(name) or day_codes.half_code(half))
    yield TotalColumn(places["late"], _("Late"))
    yield TotalColumn(places["overtime"], _("Overtime"), HOURS_WIDTH, minutes=True)
    yield TotalColumn(places["worked"], _("Worked"), HOURS_WIDTH, minutes=True)
