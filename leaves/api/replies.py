"""Replies of leave over REST: an application, a refusal, a balance as the API gives them.
`leaves.serializers` describes the same for the OpenAPI file.
"""

from __future__ import annotations

from typing import Any

from accounts.approvals.people import employee_summary, user_display_name
from leaves.eligibility.evaluation import LeaveEligibility
from leaves.eligibility.refusal import LeaveRefusal
from leaves.models import LeaveApplication
from leaves.rule_messages import to_json_value, to_rule_violation
from leaves.services.applications import LeavePreview
from leaves.year_balances import LeaveBalance


def leave_body(application: LeaveApplication) -> dict[str, Any]:
    """An application as the API tells it."""
    return {
        "id": application.pk,
        "employee": employee_summary(application.employee),
        "leave_type": application.kind,
        "start_date": application.starts_on,
        "end_date": application.ends_on,
        "is_half_day": bool(application.half),
        "half_day_session": application.half or None,
        "reason": application.reason,
        "child_id": application.child_id,
        "certificate_id": application.certificate_id,
        "for_study": application.study,
        "extends_id": application.extends_id,
        "status": application.status,
        "chargeable_days": (getattr(application, "counted", None) or 0) / 2,
        "applied_at": application.applied_at,
        "decided_by": user_display_name(application.decided_by),
        "decided_at": application.decided_at,
        "remarks": application.remarks,
        "withhold_prefix": application.withhold_prefix,
        "withhold_suffix": application.withhold_suffix,
        "recommendation": application.recommendation or None,
        "recommended_by": user_display_name(application.recommended_by),
        "recommended_at": application.recommended_at,
    }


def sanction_body(eligibility: LeaveEligibility) -> dict[str, Any]:
    """By whose authority leave is sanctioned."""
    one = eligibility.sanction
    return {
        "authority": str(one.authority) if one else None,
        "days_at_a_stretch": eligibility.days_at_a_stretch,
        "recommendation_needed": one is not None and one.recommendation,
    }


def refusal_body(refusal: LeaveRefusal) -> dict[str, Any]:
    """A refusal: its code, rule, field, sentence and numbers."""
    error = to_rule_violation(refusal)
    return {
        "code": refusal.code,
        "rule": refusal.rule,
        "field": refusal.field,
        "message": str(error.text),
        "details": to_json_value(error.details),
    }


def balance_body(balance: LeaveBalance) -> dict[str, Any]:
    """One leave type of a year's statement, in days."""
    names = ("opening", "credited", "debited", "lapsed", "held", "available")
    return {"leave_type": str(balance.kind), **{name: getattr(balance, name) / 2 for name in names}}


def preview_body(seen: LeavePreview) -> dict[str, Any]:
    """A preview of an application."""
    charges = seen.eligibility.day_debits
    return {
        "allowed": not seen.refusals,
        "chargeable_days": sum(one.half_days for one in charges) / seen.factor / 2,
        "available_before": seen.available_before / 2,
        "available_after": seen.available_after / 2,
        "days": [
            {
                "date": one.day,
                "session": one.half,
                "day_class": str(one.day_class),
                "part": str(one.part),
                "days_debited": one.half_days / 2,
            }
            for one in charges
        ],
        "refusals": [refusal_body(one) for one in seen.refusals],
        "who_decides": sanction_body(seen.eligibility),
    }
