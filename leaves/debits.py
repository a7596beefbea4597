"""Debit what applications cost, and reverse what they no longer cost.

Every function here runs within a transaction that holds `ledger.lock_accounts`. Entries are
never changed but reversed, so that a cancellation restores exactly what was taken. Called by
`leaves.services`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from accounts.models import User
from employees.changes import record_change
from employees.models import Change
from leaves.balances import BalanceMovement
from leaves.context import LeaveContext, load_leave_context, to_spell
from leaves.day_counting import DayDebit, calculate_all_day_debits
from leaves.ledger import highest_numbers, next_entry
from leaves.models import LeaveAccount, LeaveApplication, LeaveDay, LeaveLedgerEntry
from leaves.policies import LeaveType

HalfDayKey = tuple[date, str]


def recalculate_leave(
    context: LeaveContext, *, actor: User | None = None
) -> list[LeaveApplication]:
    """Bring the days and entries of the applications up to date with rules, calendars and
    each other.

    Returns the approved applications whose cost changed. Giving back comes first and is never
    refused; a day that came to cost more than the balance has is marked as not covered, and left to
    HR.
    """
    every = calculate_all_day_debits(
        [to_spell(one) for one in context.applications], context.rule_context
    )
    stored = _days_of(context.applications)
    changed: list[LeaveApplication] = []
    rewritten: list[tuple[LeaveApplication, list[DayDebit]]] = []
    for one in context.applications:
        if _has_changed(one, every[one.pk], stored[one.pk], context):
            rewritten.append((one, every[one.pk]))
    for one, _charges in rewritten:
        if one.status == LeaveApplication.Status.APPROVED:
            reverse_debits(
                one, unchanged=_expected_debits(one, every[one.pk], context), actor=actor
            )
            changed.append(one)
    for one, charges in rewritten:
        write_leave_days(one, charges, context)
    for one, _charges in rewritten:
        if one.status == LeaveApplication.Status.APPROVED:
            post_debits(one, actor=actor, strict=False)
    return changed


def _has_changed(
    application: LeaveApplication,
    day_debits: Sequence[DayDebit],
    stored: Sequence[LeaveDay],
    context: LeaveContext,
) -> bool:
    account, _factor = _account_and_factor(application, context)
    wanted = {(c.day, c.half or "", c.day_class, c.part, c.half_days, account) for c in day_debits}
    return wanted != {
        (d.date, d.half, d.day_class, d.part, d.half_days, d.account) for d in stored
    } or any(day.insufficient_balance for day in stored)


def _account_and_factor(application: LeaveApplication, context: LeaveContext) -> tuple[str, int]:
    rule = context.rule_context.policies.rule_for(
        LeaveType(application.kind), application.starts_on
    )
    return (str(rule.account), rule.factor) if rule else (application.kind, 1)


def _days_of(applications: Iterable[LeaveApplication]) -> dict[int, list[LeaveDay]]:
    found: dict[int, list[LeaveDay]] = defaultdict(list)
    for day in LeaveDay.objects.filter(application__in=[one.pk for one in applications]):
        found[day.application_id].append(day)
    return found


def _expected_debits(
    application: LeaveApplication, day_debits: Sequence[DayDebit], context: LeaveContext
) -> dict[tuple[str, HalfDayKey], int]:
    account, _factor = _account_and_factor(application, context)
    return {
        (account, (charge.day, charge.half or "")): charge.half_days
        for charge in day_debits
        if charge.half_days
    }


def write_leave_days(
    application: LeaveApplication, day_debits: Sequence[DayDebit], context: LeaveContext
) -> None:
    """Store what each date of an application is and costs."""
    account, factor = _account_and_factor(application, context)
    LeaveDay.objects.filter(application=application).delete()
    LeaveDay.objects.bulk_create(
        LeaveDay(
            organization_id=application.organization_id,
            application=application,
            date=one.day,
            half=one.half or "",
            day_class=one.day_class,
            part=one.part,
            account=account,
            counted=one.half_days // factor,
            half_days=one.half_days,
            calendar_id=one.calendar_id,
        )
        for one in day_debits
    )


def post_debits(
    application: LeaveApplication, *, actor: User | None = None, strict: bool = True
) -> None:
    """Debit what the stored days of an approved application cost and is not debited yet, each day
    with effect from itself.

    Not strict: a day the balance does not cover is marked and left out.
    """
    live = _open_debits(application)
    todo = [
        day
        for day in LeaveDay.objects.filter(application=application, half_days__gt=0)
        if _slot(application, day) not in live
    ]
    if not todo:
        return
    if not strict:
        todo = _affordable_days(application, todo)
    accounts = _accounts(application)
    numbers = highest_numbers(accounts.values(), [_slot(application, day)[1] for day in todo])
    LeaveLedgerEntry.objects.bulk_create(
        next_entry(
            accounts[day.account],
            -day.half_days,
            day.date,
            LeaveLedgerEntry.Type.DEBIT,
            _slot(application, day)[1],
            numbers,
            application=application,
            actor=actor,
            period=str(day.date.year),
        )
        for day in todo
    )


def _affordable_days(application: LeaveApplication, days: Sequence[LeaveDay]) -> list[LeaveDay]:
    """The days that the balance covers, one after another; the others are marked."""
    context = load_leave_context(application.employee, application.starts_on, application.ends_on)
    spent: dict[str, list[BalanceMovement]] = defaultdict(list)
    found: list[LeaveDay] = []
    for day in sorted(days, key=lambda one: (one.date, one.half)):
        ledger = context.ledgers.get(LeaveType(day.account))
        movement = (day.date, -day.half_days)
        if ledger is not None and ledger.projection.can_afford([*spent[day.account], movement]):
            spent[day.account].append(movement)
            found.append(day)
        else:
            LeaveDay.objects.filter(pk=day.pk).update(insufficient_balance=True)
    return found


def reverse_debits(
    application: LeaveApplication,
    *,
    unchanged: Mapping[tuple[str, HalfDayKey], int] | None = None,
    actor: User | None = None,
    reason: str = "",
) -> None:
    """Give back what an application took, except days that still cost the same (`unchanged`)."""
    kept = {
        (account, leave_slot(application, day, half)): -amount
        for (account, (day, half)), amount in (unchanged or {}).items()
    }
    back = [
        entry
        for key, entry in _open_debits(application).items()
        if kept.get(key) != entry.half_days
    ]
    if not back:
        return
    accounts = {entry.account_id: entry.account for entry in back}
    numbers = highest_numbers(accounts.values(), [entry.slot for entry in back])
    LeaveLedgerEntry.objects.bulk_create(
        next_entry(
            entry.account,
            -entry.half_days,
            entry.effective_on,
            LeaveLedgerEntry.Type.REVERSAL,
            entry.slot,
            numbers,
            application=application,
            actor=actor,
            reverses=entry,
            period=entry.period,
            reason=reason,
        )
        for entry in back
    )


def _open_debits(application: LeaveApplication) -> dict[tuple[str, str], LeaveLedgerEntry]:
    """Debits of an application that were not reversed, by account and slot."""
    rows = LeaveLedgerEntry.objects.filter(
        application=application, type=LeaveLedgerEntry.Type.DEBIT, reversed_by__isnull=True
    ).select_related("account")
    return {(entry.account.kind, entry.slot): entry for entry in rows}


def leave_slot(application: LeaveApplication, day: date, half: str) -> str:
    """The slot of a day of leave."""
    return f"leave:{application.pk}:{day}:{half}"


def _slot(application: LeaveApplication, day: LeaveDay) -> tuple[str, str]:
    return day.account, leave_slot(application, day.date, day.half)


def _accounts(application: LeaveApplication) -> dict[str, LeaveAccount]:
    rows = LeaveAccount.objects.of(application.organization_id).filter(
        employee=application.employee_id
    )
    return {one.kind: one for one in rows}


def mark_leave_changed(application: LeaveApplication) -> None:
    """Tell the floors above that the days of an application may look different now."""
    record_change(
        application.employee, Change.Kind.LEAVE, application.starts_on, application.ends_on
    )
