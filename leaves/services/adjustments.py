"""Entries by order: opening balances, encashment, corrections. One person proposes an
adjustment, another confirms it, and only then it is posted. Called by the console, the demo and
`leaves.services.late_marks`.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from core.errors import Conflict, RuleViolation
from leaves import ledger
from leaves.context import load_leave_context
from leaves.eligibility.refusal import LeaveRefusal
from leaves.models import LeaveAccount, LeaveAdjustment, LeaveLedgerEntry
from leaves.policies import LeaveType, to_half_days
from leaves.rule_messages import to_rule_violation
from leaves.services.encashment_limits import check_encashment


def propose_adjustment(adjustment: LeaveAdjustment, *, actor: User) -> LeaveAdjustment:
    """Store an entry by order; somebody else has to confirm it. Raises ValidationError."""
    if not adjustment._state.adding:
        raise ValidationError(
            _("A leave adjustment cannot be changed. Refuse it and propose another.")
        )
    adjustment.proposed_by = actor
    adjustment.full_clean()
    if not adjustment.days:
        raise ValidationError({"days": _("The number of days must not be zero.")})
    with transaction.atomic():
        if adjustment.type == LeaveLedgerEntry.Type.ENCASH:
            ledger.lock_accounts(adjustment.employee)
            check_encashment(
                adjustment,
                load_leave_context(
                    adjustment.employee, adjustment.effective_on, adjustment.effective_on
                ),
            )
        adjustment.save()
    return adjustment


def propose_encashment(
    account: LeaveAccount,
    occasion: str,
    days: Decimal,
    effective_on: date,
    *,
    actor: User,
    reason: str,
) -> LeaveAdjustment:
    """Propose that days of an account are turned into money; another person confirms it. Raises
    RuleViolation beyond the limits.
    """
    if days <= 0:
        raise ValidationError({"days": _("Give the days as a number above zero.")})
    order = LeaveAdjustment(
        organization_id=account.organization_id,
        employee=account.employee,
        kind=account.kind,
        type=LeaveLedgerEntry.Type.ENCASH,
        occasion=occasion,
        days=-days,
        effective_on=effective_on,
        reason=reason,
    )
    return propose_adjustment(order, actor=actor)


def decide_adjustment(
    adjustment: LeaveAdjustment, *, actor: User, confirm: bool = True
) -> LeaveAdjustment:
    """Post a proposed order, or refuse it. Never by whoever proposed it, nor by the one whose
    account it is.
    """
    with transaction.atomic():
        ledger.lock_accounts(adjustment.employee)
        if confirm and (
            actor.pk == adjustment.proposed_by_id or actor.employee_id == adjustment.employee_id
        ):
            raise RuleViolation(
                _("Another person must confirm this adjustment."),
                code="TWO_PERSONS",
                rule="LEDGER",
                field="state",
            )
        state = LeaveAdjustment.State.CONFIRMED if confirm else LeaveAdjustment.State.REFUSED
        changed = LeaveAdjustment.objects.of(adjustment.organization_id).filter(
            pk=adjustment.pk, state=LeaveAdjustment.State.PROPOSED
        )
        if not changed.update(state=state, decided_by=actor, decided_at=timezone.now()):
            raise Conflict(
                _("This adjustment has already been decided."),
                code="ALREADY_DECIDED",
                rule="LEDGER",
                field="state",
            )
        if confirm:
            _post_adjustment(adjustment, actor)
        adjustment.refresh_from_db()
    return adjustment


def _post_adjustment(adjustment: LeaveAdjustment, actor: User) -> None:
    context = load_leave_context(
        adjustment.employee, adjustment.effective_on, adjustment.effective_on
    )
    if adjustment.type == LeaveLedgerEntry.Type.ENCASH:
        check_encashment(adjustment, context)
    target = context.ledgers.get(LeaveType(adjustment.kind))
    amount = to_half_days(adjustment.days)
    if target is None or (
        amount < 0 and not target.projection.can_afford([(adjustment.effective_on, amount)])
    ):
        available = target.projection.available_on(adjustment.effective_on) / 2 if target else 0
        raise to_rule_violation(
            LeaveRefusal(
                "INSUFFICIENT_BALANCE",
                "LEDGER",
                "days",
                {
                    "kind": adjustment.kind,
                    "account": adjustment.kind,
                    "needed": -amount / 2,
                    "available": available,
                },
            )
        )
    ledger.post_entry(
        target.account,
        amount,
        adjustment.effective_on,
        adjustment.type,
        f"order:{adjustment.pk}",
        actor=actor,
        reason=adjustment.reason,
    )
    ledger.settle_accounts(adjustment.employee)
