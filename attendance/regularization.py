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

from accounts.abilities import may_decide
from accounts.models import User
from attendance import corrections
from attendance.corrections import Entry, Origin, Wish, Zones
from attendance.models import DayPolicy, Regularization
from attendance.replacing import Proposal, replaced
from attendance.times import local
from employees.refusals import Conflict, Refused

Status = Regularization.Status


def apply(wish: Regularization, *, actor: User | None) -> Regularization:
    """Store a wish that waits for a decision. Raises Refused (limits, times), Conflict when one
    waits for this date already.
    """
    employee = wish.employee
    wish.applied_by, wish.reason = actor, wish.reason.strip()
    with transaction.atomic():
        corrections.lock(wish.organization_id, [employee.pk])
        _possible(wish, timezone.now())
        mine = Regularization.objects.of(wish.organization_id).filter(employee=employee)
        if mine.filter(date=wish.date, status=Status.PENDING).exists():
            raise Conflict(
                _("A correction of this day waits to be decided already."),
                code="PENDING",
                rule="R1",
                field="date",
                details={"date": wish.date.isoformat()},
            )
        _within_limits(wish, mine)
        wish.full_clean()
        wish.save()
    return wish


def _possible(wish: Regularization, now: datetime) -> None:
    """Raise Refused for a date or times that cannot be of that day."""
    employee = wish.employee
    if wish.date < employee.joined_on or (
        employee.left_on is not None and wish.date > employee.left_on
    ):
        raise Refused(
            _("This date lies outside the time of service."),
            code="NOT_EMPLOYED",
            rule="R2",
            field="date",
        )
    entries = _entries(wish)
    if not entries:
        raise Refused(
            _("Say when you came, when you left, or both."),
            code="NOTHING",
            rule="R2",
            field="in_at",
        )
    zones = Zones(wish.organization_id, [employee.pk])
    if wish.date > zones.date(employee, now):
        raise Refused(_("This date is still to come."), code="FUTURE", rule="R2", field="date")
    wrong = corrections.objection(Wish(employee, wish.reason, entries), zones, now)
    if wrong is not None:
        raise wrong
    outside = corrections.outside(entries, corrections.day_of(employee, wish.date, now)[0])
    if outside is not None:
        raise outside


def _entries(wish: Regularization) -> list[Entry]:
    pairs = ((wish.in_at, "in", "in_at"), (wish.out_at, "out", "out_at"))
    return [Entry(at, way, field) for at, way, field in pairs if at is not None]


def _within_limits(wish: Regularization, mine: Any) -> None:
    """Raise Refused when it is too long ago, or there were enough in that month; rejected ones do
    not count.
    """
    policy = DayPolicy.objects.of(wish.organization_id).first() or DayPolicy()
    today = local(timezone.now(), wish.employee.organization.timezone).date()
    days = policy.regularize_days_back
    if today - wish.date > timedelta(days=days):
        raise Refused(
            _("A day can be corrected for %(days)d days; after that HR does it.") % {"days": days},
            code="DAYS_BACK",
            rule="R3",
            field="date",
            details={"limit": days, "earliest": (today - timedelta(days=days)).isoformat()},
        )
    counted = mine.filter(status__in=(Status.PENDING, Status.APPROVED))
    used = counted.filter(date__year=wish.date.year, date__month=wish.date.month).count()
    most = policy.regularize_per_month
    if used >= most:
        raise Refused(
            _("%(most)d days of a month can be corrected; %(used)d are asked for already.")
            % {"most": most, "used": used},
            code="MONTH_LIMIT",
            rule="R4",
            field="date",
            details={"limit": most, "used": used, "month": f"{wish.date:%Y-%m}"},
        )


def _held(wish: Regularization) -> Regularization:
    """The wish as it is now, its employee's row and its own locked until the end of the
    transaction.
    """
    corrections.lock(wish.organization_id, [wish.employee_id])
    rows = Regularization.objects.of(wish.organization_id).select_related("employee__organization")
    return rows.select_for_update(of=("self",)).get(pk=wish.pk)


def _must_wait(one: Regularization) -> None:
    if one.status != Status.PENDING:
        raise Conflict(
            _("This correction is %(status)s already.")
            % {"status": one.get_status_display().lower()},
            code="ALREADY_DECIDED",
            rule="R1",
            field="decision",
            details={"status": one.status},
        )


def _decided(one: Regularization, status: Regularization.Status, actor: User, remarks: str) -> None:
    one.status, one.decided_by, one.decided_at, one.remarks = status, actor, timezone.now(), remarks
    one.save(update_fields=["status", "decided_by", "decided_at", "remarks"])


def decide(
    wish: Regularization, *, actor: User, approve: bool, remarks: str = ""
) -> Regularization:
    """Approve or reject what is pending; what is approved counts from now on.

    Raises Conflict when it was decided before, PermissionDenied for one's own and for people one
    does not decide for.
    """
    with transaction.atomic():
        one = _held(wish)
        if actor.employee_id == one.employee_id:
            raise PermissionDenied(_("Nobody decides on their own correction."))
        if not (actor.is_superuser or may_decide(actor, one.employee)):
            raise PermissionDenied(_("This correction is not yours to decide."))
        _must_wait(one)
        _decided(one, Status.APPROVED if approve else Status.REJECTED, actor, remarks)
        if approve:
            _carry_out(one, actor)
    return one


def comes_to(one: Regularization) -> tuple[list[Entry], list[int]]:
    """What approving would enter now, and which stamps would not count then (as `causes` numbers
    them).
    """
    duty, stamps, facts = corrections.day_of(one.employee, one.date, timezone.now())
    gone = replaced(duty, stamps, facts, Proposal(one.in_at, one.out_at))
    there = {(stamp.at, stamp.direction) for stamp in stamps if stamp not in gone}
    # HR may have entered the same meanwhile, or the punch came in late.
    return [entry for entry in _entries(one) if (entry.at, entry.direction) not in there], [
        stamp.id for stamp in gone
    ]


def _carry_out(one: Regularization, actor: User) -> None:
    """Enter what was approved, and void what it takes the place of."""
    enter, void = comes_to(one)
    if enter or void:
        corrections.correct(
            one.employee,
            enter=enter,
            void=void,
            reason=one.reason,
            origin=Origin(actor=actor, regularization=one),
        )


def withdraw(wish: Regularization, *, actor: User) -> Regularization:
    """Take one's own wish back while it is pending. Raises Conflict, PermissionDenied."""
    with transaction.atomic():
        one = _held(wish)
        if actor.employee_id != one.employee_id:
            raise PermissionDenied(_("Only who asked takes it back."))
        _must_wait(one)
        _decided(one, Status.WITHDRAWN, actor, "")
    return one
