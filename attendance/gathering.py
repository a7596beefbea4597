"""What is to be looked at in days, gathered as they are worked out and in the same transaction.
Called by `rebuilding`.

Whatever changes a day, a late punch, a roster, leave granted afterwards, comes through here: so a
row closes as it was opened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from attendance import inbox, journeys
from attendance.causes import Person
from attendance.models import DayException, DayPolicy
from attendance.shifts import local_date
from attendance.sightings import OF_DAYS, TRAVEL, Sighting, digest, of_day
from attendance.travel import Leap, Seen, leaps

DAY: Final = timedelta(days=1)
# The later of two punches may lie so many days before and after the dates that changed: a window,
# and `travel.LONGEST`.
BEFORE, AFTER = DAY, 4 * DAY


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days of a person as they were worked out anew: all there are from `first` to `last`."""

    person: Person
    first: date
    last: date
    days: Mapping[date, dict[str, Any]]


def gather(organization_id: int, stretches: Sequence[Stretch], now: datetime) -> int:
    """Bring the inbox up to date with these days; returns how many of its rows changed."""
    rules = DayPolicy.objects.of(organization_id).first() or DayPolicy()
    found = [
        sighting
        for one in stretches
        for on, day in one.days.items()
        for sighting in of_day(one.person.id, on, day, rules.long_day_hours)
    ]
    found += _travels(organization_id, stretches, rules.travel_kmh)
    return inbox.keep(organization_id, _standing(organization_id, stretches), found, now)


def _standing(organization_id: int, stretches: Sequence[Stretch]) -> list[DayException]:
    """The open rows about these days."""
    first, last = (
        min(one.first for one in stretches) - BEFORE,
        max(one.last for one in stretches) + AFTER,
    )
    spans = {one.person.id: one for one in stretches}
    rows = DayException.objects.of(organization_id).filter(
        state=inbox.OPEN,
        kind__in=(*OF_DAYS, TRAVEL),
        employee__in=list(spans),
        date__range=(first, last),
    )
    return [
        row
        for row in rows.order_by()
        if row.employee_id is not None
        and row.date is not None
        and _holds(spans[row.employee_id], row.kind, row.date)
    ]


def _holds(stretch: Stretch, kind: str, on: date) -> bool:
    if kind == TRAVEL:
        return stretch.first - BEFORE <= on <= stretch.last + AFTER
    return stretch.first <= on <= stretch.last


# --- Journeys -------------------------------------------------------------------------------------
def _travels(organization_id: int, stretches: Sequence[Stretch], kmh: int) -> list[Sighting]:
    ids = [stamp.id for one in stretches for stamp in one.person.stamps if stamp.id > 0]
    places = journeys.places(organization_id, ids)
    if not places:
        return []
    found = []
    for one in stretches:
        seen = [
            Seen(stamp.id, stamp.at, places.get(stamp.id, ()))
            for stamp in one.person.stamps
            if stamp.id > 0
        ]
        for leap in leaps(seen, kmh):
            on = _date(one.person, leap.later.at)
            if _holds(one, TRAVEL, on):
                found.append(_travel(one.person, leap, on))
    return found


def _date(person: Person, at: datetime) -> date:
    return local_date(at, person.zone(at.date()))


def _travel(person: Person, leap: Leap, on: date) -> Sighting:
    post = person.assignment(on)
    details = {
        "zone": person.zone(on),
        "from_punch": leap.earlier.id,
        "from_at": leap.earlier.at.isoformat(),
        "at": leap.later.at.isoformat(),
        "km": round(leap.metres / 1000, 1),
        "minutes": leap.seconds // 60,
        "kmh": leap.kmh,
    }
    return Sighting(
        TRAVEL,
        f"punch:{leap.later.id}",
        digest(leap.earlier.id, leap.later.id),
        details,
        employee_id=person.id,
        punch_id=leap.later.id,
        site_id=post.site_id if post else None,
        date=on,
    )
