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

from attendance.wording import minutes_text
from reports import codes
from reports.columns import Row
from reports.frame import Run
from reports.kinds.muster import FRONT, MusterReport

FONTS: Final = Path(__file__).parent / "fonts"
FAMILY: Final = "noto"
PIECE_BYTES: Final = 64 * 1024
MOST_PEOPLE: Final = 10_000
# Millimetres and points.
MARGIN, HEAD, HEADS, ROW, FOOT = 8.0, 22.0, 8.0, 6.4, 20.0
NUMBER, NAME, DAY, SUM, HOURS = 7.0, 40.0, 4.6, 5.4, 8.5
TITLE_PT, TEXT_PT, SMALL_PT, LEAST_PT = 13.0, 7.5, 6.0, 3.5
MM_OF_PT: Final = 0.3528
# A cell so many times as high as its letters has its base line where a text has it.
CELL: Final = 1.4
A4, A3 = (297.0, 210.0), (420.0, 297.0)
# On the larger paper everything is so much larger at most.
LARGER: Final = 1.3
PALE: Final = 238
# Text of one script at a time, with the signs that follow it.
_HINDI: Final = r"\u0900-\u097f\u200c\u200d\ua8e0-\ua8ff"
_RUNS: Final = re.compile(rf"[{_HINDI}]+|[^{_HINDI}]+")
_SHAPED: Final = re.compile(f"[{_HINDI}]")
_ALWAYS: Final = ("present", "absent", "half_days", "leave", "tour", "holiday", "weekly_off")
_SELDOM: Final = (
    *(f"leave_{kind}" for kind in (*codes.LEAVE_KINDS, codes.OTHER)),
    "conflict",
    "due",
    "unknown",
)
_OFF: Final = frozenset((codes.CODES[codes.WEEKLY_OFF], codes.CODES[codes.HOLIDAY]))


@dataclass(frozen=True, slots=True)
class Total:
    """A column of sums: its place in the row, its head, its width, and whether it is minutes."""

    place: int
    head: str
    width: float = SUM
    minutes: bool = False

    def text(self, value: Any) -> str:
        """A sum as it is printed: nothing in place of nothing, half days as .5."""
        if not value:
            return ""
        return minutes_text(int(value)) if self.minutes else f"{value:g}"


def pdf_of(run: Run) -> Iterator[bytes]:
    """The roll. Raises ValidationError when there are more people than paper is for."""
    report = run.report
    if not isinstance(report, MusterReport):
        raise TypeError(report.name)
    with tempfile.TemporaryFile("w+", prefix="muster-roll-", encoding="utf-8") as aside:
        for row in run.rows():
            if run.count > MOST_PEOPLE:
                said = _(
                    "A roll for paper has at most %(most)d people: choose a site or a department."
                )
                raise ValidationError({"format": said % {"most": MOST_PEOPLE}})
            aside.write(json.dumps(row) + "\n")
        aside.seek(0)
        drawn = _Roll(report, run.count, run.totals).draw(aside)
    for start in range(0, len(drawn), PIECE_BYTES):
        yield bytes(drawn[start : start + PIECE_BYTES])


