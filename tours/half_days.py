"""Which halves of which days an absence on duty takes: arithmetic on wall clocks. Pure.

The morning lasts until lunch begins, the afternoon from when it ends; a tour that only falls into
lunch takes the afternoon. Called by `services`.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

FN, AN = "FN", "AN"
HalfDayBoundary = tuple[time, time]


def parse_half_day_boundary(text: str) -> HalfDayBoundary:
    """The office's lunch from text such as ``13:00-13:30``. Raises ValueError."""
    first, sep, last = text.partition("-")
    begins, ends = (
        time.fromisoformat(first.strip()),
        time.fromisoformat(last.strip()) if sep else time.min,
    )
    if not begins <= ends:
        raise ValueError(text)
    return begins, ends


def local_dates(start: datetime, end: datetime, zone: ZoneInfo) -> tuple[date, date]:
    """The first and the last date on the wall clock of `zone`; an end at midnight belongs to the
    day before.
    """
    first, last = start.astimezone(zone), end.astimezone(zone)
    on_the_dot = last.time() == time.min and last.date() > first.date()
    return first.date(), last.date() - timedelta(days=1) if on_the_dot else last.date()


def half_days_within(
    start: datetime, end: datetime, zone: ZoneInfo, boundary: HalfDayBoundary
) -> list[tuple[date, str]]:
    """Every half-day between two instants (with zones), in order; never none."""
    begins, ends = (at.astimezone(zone).replace(tzinfo=None) for at in (start, end))
    first, last = local_dates(start, end, zone)
    found: list[tuple[date, str]] = []
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        if begins < datetime.combine(day, boundary[0]) and ends > datetime.combine(day, time.min):
            found.append((day, FN))
        if ends > datetime.combine(day, boundary[1]):
            found.append((day, AN))
    return found or [(first, AN)]
