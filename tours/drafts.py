"""Verbs on drafts of tours: keep, change, send in, discard. A draft is its traveller's alone, and
takes no half-days.

Sent in, it is judged as an application made at that moment. Called by the API.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from core.errors import Conflict
from tours import attachments as tour_attachments
from tours.models import Tour, TourDocument
from tours.services.applications import submit_tour
from tours.services.periods import require_tour_dates_in_order
from tours.services.preconditions import lock_tour

TourStatus = Tour.Status


def save_tour_draft(tour: Tour, document_ids: Collection[int] = ()) -> Tour:
    """Store a tour without asking for it. Raises RuleViolation."""
    tour.status = TourStatus.DRAFT
    with transaction.atomic():
        _save(tour)
        tour_attachments.attach_tour_documents(tour, document_ids)
    return tour


def change_tour_draft(
    tour: Tour, changes: Mapping[str, Any], document_ids: Collection[int] | None = None
) -> Tour:
    """Write other facts into a draft; None leaves its papers as they are. Raises RuleViolation,
    Conflict once it was sent in.
    """
    with transaction.atomic():
        one = _lock_draft(tour)
        for name, value in changes.items():
            setattr(one, name, value)
        _save(one)
        if document_ids is not None:
            tour_attachments.attach_tour_documents(one, document_ids)
    return one


def submit_tour_draft(tour: Tour, *, actor: User | None) -> Tour:
    """Send a draft in: from now on it waits for a decision. Raises RuleViolation as an application
    does, Conflict the second time.
    """
    with transaction.atomic():
        return submit_tour(_lock_draft(tour), actor=actor)


def discard_tour_draft(tour: Tour) -> None:
    """Take a draft away, with its papers. Raises Conflict once it was sent in."""
    with transaction.atomic():
        one = _lock_draft(tour)
        tour_attachments.delete_tour_documents(
            TourDocument.objects.of(one.organization_id).filter(tour=one)
        )
        one.delete()


def _save(tour: Tour) -> None:
    require_tour_dates_in_order(tour)
    tour.full_clean()
    tour.save()


def _lock_draft(tour: Tour) -> Tour:
    """The draft as it is now, its row locked until the end of the transaction."""
    one = lock_tour(tour)
    if one.status != TourStatus.DRAFT:
        raise Conflict(
            _("This tour is already submitted."),
            code="SENT_IN",
            rule="T6",
            field="status",
            details={"status": one.status},
        )
    return one
