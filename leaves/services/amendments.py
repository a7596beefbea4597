"""Change an application after it was made: cancel, curtail, extend, convert, record the return
to duty. Each is one transaction under the lock of the employee's accounts and ends with the
ledger settled. Called by the API and the console.
"""

from __future__ import annotations

from datetime import date, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.permissions import local_today
from core.errors import Conflict, RuleViolation
from employees import half_day_reservations
from employees.changes import record_change
from employees.models import Change
from leaves.context import LeaveContext, load_leave_context
from leaves.debits import mark_leave_changed, post_debits, reverse_debits, write_leave_days
from leaves.eligibility.evaluation import evaluate_leave
from leaves.eligibility.refusal import LeaveRefusal
from leaves.models import Certificate, LeaveApplication
from leaves.rule_messages import to_rule_violation
from leaves.services.application_data import LeaveApplicationData
from leaves.services.application_state import (
    ApplicationAction,
    ApplicationStatus,
    lock_and_reload,
    log_leave_event,
    must_be_live,
    recalculate_neighbours,
)
from leaves.services.applications import apply_for_leave
from leaves.services.authority import check_authority, check_authority_limit
from leaves.services.evaluation import (
    applicant_context,
    raise_first_refusal,
    spell_of_data,
    to_request,
)


def cancel_leave(
    application: LeaveApplication, *, actor: User, remarks: str = ""
) -> LeaveApplication:
    """Take an application back: the applicant while it has not begun, its authority at any time.
    All it took is restored.
    """
    with transaction.atomic():
        one = lock_and_reload(application)
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
            check_authority(actor, one)
        must_be_live(one)
        was = one.status
        one.status, one.decided_at, one.decided_by, one.remarks = (
            ApplicationStatus.CANCELLED,
            timezone.now(),
            actor,
            remarks,
        )
        one.save(update_fields=["status", "decided_at", "decided_by", "remarks"])
        reverse_debits(one, actor=actor, reason=remarks)
        half_day_reservations.release_half_days(one.employee, one.holder)
        log_leave_event(one, ApplicationAction.CANCELLED, actor, remarks, was=was)
        recalculate_neighbours(one, actor)
        mark_leave_changed(one)
    return one


def curtail_leave(
    application: LeaveApplication, *, ends_on: date, actor: User, remarks: str = ""
) -> LeaveApplication:
    """End leave earlier than granted: early return, or recall. Later days are given back, whatever
    the balance.
    """
    with transaction.atomic():
        one = lock_and_reload(application)
        check_authority(actor, one)
        must_be_live(one)
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
        log_leave_event(one, ApplicationAction.CURTAILED, actor, remarks, was=was, ends_on=ends_on)
        recalculate_neighbours(one, actor)
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
    must_be_live(application)
    if application.half or ends_on <= application.ends_on:
        raise RuleViolation(
            _("The new last day must be after %(last)s.") % {"last": application.ends_on},
            code="NOT_AFTER",
            rule="G8",
            field="end_date",
            details={"end": application.ends_on.isoformat()},
        )
    application_data = LeaveApplicationData(
        application.kind,
        application.ends_on + timedelta(days=1),
        ends_on,
        reason=reason,
        study=application.study,
        child=application.child,
        certificate=application.certificate,
        extends=application,
    )
    return apply_for_leave(
        application.employee, application_data, actor=actor, self_service=self_service
    )


def record_rejoining(application: LeaveApplication, *, on: date, actor: User) -> LeaveApplication:
    """Note the day on which somebody came back."""
    with transaction.atomic():
        one = lock_and_reload(application)
        check_authority(actor, one)
        if one.status != ApplicationStatus.APPROVED or on <= one.starts_on:
            raise RuleViolation(
                _("The date of rejoining must be after the first day of leave."),
                code="NOT_AFTER",
                rule="G12",
                field="rejoined_on",
            )
        one.rejoined_on = on
        one.save(update_fields=["rejoined_on"])
        log_leave_event(one, ApplicationAction.REJOINED, actor, "", rejoined_on=on)
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
        one = lock_and_reload(application)
        check_authority(actor, one)
        if one.status != ApplicationStatus.APPROVED:
            raise Conflict(
                _("Only approved leave can be converted."),
                code="NOT_APPROVED",
                rule="G2",
                field="status",
            )
        context = load_leave_context(one.employee, one.starts_on, one.ends_on, excluding=one)
        _check_conversion_window(one, context, asked_on or context.today)
        was = one.kind
        one.kind, one.study = kind, study
        one.certificate = certificate or one.certificate
        application_data = LeaveApplicationData.from_application(one)
        judgement = evaluate_leave(
            to_request(
                application_data, spell_of_data(application_data, one.pk), False, one.employee
            ),
            applicant_context(context),
        )
        raise_first_refusal(judgement.refusals)
        check_authority_limit(one, judgement, context, actor)
        one.save(update_fields=["kind", "study", "certificate"])
        reverse_debits(one, actor=actor, reason=remarks)
        write_leave_days(one, judgement.day_debits, context)
        post_debits(one, actor=actor)
        log_leave_event(one, ApplicationAction.CONVERTED, actor, remarks, was=was, kind=kind)
        recalculate_neighbours(one, actor)
        mark_leave_changed(one)
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
