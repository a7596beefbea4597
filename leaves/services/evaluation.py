"""Judge an application by the facts as they are now: gather what `leaves.eligibility` asks, and
raise its first refusal. Called by the verbs that apply for, decide on and convert leave.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from django.db.models import Sum

from employees.models import Employee
from leaves.context import LeaveContext, child_details, load_leave_context, to_spell
from leaves.day_counting import DayHalf, Spell
from leaves.eligibility.evaluation import MAX_LEAVE_DAYS, LeaveEligibility, evaluate_leave
from leaves.eligibility.refusal import LeaveRefusal
from leaves.eligibility.request import ApplicantContext, LeaveRequest
from leaves.models import LeaveApplication, LeaveDay
from leaves.policies import LeaveType
from leaves.rule_messages import to_rule_violation
from leaves.services.application_data import LeaveApplicationData, WithheldOffDays


def spell_of_data(application_data: LeaveApplicationData, identity: int = 0) -> Spell:
    """What is asked for, as the rules take it; `identity` is 0 before the application is stored."""
    paper = application_data.certificate
    return Spell(
        identity,
        LeaveType(application_data.kind),
        application_data.starts_on,
        application_data.ends_on,
        DayHalf(application_data.half) if application_data.half else None,
        paper.sick_on if paper else None,
        paper.fit_on if paper else None,
        application_data.withhold.prefix,
        application_data.withhold.suffix,
    )


def check_date_bounds(application_data: LeaveApplicationData) -> None:
    """Nothing is read for dates that no rule could make sense of."""
    days = (application_data.ends_on - application_data.starts_on).days + 1
    about = {
        "kind": application_data.kind,
        "start": application_data.starts_on,
        "end": application_data.ends_on,
        "days": days,
        "limit": MAX_LEAVE_DAYS,
    }
    if days < 1:
        raise to_rule_violation(LeaveRefusal("DATES_REVERSED", "FORM", "end_date", about))
    if days > MAX_LEAVE_DAYS:
        raise to_rule_violation(LeaveRefusal("TOO_LONG", "G4", "end_date", about))


def _study_days_used(employee: Employee, without: int) -> float:
    """Days of courses without a certificate in a career so far."""
    rows = LeaveDay.objects.of(employee.organization_id).filter(
        application__employee=employee,
        application__study=True,
        application__certificate__isnull=True,
        application__status__in=LeaveApplication.LIVE,
    )
    return (rows.exclude(application=without).aggregate(sum=Sum("counted"))["sum"] or 0) / 2


def to_request(
    application_data: LeaveApplicationData, asked: Spell, self_service: bool, employee: Employee
) -> LeaveRequest:
    """What is asked for, with the facts the rules need beyond the dates."""
    return LeaveRequest(
        asked,
        half_day=application_data.is_half_day,
        has_certificate=application_data.certificate is not None,
        is_study=application_data.study,
        study_days_used=_study_days_used(employee, asked.id) if application_data.study else 0,
        child=child_details(application_data.child) if application_data.child else None,
        self_service=self_service,
        waived_rules=frozenset(application_data.waived_rules),
    )


def applicant_context(context: LeaveContext) -> ApplicantContext:
    """The applicant as the rules see them."""
    return ApplicantContext(
        context.rule_context,
        context.service.joined_on,
        context.service.left_on,
        context.today,
        context.status_on,
        context.projections,
        [to_spell(one) for one in context.applications],
        suspensions=context.suspensions,
    )


def raise_first_refusal(refusals: Iterable[LeaveRefusal]) -> None:
    """Raise RuleViolation for the first of some refusals, if there is one."""
    for one in refusals:
        raise to_rule_violation(one)


def evaluate_application(application: LeaveApplication) -> LeaveEligibility:
    """An application as the rules see it now. Nothing is locked or written: good for looking."""
    return evaluate_current(application)[0]


def evaluate_current(application: LeaveApplication) -> tuple[LeaveEligibility, LeaveContext]:
    """An application as the rules see it now."""
    context = load_leave_context(
        application.employee, application.starts_on, application.ends_on, excluding=application
    )
    return evaluate_withholding(
        application,
        context,
        WithheldOffDays(application.withhold_prefix, application.withhold_suffix),
    ), context


def evaluate_withholding(
    application: LeaveApplication, context: LeaveContext, withhold: WithheldOffDays
) -> LeaveEligibility:
    """An application as the rules see it when these off days are withheld."""
    application_data = replace(
        LeaveApplicationData.from_application(application), withhold=withhold
    )
    return evaluate_leave(
        to_request(
            application_data,
            spell_of_data(application_data, application.pk),
            False,
            application.employee,
        ),
        applicant_context(context),
    )