class _Roll:
    """The drawing of one roll."""

    def __init__(self, report: MusterReport, count: int, totals: dict[str, Any]) -> None:
        self.report, self.count, self.totals = report, count, totals
        self.sums = list(_columns(report, totals))
        width = (
            2 * MARGIN
            + NUMBER
            + NAME
            + DAY * len(report.dates)
            + sum(one.width for one in self.sums)
        )
        paper, scale = (A4, 1.0) if width <= A4[0] else (A3, min(LARGER, A3[0] / width))
        self.width, self.height = paper[0] / scale, paper[1] / scale
        # What is left over is for names.
        self.name = NAME + self.width - width
        room = self.height - 2 * MARGIN - HEAD - HEADS - FOOT
        self.on_page = int(room // ROW)
        # The last page has the totals and a place to sign, as one row more.
        self.pages = max(1, -(-(count + 1) // self.on_page))
        self.pen = _Pen(paper, scale, str(report.title), report.organization.name)

    def draw(self, aside: IO[str]) -> bytearray:
        """All pages; the rows come from `aside`, one line each."""
        rows = (json.loads(line) for line in aside)
        number = 0
        for page in range(1, self.pages + 1):
            self.pen.page()
            self._head(page)
            self._heads()
            y = MARGIN + HEAD + HEADS
            for row in islice(rows, self.on_page):
                number += 1
                self._row(y, number, row)
                y += ROW
            if page == self.pages:
                self._totals(y)
            self._foot(page)
        return self.pen.finished()

    # --- A page
    def _head(self, page: int) -> None:
        (month, place), pen = (self.report.front()[0], self.report.front()[1:5]), self.pen
        pen.put(
            MARGIN, MARGIN, self.width / 2, f"{self.report.title} · {month[1]}", TITLE_PT, bold=True
        )
        column = (self.width - 2 * MARGIN) / 2
        for at, (title, text) in enumerate(place):
            x, y = MARGIN + column * (at // 2), MARGIN + 8 + 5 * (at % 2)
            pen.put(x, y, column - 4, f"{title}: {text}", TEXT_PT)
        said = _("Page %(page)d of %(pages)d") % {"page": page, "pages": self.pages}
        pen.put(self.width - MARGIN - 80, MARGIN, 80, said, TEXT_PT, align="R")

    def _heads(self) -> None:
        y, pen = MARGIN + HEAD, self.pen
        pen.band(MARGIN, y, self.width - 2 * MARGIN, HEADS)
        pen.put(MARGIN, y + 2, NUMBER - 1, _("No."), SMALL_PT, bold=True, align="R")
        pen.put(MARGIN + NUMBER + 1, y + 2, self.name - 2, _("Name"), SMALL_PT, bold=True)
        for x, on in zip(self._days(), self.report.dates, strict=True):
            pen.put(x, y + 0.6, DAY, str(on.day), SMALL_PT, bold=True, align="C")
            pen.put(x, y + 4, DAY, formats.date_format(on, "D"), SMALL_PT - 1, align="C")
        for x, one in self._sums():
            pen.put(x, y + 2, one.width - 0.4, one.head, SMALL_PT, bold=True, align="R")

    def _row(self, y: float, number: int, row: Row) -> None:
        pen = self.pen
        code, name, _site, department = row[:FRONT]
        pen.put(MARGIN, y + 0.4, NUMBER - 1, str(number), SMALL_PT, align="R")
        pen.put(MARGIN + NUMBER + 1, y + 0.2, self.name - 2, str(name), SMALL_PT + 0.5)
        post = " · ".join(str(one) for one in (code, department) if one)
        pen.put(MARGIN + NUMBER + 1, y + 3.3, self.name - 2, post, SMALL_PT - 1)
        for x, text in zip(self._days(), row[FRONT : FRONT + len(self.report.dates)], strict=True):
            if text in _OFF:
                pen.band(x, y, DAY, ROW)
            pen.put(x + 0.2, y + 1.6, DAY - 0.4, str(text), SMALL_PT, align="C")
        for x, one in self._sums():
            pen.put(x, y + 1.6, one.width - 0.4, one.text(row[one.place]), SMALL_PT, align="R")
        pen.line(MARGIN, y + ROW, self.width - MARGIN)

    def _totals(self, y: float) -> None:
        pen = self.pen
        said = _("Total of %(count)d people") % {"count": self.count}
        pen.put(MARGIN + NUMBER + 1, y + 1.6, self.name - 2, said, SMALL_PT + 0.5, bold=True)
        for x, one in self._sums():
            value = self.totals[self.report.columns[one.place].name]
            pen.put(x - 0.4, y + 1.6, one.width, one.text(value), SMALL_PT, bold=True, align="R")

    def _foot(self, page: int) -> None:
        y, pen = self.height - MARGIN - FOOT + 1, self.pen
        pen.words(
            MARGIN,
            y,
            self.width - 2 * MARGIN,
            [f"{code} {word}" for code, word in self.report.legend()],
            SMALL_PT,
        )
        now = self.report.lines.now.astimezone(ZoneInfo(self.report.organization.timezone))
        said = _("Printed on %(when)s") % {"when": f"{now:%Y-%m-%d %H:%M}"}
        pen.put(MARGIN, self.height - MARGIN - 4, 90, said, SMALL_PT)
        if page == self.pages:
            for at, who in enumerate(
                (_("Prepared by"), _("Checked by"), _("Authorized signatory"))
            ):
                x = self.width - MARGIN - 60 * (3 - at)
                pen.line(x, self.height - MARGIN - 5, x + 54)
                pen.put(x, self.height - MARGIN - 4, 54, who, SMALL_PT)

    # --- Where things stand
    def _days(self) -> Iterator[float]:
        begin = MARGIN + NUMBER + self.name
        return (begin + DAY * number for number in range(len(self.report.dates)))

    def _sums(self) -> Iterator[tuple[float, Total]]:
        x = self.width - MARGIN - sum(one.width for one in self.sums)
        for one in self.sums:
            yield x, one
            x += one.width


def _columns(report: MusterReport, totals: dict[str, Any]) -> Iterator[Total]:
    """The sums that are printed: the usual ones, and of the others those that are not nothing."""
    places = {column.name: place for place, column in enumerate(report.columns)}
    heads = {"half_days": codes.CODES[codes.HALF_DAY], "leave": _("Leave")}
    for name in (*_ALWAYS[:4], *(one for one in _SELDOM if totals[one]), *_ALWAYS[4:]):
        half = name.replace("leave_", codes.LEAVE)
        yield Total(places[name], heads.get(name) or codes.code_of(half))
    yield Total(places["late"], _("Late"))
    yield Total(places["overtime"], _("Overtime"), HOURS, minutes=True)
    yield Total(places["worked"], _("Worked"), HOURS, minutes=True)


class _Pen:
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
            self._pdf.add_font(FAMILY, style, FONTS / f"NotoSansDevanagari-{name}.ttf")
        self._pdf.set_draw_color(200)
        self._pdf.set_line_width(0.1)
        self._fitted = lru_cache(4096)(self._fit)

    def page(self) -> None:
        """Begin a page."""
        self._pdf.add_page()

    def put(
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
        text, size, needed = self._fitted(text, width * scale, size * scale, bold)
        left = (
            x * scale
            + {"L": 0.0, "C": (width * scale - needed) / 2, "R": width * scale - needed}[align]
        )
        for run in _RUNS.findall(text):
            self._ready(run, size, bold)
            if _SHAPED.match(run):
                self._pdf.set_xy(left, y * scale)
                self._pdf.cell(None, size * MM_OF_PT * CELL, run)
            else:
                self._pdf.text(left, y * scale + size * MM_OF_PT, run)
            left += float(self._pdf.get_string_width(run))

    def words(self, x: float, y: float, width: float, words: Sequence[str], size: float) -> None:
        """Words in lines, none of them broken."""
        at, gap = x, 3.0
        for word in words:
            needed = self._width(word, size * self._scale, bold=False) / self._scale
            if at > x and at + needed > x + width:
                at, y = x, y + size * 0.5
            self.put(at, y, needed + 0.1, word, size)
            at += needed + gap

    def band(self, x: float, y: float, width: float, height: float) -> None:
        """A pale ground."""
        self._pdf.set_fill_color(PALE)
        self._pdf.rect(
            x * self._scale, y * self._scale, width * self._scale, height * self._scale, "F"
        )
        self._pdf.set_fill_color(0)

    def line(self, x: float, y: float, until: float) -> None:
        """A thin line across."""
        self._pdf.line(x * self._scale, y * self._scale, until * self._scale, y * self._scale)

    def finished(self) -> bytearray:
        """The bytes of the file."""
        return self._pdf.output()

    # --- In the paper's own millimetres
    def _ready(self, run: str, size: float, bold: bool) -> None:
        self._pdf.set_font(FAMILY, "B" if bold else "", size)
        self._pdf.set_text_shaping(bool(_SHAPED.match(run)))

    def _width(self, text: str, size: float, bold: bool) -> float:
        total = 0.0
        for run in _RUNS.findall(text):
            self._ready(run, size, bold)
            total += float(self._pdf.get_string_width(run))
        return total

    def _fit(self, text: str, width: float, size: float, bold: bool) -> tuple[str, float, float]:
        """The text as it fits, in which size, and how wide it is then."""
        needed = self._width(text, size, bold)
        if needed <= width:
            return text, size, needed
        if (smaller := size * width / needed) >= LEAST_PT:
            return text, smaller, width
        while len(text) > 1 and self._width(f"{text}…", LEAST_PT, bold) > width:
            text = text[:-1]
        return f"{text}…", LEAST_PT, self._width(f"{text}…", LEAST_PT, bold)
