"""Pictures of days for the console: a day as a bar of time, a month as a row of squares. Plain SVG
and HTML, drawn here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.utils import formats
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from attendance.days import labels as day_labels
from attendance.models import Day
from core.admin_html import change_url
from core.times import to_local_time

WIDTH, HEIGHT, TOP, BAR = 960, 96, 28, 26
_CSS_CLASSES: Final = {
    "present": "is-present",
    "absent": "is-absent",
    "half_day": "is-half",
    "tour": "is-tour",
    "holiday": "is-holiday",
    "weekly_off": "is-off",
    "conflict": "is-conflict",
    "due": "is-due",
}
_ABBREVIATIONS: Final = {
    "present": "P",
    "absent": "A",
    "half_day": "½",
    "tour": "T",
    "holiday": "H",
    "weekly_off": "·",
    "conflict": "!",
    "due": "…",
}


def day_timeline(day: Day) -> SafeString:
    """A day as a bar: the window, the shift in it, the time from the first in to the last out, and
    each punch as a dot.
    """
    if not day.why:
        return format_html("<p>{}</p>", _("Not calculated yet."))
    opens, closes = (datetime.fromisoformat(one) for one in day.why["window"])
    punches = [(datetime.fromisoformat(one["at"]), one) for one in day.why["punches"]]
    first = min([opens, *(at for at, _one in punches)])
    last = max([closes, *(at for at, _one in punches)])
    span = max((last - first).total_seconds(), 1)

    def x(at: datetime) -> float:
        return round(WIDTH * (at - first).total_seconds() / span, 1)

    begins, ends = (datetime.fromisoformat(one) for one in day.why["hours"])
    bars = [
        (x(opens), x(closes) - x(opens), "muster-window"),
        (x(begins), x(ends) - x(begins), "muster-shift"),
    ]
    if day.first_in is not None:
        until = day.last_out or day.first_in
        bars.append((x(day.first_in), max(x(until) - x(day.first_in), 2), "muster-worked"))
    drawn = format_html_join(
        "",
        '<rect x="{}" y="{}" width="{}" height="{}" class="{}"></rect>',
        (
            (left, TOP + 6 * number, width, BAR - 12 * number // 2, kind)
            for number, (left, width, kind) in enumerate(bars)
        ),
    )
    dots = format_html_join(
        "",
        '<circle cx="{}" cy="{}" r="6" class="{}"><title>{} {}</title></circle>',
        (
            (
                min(max(x(at), 6), WIDTH - 6),
                TOP + BAR / 2,
                "muster-counted" if one["counted"] else "muster-ignored",
                day_labels.local_time_text(one["at"], day.zone),
                day_labels.interpretation_text(one["why"]),
            )
            for at, one in punches
        ),
    )
    hours = format_html_join(
        "",
        '<line x1="{0}" x2="{0}" y1="{1}" y2="{2}"></line><text x="{0}" y="{3}"'
        ' text-anchor="middle">{4}</text>',
        (
            (x(at), TOP, TOP + BAR + 6, TOP + BAR + 22, f"{to_local_time(at, day.zone):%H}")
            for at in _hour_ticks(first, last)
        ),
    )
    return format_html(
        '<svg class="muster-chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}{}</svg><p'
        ' class="muster-legend"><span><i class="muster-shift"></i>{}</span><span><i'
        ' class="muster-worked"></i>{}</span><span><i class="muster-counted"></i>{}</span><span><i'
        ' class="muster-ignored"></i>{}</span></p>',
        WIDTH,
        HEIGHT,
        _("Timeline of the day"),
        hours,
        drawn,
        dots,
        _("Shift"),
        _("First in to last out"),
        _("Punch that counts"),
        _("Punch that does not"),
    )


def _hour_ticks(first: datetime, last: datetime) -> list[datetime]:
    """Full hours to write under the bar: every second or third, so that they do not touch."""
    step = (
        1 if last - first < timedelta(hours=14) else 2 if last - first < timedelta(hours=30) else 4
    )
    at = first.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    found = []
    while at < last:
        found.append(at)
        at += timedelta(hours=step)
    return found


def month_strip(days: Sequence[Day], month: date, highlighted: date | None = None) -> SafeString:
    """A month as a row of squares, each with its code and a link; dates without a row are empty."""
    known = {one.date: one for one in days}
    count = ((month.replace(day=28) + timedelta(days=4)).replace(day=1) - month.replace(day=1)).days
    cells = format_html_join(
        "",
        "{}",
        (
            (_day_square(month.replace(day=number + 1), known, highlighted),)
            for number in range(count)
        ),
    )
    return format_html('<div class="muster-strip">{}</div>', cells)


def _day_square(on: date, known: dict[date, Day], highlighted: date | None) -> SafeString:
    day = known.get(on)
    here = " is-shown" if on == highlighted else ""
    if day is None:
        return format_html(
            '<span class="muster-square{}"><small>{}</small>&nbsp;</span>', here, on.day
        )
    code, kind = status_abbreviation(day.status), _CSS_CLASSES.get(day.status, "is-leave")
    text = f"{formats.date_format(on)}: {day_labels.status_text(day.status)}"
    return format_html(
        '<a class="muster-square {}{}" href="{}" title="{}"><small>{}</small>{}</a>',
        kind,
        here,
        change_url(day),
        text,
        on.day,
        code,
    )


def status_abbreviation(status: str) -> str:
    """A status in a letter or two, as a muster roll has it; leave by its kind."""
    return _ABBREVIATIONS.get(status) or status.rpartition(":")[2]


def month_totals(days: Sequence[Day]) -> list[tuple[Any, Any]]:
    """What a month comes to: days by status, then hours."""
    counts: dict[str, int] = {}
    for one in days:
        counts[one.status] = counts.get(one.status, 0) + 1
    found: list[tuple[Any, Any]] = [
        (day_labels.status_text(status), number) for status, number in sorted(counts.items())
    ]
    for label, minutes in (
        (_("Worked"), sum(one.worked for one in days)),
        (_("Late"), sum(one.late_by for one in days)),
        (_("Overtime"), sum(one.overtime for one in days)),
    ):
        found.append((label, day_labels.minutes_text(minutes)))
    return found
