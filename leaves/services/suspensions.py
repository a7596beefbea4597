"""Enter, end and revoke suspensions, during which no leave is granted. Called by the console."""

from __future__ import annotations

from datetime import date

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from core.errors import Conflict
from leaves import ledger
from leaves.eligibility.refusal import LeaveRefusal
from leaves.models import Suspension
from leaves.rule_messages import to_rule_violation


def save_suspension(suspension: Suspension, *, actor: User | None = None) -> Suspension:
    """Validate and store a suspension: from now on no leave is granted on its days. What was
    granted before stays.
    """
    if not suspension._state.adding:
        raise ValidationError(_("A suspension cannot be changed. End it or revoke it."))
    suspension.full_clean()
    with transaction.atomic():
        # Whoever is deciding on leave of this person is done before, or sees it.
        ledger.lock_accounts(suspension.employee)
        suspension.entered_by = actor
        suspension.save()
    return suspension


def end_suspension(suspension: Suspension, ends_on: date) -> None:
    """Set the last day of a suspension. Raises RuleViolation for a day before its first, Conflict
    when it was taken back.
    """
    if ends_on < suspension.starts_on:
        about = {"start": suspension.starts_on, "end": ends_on}
        raise to_rule_violation(LeaveRefusal("DATES_REVERSED", "FORM", "ends_on", about))
    with transaction.atomic():
        ledger.lock_accounts(suspension.employee)
        if not Suspension.objects.filter(pk=suspension.pk, revoked_at__isnull=True).update(
            ends_on=ends_on
        ):
            raise Conflict(
                _("This suspension was revoked."), code="TAKEN_BACK", rule="G15", field="ends_on"
            )


def revoke_suspension(suspension: Suspension) -> None:
    """Take a suspension back, as if it had never been."""
    with transaction.atomic():
        ledger.lock_accounts(suspension.employee)
        Suspension.objects.filter(pk=suspension.pk, revoked_at__isnull=True).update(
            revoked_at=timezone.now()
        )
