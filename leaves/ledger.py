"""Lock the accounts of a person and post entries to them: by order, and what the rules credit
and let lapse; always only the difference.

Every function here but the locks runs within a transaction that holds `lock_accounts`. Entries
are never changed: what is no longer due is reversed. Called by `leaves.services`,
`leaves.debits` and `leaves.due_postings`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from django.db.models import Max
from django.utils import timezone

from accounts.models import User
from accounts.permissions import local_today
from core.raw_sql import lock_for_share
from employees.models import Employee
from leaves.account_balances import RULE_SLOT_PREFIX, AccountLedger
from leaves.balances import missing_entries
from leaves.context import LeaveContext, load_leave_context
from leaves.models import HolidayCalendar, LeaveAccount, LeaveLedgerEntry, LeavePolicy
from leaves.policies import LeaveType


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


def highest_numbers(
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


def next_entry(
    account: LeaveAccount,
    half_days: int,
    effective_on: date,
    kind: str,
    slot: str,
    numbers: dict[tuple[int, str], int],
    **more: Any,
) -> LeaveLedgerEntry:
    """An entry, not yet stored, with the next number of its slot by `numbers`."""
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


def settle_accounts(employee: Employee, until: date | None = None) -> int:
    """Post what the rules ask for up to `until` (default: today) and is not posted yet; returns the
    number of entries.

    The result is the same whenever and however often it runs, and in whatever order with everything
    else.
    """
    day = until or local_today(employee)
    context = load_leave_context(employee, day, day)
    return sum(_settle_account(ledger, context, day) for ledger in context.ledgers.values())


def _settle_account(ledger: AccountLedger, context: LeaveContext, until: date) -> int:
    # What a job that ran for a later day posted is left alone: a period is closed only once it is
    # over.
    posted = {
        (slot, day): amount
        for (slot, day), amount in ledger.posted_by_rules.items()
        if day < until or (day == until and not slot.endswith((":LAPSE", ":FORFEIT")))
    }
    missing = missing_entries(ledger.projection.rule_entries(until), posted)
    numbers = highest_numbers(
        [ledger.account], [f"{RULE_SLOT_PREFIX}{one.slot}" for one in missing]
    )
    entries = []
    for one in missing:
        policy = context.rule_context.policies.version_on(one.day)
        kind = (
            one.type if one.type in LeaveLedgerEntry.Type.values else LeaveLedgerEntry.Type.REVERSAL
        )
        entries.append(
            next_entry(
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
