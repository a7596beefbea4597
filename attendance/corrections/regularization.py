"""Verbs on regularizations: an employee asks, the approver decides, and what was approved becomes
corrections.

All of it happens under the lock of the employee's row, so that the limit of a month is counted
exactly.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.permissions import can_decide_for
from attendance.corrections import services as correction_services
from attendance.corrections.day_context import load_day_context
from attendance.corrections.employee_zones import EmployeeZones
from attendance.corrections.inputs import CorrectionInput, CorrectionOrigin, TimeEntry
from attendance.corrections.superseded import ProposedTimes, superseded_punches
from attendance.corrections.validation import correction_error, window_error
from attendance.models import AttendancePolicy, Regularization
from core.errors import Conflict, RuleViolation
from core.times import to_local_time

RegularizationStatus = Regularization.Status


def apply_for_regularization(
    regularization: Regularization, *, actor: User | None
) -> Regularization:
    """Store a wish that waits for a decision. Raises RuleViolation (limits, times), Conflict when
    one waits for this date already.
    """
    employee = regularization.employee
    regularization.applied_by, regularization.reason = actor, regularization.reason.strip()
    with transaction.atomic():
        correction_services.lock_for_correction(regularization.organization_id, [employee.pk])
        _check_times(regularization, timezone.now())
        mine = Regularization.objects.of(regularization.organization_id).filter(employee=employee)
        if mine.filter(date=regularization.date, status=RegularizationStatus.PENDING).exists():
            raise Conflict(
                _("A correction request for this day is already pending."),
                code="PENDING",
                rule="R1",
                field="date",
                details={"date": regularization.date.isoformat()},
            )
        _check_limits(regularization, mine)
        regularization.full_clean()
        regularization.save()
    return regularization


def _check_times(regularization: Regularization, now: datetime) -> None:
    """Raise RuleViolation for a date or times that cannot be of that day."""
    employee = regularization.employee
    if regularization.date < employee.joined_on or (
        employee.left_on is not None and regularization.date > employee.left_on
    ):
        raise RuleViolation(
            _("This date is outside the period of service."),
            code="NOT_EMPLOYED",
            rule="R2",
            field="date",
        )
    entries = _time_entries(regularization)
    if not entries:
        raise RuleViolation(
            _("Enter the in time, the out time, or both."),
            code="NOTHING",
            rule="R2",
            field="in_at",
        )
    zones = EmployeeZones(regularization.organization_id, [employee.pk])
    if regularization.date > zones.local_date(employee, now):
        raise RuleViolation(
            _("This date is in the future."), code="FUTURE", rule="R2", field="date"
        )
    wrong = correction_error(CorrectionInput(employee, regularization.reason, entries), zones, now)
    if wrong is not None:
        raise wrong
    outside = window_error(entries, load_day_context(employee, regularization.date, now)[0])
    if outside is not None:
        raise outside


def _time_entries(regularization: Regularization) -> list[TimeEntry]:
    pairs = ((regularization.in_at, "in", "in_at"), (regularization.out_at, "out", "out_at"))
    return [TimeEntry(at, way, field) for at, way, field in pairs if at is not None]


def _check_limits(regularization: Regularization, own_rows: Any) -> None:
    """Raise RuleViolation when it is too long ago, or there were enough in that month; rejected
    ones do not count.
    """
    policy = (
        AttendancePolicy.objects.of(regularization.organization_id).first() or AttendancePolicy()
    )
    today = to_local_time(timezone.now(), regularization.employee.organization.timezone).date()
    days = policy.regularize_days_back
    if today - regularization.date > timedelta(days=days):
        raise RuleViolation(
            _("A correction can be requested for %(days)d days. After that, ask HR.")
            % {"days": days},
            code="DAYS_BACK",
            rule="R3",
            field="date",
            details={"limit": days, "earliest": (today - timedelta(days=days)).isoformat()},
        )
    counted = own_rows.filter(
        status__in=(RegularizationStatus.PENDING, RegularizationStatus.APPROVED)
    )
    used = counted.filter(
        date__year=regularization.date.year, date__month=regularization.date.month
    ).count()
    most = policy.regularize_per_month
    if used >= most:
        raise RuleViolation(
            _(
                "Corrections can be requested for %(most)d days of a month; %(used)d are already"
                " requested."
            )
            % {"most": most, "used": used},
            code="MONTH_LIMIT",
            rule="R4",
            field="date",
            details={"limit": most, "used": used, "month": f"{regularization.date:%Y-%m}"},
        )


def _lock_regularization(regularization: Regularization) -> Regularization:
    """The wish as it is now, its employee's row and its own locked until the end of the
    transaction.
    """
    correction_services.lock_for_correction(
        regularization.organization_id, [regularization.employee_id]
    )
    rows = Regularization.objects.of(regularization.organization_id).select_related(
        "employee__organization"
    )
    return rows.select_for_update(of=("self",)).get(pk=regularization.pk)


def _require_pending(regularization: Regularization) -> None:
    if regularization.status != RegularizationStatus.PENDING:
        raise Conflict(
            _("This correction request is already %(status)s.")
            % {"status": regularization.get_status_display().lower()},
            code="ALREADY_DECIDED",
            rule="R1",
            field="decision",
            details={"status": regularization.status},
        )


def _save_decision(
    regularization: Regularization, status: Regularization.Status, actor: User, remarks: str
) -> None:
    (
        regularization.status,
        regularization.decided_by,
        regularization.decided_at,
        regularization.remarks,
    ) = (
        status,
        actor,
        timezone.now(),
        remarks,
    )
    regularization.save(update_fields=["status", "decided_by", "decided_at", "remarks"])


def decide_regularization(
    regularization: Regularization, *, actor: User, approve: bool, remarks: str = ""
) -> Regularization:
    """Approve or reject what is pending; what is approved counts from now on.

    Raises Conflict when it was decided before, PermissionDenied for one's own and for people one
    does not decide for.
    """
    with transaction.atomic():
        one = _lock_regularization(regularization)
        if actor.employee_id == one.employee_id:
            raise PermissionDenied(_("You cannot decide your own correction request."))
        if not (actor.is_superuser or can_decide_for(actor, one.employee)):
            raise PermissionDenied(_("You cannot decide this correction request."))
        _require_pending(one)
        _save_decision(
            one,
            RegularizationStatus.APPROVED if approve else RegularizationStatus.REJECTED,
            actor,
            remarks,
        )
        if approve:
            _apply_corrections(one, actor)
    return one


def resulting_times(regularization: Regularization) -> tuple[list[TimeEntry], list[int]]:
    """What approving would enter now, and which stamps would not count then (as `days.inputs`
    numbers them).
    """
    duty, stamps, facts = load_day_context(
        regularization.employee, regularization.date, timezone.now()
    )
    gone = superseded_punches(
        duty, stamps, facts, ProposedTimes(regularization.in_at, regularization.out_at)
    )
    there = {(stamp.at, stamp.direction) for stamp in stamps if stamp not in gone}
    # HR may have entered the same meanwhile, or the punch came in late.
    return [
        entry for entry in _time_entries(regularization) if (entry.at, entry.direction) not in there
    ], [stamp.id for stamp in gone]


def _apply_corrections(regularization: Regularization, actor: User) -> None:
    """Enter what was approved, and void what it takes the place of."""
    enter, void = resulting_times(regularization)
    if enter or void:
        correction_services.correct_times(
            regularization.employee,
            enter=enter,
            void=void,
            reason=regularization.reason,
            origin=CorrectionOrigin(actor=actor, regularization=regularization),
        )


def withdraw_regularization(regularization: Regularization, *, actor: User) -> Regularization:
    """Take one's own wish back while it is pending. Raises Conflict, PermissionDenied."""
    with transaction.atomic():
        one = _lock_regularization(regularization)
        if actor.employee_id != one.employee_id:
            raise PermissionDenied(_("Only the employee who made this request can withdraw it."))
        _require_pending(one)
        _save_decision(one, RegularizationStatus.WITHDRAWN, actor, "")
    return one
