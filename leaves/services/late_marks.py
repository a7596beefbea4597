"""Late coming and early leaving: debit half a day of casual leave, condone it, or owe it. Called
by the console and by `attendance.lateness`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from employees.changes import record_change
from employees.models import Change, Employee
from leaves import ledger
from leaves.context import LeaveContext, load_leave_context
from leaves.eligibility.late_arrivals import LateArrival, condonation_refusal
from leaves.eligibility.refusal import LeaveRefusal
from leaves.models import LateMark, LeaveAdjustment, LeaveLedgerEntry
from leaves.policies import LeaveType
from leaves.rule_messages import to_rule_violation
from leaves.services.adjustments import propose_adjustment


@dataclass(frozen=True, slots=True)
class LateDecision:
    """How late somebody came, and whether an authority condones it, for which reason."""

    minutes: int | None = None
    condone: bool = False
    reason: str = ""


def record_late_mark(
    employee: Employee, on: date, decision: LateDecision | None = None, *, actor: User | None = None
) -> LateMark:
    """Late coming or early leaving on a day: half a day of casual leave, unless an authority
    condones it.

    Without casual leave half a day is owed: nothing is taken from earned leave silently. A day is
    decided once: what was decided before is returned. Raises RuleViolation when it cannot be
    condoned (L1), PermissionDenied for one's own.
    """
    decision = decision or LateDecision()
    if actor is not None and actor.employee_id == employee.pk:
        raise PermissionDenied(_("You cannot decide on your own late arrival."))
    with transaction.atomic():
        ledger.lock_accounts(employee)
        known = (
            LateMark.objects.of(employee.organization_id).filter(employee=employee, date=on).first()
        )
        if known is not None:
            return known
        context = load_leave_context(employee, on, on)
        casual = context.ledgers.get(LeaveType.CL)
        covers = casual is not None and casual.projection.can_afford([(on, -1)])
        mark = LateMark(
            organization_id=employee.organization_id,
            employee=employee,
            date=on,
            minutes=decision.minutes,
            reason=decision.reason,
            decided_by=actor,
            outcome=LateMark.Outcome.CONDONED if decision.condone else LateMark.Outcome.OWED,
        )
        if decision.condone:
            _check_condonable(mark, context, spent=not covers)
        elif casual is not None and covers:
            mark.outcome = LateMark.Outcome.DEBITED
            ledger.post_entry(
                casual.account,
                -1,
                on,
                LeaveLedgerEntry.Type.LATE_DEBIT,
                f"late:{on}",
                actor=actor,
                reason=decision.reason,
            )
        mark.full_clean()
        mark.save()
        ledger.settle_accounts(employee)
        record_change(employee, Change.Kind.LEAVE, on, on)
    return mark


def _check_condonable(mark: LateMark, context: LeaveContext, *, spent: bool) -> None:
    """Raise RuleViolation when the rules of that day do not let it be condoned. Counted under the
    lock of the accounts.
    """
    policy = context.rule_context.policies.version_on(mark.date)
    if policy is None:
        raise to_rule_violation(
            LeaveRefusal(
                "NO_POLICY", "POLICY", "date", {"kind": str(LeaveType.CL), "start": mark.date}
            )
        )
    same = LateMark.objects.of(mark.organization_id).filter(
        employee=mark.employee, outcome=LateMark.Outcome.CONDONED
    )
    times = same.filter(date__year=mark.date.year, date__month=mark.date.month).count()
    found = condonation_refusal(
        LateArrival(mark.date, mark.minutes, mark.reason, times, spent), policy
    )
    if found is not None:
        raise to_rule_violation(found)


def propose_owed_debit(
    employee: Employee, *, actor: User, effective_on: date
) -> LeaveAdjustment | None:
    """Propose an order that takes one day of earned leave for the two oldest half-days owed; None
    while fewer are owed.
    """
    with transaction.atomic():
        ledger.lock_accounts(employee)
        owed = LateMark.objects.of(employee.organization_id).filter(
            employee=employee, outcome=LateMark.Outcome.OWED
        )
        two = list(owed.order_by("date")[:2])
        if len(two) < 2:
            return None
        LateMark.objects.filter(pk__in=[one.pk for one in two]).update(
            outcome=LateMark.Outcome.SETTLED
        )
        days = ", ".join(str(one.date) for one in two)
        order = LeaveAdjustment(
            organization_id=employee.organization_id,
            employee=employee,
            kind=LeaveType.EL,
            type=LeaveLedgerEntry.Type.LATE_DEBIT,
            days=-1,
            effective_on=effective_on,
            reason=_("Late on %(days)s") % {"days": days},
        )
        return propose_adjustment(order, actor=actor)
