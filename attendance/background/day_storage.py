"""Stores calculated days: rows that changed are replaced, changes to locked months become day
adjustments, and the exceptions of these days follow. Called by `background.day_ranges`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from attendance.days import locking
from attendance.exceptions import day_rules as day_exception_rules
from attendance.exceptions.day_rules import DayRange
from attendance.models import Day

STORED_FIELDS: Final = (
    "site_id",
    "department_id",
    "shift_id",
    "zone",
    "status",
    "first_half",
    "second_half",
    "first_in",
    "last_out",
    "worked",
    "late_by",
    "early_by",
    "overtime",
    "marks",
    "why",
    "open_until",
)
# Rows of one statement: SQLite takes 32 766 values in one.
INSERT_BATCH_SIZE: Final = 1000


def store_days(organization_id: int, ranges: Sequence[DayRange], now: datetime) -> int:
    """Make the rows what the calculated ranges say; returns how many rows changed."""
    if not ranges:
        return 0
    first, last = min(one.first for one in ranges), max(one.last for one in ranges)
    rows = Day.objects.of(organization_id).filter(
        employee__in=[one.inputs.id for one in ranges], date__range=(first, last)
    )
    kept: dict[UUID, dict[date, Day]] = defaultdict(dict)
    for known in rows.order_by():
        kept[known.employee_id][known.date] = known
    locked = locking.locked_months(organization_id)
    fresh: list[Day] = []
    changed: list[Day] = []
    gone: list[int] = []
    late: list[locking.LockedDayChange] = []
    for one in ranges:
        mine = kept.get(one.inputs.id, {})
        for on in dates_between(one.first, one.last):
            row, values = mine.get(on), one.days.get(on)
            if on.replace(day=1) in locked:
                late.append(locking.LockedDayChange(one.inputs.id, on, row, values))
            elif row is None and values is not None:
                fresh.append(
                    Day(
                        organization_id=organization_id,
                        employee_id=one.inputs.id,
                        date=on,
                        **values,
                    )
                )
            elif row is not None and values is None:
                gone.append(row.pk)
            elif row is not None and values is not None and _has_changed(row, values):
                changed.append(
                    Day(
                        organization_id=organization_id,
                        employee_id=one.inputs.id,
                        date=on,
                        **values,
                    )
                )
    Day.objects.bulk_create(
        [*fresh, *changed],
        batch_size=INSERT_BATCH_SIZE,
        update_conflicts=True,
        unique_fields=("employee", "date"),
        update_fields=STORED_FIELDS,
    )
    for start in range(0, len(gone), INSERT_BATCH_SIZE):
        Day.objects.filter(pk__in=gone[start : start + INSERT_BATCH_SIZE]).delete()
    posted = locking.post_adjustments(organization_id, late, now)
    day_exception_rules.update_day_exceptions(organization_id, ranges, now)
    return len(fresh) + len(changed) + len(gone) + posted


def _has_changed(row: Day, values: dict[str, Any]) -> bool:
    return any(getattr(row, name) != value for name, value in values.items())


def dates_between(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
