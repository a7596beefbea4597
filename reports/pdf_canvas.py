"""A PDF page to write and draw on, in millimetres: text that is made to fit its room, bands and
lines.

Used by the muster roll on paper (`reports.pdf`). Hindi is shaped by HarfBuzz, run by run, as it
guesses one script for each run.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from fpdf import FPDF

FONT_FOLDER: Final = Path(__file__).parent / "fonts"
FONT_FAMILY: Final = "noto"
# No text is made smaller than this to fit; it is cut instead.
MIN_PT: Final = 3.5
MM_OF_PT: Final = 0.3528
# A cell so many times as high as its letters has its base line where a text has it.
LINE_HEIGHT: Final = 1.4
PALE_GREY: Final = 238
# Text of one script at a time, with the signs that follow it.
_DEVANAGARI_RANGE: Final = r"\u0900-\u097f\u200c\u200d\ua8e0-\ua8ff"
_SCRIPT_RUNS: Final = re.compile(rf"[{_DEVANAGARI_RANGE}]+|[^{_DEVANAGARI_RANGE}]+")
_NEEDS_SHAPING: Final = re.compile(f"[{_DEVANAGARI_RANGE}]")


class PdfCanvas:
    """Puts text and lines on pages, in millimetres that `scale` makes larger; the place of a
    text is its upper left corner.
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
        """A pale background."""
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
