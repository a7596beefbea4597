"""Recommend, preview, approve and reject applications that are pending. Each is one transaction
under the lock of the employee's accounts and ends with the ledger settled. Called by the API and
the console.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from core.errors import Conflict
from employees import half_day_reservations
from leaves.context import LeaveContext
from leaves.day_counting import total_half_days
from leaves.debits import mark_leave_changed, post_debits, write_leave_days
from leaves.eligibility.evaluation import LeaveEligibility
from leaves.eligibility.refusal import LeaveRefusal
from leaves.models import LeaveApplication
from leaves.policies import LeaveType
from leaves.rule_messages import to_rule_violation
from leaves.services.application_data import WITHHOLD_OPTIONS, WithheldOffDays
from leaves.services.application_state import (
    ApplicationAction,
    ApplicationStatus,
    lock_and_reload,
    log_leave_event,
    must_be_pending,
    recalculate_neighbours,
)
from leaves.services.authority import check_authority, decision_refusal
from leaves.services.evaluation import evaluate_current, evaluate_withholding, raise_first_refusal

# Refusals that stand against an approval too: facts may have changed since the application.
_APPROVAL_BLOCKERS: Final = frozenset(
    {
        "INSUFFICIENT_BALANCE",
        "RH_LIMIT",
        "NO_CHARGEABLE_DAYS",
        "NOT_EMPLOYED",
        "NO_POLICY",
        "SUSPENDED",
    }
)


def recommend_leave(
    application: LeaveApplication, *, actor: User, recommended: bool, remarks: str = ""
) -> LeaveApplication:
    """Say, once, whether leave that is pending should be sanctioned. It decides nothing. Raises
    Conflict.
    """
    with transaction.atomic():
        one = lock_and_reload(application)
        check_authority(actor, one)
        must_be_pending(one)
        said = (
            LeaveApplication.Recommendation.RECOMMENDED
            if recommended
            else LeaveApplication.Recommendation.NOT_RECOMMENDED
        )
        silent = LeaveApplication.objects.of(one.organization_id).filter(
            pk=one.pk, recommendation=""
        )
        if not silent.update(
            recommendation=said, recommended_by=actor, recommended_at=timezone.now()
        ):
            raise Conflict(
                _("A recommendation has already been given."),
                code="ALREADY_RECOMMENDED",
                rule="G10",
                field="recommendation",
                details={"recommendation": one.recommendation},
            )
        one.refresh_from_db()
        log_leave_event(one, ApplicationAction(said), actor, remarks)
    return one


@dataclass(frozen=True, slots=True)
class DecisionPreview:
    """What a decision on an application comes to. `refusal`: why it is not the asking person's to
    approve, if so.

    `days`: what is debited, by what is withheld (the keys of WITHHOLD); only "none" where off days
    do not count anyway.
    """

    eligibility: LeaveEligibility
    refusal: LeaveRefusal | None
    days_debited: Mapping[str, float]


def preview_decision(application: LeaveApplication, actor: User) -> DecisionPreview:
    """Who decides on an application that is pending, and whether that is `actor`. Nothing is
    written.
    """
    judgement, context = evaluate_current(application)
    rule = context.rule_context.policies.rule_for(
        LeaveType(application.kind), application.starts_on
    )
    offered = (
        WITHHOLD_OPTIONS
        if rule is not None and rule.counts_off_days
        else {"none": WITHHOLD_OPTIONS["none"]}
    )
    days = {
        name: total_half_days(evaluate_withholding(application, context, withhold).day_debits) / 2
        for name, withhold in offered.items()
    }
    return DecisionPreview(
        judgement, decision_refusal(application, judgement, context, actor, approve=True), days
    )


def decide_leave(
    application: LeaveApplication,
    *,
    actor: User,
    approve: bool,
    remarks: str = "",
    withhold: WithheldOffDays = WITHHOLD_OPTIONS["none"],
) -> LeaveApplication:
    """Approve or reject what is pending; `withhold` makes off days beside it leave, and is charged
    for in the same transaction.

    Raises Conflict when it was decided before, RuleViolation when it cannot stand any more, or is
    beyond the actor's authority (G11), or nobody has recommended it where the rules ask for that
    (G10), or when there is nothing to withhold (G5).
    """
    with transaction.atomic():
        one = lock_and_reload(application)
        check_authority(actor, one)
        must_be_pending(one)
        one.withhold_prefix, one.withhold_suffix = withhold.prefix, withhold.suffix
        judgement, context = evaluate_current(one)
        if withhold != WITHHOLD_OPTIONS["none"]:
            _check_can_withhold(one, context, approve=approve)
        if (
            theirs := decision_refusal(one, judgement, context, actor, approve=approve)
        ) is not None:
            raise to_rule_violation(theirs)
        if approve:
            raise_first_refusal(
                refusal for refusal in judgement.refusals if refusal.code in _APPROVAL_BLOCKERS
            )
            write_leave_days(one, judgement.day_debits, context)
        one.status = ApplicationStatus.APPROVED if approve else ApplicationStatus.REJECTED
        one.decided_at, one.decided_by, one.remarks = timezone.now(), actor, remarks
        one.save(
            update_fields=[
                "status",
                "decided_at",
                "decided_by",
                "remarks",
                "withhold_prefix",
                "withhold_suffix",
            ]
        )
        if approve:
            post_debits(one, actor=actor)
        else:
            half_day_reservations.release_half_days(one.employee, one.holder)
        said = {"withheld": [name for name in ("prefix", "suffix") if getattr(withhold, name)]}
        log_leave_event(
            one,
            ApplicationAction.APPROVED if approve else ApplicationAction.REJECTED,
            actor,
            remarks,
            **(said if said["withheld"] else {}),
        )
        recalculate_neighbours(one, actor)
        mark_leave_changed(one)
    return one


def _check_can_withhold(
    application: LeaveApplication, context: LeaveContext, *, approve: bool
) -> None:
    rule = context.rule_context.policies.rule_for(
        LeaveType(application.kind), application.starts_on
    )
    if not approve or rule is None or not rule.counts_off_days:
        raise to_rule_violation(
            LeaveRefusal("NOTHING_TO_WITHHOLD", "G5", "decision", {"kind": application.kind})
        )
