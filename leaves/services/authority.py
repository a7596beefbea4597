"""Whether somebody may decide on an application: not on their own, only for the people they
decide for, and only within their authority by the sanction rules. Called by the verbs that
decide on and amend leave.
"""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.permissions import approval_roles, can_decide_for
from employees.models import Employee
from leaves.context import LeaveContext
from leaves.eligibility.authority import authority_refusal
from leaves.eligibility.evaluation import LeaveEligibility
from leaves.eligibility.refusal import LeaveRefusal
from leaves.models import LeaveApplication
from leaves.policies import Authority, LeaveType
from leaves.rule_messages import to_rule_violation


def check_authority(actor: User, application: LeaveApplication) -> None:
    """Raise PermissionDenied for one's own leave, and for somebody else's that is not theirs to
    decide.
    """
    if actor.employee_id == application.employee_id and actor.employee_id is not None:
        raise PermissionDenied(_("You cannot decide on your own leave."))
    if not (actor.is_superuser or can_decide_for(actor, application.employee)):
        raise PermissionDenied(_("You may not decide on this application."))


def decision_refusal(
    application: LeaveApplication,
    eligibility: LeaveEligibility,
    context: LeaveContext,
    actor: User,
    *,
    approve: bool,
) -> LeaveRefusal | None:
    """Why a decision is not this officer's, by the rows of the rules; None when it is, and always
    without rows.
    """
    policy = context.rule_context.policies.version_on(application.starts_on)
    if policy is None or eligibility.sanction is None:
        return None
    days = eligibility.days_at_a_stretch
    if (
        found := authority_refusal(
            LeaveType(application.kind), days, authority_over(actor, application.employee), policy
        )
    ) is not None:
        return found
    if approve and eligibility.sanction.recommendation:
        if not application.recommendation:
            return LeaveRefusal(
                "RECOMMENDATION_MISSING",
                "G10",
                "decision",
                {"kind": application.kind, "days": days},
            )
        if application.recommended_by_id == actor.pk:
            return LeaveRefusal(
                "SAME_OFFICER", "G10", "decision", {"recommendation": application.recommendation}
            )
    return None


def check_authority_limit(
    application: LeaveApplication, eligibility: LeaveEligibility, context: LeaveContext, actor: User
) -> None:
    """Raise RuleViolation when leave of this length is beyond an officer's authority (G11)."""
    policy = context.rule_context.policies.version_on(application.starts_on)
    own = authority_over(actor, application.employee)
    if (
        policy is not None
        and (
            found := authority_refusal(
                LeaveType(application.kind), eligibility.days_at_a_stretch, own, policy
            )
        )
        is not None
    ):
        raise to_rule_violation(found)


def authority_over(actor: User, employee: Employee) -> Authority | None:
    """The highest authority somebody has over an employee today; None for none at all."""
    if actor.is_superuser:
        return Authority.ADMIN
    return max(
        (Authority(place) for place in approval_roles(actor, employee)),
        key=lambda one: one.rank,
        default=None,
    )
