"""Verbs on applications: apply, preview, decide, cancel, curtail, extend, rejoin, convert.

Each is one transaction under the lock of the employee's accounts, ends with the ledger settled, and
tells the floors above by `employees.Change`. The API and the console call these; rules are judged
in `eligibility`, money moves in `ledger`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.permissions import approval_roles, can_decide_for
from core.errors import Conflict, RuleViolation
from employees import half_day_reservations
from employees.changes import record_change
from employees.models import Change, Employee
from leaves import ledger
from leaves.context import LeaveContext, child_details, load_leave_context, local_today, to_spell
from leaves.day_counting import DayHalf, Spell, total_half_days
from leaves.eligibility import (
    MAX_LEAVE_DAYS,
    ApplicantContext,
    LeaveEligibility,
    LeaveRefusal,
    LeaveRequest,
    authority_refusal,
    evaluate_leave,
)
from leaves.models import Certificate, Child, LeaveApplication, LeaveDay, LeaveEvent
from leaves.policies import Authority, LeaveType
from leaves.rule_messages import to_json_value, to_rule_violation

ApplicationStatus = LeaveApplication.Status
ApplicationAction = LeaveEvent.Action

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


@dataclass(frozen=True, slots=True)
class WithheldOffDays:
    """Off days beside leave that an authority does not let be free (G5): those before it, those
    after it.
    """

    prefix: bool = False
    suffix: bool = False


WITHHOLD_OPTIONS: Final = {
    "none": WithheldOffDays(),
    "prefix": WithheldOffDays(prefix=True),
    "suffix": WithheldOffDays(suffix=True),
    "both": WithheldOffDays(True, True),
}


@dataclass(frozen=True, slots=True)
class LeaveApplicationData:
    """What somebody asks for. `waived`: rule id → the authority's reason for setting it aside; only
    staff may give any.
    """

    kind: str
    starts_on: date
    ends_on: date
    half: str = ""
    is_half_day: bool = False
    reason: str = ""
    study: bool = False
    child: Child | None = None
    certificate: Certificate | None = None
    extends: LeaveApplication | None = None
    waived_rules: Mapping[str, str] = field(default_factory=dict)
    withhold: WithheldOffDays = WITHHOLD_OPTIONS["none"]

    @classmethod
    def from_application(cls, application: LeaveApplication) -> LeaveApplicationData:
        """What an application asked for."""
        return cls(
            application.kind,
            application.starts_on,
            application.ends_on,
            application.half,
            bool(application.half),
            application.reason,
            application.study,
            application.child,
            application.certificate,
            application.extends,
            application.waived,
            WithheldOffDays(application.withhold_prefix, application.withhold_suffix),
        )


@dataclass(frozen=True, slots=True)
class LeavePreview:
    """What an application would cost, and all that stands against it."""

    eligibility: LeaveEligibility
    factor: int
    conflict: LeaveRefusal | None
    available_before: int
    available_after: int

    @property
    def refusals(self) -> list[LeaveRefusal]:
        """Every reason, the first one first."""
        return [*self.eligibility.refusals, *([self.conflict] if self.conflict else [])]


# --- Applying -------------------------------------------------------------------------------------
def preview_leave(
    employee: Employee, application_data: LeaveApplicationData, *, self_service: bool = True
) -> LeavePreview:
    """Weigh an application without making it. Nothing is locked: the answer is good for looking."""
    _check_bounds(application_data)
    with transaction.atomic():
        ledger.lock_accounts(employee)
        file = load_leave_context(employee, application_data.starts_on, application_data.ends_on)
        judgement = evaluate_leave(
            _to_request(application_data, _spell_of_data(application_data), self_service, employee),
            _applicant_context(file),
        )
        rule = file.rule_context.policies.rule_for(
            LeaveType(application_data.kind), application_data.starts_on
        )
        account = file.ledgers.get(rule.account) if rule else None
        before = (
            account.projection.available_on(max(application_data.starts_on, file.today))
            if account
            else 0
        )
        found = _reservation_conflict(employee, application_data) if judgement.day_debits else None
        told = {one.code for one in judgement.refusals}
        conflict = None if found is None or found.code in told else found
        return LeavePreview(
            judgement,
            rule.factor if rule else 1,
            conflict,
            before,
            before - total_half_days(judgement.day_debits),
        )


def apply_for_leave(
    employee: Employee,
    application_data: LeaveApplicationData,
    *,
    actor: User | None,
    self_service: bool = True,
) -> LeaveApplication:
    """Store an application: it waits for a decision, and holds what it would cost. Raises
    RuleViolation by the first rule broken.
    """
    if self_service and application_data.waived_rules:
        raise PermissionDenied
    _check_bounds(application_data)
    with transaction.atomic():
        ledger.lock_policies(
            employee.organization_id,
            range(application_data.starts_on.year, application_data.ends_on.year + 1),
        )
        ledger.lock_accounts(employee)
        file = load_leave_context(employee, application_data.starts_on, application_data.ends_on)
        judgement = evaluate_leave(
            _to_request(application_data, _spell_of_data(application_data), self_service, employee),
            _applicant_context(file),
        )
        _raise_first(judgement.refusals)
        application = LeaveApplication(
            organization_id=employee.organization_id,
            employee=employee,
            kind=application_data.kind,
            starts_on=application_data.starts_on,
            ends_on=application_data.ends_on,
            half=application_data.half,
            reason=application_data.reason,
            study=application_data.study,
            child=application_data.child,
            certificate=application_data.certificate,
            extends=application_data.extends,
            waived=dict(application_data.waived_rules),
            applied_by=actor,
        )
        application.full_clean()
        application.save()
        _reserve_half_days(application)
        ledger.write_leave_days(application, judgement.day_debits, file)
        _log_event(
            application,
            ApplicationAction.APPLIED,
            actor,
            application_data.reason,
            waived=dict(application_data.waived_rules),
        )
        _recalculate_neighbours(application, actor)
    return application


def _spell_of_data(application_data: LeaveApplicationData, identity: int = 0) -> Spell:
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


def _check_bounds(application_data: LeaveApplicationData) -> None:
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


def _to_request(
    application_data: LeaveApplicationData, asked: Spell, self_service: bool, employee: Employee
) -> LeaveRequest:
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


def _applicant_context(context: LeaveContext) -> ApplicantContext:
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


def _raise_first(refusals: Iterable[LeaveRefusal]) -> None:
    for one in refusals:
        raise to_rule_violation(one)


def _overlaid_kind(kind: str) -> str:
    """Casual leave may lie over a tour: the day is leave then, and the tour's again when the leave
    is cancelled.
    """
    return "tour" if kind in (LeaveType.CL, LeaveType.SCL) else ""


def _reserve_half_days(application: LeaveApplication) -> None:
    slots = half_day_reservations.half_days_in_range(
        application.starts_on, application.ends_on, application.half
    )
    try:
        half_day_reservations.reserve_half_days(
            application.employee,
            slots,
            application.holder,
            overlaid_kind=_overlaid_kind(application.kind),
        )
    except half_day_reservations.AlreadyReserved as error:
        raise to_rule_violation(
            _reservation_refusal(error.holder, error.on, application.kind)
        ) from error


def _reservation_conflict(
    employee: Employee, application_data: LeaveApplicationData
) -> LeaveRefusal | None:
    for row in half_day_reservations.reserved_half_days(
        employee,
        half_day_reservations.half_days_in_range(
            application_data.starts_on, application_data.ends_on, application_data.half
        ),
    ):
        if not (_overlaid_kind(application_data.kind) and row.holder.startswith("tour:")):
            return _reservation_refusal(row.holder, row.date, application_data.kind)
    return None


def _reservation_refusal(holder: str, on: date, kind: str) -> LeaveRefusal:
    sort, _sep, number = holder.partition(":")
    about = {"kind": kind, "date": on, sort: int(number)}
    if sort == "tour":
        return LeaveRefusal("TOUR_CONFLICT", "T8", "start_date", about)
    return LeaveRefusal("OVERLAP", "CLAIM", "start_date", {**about, "application": int(number)})


def _log_event(
    application: LeaveApplication,
    action: LeaveEvent.Action,
    actor: User | None,
    remarks: str = "",
    **details: Any,
) -> None:
    LeaveEvent.objects.create(
        organization_id=application.organization_id,
        application=application,
        at=timezone.now(),
        action=action,
        actor=actor,
        remarks=remarks,
        details=to_json_value(details),
    )


def _recalculate_neighbours(application: LeaveApplication, actor: User | None) -> None:
    """Work out anew what applications beside this one cost, then bring the accounts up to date."""
    employee = application.employee
    file = load_leave_context(employee, application.starts_on, application.ends_on)
    for one in ledger.recalculate_leave(file, actor=actor):
        if one.pk != application.pk:
            ledger.mark_leave_changed(one)
    ledger.settle_accounts(employee)


# --- Deciding -------------------------------------------------------------------------------------
def _lock_and_reload(application: LeaveApplication) -> LeaveApplication:
    """Lock, and read the application as it is now."""
    ledger.lock_policies(
        application.organization_id, range(application.starts_on.year, application.ends_on.year + 1)
    )
    ledger.lock_accounts(application.employee)
    fresh = LeaveApplication.objects.of(application.organization_id).select_related(
        "employee__organization", "certificate"
    )
    return fresh.get(pk=application.pk)


def _check_authority(actor: User, application: LeaveApplication) -> None:
    """Raise PermissionDenied for one's own leave, and for somebody else's that is not theirs to
    decide.
    """
    if actor.employee_id == application.employee_id and actor.employee_id is not None:
        raise PermissionDenied(_("You cannot decide on your own leave."))
    if not (actor.is_superuser or can_decide_for(actor, application.employee)):
        raise PermissionDenied(_("You may not decide on this application."))


def recommend_leave(
    application: LeaveApplication, *, actor: User, recommended: bool, remarks: str = ""
) -> LeaveApplication:
    """Say, once, whether leave that is pending should be sanctioned. It decides nothing. Raises
    Conflict.
    """
    with transaction.atomic():
        one = _lock_and_reload(application)
        _check_authority(actor, one)
        _must_be_pending(one)
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
        _log_event(one, ApplicationAction(said), actor, remarks)
    return one


def evaluate_application(application: LeaveApplication) -> LeaveEligibility:
    """An application as the rules see it now. Nothing is locked or written: good for looking."""
    return _evaluate(application)[0]


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
    judgement, file = _evaluate(application)
    rule = file.rule_context.policies.rule_for(LeaveType(application.kind), application.starts_on)
    offered = (
        WITHHOLD_OPTIONS
        if rule is not None and rule.counts_off_days
        else {"none": WITHHOLD_OPTIONS["none"]}
    )
    days = {
        name: total_half_days(_evaluate_with(application, file, withhold).day_debits) / 2
        for name, withhold in offered.items()
    }
    return DecisionPreview(
        judgement, _decision_refusal(application, judgement, file, actor, approve=True), days
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
        one = _lock_and_reload(application)
        _check_authority(actor, one)
        _must_be_pending(one)
        one.withhold_prefix, one.withhold_suffix = withhold.prefix, withhold.suffix
        judgement, file = _evaluate(one)
        if withhold != WITHHOLD_OPTIONS["none"]:
            _check_can_withhold(one, file, approve=approve)
        if (theirs := _decision_refusal(one, judgement, file, actor, approve=approve)) is not None:
            raise to_rule_violation(theirs)
        if approve:
            _raise_first(
                refusal for refusal in judgement.refusals if refusal.code in _APPROVAL_BLOCKERS
            )
            ledger.write_leave_days(one, judgement.day_debits, file)
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
            ledger.post_debits(one, actor=actor)
        else:
            half_day_reservations.release_half_days(one.employee, one.holder)
        said = {"withheld": [name for name in ("prefix", "suffix") if getattr(withhold, name)]}
        _log_event(
            one,
            ApplicationAction.APPROVED if approve else ApplicationAction.REJECTED,
            actor,
            remarks,
            **(said if said["withheld"] else {}),
        )
        _recalculate_neighbours(one, actor)
        ledger.mark_leave_changed(one)
    return one


def _evaluate(application: LeaveApplication) -> tuple[LeaveEligibility, LeaveContext]:
    """An application as the rules see it now."""
    file = load_leave_context(
        application.employee, application.starts_on, application.ends_on, excluding=application
    )
    return _evaluate_with(
        application, file, WithheldOffDays(application.withhold_prefix, application.withhold_suffix)
    ), file


def _evaluate_with(
    application: LeaveApplication, context: LeaveContext, withhold: WithheldOffDays
) -> LeaveEligibility:
    wish = replace(LeaveApplicationData.from_application(application), withhold=withhold)
    return evaluate_leave(
        _to_request(wish, _spell_of_data(wish, application.pk), False, application.employee),
        _applicant_context(context),
    )


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


def _decision_refusal(
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


def _check_authority_limit(
    application: LeaveApplication, eligibility: LeaveEligibility, context: LeaveContext, actor: User
) -> None:
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


def _must_be_pending(application: LeaveApplication) -> None:
    if application.status != ApplicationStatus.PENDING:
        raise Conflict(
            _("This application is already %(status)s.")
            % {"status": application.get_status_display().lower()},
            code="ALREADY_DECIDED",
            rule="G10",
            field="decision",
            details={"status": application.status},
        )


def cancel_leave(
    application: LeaveApplication, *, actor: User, remarks: str = ""
) -> LeaveApplication:
    """Take an application back: the applicant while it has not begun, its authority at any time.
    All it took is restored.
    """
    with transaction.atomic():
        one = _lock_and_reload(application)
        own = actor.employee_id is not None and actor.employee_id == one.employee_id
        if (
            own
            and one.status == ApplicationStatus.APPROVED
            and one.starts_on <= local_today(one.employee)
        ):
            raise RuleViolation(
                _("Leave that has begun can only be cut short by the authority."),
                code="ALREADY_BEGUN",
                rule="G12",
                field="status",
                details={"start": one.starts_on.isoformat()},
            )
        if not own:
            _check_authority(actor, one)
        _must_be_live(one)
        was = one.status
        one.status, one.decided_at, one.decided_by, one.remarks = (
            ApplicationStatus.CANCELLED,
            timezone.now(),
            actor,
            remarks,
        )
        one.save(update_fields=["status", "decided_at", "decided_by", "remarks"])
        ledger.reverse_debits(one, actor=actor, reason=remarks)
        half_day_reservations.release_half_days(one.employee, one.holder)
        _log_event(one, ApplicationAction.CANCELLED, actor, remarks, was=was)
        _recalculate_neighbours(one, actor)
        ledger.mark_leave_changed(one)
    return one


def _must_be_live(application: LeaveApplication) -> None:
    if application.status not in LeaveApplication.LIVE:
        raise Conflict(
            _("This application is already %(status)s.")
            % {"status": application.get_status_display().lower()},
            code="ALREADY_DECIDED",
            rule="G10",
            field="status",
            details={"status": application.status},
        )


def curtail_leave(
    application: LeaveApplication, *, ends_on: date, actor: User, remarks: str = ""
) -> LeaveApplication:
    """End leave earlier than granted: early return, or recall. Later days are given back, whatever
    the balance.
    """
    with transaction.atomic():
        one = _lock_and_reload(application)
        _check_authority(actor, one)
        _must_be_live(one)
        if not one.starts_on <= ends_on < one.ends_on:
            raise RuleViolation(
                _("The new last day must be within the leave: from %(first)s and before %(last)s.")
                % {"first": one.starts_on, "last": one.ends_on},
                code="NOT_WITHIN",
                rule="G12",
                field="end_date",
                details={"start": one.starts_on.isoformat(), "end": one.ends_on.isoformat()},
            )
        was = one.ends_on
        half_day_reservations.release_half_days(
            one.employee,
            one.holder,
            half_day_reservations.half_days_in_range(ends_on + timedelta(days=1), was),
        )
        record_change(one.employee, Change.Kind.LEAVE, one.starts_on, was)
        one.ends_on = ends_on
        one.save(update_fields=["ends_on"])
        _log_event(one, ApplicationAction.CURTAILED, actor, remarks, was=was, ends_on=ends_on)
        _recalculate_neighbours(one, actor)
    return one


def extend_leave(
    application: LeaveApplication,
    *,
    ends_on: date,
    actor: User,
    reason: str,
    self_service: bool = True,
) -> LeaveApplication:
    """Ask for more of the same: a new application for the days after it, which is decided like any
    other.
    """
    _must_be_live(application)
    if application.half or ends_on <= application.ends_on:
        raise RuleViolation(
            _("The new last day must be after %(last)s.") % {"last": application.ends_on},
            code="NOT_AFTER",
            rule="G8",
            field="end_date",
            details={"end": application.ends_on.isoformat()},
        )
    wish = LeaveApplicationData(
        application.kind,
        application.ends_on + timedelta(days=1),
        ends_on,
        reason=reason,
        study=application.study,
        child=application.child,
        certificate=application.certificate,
        extends=application,
    )
    return apply_for_leave(application.employee, wish, actor=actor, self_service=self_service)


def record_rejoining(application: LeaveApplication, *, on: date, actor: User) -> LeaveApplication:
    """Note the day on which somebody came back."""
    with transaction.atomic():
        one = _lock_and_reload(application)
        _check_authority(actor, one)
        if one.status != ApplicationStatus.APPROVED or on <= one.starts_on:
            raise RuleViolation(
                _("The date of rejoining must be after the first day of leave."),
                code="NOT_AFTER",
                rule="G12",
                field="rejoined_on",
            )
        one.rejoined_on = on
        one.save(update_fields=["rejoined_on"])
        _log_event(one, ApplicationAction.REJOINED, actor, "", rejoined_on=on)
    return one


def convert_leave(
    application: LeaveApplication,
    *,
    kind: str,
    actor: User,
    asked_on: date | None = None,
    certificate: Certificate | None = None,
    study: bool = False,
    remarks: str = "",
) -> LeaveApplication:
    """Change the kind of leave that was taken, on the employee's request within the window: the old
    debit is reversed.
    """
    with transaction.atomic():
        one = _lock_and_reload(application)
        _check_authority(actor, one)
        if one.status != ApplicationStatus.APPROVED:
            raise Conflict(
                _("Only approved leave can be converted."),
                code="NOT_APPROVED",
                rule="G2",
                field="status",
            )
        file = load_leave_context(one.employee, one.starts_on, one.ends_on, excluding=one)
        _check_conversion_window(one, file, asked_on or file.today)
        was = one.kind
        one.kind, one.study = kind, study
        one.certificate = certificate or one.certificate
        wish = LeaveApplicationData.from_application(one)
        judgement = evaluate_leave(
            _to_request(wish, _spell_of_data(wish, one.pk), False, one.employee),
            _applicant_context(file),
        )
        _raise_first(judgement.refusals)
        _check_authority_limit(one, judgement, file, actor)
        one.save(update_fields=["kind", "study", "certificate"])
        ledger.reverse_debits(one, actor=actor, reason=remarks)
        ledger.write_leave_days(one, judgement.day_debits, file)
        ledger.post_debits(one, actor=actor)
        _log_event(one, ApplicationAction.CONVERTED, actor, remarks, was=was, kind=kind)
        _recalculate_neighbours(one, actor)
        ledger.mark_leave_changed(one)
    return one


def _check_conversion_window(
    application: LeaveApplication, context: LeaveContext, asked_on: date
) -> None:
    back = application.rejoined_on or application.ends_on + timedelta(days=1)
    if application.rejoined_on is None:
        while context.rule_context.work_calendar.is_off(back):
            back += timedelta(days=1)
    policy = context.rule_context.policies.version_on(application.starts_on)
    limit = policy.conversion_days if policy else 0
    until = back + timedelta(days=limit)
    if asked_on > until:
        raise to_rule_violation(
            LeaveRefusal(
                "CONVERSION_WINDOW",
                "G2",
                "leave_type",
                {"rejoined_on": back, "until": until, "limit": limit, "asked_on": asked_on},
            )
        )
