"""Delegations: save one, and withdraw it before its last day. Called by the console."""

from __future__ import annotations

from django.utils import timezone

from accounts.models import Delegation


def save_delegation(delegation: Delegation) -> Delegation:
    """Validate and store who decides in whose place, and from when to when."""
    delegation.full_clean()
    delegation.save()
    return delegation


def withdraw_delegation(delegation: Delegation) -> bool:
    """End a delegation at once; False if it was withdrawn before."""
    rows = Delegation.objects.of(delegation.organization_id).filter(
        pk=delegation.pk, withdrawn_at__isnull=True
    )
    return bool(rows.update(withdrawn_at=timezone.now()))
