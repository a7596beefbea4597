"""Applying for a tour: judged, stored, and waiting for a decision.

Called by the API, the console and the demo; `drafts` submits a draft by the same function.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from core.errors import RuleViolation
from tours import attachments as tour_attachments
from tours.models import Tour, TourEvent
from tours.services.events import record_tour_event
from tours.services.periods import require_valid_period
from tours.services.reservations import reserve_tour_half_days


def apply_for_tour(
    tour: Tour, *, actor: User | None, self_service: bool = True, document_ids: Collection[int] = ()
) -> Tour:
    """Store a tour that waits for a decision; its half-days are taken from now on. Raises
    RuleViolation.
    """
    with transaction.atomic():
        return submit_tour(tour, actor=actor, self_service=self_service, document_ids=document_ids)


def submit_tour(
    tour: Tour,
    *,
    actor: User | None,
    self_service: bool = True,
    document_ids: Collection[int] | None = None,
) -> Tour:
    """Judge a tour, and let it wait for a decision. Within a transaction; a draft's row is held
    there. Raises RuleViolation.

    Some days after it began only HR enters a tour. `document_ids`: None leaves the papers as they
    are.
    """
    tour.applied_by, tour.applied_at, tour.status = actor, timezone.now(), Tour.Status.PENDING
    require_valid_period(tour)
    if self_service and timezone.now() - tour.start_at > timedelta(
        days=settings.TOUR_BACKDATE_DAYS
    ):
        raise RuleViolation(
            _("Only HR can enter a tour that began more than %(days)d days ago.")
            % {"days": settings.TOUR_BACKDATE_DAYS},
            code="BACKDATED",
            rule="T6",
            field="start_at",
            details={"limit": settings.TOUR_BACKDATE_DAYS},
        )
    tour.full_clean()
    tour.save()
    if document_ids is not None:
        tour_attachments.attach_tour_documents(tour, document_ids)
    reserve_tour_half_days(tour)
    record_tour_event(tour, TourEvent.Action.APPLIED, actor, tour.purpose[:500])
    return tour
