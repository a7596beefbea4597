"""What each verb leaves behind: an event in the tour's history, and a change of the employee's
days for the apps above.

Called by the other verbs on tours.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone

from accounts.models import User
from employees.changes import record_change
from employees.models import Change
from tours import half_days
from tours.models import Tour, TourEvent
from tours.services.periods import employee_timezone


def record_tour_change(
    tour: Tour, start: datetime | None = None, end: datetime | None = None
) -> None:
    """Record that the days from `start` to `end` changed; without them, the days of the tour."""
    first, last = half_days.local_dates(
        start or tour.start_at, end or tour.end_at, employee_timezone(tour.employee, tour.start_at)
    )
    record_change(tour.employee, Change.Kind.TOUR, first, last)


def record_tour_event(
    tour: Tour, action: TourEvent.Action, actor: User | None, remarks: str = "", **details: Any
) -> None:
    """Add an event to the history of a tour."""
    TourEvent.objects.create(
        organization_id=tour.organization_id,
        tour=tour,
        at=timezone.now(),
        action=action,
        actor=actor,
        remarks=remarks,
        details=details,
    )
