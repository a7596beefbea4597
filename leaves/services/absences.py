"""Enter and revoke extraordinary leave and dies-non, which make later credits smaller. Called by
the console.
"""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from employees.changes import record_change
from employees.models import Change
from leaves import ledger
from leaves.models import Absence


def save_absence(absence: Absence, *, actor: User | None = None) -> Absence:
    """Validate and store extraordinary leave or dies-non; only the difference it makes to later
    credits is posted.
    """
    absence.full_clean()
    with transaction.atomic():
        ledger.lock_accounts(absence.employee)
        if absence._state.adding:
            absence.entered_by = actor
        absence.save()
        ledger.settle_accounts(absence.employee)
        record_change(absence.employee, Change.Kind.LEAVE, absence.starts_on, absence.ends_on)
    return absence


def revoke_absence(absence: Absence) -> None:
    """Take an absence back, with what it cost."""
    with transaction.atomic():
        ledger.lock_accounts(absence.employee)
        if Absence.objects.filter(pk=absence.pk, revoked_at__isnull=True).update(
            revoked_at=timezone.now()
        ):
            ledger.settle_accounts(absence.employee)
            record_change(absence.employee, Change.Kind.LEAVE, absence.starts_on, absence.ends_on)
