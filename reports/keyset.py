"""Read long tables a page at a time, by the last key, and tell their instants on a clock. Used by
the reports.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from django.db.models import Model, Q, QuerySet

_M = TypeVar("_M", bound=Model)
ROWS_PER_PAGE: Final = 500


def keyset_pages(
    rows: QuerySet[_M], order_field: str, page_size: int = ROWS_PER_PAGE
) -> Iterator[list[_M]]:
    """All rows in the order of a column and, where that is the same, of their ids. One query for
    each page.
    """
    rows = rows.order_by(order_field, "pk")
    page = list(rows[:page_size])
    while page:
        yield page
        last = getattr(page[-1], order_field)
        later = Q(**{f"{order_field}__gt": last}) | Q(**{order_field: last, "pk__gt": page[-1].pk})
        # The plain condition is for the index; the database need not see that it follows from the
        # other.
        page = list(rows.filter(later, **{f"{order_field}__gte": last})[:page_size])


def day_bounds(first: date, last: date, zone: str) -> tuple[datetime, datetime]:
    """The instants at which the first day begins in a zone, and at which the last one has ended."""
    start, end = (
        datetime.combine(day, time(), ZoneInfo(zone)) for day in (first, last + timedelta(days=1))
    )
    return start, end


def wall_clock_time(at: datetime | None, zone: str) -> Any:
    """An instant as the clock of a zone showed it, to the second, without the zone: a cell."""
    return (
        at.astimezone(ZoneInfo(zone)).replace(tzinfo=None, microsecond=0)
        if at is not None
        else None
    )
