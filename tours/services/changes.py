"""Changing a tour that was submitted: cancel it, curtail it, extend it, complete it with a report.

Called by the API and the console.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from core.errors import RuleViolation
from employees import half_day_reservations
from tours.models import Tour, TourEvent
from tours.services.decisions import save_decision
from tours.services.events import record_tour_change, record_tour_event
from tours.services.periods import half_days_of, require_valid_period
from tours.services.preconditions import lock_tour, require_authority, require_status
from tours.services.reservations import overlap_error


def cancel_tour(tour: Tour, *, actor: User, remarks: str = "") -> Tour:
    """Take a tour back: the traveller before it begins, its authority at any time."""
    with transaction.atomic():
        one = lock_tour(tour)
        own = actor.employee_id is not None and actor.employee_id == one.employee_id
        require_status(one, *Tour.ACTIVE_STATUSES)
        if own and one.status == Tour.Status.APPROVED and one.start_at <= timezone.now():
            raise RuleViolation(
                _("Only an approver can shorten a tour that has begun."),
                code="ALREADY_BEGUN",
                rule="T6",
                field="status",
            )
        if not own:
            require_authority(actor, one)
        save_decision(one, Tour.Status.CANCELLED, actor, remarks)
        half_day_reservations.release_half_days(one.employee, one.reservation_holder)
        record_tour_event(one, TourEvent.Action.CANCELLED, actor, remarks)
        record_tour_change(one)
    return one


def curtail_tour(tour: Tour, *, end_at: datetime, actor: User, remarks: str = "") -> Tour:
    """End a tour earlier; the half-days after `end_at` are free again."""
    with transaction.atomic():
        one = lock_tour(tour)
        require_authority(actor, one)
        require_status(one, *Tour.ACTIVE_STATUSES)
        if not one.start_at < end_at < one.end_at:
            raise RuleViolation(
                _("The new end must be within the tour."),
                code="NOT_WITHIN",
                rule="T8",
                field="end_at",
            )
        was, before = one.end_at, set(half_days_of(one))
        one.end_at = end_at
        one.save(update_fields=["end_at"])
        half_day_reservations.release_half_days(
            one.employee, one.reservation_holder, before - set(half_days_of(one))
        )
        record_tour_event(
            one,
            TourEvent.Action.CURTAILED,
            actor,
            remarks,
            was=was.isoformat(),
            end_at=end_at.isoformat(),
        )
        record_tour_change(one, end=was)
    return one


def extend_tour(tour: Tour, *, end_at: datetime, actor: User, remarks: str = "") -> Tour:
    """End a tour later, by its authority. Raises RuleViolation when the further days are taken."""
    with transaction.atomic():
        one = lock_tour(tour)
        require_authority(actor, one)
        require_status(one, *Tour.ACTIVE_STATUSES)
        if end_at <= one.end_at:
            raise RuleViolation(
                _("The new end must be later than the present end."),
                code="NOT_AFTER",
                rule="T8",
                field="end_at",
            )
        was, before = one.end_at, set(half_days_of(one))
        one.end_at = end_at
        require_valid_period(one)
        one.save(update_fields=["end_at"])
        try:
            # Half-days that casual leave overlays are not taken back from it.
            half_day_reservations.reserve_half_days(
                one.employee,
                [slot for slot in half_days_of(one) if slot not in before],
                one.reservation_holder,
            )
        except half_day_reservations.AlreadyReserved as error:
            raise overlap_error(error) from error
        record_tour_event(
            one,
            TourEvent.Action.EXTENDED,
            actor,
            remarks,
            was=was.isoformat(),
            end_at=end_at.isoformat(),
        )
        record_tour_change(one)
    return one


def complete_tour(tour: Tour, *, actor: User, report: str) -> Tour:
    """Hand in the return report of an approved tour that is over: the traveller, or HR in their
    place.
    """
    with transaction.atomic():
        one = lock_tour(tour)
        if actor.employee_id != one.employee_id:
            require_authority(actor, one)
        require_status(one, Tour.Status.APPROVED)
        if one.end_at > timezone.now():
            raise RuleViolation(
                _("The tour is not over yet."), code="NOT_OVER", rule="T5", field="report"
            )
        one.status, one.report = Tour.Status.COMPLETED, report
        one.save(update_fields=["status", "report"])
        record_tour_event(one, TourEvent.Action.COMPLETED, actor, report[:500])
        record_tour_change(one)
    return one
