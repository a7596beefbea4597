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
from employees.refusals import Conflict
from tours import papers, services
from tours.models import Tour, TourPaper

Status = Tour.Status


def keep(tour: Tour, paper_ids: Collection[int] = ()) -> Tour:
    """Store a tour without asking for it. Raises Refused."""
    tour.status = Status.DRAFT
    with transaction.atomic():
        _save(tour)
        papers.attach(tour, paper_ids)
    return tour


def change(tour: Tour, facts: Mapping[str, Any], paper_ids: Collection[int] | None = None) -> Tour:
    """Write other facts into a draft; None leaves its papers as they are. Raises Refused, Conflict
    once it was sent in.
    """
    with transaction.atomic():
        one = _draft(tour)
        for name, value in facts.items():
            setattr(one, name, value)
        _save(one)
        if paper_ids is not None:
            papers.attach(one, paper_ids)
    return one


def submit(tour: Tour, *, actor: User | None) -> Tour:
    """Send a draft in: from now on it waits for a decision. Raises Refused as an application does,
    Conflict the second time.
    """
    with transaction.atomic():
        return services.enter(_draft(tour), actor=actor)


def discard(tour: Tour) -> None:
    """Take a draft away, with its papers. Raises Conflict once it was sent in."""
    with transaction.atomic():
        one = _draft(tour)
        papers.remove(TourPaper.objects.of(one.organization_id).filter(tour=one))
        one.delete()


def _save(tour: Tour) -> None:
    services.in_order(tour)
    tour.full_clean()
    tour.save()


def _draft(tour: Tour) -> Tour:
    """The draft as it is now, its row locked until the end of the transaction."""
    one = services.held(tour)
    if one.status != Status.DRAFT:
        raise Conflict(
            _("This tour was sent in already."),
            code="SENT_IN",
            rule="T6",
            field="status",
            details={"status": one.status},
        )
    return one
