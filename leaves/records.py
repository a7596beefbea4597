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
from employees import papers
from employees.models import Change, Employee
from employees.refusals import Conflict, Refused
from employees.services import note_change
from leaves import encashing, ledger
from leaves.calendars import days_between
from leaves.encashing import Occasion
from leaves.facts import File, read
from leaves.judgement import Late, Refusal, condonable
from leaves.models import (
    Absence,
    Account,
    Certificate,
    Entry,
    LateMark,
    LeaveApplication,
    LeaveFacts,
    LedgerOrder,
    Suspension,
)
from leaves.policies import Kind, Policy, half_days
from leaves.refusals import refused


def keep_certificate(
    employee: Employee, content: bytes, *, sick_on: date | None = None, fit_on: date | None = None
) -> Certificate:
    """Store a medical certificate privately. Raises Refused when it is neither PDF, JPEG nor PNG by
    its own first bytes.
    """
    if sick_on and fit_on and fit_on < sick_on:
        raise Refused(
            _("Fit before ill: check the dates."),
            code="CERTIFICATE_DATES",
            rule="G6",
            field="fit_on",
        )
    row = Certificate(
        organization_id=employee.organization_id, employee=employee, sick_on=sick_on, fit_on=fit_on
    )
    return papers.stored(
        row,
        content,
        code="CERTIFICATE_TYPE",
        rule="K5",
        message=_("A certificate is a PDF, JPEG or PNG file."),
    )


def save_facts(facts: LeaveFacts) -> LeaveFacts:
    """Validate and store what the rules ask about a person; credits that follow from it are
    posted.
    """
    facts.full_clean()
    with transaction.atomic():
        ledger.lock(facts.employee)
        facts.save()
        ledger.settle(facts.employee)
    return facts


def save_absence(absence: Absence, *, actor: User | None = None) -> Absence:
    """Validate and store extraordinary leave or dies-non; only the difference it makes to later
    credits is posted.
    """
    absence.full_clean()
    with transaction.atomic():
        ledger.lock(absence.employee)
        if absence._state.adding:
            absence.entered_by = actor
        absence.save()
        ledger.settle(absence.employee)
        note_change(absence.employee, Change.Kind.LEAVE, absence.starts_on, absence.ends_on)
    return absence


def revoke_absence(absence: Absence) -> None:
    """Take an absence back, with what it cost."""
    with transaction.atomic():
        ledger.lock(absence.employee)
        if Absence.objects.filter(pk=absence.pk, revoked_at__isnull=True).update(
            revoked_at=timezone.now()
        ):
            ledger.settle(absence.employee)
            note_change(absence.employee, Change.Kind.LEAVE, absence.starts_on, absence.ends_on)


def save_suspension(suspension: Suspension, *, actor: User | None = None) -> Suspension:
    """Validate and store a suspension: from now on no leave is granted on its days. What was
    granted before stays.
    """
    if not suspension._state.adding:
        raise ValidationError(_("A suspension is ended or taken back, not changed."))
    suspension.full_clean()
    with transaction.atomic():
        # Whoever is deciding on leave of this person is done before, or sees it.
        ledger.lock(suspension.employee)
        suspension.entered_by = actor
        suspension.save()
    return suspension


def end_suspension(suspension: Suspension, ends_on: date) -> None:
    """Set the last day of a suspension. Raises Refused for a day before its first, Conflict when it
    was taken back.
    """
    if ends_on < suspension.starts_on:
        about = {"start": suspension.starts_on, "end": ends_on}
        raise refused(Refusal("DATES_REVERSED", "FORM", "ends_on", about))
    with transaction.atomic():
        ledger.lock(suspension.employee)
        if not Suspension.objects.filter(pk=suspension.pk, revoked_at__isnull=True).update(
            ends_on=ends_on
        ):
            raise Conflict(
                _("This suspension was taken back."), code="TAKEN_BACK", rule="G15", field="ends_on"
            )


def revoke_suspension(suspension: Suspension) -> None:
    """Take a suspension back, as if it had never been."""
    with transaction.atomic():
        ledger.lock(suspension.employee)
        Suspension.objects.filter(pk=suspension.pk, revoked_at__isnull=True).update(
            revoked_at=timezone.now()
        )


