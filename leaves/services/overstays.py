"""Record days of absence after leave, without sanction: half pay leave as far as the balance
covers them, the rest extraordinary leave. Called by the console.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from employees.changes import record_change
from employees.models import Change, Employee
from leaves import ledger
from leaves.calendars import days_between
from leaves.context import load_leave_context
from leaves.eligibility.refusal import LeaveRefusal
from leaves.models import Absence, LeaveApplication, LeaveLedgerEntry
from leaves.policies import LeaveType
from leaves.rule_messages import to_rule_violation

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
        context = load_leave_context(employee, first, last)
        days = [
            day
            for day in days_between(first, last)
            if off_days or not context.rule_context.work_calendar.is_off(day)
        ]
        target = context.ledgers.get(LeaveType.HPL)
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
