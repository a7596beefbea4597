"""The muster roll on paper: a PDF with the head of the register, the heads of its columns and the
legend on every page.

Rows are put aside on disk as they are read, because only then is known how many pages there are and
which kinds of leave somebody took; then they are drawn page by page. Hindi is shaped by HarfBuzz,
run by run, as it guesses one script for each run. The PDF itself is put together in memory, so a
roll for paper has at most MOST_PEOPLE rows (docs/reports-kinds.md).
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.utils import formats
from django.utils.translation import gettext as _
from fpdf import FPDF

from attendance.days.labels import minutes_text
from reports import day_codes
from reports.base import ReportRun
from reports.columns import Row
from reports.kinds.muster import LEADING_COLUMNS, MusterRollReport

FONT_FOLDER: Final = Path(__file__).parent / "fonts"
FONT_FAMILY: Final = "noto"
CHUNK_BYTES: Final = 64 * 1024
MAX_EMPLOYEES: Final = 10_000
# Millimetres and points.
MARGIN, HEAD_HEIGHT, COLUMN_HEADS_HEIGHT, ROW_HEIGHT, FOOT_HEIGHT = 8.0, 22.0, 8.0, 6.4, 20.0
NUMBER_WIDTH, NAME_WIDTH, DAY_WIDTH, TOTAL_WIDTH, HOURS_WIDTH = 7.0, 40.0, 4.6, 5.4, 8.5
TITLE_PT, TEXT_PT, SMALL_PT, MIN_PT = 13.0, 7.5, 6.0, 3.5
MM_OF_PT: Final = 0.3528
# A cell so many times as high as its letters has its base line where a text has it.
LINE_HEIGHT: Final = 1.4
A4_MM, A3_MM = (297.0, 210.0), (420.0, 297.0)
# On the larger paper everything is so much larger at most.
MAX_A3_SCALE: Final = 1.3
PALE_GREY: Final = 238
# Text of one script at a time, with the signs that follow it.
_DEVANAGARI_RANGE: Final = r"\u0900-\u097f\u200c\u200d\ua8e0-\ua8ff"
_SCRIPT_RUNS: Final = re.compile(rf"[{_DEVANAGARI_RANGE}]+|[^{_DEVANAGARI_RANGE}]+")
_NEEDS_SHAPING: Final = re.compile(f"[{_DEVANAGARI_RANGE}]")
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
        self.pen = _PdfCanvas(paper, scale, str(report.title), report.organization.name)

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


class _PdfCanvas:
    """Puts text and lines on pages, in millimetres that `scale` makes larger; a text hangs from
    where it is put.
    """

    def __init__(self, paper: tuple[float, float], scale: float, title: str, author: str) -> None:
        self._pdf, self._scale = FPDF("L", "mm", (paper[1], paper[0])), scale
        self._pdf.set_auto_page_break(False)
        self._pdf.set_margin(0)
        self._pdf.c_margin = 0
        self._pdf.set_title(title)
        self._pdf.set_author(author)
        self._pdf.set_creator("Muster")
        for style, name in (("", "Regular"), ("B", "Bold")):
            self._pdf.add_font(FONT_FAMILY, style, FONT_FOLDER / f"NotoSansDevanagari-{name}.ttf")
        self._pdf.set_draw_color(200)
        self._pdf.set_line_width(0.1)
        self._fit_cached = lru_cache(4096)(self._fit)

    def add_page(self) -> None:
        """Begin a page."""
        self._pdf.add_page()

    def draw_text(
        self,
        x: float,
        y: float,
        width: float,
        text: str,
        size: float,
        *,
        bold: bool = False,
        align: str = "L",
    ) -> None:
        """A line of text in so much room: smaller where it would be too wide, cut where it would be
        too small to read.
        """
        if not text:
            return
        scale = self._scale
        text, size, needed = self._fit_cached(text, width * scale, size * scale, bold)
        left = (
            x * scale
            + {"L": 0.0, "C": (width * scale - needed) / 2, "R": width * scale - needed}[align]
        )
        for run in _SCRIPT_RUNS.findall(text):
            self._select_font(run, size, bold)
            if _NEEDS_SHAPING.match(run):
                self._pdf.set_xy(left, y * scale)
                self._pdf.cell(None, size * MM_OF_PT * LINE_HEIGHT, run)
            else:
                self._pdf.text(left, y * scale + size * MM_OF_PT, run)
            left += float(self._pdf.get_string_width(run))

    def draw_words(
        self, x: float, y: float, width: float, words: Sequence[str], size: float
    ) -> None:
        """Words in lines, none of them broken."""
        at, gap = x, 3.0
        for word in words:
            needed = self._width(word, size * self._scale, bold=False) / self._scale
            if at > x and at + needed > x + width:
                at, y = x, y + size * 0.5
            self.draw_text(at, y, needed + 0.1, word, size)
            at += needed + gap

    def fill_band(self, x: float, y: float, width: float, height: float) -> None:
        """A pale ground."""
        self._pdf.set_fill_color(PALE_GREY)
        self._pdf.rect(
            x * self._scale, y * self._scale, width * self._scale, height * self._scale, "F"
        )
        self._pdf.set_fill_color(0)

    def draw_line(self, x: float, y: float, until: float) -> None:
        """A thin line across."""
        self._pdf.line(x * self._scale, y * self._scale, until * self._scale, y * self._scale)

    def to_bytes(self) -> bytearray:
        """The bytes of the file."""
        return self._pdf.output()

    # --- In the paper's own millimetres
    def _select_font(self, run: str, size: float, bold: bool) -> None:
        self._pdf.set_font(FONT_FAMILY, "B" if bold else "", size)
        self._pdf.set_text_shaping(bool(_NEEDS_SHAPING.match(run)))

    def _width(self, text: str, size: float, bold: bool) -> float:
        total = 0.0
        for run in _SCRIPT_RUNS.findall(text):
            self._select_font(run, size, bold)
            total += float(self._pdf.get_string_width(run))
        return total

    def _fit(self, text: str, width: float, size: float, bold: bool) -> tuple[str, float, float]:
        """The text as it fits, in which size, and how wide it is then."""
        needed = self._width(text, size, bold)
        if needed <= width:
            return text, size, needed
        if (smaller := size * width / needed) >= MIN_PT:
            return text, smaller, width
        while len(text) > 1 and self._width(f"{text}…", MIN_PT, bold) > width:
            text = text[:-1]
        return f"{text}…", MIN_PT, self._width(f"{text}…", MIN_PT, bold)
