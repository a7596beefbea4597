"""What is checked before a tour is decided or changed: its row is locked, the actor has authority,
its status allows it.

Called by the verbs that decide and change tours; `drafts` locks its rows here too.
"""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.permissions import can_decide_for
from core.errors import Conflict
from tours.models import Tour


def lock_tour(tour: Tour) -> Tour:
    """The tour as it is now, its row locked until the end of the transaction. Raises Conflict for a
    draft that was discarded.
    """
    rows = Tour.objects.of(tour.organization_id).select_related("employee__organization")
    found = rows.select_for_update(of=("self",)).filter(pk=tour.pk).first()
    if found is None:
        raise Conflict(_("This draft was discarded."), code="DISCARDED", rule="T6", field="status")
    return found


def require_authority(actor: User, tour: Tour) -> None:
    """Raise PermissionDenied unless the actor may decide on this tour."""
    if actor.employee_id == tour.employee_id and actor.employee_id is not None:
        raise PermissionDenied(_("You cannot decide on your own tour."))
    if not (actor.is_superuser or can_decide_for(actor, tour.employee)):
        raise PermissionDenied(_("You may not decide on this tour."))


def require_status(tour: Tour, *allowed: Tour.Status) -> None:
    """Raise Conflict unless the tour has one of these statuses."""
    if tour.status == Tour.Status.DRAFT:
        raise Conflict(
            _("This tour is a draft: submit it or discard it."),
            code="NOT_SENT_IN",
            rule="T6",
            field="status",
            details={"status": tour.status},
        )
    if tour.status not in allowed:
        raise Conflict(
            _("This tour is already %(status)s.") % {"status": tour.get_status_display().lower()},
            code="ALREADY_DECIDED",
            rule="T6",
            field="decision",
            details={"status": tour.status},
        )
