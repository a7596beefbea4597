"""Approving or rejecting a pending tour. Called by the API and the console."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from employees import half_day_reservations
from tours.models import Tour, TourEvent
from tours.services.events import record_tour_change, record_tour_event
from tours.services.preconditions import lock_tour, require_authority, require_status


def decide_tour(tour: Tour, *, actor: User, approve: bool, remarks: str = "") -> Tour:
    """Approve or reject what is pending. Raises Conflict when it was decided before."""
    with transaction.atomic():
        one = lock_tour(tour)
        require_authority(actor, one)
        require_status(one, Tour.Status.PENDING)
        save_decision(
            one, Tour.Status.APPROVED if approve else Tour.Status.REJECTED, actor, remarks
        )
        if not approve:
            half_day_reservations.release_half_days(one.employee, one.reservation_holder)
        record_tour_event(
            one, TourEvent.Action.APPROVED if approve else TourEvent.Action.REJECTED, actor, remarks
        )
        record_tour_change(one)
    return one


def save_decision(tour: Tour, status: Tour.Status, actor: User, remarks: str) -> None:
    """Store a status with the user, the time and the remarks. Also called for a cancellation."""
    tour.status, tour.decided_by, tour.decided_at, tour.remarks = (
        status,
        actor,
        timezone.now(),
        remarks,
    )
    tour.save(update_fields=["status", "decided_by", "decided_at", "remarks"])
