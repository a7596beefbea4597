"""A day as it is beside the day as it would be after a correction. Shown by the page that corrects
a day and by the pages on correction requests.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

from django.utils import formats
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from attendance.days import charts as day_charts
from attendance.days import labels as day_labels
from attendance.models import Day
from core.admin_html import table_html
from core.times import to_local_time


def render_day_comparison(current: Day, corrected: Day | None) -> SafeString:
    """A day as it is, and as it would be, one picture over the other, and what is paid by it in a
    table.
    """
    parts = [(gettext("Current day"), day_charts.day_timeline(current))]
    if corrected is not None:
        parts.append((gettext("Day after the correction"), day_charts.day_timeline(corrected)))
    drawn = format_html_join("", "<h2>{}</h2>{}", parts)
    days = [current] if corrected is None else [current, corrected]
    head = ("", *(title for title, _picture in parts))
    rows = ((label, *(value_of(one) for one in days)) for label, value_of in _COMPARED_FIELDS)
    return format_html("{}{}", drawn, table_html(head, rows, ""))


def _clock_text(day: Day, at: datetime | None) -> str:
    if at is None:
        return "–"
    there = to_local_time(at, day.zone)
    return (
        f"{there:%H:%M}"
        if there.date() == day.date
        else f"{there:%H:%M} (+{(there.date() - day.date).days})"
    )


_COMPARED_FIELDS: Final[tuple[tuple[Any, Any], ...]] = (
    (_("Status"), lambda day: day_labels.status_text(day.status)),
    (_("In"), lambda day: _clock_text(day, day.first_in)),
    (_("Out"), lambda day: _clock_text(day, day.last_out)),
    (_("Worked"), lambda day: day_labels.minutes_text(day.worked)),
    (_("Late by"), lambda day: day_labels.minutes_text(day.late_by)),
    (_("Overtime"), lambda day: day_labels.minutes_text(day.overtime)),
    (_("Remarks"), lambda day: ", ".join(day_labels.mark_text(one) for one in day.marks) or "–"),
)


def locked_month_text(posted_to: date | None) -> str:
    """That the month is locked, and where the change will count; empty where it is open."""
    if posted_to is None:
        return ""
    return gettext(
        "This month is locked: the day does not change, and the difference is counted as an"
        " adjustment in %(month)s."
    ) % {"month": formats.date_format(posted_to, "F Y")}
