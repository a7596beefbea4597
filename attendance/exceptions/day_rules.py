"""What is to be looked at in days, gathered as they are worked out and in the same transaction.
Called by `background.day_storage`.

Whatever changes a day, a late punch, a roster, leave granted afterwards, comes through here: so a
row closes as it was opened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from attendance.days.inputs import EmployeeInputs
from attendance.exceptions import locations as punch_locations
from attendance.exceptions import services as exception_services
from attendance.exceptions.rules import (
    DAY_KINDS,
    TRAVEL,
    DetectedException,
    find_day_exceptions,
    make_fingerprint,
)
from attendance.exceptions.travel import ImpossibleMovement, LocatedPunch, find_impossible_movements
from attendance.models import AttendanceException, AttendancePolicy
from shifts.schedule import local_date

DAY: Final = timedelta(days=1)
# The later of two punches may lie so many days before and after the dates that changed: a window,
# and `exceptions.travel.LONGEST`.
LOOK_BACK, LOOK_AHEAD = DAY, 4 * DAY


@dataclass(frozen=True, slots=True)
class DayRange:
    """Days of a person as they were worked out anew: all there are from `first` to `last`."""

    inputs: EmployeeInputs
    first: date
    last: date
    days: Mapping[date, dict[str, Any]]


def update_day_exceptions(
    organization_id: int, day_ranges: Sequence[DayRange], now: datetime
) -> int:
    """Bring the inbox up to date with these days; returns how many of its rows changed."""
    rules = AttendancePolicy.objects.of(organization_id).first() or AttendancePolicy()
    found = [
        sighting
        for one in day_ranges
        for on, day in one.days.items()
        for sighting in find_day_exceptions(one.inputs.id, on, day, rules.long_day_hours)
    ]
    found += _find_impossible_travel(organization_id, day_ranges, rules.travel_kmh)
    return exception_services.sync_exceptions(
        organization_id, _open_rows(organization_id, day_ranges), found, now
    )


def _open_rows(organization_id: int, day_ranges: Sequence[DayRange]) -> list[AttendanceException]:
    """The open rows about these days."""
    first, last = (
        min(one.first for one in day_ranges) - LOOK_BACK,
        max(one.last for one in day_ranges) + LOOK_AHEAD,
    )
    spans = {one.inputs.id: one for one in day_ranges}
    rows = AttendanceException.objects.of(organization_id).filter(
        state=exception_services.OPEN,
        kind__in=(*DAY_KINDS, TRAVEL),
        employee__in=list(spans),
        date__range=(first, last),
    )
    return [
        row
        for row in rows.order_by()
        if row.employee_id is not None
        and row.date is not None
        and _covers(spans[row.employee_id], row.kind, row.date)
    ]


def _covers(day_range: DayRange, kind: str, on: date) -> bool:
    if kind == TRAVEL:
        return day_range.first - LOOK_BACK <= on <= day_range.last + LOOK_AHEAD
    return day_range.first <= on <= day_range.last


# --- Journeys -------------------------------------------------------------------------------------
def _find_impossible_travel(
    organization_id: int, day_ranges: Sequence[DayRange], kmh: int
) -> list[DetectedException]:
    ids = [stamp.id for one in day_ranges for stamp in one.inputs.punches if stamp.id > 0]
    places = punch_locations.locate_punches(organization_id, ids)
    if not places:
        return []
    found = []
    for one in day_ranges:
        seen = [
            LocatedPunch(stamp.id, stamp.at, places.get(stamp.id, ()))
            for stamp in one.inputs.punches
            if stamp.id > 0
        ]
        for leap in find_impossible_movements(seen, kmh):
            on = _date_at(one.inputs, leap.later.at)
            if _covers(one, TRAVEL, on):
                found.append(_build_travel_exception(one.inputs, leap, on))
    return found


def _date_at(inputs: EmployeeInputs, at: datetime) -> date:
    return local_date(at, inputs.zone_on(at.date()))


def _build_travel_exception(
    inputs: EmployeeInputs, movement: ImpossibleMovement, on: date
) -> DetectedException:
    post = inputs.assignment_on(on)
    details = {
        "zone": inputs.zone_on(on),
        "from_punch": movement.earlier.id,
        "from_at": movement.earlier.at.isoformat(),
        "at": movement.later.at.isoformat(),
        "km": round(movement.metres / 1000, 1),
        "minutes": movement.seconds // 60,
        "kmh": movement.kmh,
    }
    return DetectedException(
        TRAVEL,
        f"punch:{movement.later.id}",
        make_fingerprint(movement.earlier.id, movement.later.id),
        details,
        employee_id=inputs.id,
        punch_id=movement.later.id,
        site_id=post.site_id if post else None,
        date=on,
    )
