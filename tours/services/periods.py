"""The period of a tour on the employee's own clock: its time zone, its half-days, and whether it
is allowed.

Called by the other verbs on tours and by `drafts`.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.translation import gettext as _

from core.errors import RuleViolation
from employees.models import Assignment, Employee
from tours import half_days
from tours.models import Tour

MAX_TOUR_LENGTH = timedelta(days=366)


def employee_timezone(employee: Employee, at: datetime) -> ZoneInfo:
    """The clock on an employee's wall at an instant: of the site of that day, else of the
    organization.
    """
    own = ZoneInfo(employee.organization.timezone)
    day = at.astimezone(own).date()
    rows = Assignment.objects.of(employee.organization_id).filter(
        employee=employee, starts_on__lte=day
    )
    place = next((one for one in rows.select_related("site") if one.covers(day)), None)
    return ZoneInfo(place.site.timezone) if place and place.site.timezone else own


def half_days_of(tour: Tour) -> list[tuple[date, str]]:
    """The half-days that a tour takes, in order."""
    zone = employee_timezone(tour.employee, tour.start_at)
    return half_days.half_days_within(
        tour.start_at,
        tour.end_at,
        zone,
        half_days.parse_half_day_boundary(settings.HALF_DAY_BOUNDARY),
    )


def require_tour_dates_in_order(tour: Tour) -> None:
    """Raise RuleViolation when a tour ends before it begins."""
    if tour.end_at <= tour.start_at:
        raise RuleViolation(
            _("The return is before the departure."),
            code="DATES_REVERSED",
            rule="FORM",
            field="end_at",
        )


def require_valid_period(tour: Tour) -> None:
    """Raise RuleViolation for a tour that is reversed, too long or outside the employment."""
    require_tour_dates_in_order(tour)
    if tour.end_at - tour.start_at > MAX_TOUR_LENGTH:
        raise RuleViolation(
            _("A tour can last at most %(days)d days.") % {"days": MAX_TOUR_LENGTH.days},
            code="TOO_LONG",
            rule="T4",
            field="end_at",
            details={"limit": MAX_TOUR_LENGTH.days},
        )
    first, last = half_days.local_dates(
        tour.start_at, tour.end_at, employee_timezone(tour.employee, tour.start_at)
    )
    left = tour.employee.left_on
    if first < tour.employee.joined_on or (left is not None and last > left):
        raise RuleViolation(
            _("The tour is outside the period of employment."),
            code="NOT_EMPLOYED",
            rule="T1",
            field="start_at",
        )
