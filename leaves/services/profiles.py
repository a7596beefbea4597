"""Save leave details: what the leave rules ask about an employee. Called by the console."""

from __future__ import annotations

from django.db import transaction

from leaves import ledger
from leaves.models import LeaveProfile


def save_leave_profile(profile: LeaveProfile) -> LeaveProfile:
    """Validate and store what the rules ask about a person; credits that follow from it are
    posted.
    """
    profile.full_clean()
    with transaction.atomic():
        ledger.lock_accounts(profile.employee)
        profile.save()
        ledger.settle_accounts(profile.employee)
    return profile
