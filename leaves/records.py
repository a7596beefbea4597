"""Verbs on everything around applications: papers, particulars, absences, entries by order, late
coming, overstays.

Each that moves something on an account runs under the lock of the accounts and leaves them settled.
Called by the API, the console and, for late coming, by whoever works out days.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from core import attachments
from core.errors import Conflict, RuleViolation
from employees.changes import record_change
from employees.models import Change, Employee
from leaves import encashment, ledger
from leaves.calendars import days_between
from leaves.context import LeaveContext, load_leave_context
from leaves.eligibility import LateArrival, LeaveRefusal, condonation_refusal
from leaves.encashment import EncashmentOccasion
from leaves.models import (
    Absence,
    Certificate,
    LateMark,
    LeaveAccount,
    LeaveAdjustment,
    LeaveApplication,
    LeaveLedgerEntry,
    LeaveProfile,
    Suspension,
)
from leaves.policies import LeavePolicyVersion, LeaveType, to_half_days
from leaves.rule_messages import to_rule_violation


def store_certificate(
    employee: Employee, content: bytes, *, sick_on: date | None = None, fit_on: date | None = None
) -> Certificate:
    """Store a medical certificate privately. Raises RuleViolation when it is neither PDF, JPEG nor
    PNG by its own first bytes.
    """
    if sick_on and fit_on and fit_on < sick_on:
        raise RuleViolation(
            _("The fitness date is before the date of illness."),
            code="CERTIFICATE_DATES",
            rule="G6",
            field="fit_on",
        )
    row = Certificate(
        organization_id=employee.organization_id, employee=employee, sick_on=sick_on, fit_on=fit_on
    )
    return attachments.store_attachment(
        row,
        content,
        code="CERTIFICATE_TYPE",
        rule="K5",
        message=_("A certificate is a PDF, JPEG or PNG file."),
    )


def save_leave_profile(profile: LeaveProfile) -> LeaveProfile:
    """Validate and store what the rules ask about a person; credits that follow from it are
    posted.
    """
    profile.full_clean()
    with transaction.atomic():
        ledger.lock_accounts(profile.employee)
        profile.save()
        ledger.settle_accounts(profile.employee)
    return profile


def save_absence(absence: Absence, *, actor: User | None = None) -> Absence:
    """Validate and store extraordinary leave or dies-non; only the difference it makes to later
    credits is posted.
    """
    absence.full_clean()
    with transaction.atomic():
        ledger.lock_accounts(absence.employee)
        if absence._state.adding:
            absence.entered_by = actor
        absence.save()
        ledger.settle_accounts(absence.employee)
        record_change(absence.employee, Change.Kind.LEAVE, absence.starts_on, absence.ends_on)
    return absence


def revoke_absence(absence: Absence) -> None:
    """Take an absence back, with what it cost."""
    with transaction.atomic():
        ledger.lock_accounts(absence.employee)
        if Absence.objects.filter(pk=absence.pk, revoked_at__isnull=True).update(
            revoked_at=timezone.now()
        ):
            ledger.settle_accounts(absence.employee)
            record_change(absence.employee, Change.Kind.LEAVE, absence.starts_on, absence.ends_on)


def save_suspension(suspension: Suspension, *, actor: User | None = None) -> Suspension:
    """Validate and store a suspension: from now on no leave is granted on its days. What was
    granted before stays.
    """
    if not suspension._state.adding:
        raise ValidationError(_("A suspension cannot be changed. End it or revoke it."))
    suspension.full_clean()
    with transaction.atomic():
        # Whoever is deciding on leave of this person is done before, or sees it.
        ledger.lock_accounts(suspension.employee)
        suspension.entered_by = actor
        suspension.save()
    return suspension


def end_suspension(suspension: Suspension, ends_on: date) -> None:
    """Set the last day of a suspension. Raises RuleViolation for a day before its first, Conflict
    when it was taken back.
    """
    if ends_on < suspension.starts_on:
        about = {"start": suspension.starts_on, "end": ends_on}
        raise to_rule_violation(LeaveRefusal("DATES_REVERSED", "FORM", "ends_on", about))
    with transaction.atomic():
        ledger.lock_accounts(suspension.employee)
        if not Suspension.objects.filter(pk=suspension.pk, revoked_at__isnull=True).update(
            ends_on=ends_on
        ):
            raise Conflict(
                _("This suspension was revoked."), code="TAKEN_BACK", rule="G15", field="ends_on"
            )


def revoke_suspension(suspension: Suspension) -> None:
    """Take a suspension back, as if it had never been."""
    with transaction.atomic():
        ledger.lock_accounts(suspension.employee)
        Suspension.objects.filter(pk=suspension.pk, revoked_at__isnull=True).update(
            revoked_at=timezone.now()
        )


# --- Orders, late coming, overstays ---------------------------------------------------------------
def propose_adjustment(adjustment: LeaveAdjustment, *, actor: User) -> LeaveAdjustment:
    """Store an entry by order; somebody else has to confirm it. Raises ValidationError."""
    if not adjustment._state.adding:
        raise ValidationError(
            _("A leave adjustment cannot be changed. Refuse it and propose another.")
        )
    adjustment.proposed_by = actor
    adjustment.full_clean()
    if not adjustment.days:
        raise ValidationError({"days": _("The number of days must not be zero.")})
    with transaction.atomic():
        if adjustment.type == LeaveLedgerEntry.Type.ENCASH:
            ledger.lock_accounts(adjustment.employee)
            _check_encashment(
                adjustment,
                load_leave_context(
                    adjustment.employee, adjustment.effective_on, adjustment.effective_on
                ),
            )
        adjustment.save()
    return adjustment


def propose_encashment(
    account: LeaveAccount,
    occasion: str,
    days: Decimal,
    effective_on: date,
    *,
    actor: User,
    reason: str,
) -> LeaveAdjustment:
    """Propose that days of an account are turned into money; another person confirms it. Raises
    RuleViolation beyond the limits.
    """
    if days <= 0:
        raise ValidationError({"days": _("Give the days as a number above zero.")})
    order = LeaveAdjustment(
        organization_id=account.organization_id,
        employee=account.employee,
        kind=account.kind,
        type=LeaveLedgerEntry.Type.ENCASH,
        occasion=occasion,
        days=-days,
        effective_on=effective_on,
        reason=reason,
    )
    return propose_adjustment(order, actor=actor)


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
    file = load_leave_context(employee, on, on)
    policy = file.rule_context.policies.version_on(on)
    if policy is None:
        return []
    found = []
    for occasion in EncashmentOccasion:
        day = (
            employee.left_on if occasion is EncashmentOccasion.LEAVING and employee.left_on else on
        )
        wanted = encashment.EncashmentRequest(LeaveType(kind), occasion, day, 0)
        standing = _encashment_position(employee, wanted, file)
        found.append(
            EncashmentLimit(
                occasion, standing, policy, encashment.max_encashable(wanted, standing, policy)
            )
        )
    return found


def _check_encashment(adjustment: LeaveAdjustment, context: LeaveContext) -> None:
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


def decide_adjustment(
    adjustment: LeaveAdjustment, *, actor: User, confirm: bool = True
) -> LeaveAdjustment:
    """Post a proposed order, or refuse it. Never by whoever proposed it, nor by the one whose
    account it is.
    """
    with transaction.atomic():
        ledger.lock_accounts(adjustment.employee)
        if confirm and (
            actor.pk == adjustment.proposed_by_id or actor.employee_id == adjustment.employee_id
        ):
            raise RuleViolation(
                _("Another person must confirm this adjustment."),
                code="TWO_PERSONS",
                rule="LEDGER",
                field="state",
            )
        state = LeaveAdjustment.State.CONFIRMED if confirm else LeaveAdjustment.State.REFUSED
        changed = LeaveAdjustment.objects.of(adjustment.organization_id).filter(
            pk=adjustment.pk, state=LeaveAdjustment.State.PROPOSED
        )
        if not changed.update(state=state, decided_by=actor, decided_at=timezone.now()):
            raise Conflict(
                _("This adjustment has already been decided."),
                code="ALREADY_DECIDED",
                rule="LEDGER",
                field="state",
            )
        if confirm:
            _post_adjustment(adjustment, actor)
        adjustment.refresh_from_db()
    return adjustment


def _post_adjustment(adjustment: LeaveAdjustment, actor: User) -> None:
    file = load_leave_context(adjustment.employee, adjustment.effective_on, adjustment.effective_on)
    if adjustment.type == LeaveLedgerEntry.Type.ENCASH:
        _check_encashment(adjustment, file)
    target = file.ledgers.get(LeaveType(adjustment.kind))
    amount = to_half_days(adjustment.days)
    if target is None or (
        amount < 0 and not target.projection.can_afford([(adjustment.effective_on, amount)])
    ):
        available = target.projection.available_on(adjustment.effective_on) / 2 if target else 0
        raise to_rule_violation(
            LeaveRefusal(
                "INSUFFICIENT_BALANCE",
                "LEDGER",
                "days",
                {
                    "kind": adjustment.kind,
                    "account": adjustment.kind,
                    "needed": -amount / 2,
                    "available": available,
                },
            )
        )
    ledger.post_entry(
        target.account,
        amount,
        adjustment.effective_on,
        adjustment.type,
        f"order:{adjustment.pk}",
        actor=actor,
        reason=adjustment.reason,
    )
    ledger.settle_accounts(adjustment.employee)


@dataclass(frozen=True, slots=True)
class LateDecision:
    """How late somebody came, and whether an authority condones it, for which reason."""

    minutes: int | None = None
    condone: bool = False
    reason: str = ""


def record_late_mark(
    employee: Employee, on: date, decision: LateDecision | None = None, *, actor: User | None = None
) -> LateMark:
    """Late coming or early leaving on a day: half a day of casual leave, unless an authority
    condones it.

    Without casual leave half a day is owed: nothing is taken from earned leave silently. A day is
    decided once: what was decided before is returned. Raises RuleViolation when it cannot be
    condoned (L1), PermissionDenied for one's own.
    """
    decision = decision or LateDecision()
    if actor is not None and actor.employee_id == employee.pk:
        raise PermissionDenied(_("You cannot decide on your own late arrival."))
    with transaction.atomic():
        ledger.lock_accounts(employee)
        known = (
            LateMark.objects.of(employee.organization_id).filter(employee=employee, date=on).first()
        )
        if known is not None:
            return known
        file = load_leave_context(employee, on, on)
        casual = file.ledgers.get(LeaveType.CL)
        covers = casual is not None and casual.projection.can_afford([(on, -1)])
        mark = LateMark(
            organization_id=employee.organization_id,
            employee=employee,
            date=on,
            minutes=decision.minutes,
            reason=decision.reason,
            decided_by=actor,
            outcome=LateMark.Outcome.CONDONED if decision.condone else LateMark.Outcome.OWED,
        )
        if decision.condone:
            _check_condonable(mark, file, spent=not covers)
        elif casual is not None and covers:
            mark.outcome = LateMark.Outcome.DEBITED
            ledger.post_entry(
                casual.account,
                -1,
                on,
                LeaveLedgerEntry.Type.LATE_DEBIT,
                f"late:{on}",
                actor=actor,
                reason=decision.reason,
            )
        mark.full_clean()
        mark.save()
        ledger.settle_accounts(employee)
        record_change(employee, Change.Kind.LEAVE, on, on)
    return mark


def _check_condonable(mark: LateMark, context: LeaveContext, *, spent: bool) -> None:
    """Raise RuleViolation when the rules of that day do not let it be condoned. Counted under the
    lock of the accounts.
    """
    policy = context.rule_context.policies.version_on(mark.date)
    if policy is None:
        raise to_rule_violation(
            LeaveRefusal(
                "NO_POLICY", "POLICY", "date", {"kind": str(LeaveType.CL), "start": mark.date}
            )
        )
    same = LateMark.objects.of(mark.organization_id).filter(
        employee=mark.employee, outcome=LateMark.Outcome.CONDONED
    )
    times = same.filter(date__year=mark.date.year, date__month=mark.date.month).count()
    found = condonation_refusal(
        LateArrival(mark.date, mark.minutes, mark.reason, times, spent), policy
    )
    if found is not None:
        raise to_rule_violation(found)


def propose_owed_debit(
    employee: Employee, *, actor: User, effective_on: date
) -> LeaveAdjustment | None:
    """Propose an order that takes one day of earned leave for the two oldest half-days owed; None
    while fewer are owed.
    """
    with transaction.atomic():
        ledger.lock_accounts(employee)
        owed = LateMark.objects.of(employee.organization_id).filter(
            employee=employee, outcome=LateMark.Outcome.OWED
        )
        two = list(owed.order_by("date")[:2])
        if len(two) < 2:
            return None
        LateMark.objects.filter(pk__in=[one.pk for one in two]).update(
            outcome=LateMark.Outcome.SETTLED
        )
        days = ", ".join(str(one.date) for one in two)
        order = LeaveAdjustment(
            organization_id=employee.organization_id,
            employee=employee,
            kind=LeaveType.EL,
            type=LeaveLedgerEntry.Type.LATE_DEBIT,
            days=-1,
            effective_on=effective_on,
            reason=_("Late on %(days)s") % {"days": days},
        )
        return propose_adjustment(order, actor=actor)


MAX_OVERSTAY_DAYS: Final = 366


@dataclass(frozen=True, slots=True)
class Overstay:
    """What days of absence after leave became: half pay leave as far as it was due, the rest
    extraordinary leave.
    """

    half_pay_days: list[date]
    extraordinary_days: list[date]


def record_overstay(
    employee: Employee, first: date, last: date, *, actor: User, off_days: bool = False
) -> Overstay:
    """Book days of absence without sanction. Without pay either way; off days among them only when
    HR says so.

    Raises RuleViolation for dates that make no sense, or when leave or another absence is on record
    for one of the days.
    """
    if last < first:
        raise to_rule_violation(
            LeaveRefusal("DATES_REVERSED", "FORM", "ends_on", {"start": first, "end": last})
        )
    if (last - first).days >= MAX_OVERSTAY_DAYS:
        about = {"days": (last - first).days + 1, "limit": MAX_OVERSTAY_DAYS}
        raise to_rule_violation(LeaveRefusal("TOO_LONG", "G13", "ends_on", about))
    with transaction.atomic():
        ledger.lock_accounts(employee)
        _check_not_on_record(employee, first, last)
        file = load_leave_context(employee, first, last)
        days = [
            day
            for day in days_between(first, last)
            if off_days or not file.rule_context.work_calendar.is_off(day)
        ]
        target = file.ledgers.get(LeaveType.HPL)
        taken: list[date] = []
        rest: list[date] = []
        for day in days:
            wanted = [*((one, -2) for one in taken), (day, -2)]
            (
                taken
                if not rest and target is not None and target.projection.can_afford(wanted)
                else rest
            ).append(day)
        for day in taken:
            if target is not None:
                ledger.post_entry(
                    target.account,
                    -2,
                    day,
                    LeaveLedgerEntry.Type.OVERSTAY,
                    f"overstay:{day}",
                    actor=actor,
                )
        for day in rest:
            Absence.objects.create(
                organization_id=employee.organization_id,
                employee=employee,
                kind=Absence.Kind.EOL,
                starts_on=day,
                ends_on=day,
                reason=_("Overstay"),
                entered_by=actor,
            )
        ledger.settle_accounts(employee)
        record_change(employee, Change.Kind.LEAVE, first, last)
    return Overstay(taken, rest)


def _check_not_on_record(employee: Employee, first: date, last: date) -> None:
    """Raise RuleViolation when a day of an overstay is leave, or was booked as an absence or an
    overstay before.
    """
    leave = (
        LeaveApplication.objects.of(employee.organization_id)
        .filter(employee=employee)
        .live()
        .overlapping(first, last)
    )
    lost = Absence.objects.of(employee.organization_id).filter(
        employee=employee, revoked_at__isnull=True, starts_on__lte=last, ends_on__gte=first
    )
    booked = LeaveLedgerEntry.objects.of(employee.organization_id).filter(
        account__employee=employee,
        type=LeaveLedgerEntry.Type.OVERSTAY,
        effective_on__range=(first, last),
    )
    found = [
        *(max(first, one.starts_on) for one in leave),
        *(max(first, one.starts_on) for one in lost),
        *booked.values_list("effective_on", flat=True),
    ]
    if found:
        raise to_rule_violation(
            LeaveRefusal("ON_RECORD", "G13", "starts_on", {"dates": sorted(set(found))})
        )
