"""Pictures of leave for the console: a year as a calendar, an account as a line. Plain HTML and
SVG, drawn here.
"""

from __future__ import annotations

import calendar as weeks
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from django.utils import formats
from django.utils.dates import MONTHS, WEEKDAYS_ABBR
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from leaves.calendars import DayClass, OfficeCalendar, classify_day

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 960, 180, 40, 20, 12
_CLASSES: Final[Mapping[DayClass, str]] = {
    DayClass.HOLIDAY: "is-holiday",
    DayClass.RESTRICTED: "is-restricted",
    DayClass.WEEKLY_OFF: "is-off",
}


def calendar_year_chart(office: OfficeCalendar, year: int) -> SafeString:
    """Twelve months with their weekly offs, holidays and restricted holidays; names show when
    pointed at.
    """
    legend = format_html_join(
        "",
        '<span><i class="muster-day {}"></i>{}</span>',
        [
            ("is-holiday", _("Closed")),
            ("is-restricted", _("Restricted holiday")),
            ("is-off", _("Weekly off")),
        ],
    )
    months = format_html_join("", "{}", ((_month(office, year, month),) for month in range(1, 13)))
    return format_html(
        '<div class="muster-year">{}</div><p class="muster-legend">{}</p>', months, legend
    )


def _month(office: OfficeCalendar, year: int, month: int) -> SafeString:
    head = format_html_join("", "<th>{}</th>", ((WEEKDAYS_ABBR[day],) for day in range(7)))
    rows = [
        (format_html_join("", "{}", ((_cell(office, year, month, day),) for day in week)),)
        for week in weeks.Calendar().monthdayscalendar(year, month)
    ]
    return format_html(
        "<table><caption>{}</caption><thead><tr>{}</tr></thead><tbody>{}</tbody></table>",
        MONTHS[month],
        head,
        format_html_join("", "<tr>{}</tr>", rows),
    )


def _cell(office: OfficeCalendar, year: int, month: int, number: int) -> SafeString:
    if number == 0:
        return SafeString("<td></td>")
    day = classify_day(office, date(year, month, number))
    known = _CLASSES.get(day.day_class, "is-listed" if day.on_restricted_list else "")
    return format_html('<td class="muster-day {}" title="{}">{}</td>', known, day.name, number)


def balance_chart(movements: Sequence[tuple[date, int]], until: date) -> SafeString:
    """An account's balance as steps over time, in days; movements are (day, half-days), oldest
    first.
    """
    if not movements:
        return format_html("<p>{}</p>", _("Nothing was posted yet."))
    steps = _steps(movements)
    first, last = steps[0][0], max(until, steps[-1][0])
    span = max(1, (last - first).days)
    top = max(2, *(balance for _day, balance in steps))
    low = min(0, *(balance for _day, balance in steps))
    scale = (HEIGHT - BOTTOM - TOP) / (top - low)

    def x(day: date) -> float:
        return round(LEFT + (WIDTH - LEFT) * (day - first).days / span, 1)

    def y(balance: int) -> float:
        return round(TOP + (top - balance) * scale, 1)

    path = (
        f"M{x(first)} {y(0)}"
        + "".join(f"H{x(day)}V{y(balance)}" for day, balance in steps)
        + f"H{x(last)}"
    )
    dots = format_html_join(
        "",
        '<circle cx="{}" cy="{}" r="3" class="muster-accepted"><title>{}</title></circle>',
        (
            (x(day), y(balance), f"{formats.date_format(day)}: {balance / 2:g}")
            for day, balance in steps
        ),
    )
    lines = format_html_join(
        "",
        '<line x1="{}" x2="{}" y1="{}" y2="{}"></line><text x="{}" y="{}" dy="4"'
        ' text-anchor="end">{}</text>',
        (
            (LEFT, WIDTH, y(value), y(value), LEFT - 8, y(value), f"{value / 2:g}")
            for value in sorted({0, top, low})
        ),
    )
    ends = format_html(
        '<text x="{}" y="{}">{}</text><text x="{}" y="{}" text-anchor="end">{}</text>',
        LEFT,
        HEIGHT - 4,
        formats.date_format(first),
        WIDTH,
        HEIGHT - 4,
        formats.date_format(last),
    )
    return format_html(
        '<svg class="muster-chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}'
        '<path class="muster-line" d="{}"></path>{}{}</svg>',
        WIDTH,
        HEIGHT,
        _("Balance"),
        lines,
        path,
        dots,
        ends,
    )


def _steps(movements: Sequence[tuple[date, int]]) -> list[tuple[date, int]]:
    """The balance at the end of each day on which it moved."""
    found: dict[date, int] = {}
    running = 0
    for day, amount in movements:
        running += amount
        found[day] = running
    return list(found.items())


def signed_days(half_days: Any) -> str:
    """Half-days as days."""
    return f"{half_days / 2:+g}"
