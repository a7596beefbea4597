"""Reserving the half-days of a tour, and the error when leave or another tour has one of them.

Called when a tour is applied for and when it is extended.
"""

from __future__ import annotations

from django.utils import formats
from django.utils.translation import gettext as _

from core.errors import RuleViolation
from employees import half_day_reservations
from tours.models import Tour
from tours.services.periods import half_days_of


def reserve_tour_half_days(tour: Tour) -> None:
    """Reserve all half-days of a tour. Raises RuleViolation when one of them is taken."""
    try:
        half_day_reservations.reserve_half_days(
            tour.employee, half_days_of(tour), tour.reservation_holder
        )
    except half_day_reservations.AlreadyReserved as error:
        raise overlap_error(error) from error


def overlap_error(error: half_day_reservations.AlreadyReserved) -> RuleViolation:
    """The error that names the leave or tour by which a half-day is reserved already."""
    sort, _sep, number = error.holder.partition(":")
    details = {sort: int(number), "date": error.on.isoformat(), "half": str(error.half)}
    words = {"date": formats.date_format(error.on), "number": number}
    if sort == "leave":
        text = (
            _("Leave (%(number)s) already covers %(date)s. Have it cancelled or shortened first.")
            % words
        )
        return RuleViolation(
            text, code="LEAVE_CONFLICT", rule="T8", field="start_at", details=details
        )
    text = _("Another tour (%(number)s) already covers %(date)s.") % words
    return RuleViolation(text, code="OVERLAP", rule="CLAIM", field="start_at", details=details)
