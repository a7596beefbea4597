"""The chart of a day's punches by hour and outcome on the console's first page.

Plain SVG, worked out here and drawn by templates/admin/index.html, so that the page asks no other
server for anything. Called by config/dashboard.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

ACCEPTED, UNMATCHED, REJECTED = "accepted", "unmatched", "refused"
OUTCOME_LABELS: Final[dict[str, Any]] = {
    ACCEPTED: _("Accepted"),
    UNMATCHED: _("Unmatched"),
    REJECTED: _("Rejected"),
}
WIDTH, HEIGHT, LEFT, BOTTOM = 960, 200, 34, 22
_STEP: Final = (WIDTH - LEFT) / 24


@dataclass(frozen=True, slots=True)
class ChartBar:
    """One coloured piece of an hour's column."""

    x: float
    y: float
    height: float
    kind: str
    title: str


def punch_chart(by_hour: Counter[tuple[int, str]], hour_now: int) -> dict[str, Any]:
    """Columns of a day by hour, stacked by outcome, in the coordinates of a WIDTH by HEIGHT
    drawing.
    """
    highest = max(
        (sum(by_hour[hour, kind] for kind in OUTCOME_LABELS) for hour in range(24)), default=0
    )
    top = _round_up(highest)
    scale = (HEIGHT - BOTTOM - 10) / top
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "floor": HEIGHT - BOTTOM,
        "bar_width": round(_STEP - 8, 1),
        "bars": list(_bars(by_hour, scale)),
        "lines": [
            {"y": round(HEIGHT - BOTTOM - part * scale, 1), "label": part}
            for part in sorted({0, top // 2, top})
        ],
        "hours": [
            {
                "x": round(LEFT + hour * _STEP + _STEP / 2, 1),
                "label": f"{hour:02}",
                "now": hour == hour_now,
            }
            for hour in range(24)
        ],
        "legend": list(OUTCOME_LABELS.items()),
        "empty": highest == 0,
    }


def _bars(by_hour: Counter[tuple[int, str]], scale: float) -> Iterable[ChartBar]:
    for hour in range(24):
        y = float(HEIGHT - BOTTOM)
        for kind, name in OUTCOME_LABELS.items():
            if number := by_hour[hour, kind]:
                y -= number * scale
                yield ChartBar(
                    round(LEFT + hour * _STEP + 4, 1),
                    round(y, 1),
                    round(number * scale, 1),
                    kind,
                    f"{hour:02}:00–{hour + 1:02}:00 · {name}: {number}",
                )


def _round_up(number: int) -> int:
    """The next round number that can be halved, for the top of the scale: 2, 4, 6, 10, 20, 40, 60,
    100 …
    """
    decade = 1
    while True:
        for step in (2, 4, 6, 10):
            if number <= step * decade:
                return step * decade
        decade *= 10
