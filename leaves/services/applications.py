"""Apply for leave, and preview what an application would cost.

Applying is one transaction under the lock of the employee's accounts. The API, the console and
the demo call these; rules are judged in `leaves.eligibility`, entries are posted in
`leaves.ledger` and `leaves.debits`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.core.exceptions import PermissionDenied
from django.db import transaction

from accounts.models import User
from employees import half_day_reservations
from employees.models import Employee
from leaves import ledger
from leaves.context import load_leave_context
from leaves.day_counting import total_half_days
from leaves.debits import write_leave_days
from leaves.eligibility.evaluation import LeaveEligibility, evaluate_leave
from leaves.eligibility.refusal import LeaveRefusal
from leaves.models import LeaveApplication
from leaves.policies import LeaveType
from leaves.rule_messages import to_rule_violation
from leaves.services.application_data import LeaveApplicationData
from leaves.services.application_state import (
    ApplicationAction,
    log_leave_event,
    recalculate_neighbours,
)
from leaves.services.evaluation import (
    applicant_context,
    check_date_bounds,
    raise_first_refusal,
    spell_of_data,
    to_request,
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


def preview_leave(
    employee: Employee, application_data: LeaveApplicationData, *, self_service: bool = True
) -> LeavePreview:
    """Weigh an application without making it. Nothing is locked: the answer is good for looking."""
    check_date_bounds(application_data)
    with transaction.atomic():
        ledger.lock_accounts(employee)
        context = load_leave_context(employee, application_data.starts_on, application_data.ends_on)
        judgement = evaluate_leave(
            to_request(application_data, spell_of_data(application_data), self_service, employee),
            applicant_context(context),
        )
        rule = context.rule_context.policies.rule_for(
            LeaveType(application_data.kind), application_data.starts_on
        )
        account = context.ledgers.get(rule.account) if rule else None
        before = (
            account.projection.available_on(max(application_data.starts_on, context.today))
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
    check_date_bounds(application_data)
    with transaction.atomic():
        ledger.lock_policies(
            employee.organization_id,
            range(application_data.starts_on.year, application_data.ends_on.year + 1),
        )
        ledger.lock_accounts(employee)
        context = load_leave_context(employee, application_data.starts_on, application_data.ends_on)
        judgement = evaluate_leave(
            to_request(application_data, spell_of_data(application_data), self_service, employee),
            applicant_context(context),
        )
        raise_first_refusal(judgement.refusals)
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
        write_leave_days(application, judgement.day_debits, context)
        log_leave_event(
            application,
            ApplicationAction.APPLIED,
            actor,
            application_data.reason,
            waived=dict(application_data.waived_rules),
        )
        recalculate_neighbours(application, actor)
    return application


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