# --- Orders, late coming, overstays ---------------------------------------------------------------
def propose_order(order: LedgerOrder, *, actor: User) -> LedgerOrder:
    """Store an entry by order; somebody else has to confirm it. Raises ValidationError."""
    if not order._state.adding:
        raise ValidationError(_("An order is not changed: refuse it, and propose another."))
    order.proposed_by = actor
    order.full_clean()
    if not order.days:
        raise ValidationError({"days": _("Nothing is moved by zero days.")})
    with transaction.atomic():
        if order.type == Entry.Type.ENCASH:
            ledger.lock(order.employee)
            _may_encash(order, read(order.employee, order.effective_on, order.effective_on))
        order.save()
    return order


def encash(
    account: Account, occasion: str, days: Decimal, effective_on: date, *, actor: User, reason: str
) -> LedgerOrder:
    """Propose that days of an account are turned into money; another person confirms it. Raises
    Refused beyond the limits.
    """
    if days <= 0:
        raise ValidationError({"days": _("Give the days as a number above zero.")})
    order = LedgerOrder(
        organization_id=account.organization_id,
        employee=account.employee,
        kind=account.kind,
        type=Entry.Type.ENCASH,
        occasion=occasion,
        days=-days,
        effective_on=effective_on,
        reason=reason,
    )
    return propose_order(order, actor=actor)


@dataclass(frozen=True, slots=True)
class Room:
    """What could be encashed on one occasion, with the numbers it follows from. Quantities are
    half-days.
    """

    occasion: Occasion
    standing: encashing.Standing
    policy: Policy
    most: int


def encashable(employee: Employee, kind: str, on: date) -> list[Room]:
    """For each occasion, what somebody could encash of an account on a day. Nothing is locked: good
    for looking.
    """
    file = read(employee, on, on)
    policy = file.ground.rules.on(on)
    if policy is None:
        return []
    found = []
    for occasion in Occasion:
        day = employee.left_on if occasion is Occasion.LEAVING and employee.left_on else on
        wanted = encashing.Wanted(Kind(kind), occasion, day, 0)
        standing = _encashed(employee, wanted, file)
        found.append(Room(occasion, standing, policy, encashing.most(wanted, standing, policy)))
    return found


def _may_encash(order: LedgerOrder, file: File) -> None:
    """Raise Refused when an encashment is beyond the limits of the rules of its day. Counted under
    the lock of the accounts.
    """
    policy = file.ground.rules.on(order.effective_on)
    if policy is None:
        raise refused(
            Refusal(
                "NO_POLICY",
                "POLICY",
                "effective_on",
                {"kind": order.kind, "start": order.effective_on},
            )
        )
    occasion = Occasion(order.occasion)
    wanted = encashing.Wanted(
        Kind(order.kind), occasion, order.effective_on, -half_days(order.days)
    )
    for one in encashing.refusals(
        wanted, _encashed(order.employee, wanted, file, without=order.pk or 0), policy
    ):
        raise refused(one)


def _encashed(
    employee: Employee, wanted: encashing.Wanted, file: File, *, without: int = 0
) -> encashing.Standing:
    """What somebody encashed so far, by confirmed orders but the one that is judged, and what is
    there.
    """
    orders = (
        LedgerOrder.objects.of(employee.organization_id)
        .filter(
            employee=employee,
            type=Entry.Type.ENCASH,
            occasion=wanted.occasion,
            state=LedgerOrder.State.CONFIRMED,
        )
        .exclude(pk=without or 0)
    )
    rows = [
        (kind, day, -half_days(days))
        for kind, day, days in orders.values_list("kind", "effective_on", "days")
    ]
    known = LeaveFacts.objects.of(employee.organization_id).filter(employee=employee)
    before = known.aggregate(most=Max("encashed_before"))["most"] or 0
    target = file.ledgers.get(wanted.kind)
    return encashing.Standing(
        available=target.book.available(wanted.on) if target else 0,
        used=sum(amount for _kind, _day, amount in rows)
        + (2 * before if wanted.occasion is Occasion.TRAVEL else 0),
        of_kind=sum(amount for kind, _day, amount in rows if kind == wanted.kind),
        same_day=sum(amount for _kind, day, amount in rows if day == wanted.on),
        left_on=file.service.left_on,
        forfeits=file.service.forfeits,
    )


