"""Post to the ledger: what applications cost, what the rules credit and let lapse; always only the
difference.

Every function here runs within a transaction that holds `lock_accounts`. Entries are never changed:
what is no longer wanted is reversed, so that a cancellation restores exactly what was taken. Called
by `services`, `calendar_office` and the job.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from django.db.models import Max
from django.utils import timezone

from accounts.models import User
from core.raw_sql import lock_for_share
from employees.changes import record_change
from employees.models import Change, Employee
from leaves.balances import BalanceMovement, missing_entries
from leaves.context import (
    RULE_SLOT_PREFIX,
    AccountLedger,
    LeaveContext,
    load_leave_context,
    local_today,
    to_spell,
)
from leaves.day_counting import DayDebit, calculate_all_day_debits
from leaves.models import (
    HolidayCalendar,
    LeaveAccount,
    LeaveApplication,
    LeaveDay,
    LeaveLedgerEntry,
    LeavePolicy,
)
from leaves.policies import LeaveType

HalfDayKey = tuple[date, str]


def lock_policies(organization_id: int, years: Iterable[int], *, publishing: bool = False) -> None:
    """Wait for rules or a calendar of these years being published, and let their publisher wait for
    this transaction.

    Drafts are locked too: the one that is about to be published is among them. Applications pass
    beside each other, only who publishes passes alone.
    """
    rules = LeavePolicy.objects.of(organization_id).order_by("pk").values("pk")
    calendars = (
        HolidayCalendar.objects.of(organization_id)
        .filter(year__in=set(years))
        .order_by("pk")
        .values("pk")
    )
    if publishing:
        list(rules.select_for_update(no_key=True))
        list(calendars.select_for_update(no_key=True))
    else:
        lock_for_share(rules)
        lock_for_share(calendars)


def lock_accounts(employee: Employee) -> None:
    """Lock the accounts of a person, and make those that do not exist yet. All writing about their
    leave happens under this.
    """
    owned = LeaveAccount.objects.of(employee.organization_id).filter(employee=employee)
    if owned.count() < len(ACCOUNT_TYPES):
        LeaveAccount.objects.bulk_create(
            [
                LeaveAccount(organization_id=employee.organization_id, employee=employee, kind=kind)
                for kind in ACCOUNT_TYPES
            ],
            ignore_conflicts=True,
        )
    # In the order of their ids, as everybody locks them.
    list(owned.order_by("pk").select_for_update(no_key=True).values("pk"))


ACCOUNT_TYPES = (
    LeaveType.CL,
    LeaveType.SCL,
    LeaveType.EL,
    LeaveType.HPL,
    LeaveType.CCL,
    LeaveType.RH,
)


# --- What applications cost -----------------------------------------------------------------------
def recalculate_leave(
    context: LeaveContext, *, actor: User | None = None
) -> list[LeaveApplication]:
    """Bring the days and entries of the applications of a file up to date with rules, calendars and
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
    numbers = _highest_numbers(accounts.values(), [_slot(application, day)[1] for day in todo])
    LeaveLedgerEntry.objects.bulk_create(
        _next_entry(
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
    file = load_leave_context(application.employee, application.starts_on, application.ends_on)
    spent: dict[str, list[BalanceMovement]] = defaultdict(list)
    found: list[LeaveDay] = []
    for day in sorted(days, key=lambda one: (one.date, one.half)):
        ledger = file.ledgers.get(LeaveType(day.account))
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
    numbers = _highest_numbers(accounts.values(), [entry.slot for entry in back])
    LeaveLedgerEntry.objects.bulk_create(
        _next_entry(
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


def _highest_numbers(
    accounts: Iterable[LeaveAccount], slots: Iterable[str]
) -> dict[tuple[int, str], int]:
    """The highest number used in each slot. Numbers make a slot's entries distinct: two jobs cannot
    post the same one.
    """
    rows = LeaveLedgerEntry.objects.filter(
        account__in=[one.pk for one in accounts], slot__in=set(slots)
    ).order_by()
    return {
        (account, slot): number
        for account, slot, number in rows.values_list("account_id", "slot").annotate(Max("number"))
    }


def _next_entry(
    account: LeaveAccount,
    half_days: int,
    effective_on: date,
    kind: str,
    slot: str,
    numbers: dict[tuple[int, str], int],
    **more: Any,
) -> LeaveLedgerEntry:
    number = numbers[account.pk, slot] = numbers.get((account.pk, slot), 0) + 1
    return LeaveLedgerEntry(
        organization_id=account.organization_id,
        account=account,
        half_days=half_days,
        effective_on=effective_on,
        type=kind,
        slot=slot,
        number=number,
        posted_at=timezone.now(),
        **more,
    )


def post_entry(
    account: LeaveAccount,
    half_days: int,
    effective_on: date,
    kind: str,
    slot: str,
    *,
    actor: User | None = None,
    reason: str = "",
) -> LeaveLedgerEntry:
    """One entry by order: opening balances, encashment, late coming. The database refuses a second
    one in the same slot.
    """
    entry = LeaveLedgerEntry(
        organization_id=account.organization_id,
        account=account,
        half_days=half_days,
        effective_on=effective_on,
        type=kind,
        slot=slot,
        number=1,
        posted_at=timezone.now(),
        actor=actor,
        reason=reason,
        period=str(effective_on.year),
    )
    entry.save(force_insert=True)
    return entry


# --- What the rules credit and let lapse ----------------------------------------------------------
def settle_accounts(employee: Employee, until: date | None = None) -> int:
    """Post what the rules ask for up to `until` (default: today) and is not posted yet; returns the
    number of entries.

    The result is the same whenever and however often it runs, and in whatever order with everything
    else.
    """
    day = until or local_today(employee)
    file = load_leave_context(employee, day, day)
    return sum(_settle_account(ledger, file, day) for ledger in file.ledgers.values())


def _settle_account(ledger: AccountLedger, context: LeaveContext, until: date) -> int:
    # What a job that ran for a later day posted is left alone: a period is closed only once it is
    # over.
    posted = {
        (slot, day): amount
        for (slot, day), amount in ledger.posted_by_rules.items()
        if day < until or (day == until and not slot.endswith((":LAPSE", ":FORFEIT")))
    }
    missing = missing_entries(ledger.projection.rule_entries(until), posted)
    numbers = _highest_numbers(
        [ledger.account], [f"{RULE_SLOT_PREFIX}{one.slot}" for one in missing]
    )
    entries = []
    for one in missing:
        policy = context.rule_context.policies.version_on(one.day)
        kind = (
            one.type if one.type in LeaveLedgerEntry.Type.values else LeaveLedgerEntry.Type.REVERSAL
        )
        entries.append(
            _next_entry(
                ledger.account,
                one.half_days,
                one.day,
                kind,
                f"{RULE_SLOT_PREFIX}{one.slot}",
                numbers,
                period=one.period,
                policy_id=policy.policy_id if policy else None,
            )
        )
    LeaveLedgerEntry.objects.bulk_create(entries)
    if ledger.account.settled_on is None or ledger.account.settled_on < until:
        LeaveAccount.objects.filter(pk=ledger.account.pk).update(settled_on=until)
    return len(entries)


def mark_leave_changed(application: LeaveApplication) -> None:
    """Tell the floors above that the days of an application may look different now."""
    record_change(
        application.employee, Change.Kind.LEAVE, application.starts_on, application.ends_on
    )
