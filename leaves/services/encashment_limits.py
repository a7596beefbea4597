"""How much leave an employee may encash on a day, from their accounts and earlier orders; the
arithmetic is in `leaves.encashment`. Called by `leaves.services.adjustments`, which checks
orders, and by the console, which shows the limits.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db.models import Max

from employees.models import Employee
from leaves import encashment
from leaves.context import LeaveContext, load_leave_context
from leaves.eligibility.refusal import LeaveRefusal
from leaves.encashment import EncashmentOccasion
from leaves.models import LeaveAdjustment, LeaveLedgerEntry, LeaveProfile
from leaves.policies import LeavePolicyVersion, LeaveType, to_half_days
from leaves.rule_messages import to_rule_violation


@dataclass(frozen=True, slots=True)
class EncashmentLimit:
    """What could be encashed on one occasion, with the numbers it follows from. Quantities are
    half-days.
    """

    occasion: EncashmentOccasion
    position: encashment.EncashmentPosition
    policy: LeavePolicyVersion
    max_half_days: int


def encashment_limits(employee: Employee, kind: str, on: date) -> list[EncashmentLimit]:
    """For each occasion, what somebody could encash of an account on a day. Nothing is locked: good
    for looking.
    """
    context = load_leave_context(employee, on, on)
    policy = context.rule_context.policies.version_on(on)
    if policy is None:
        return []
    found = []
    for occasion in EncashmentOccasion:
        day = (
            employee.left_on if occasion is EncashmentOccasion.LEAVING and employee.left_on else on
        )
        wanted = encashment.EncashmentRequest(LeaveType(kind), occasion, day, 0)
        standing = _encashment_position(employee, wanted, context)
        found.append(
            EncashmentLimit(
                occasion, standing, policy, encashment.max_encashable(wanted, standing, policy)
            )
        )
    return found


def check_encashment(adjustment: LeaveAdjustment, context: LeaveContext) -> None:
    """Raise RuleViolation when an encashment is beyond the limits of the rules of its day. Counted
    under the lock of the accounts.
    """
    policy = context.rule_context.policies.version_on(adjustment.effective_on)
    if policy is None:
        raise to_rule_violation(
            LeaveRefusal(
                "NO_POLICY",
                "POLICY",
                "effective_on",
                {"kind": adjustment.kind, "start": adjustment.effective_on},
            )
        )
    occasion = EncashmentOccasion(adjustment.occasion)
    wanted = encashment.EncashmentRequest(
        LeaveType(adjustment.kind),
        occasion,
        adjustment.effective_on,
        -to_half_days(adjustment.days),
    )
    for one in encashment.encashment_refusals(
        wanted,
        _encashment_position(adjustment.employee, wanted, context, without=adjustment.pk or 0),
        policy,
    ):
        raise to_rule_violation(one)


def _encashment_position(
    employee: Employee,
    request: encashment.EncashmentRequest,
    context: LeaveContext,
    *,
    without: int = 0,
) -> encashment.EncashmentPosition:
    """What somebody encashed so far, by confirmed orders but the one that is judged, and what is
    there.
    """
    orders = (
        LeaveAdjustment.objects.of(employee.organization_id)
        .filter(
            employee=employee,
            type=LeaveLedgerEntry.Type.ENCASH,
            occasion=request.occasion,
            state=LeaveAdjustment.State.CONFIRMED,
        )
        .exclude(pk=without or 0)
    )
    rows = [
        (kind, day, -to_half_days(days))
        for kind, day, days in orders.values_list("kind", "effective_on", "days")
    ]
    known = LeaveProfile.objects.of(employee.organization_id).filter(employee=employee)
    before = known.aggregate(most=Max("encashed_before"))["most"] or 0
    target = context.ledgers.get(request.kind)
    return encashment.EncashmentPosition(
        available=target.projection.available_on(request.on) if target else 0,
        used_before=sum(amount for _kind, _day, amount in rows)
        + (2 * before if request.occasion is EncashmentOccasion.TRAVEL else 0),
        used_of_type=sum(amount for kind, _day, amount in rows if kind == request.kind),
        used_same_day=sum(amount for _kind, day, amount in rows if day == request.on),
        left_on=context.service.left_on,
        forfeits_balance=context.service.forfeits_balance,
    )