def confirm_order(order: LedgerOrder, *, actor: User, confirm: bool = True) -> LedgerOrder:
    """Post a proposed order, or refuse it. Never by whoever proposed it, nor by the one whose
    account it is.
    """
    with transaction.atomic():
        ledger.lock(order.employee)
        if confirm and (actor.pk == order.proposed_by_id or actor.employee_id == order.employee_id):
            raise Refused(
                _("Another person has to confirm this order."),
                code="TWO_PERSONS",
                rule="LEDGER",
                field="state",
            )
        state = LedgerOrder.State.CONFIRMED if confirm else LedgerOrder.State.REFUSED
        changed = LedgerOrder.objects.of(order.organization_id).filter(
            pk=order.pk, state=LedgerOrder.State.PROPOSED
        )
        if not changed.update(state=state, decided_by=actor, decided_at=timezone.now()):
            raise Conflict(
                _("This order was decided already."),
                code="ALREADY_DECIDED",
                rule="LEDGER",
                field="state",
            )
        if confirm:
            _post_order(order, actor)
        order.refresh_from_db()
    return order


def _post_order(order: LedgerOrder, actor: User) -> None:
    file = read(order.employee, order.effective_on, order.effective_on)
    if order.type == Entry.Type.ENCASH:
        _may_encash(order, file)
    target = file.ledgers.get(Kind(order.kind))
    amount = half_days(order.days)
    if target is None or (amount < 0 and not target.book.affords([(order.effective_on, amount)])):
        available = target.book.available(order.effective_on) / 2 if target else 0
        raise refused(
            Refusal(
                "INSUFFICIENT_BALANCE",
                "LEDGER",
                "days",
                {
                    "kind": order.kind,
                    "account": order.kind,
                    "needed": -amount / 2,
                    "available": available,
                },
            )
        )
    ledger.post_own(
        target.account,
        amount,
        order.effective_on,
        order.type,
        f"order:{order.pk}",
        actor=actor,
        reason=order.reason,
    )
    ledger.settle(order.employee)


@dataclass(frozen=True, slots=True)
class Lateness:
    """How late somebody came, and whether an authority condones it, for which reason."""

    minutes: int | None = None
    condone: bool = False
    reason: str = ""


def mark_late(
    employee: Employee, on: date, late: Lateness | None = None, *, actor: User | None = None
) -> LateMark:
    """Late coming or early leaving on a day: half a day of casual leave, unless an authority
    condones it.

    Without casual leave half a day is owed: nothing is taken from earned leave silently. A day is
    decided once: what was decided before is returned. Raises Refused when it cannot be condoned
    (L1), PermissionDenied for one's own.
    """
    late = late or Lateness()
    if actor is not None and actor.employee_id == employee.pk:
        raise PermissionDenied(_("Nobody decides on their own late coming."))
    with transaction.atomic():
        ledger.lock(employee)
        known = (
            LateMark.objects.of(employee.organization_id).filter(employee=employee, date=on).first()
        )
        if known is not None:
            return known
        file = read(employee, on, on)
        casual = file.ledgers.get(Kind.CL)
        covers = casual is not None and casual.book.affords([(on, -1)])
        mark = LateMark(
            organization_id=employee.organization_id,
            employee=employee,
            date=on,
            minutes=late.minutes,
            reason=late.reason,
            decided_by=actor,
            outcome=LateMark.Outcome.CONDONED if late.condone else LateMark.Outcome.OWED,
        )
        if late.condone:
            _condonable(mark, file, spent=not covers)
        elif casual is not None and covers:
            mark.outcome = LateMark.Outcome.DEBITED
            ledger.post_own(
                casual.account,
                -1,
                on,
                Entry.Type.LATE_DEBIT,
                f"late:{on}",
                actor=actor,
                reason=late.reason,
            )
        mark.full_clean()
        mark.save()
        ledger.settle(employee)
        note_change(employee, Change.Kind.LEAVE, on, on)
    return mark


def _condonable(mark: LateMark, file: File, *, spent: bool) -> None:
    """Raise Refused when the rules of that day do not let it be condoned. Counted under the lock of
    the accounts.
    """
    policy = file.ground.rules.on(mark.date)
    if policy is None:
        raise refused(
            Refusal("NO_POLICY", "POLICY", "date", {"kind": str(Kind.CL), "start": mark.date})
        )
    same = LateMark.objects.of(mark.organization_id).filter(
        employee=mark.employee, outcome=LateMark.Outcome.CONDONED
    )
    times = same.filter(date__year=mark.date.year, date__month=mark.date.month).count()
    found = condonable(Late(mark.date, mark.minutes, mark.reason, times, spent), policy)
    if found is not None:
        raise refused(found)


def settle_owed(employee: Employee, *, actor: User, effective_on: date) -> LedgerOrder | None:
    """Propose an order that takes one day of earned leave for the two oldest half-days owed; None
    while fewer are owed.
    """
    with transaction.atomic():
        ledger.lock(employee)
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
        order = LedgerOrder(
            organization_id=employee.organization_id,
            employee=employee,
            kind=Kind.EL,
            type=Entry.Type.LATE_DEBIT,
            days=-1,
            effective_on=effective_on,
            reason=_("Late on %(days)s") % {"days": days},
        )
        return propose_order(order, actor=actor)


LONGEST_OVERSTAY: Final = 366


@dataclass(frozen=True, slots=True)
class Overstay:
    """What days of absence after leave became: half pay leave as far as it was due, the rest
    extraordinary leave.
    """

    half_pay: list[date]
    extraordinary: list[date]


def record_overstay(
    employee: Employee, first: date, last: date, *, actor: User, off_days: bool = False
) -> Overstay:
    """Book days of absence without sanction. Without pay either way; off days among them only when
    HR says so.

    Raises Refused for dates that make no sense, or when leave or another absence is on record for
    one of the days.
    """
    if last < first:
        raise refused(Refusal("DATES_REVERSED", "FORM", "ends_on", {"start": first, "end": last}))
    if (last - first).days >= LONGEST_OVERSTAY:
        about = {"days": (last - first).days + 1, "limit": LONGEST_OVERSTAY}
        raise refused(Refusal("TOO_LONG", "G13", "ends_on", about))
    with transaction.atomic():
        ledger.lock(employee)
        _not_on_record(employee, first, last)
        file = read(employee, first, last)
        days = [
            day for day in days_between(first, last) if off_days or not file.ground.almanac.off(day)
        ]
        target = file.ledgers.get(Kind.HPL)
        taken: list[date] = []
        rest: list[date] = []
        for day in days:
            wanted = [*((one, -2) for one in taken), (day, -2)]
            (
                taken if not rest and target is not None and target.book.affords(wanted) else rest
            ).append(day)
        for day in taken:
            if target is not None:
                ledger.post_own(
                    target.account, -2, day, Entry.Type.OVERSTAY, f"overstay:{day}", actor=actor
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
        ledger.settle(employee)
        note_change(employee, Change.Kind.LEAVE, first, last)
    return Overstay(taken, rest)


def _not_on_record(employee: Employee, first: date, last: date) -> None:
    """Raise Refused when a day of an overstay is leave, or was booked as an absence or an overstay
    before.
    """
    leave = (
        LeaveApplication.objects.of(employee.organization_id)
        .filter(employee=employee)
        .live()
        .touching(first, last)
    )
    lost = Absence.objects.of(employee.organization_id).filter(
        employee=employee, revoked_at__isnull=True, starts_on__lte=last, ends_on__gte=first
    )
    booked = Entry.objects.of(employee.organization_id).filter(
        account__employee=employee, type=Entry.Type.OVERSTAY, effective_on__range=(first, last)
    )
    found = [
        *(max(first, one.starts_on) for one in leave),
        *(max(first, one.starts_on) for one in lost),
        *booked.values_list("effective_on", flat=True),
    ]
    if found:
        raise refused(Refusal("ON_RECORD", "G13", "starts_on", {"dates": sorted(set(found))}))
