"""Post to the ledger: what applications cost, what the rules credit and let lapse; always only the
difference.

Every function here runs within a transaction that holds `lock`. Entries are never changed: what is
no longer wanted is reversed, so that a cancellation restores exactly what was taken. Called by
`services`, `calendar_office` and the job.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from django.db.models import Max
from django.utils import timezone

from accounts.models import User
from employees.models import Change, Employee
from employees.rows import hold_still
from employees.services import note_change
from leaves.balances import Movement, difference
from leaves.charging import Charge, charge_all
from leaves.facts import RULE_SLOT, File, Ledger, read, spell, today
from leaves.models import Account, Calendar, Entry, LeaveApplication, LeaveDay, LeavePolicy
from leaves.policies import Kind

Key = tuple[date, str]


def gate(organization_id: int, years: Iterable[int], *, publishing: bool = False) -> None:
    """Wait for rules or a calendar of these years being published, and let their publisher wait for
    this transaction.

    Drafts are locked too: the one that is about to be published is among them. Applications pass
    beside each other, only who publishes passes alone.
    """
    rules = LeavePolicy.objects.of(organization_id).order_by("pk").values("pk")
    calendars = (
        Calendar.objects.of(organization_id).filter(year__in=set(years)).order_by("pk").values("pk")
    )
    if publishing:
        list(rules.select_for_update(no_key=True))
        list(calendars.select_for_update(no_key=True))
    else:
        hold_still(rules)
        hold_still(calendars)


def lock(employee: Employee) -> None:
    """Lock the accounts of a person, and make those that do not exist yet. All writing about their
    leave happens under this.
    """
    owned = Account.objects.of(employee.organization_id).filter(employee=employee)
    if owned.count() < len(ACCOUNTS):
        Account.objects.bulk_create(
            [
                Account(organization_id=employee.organization_id, employee=employee, kind=kind)
                for kind in ACCOUNTS
            ],
            ignore_conflicts=True,
        )
    # In the order of their ids, as everybody locks them.
    list(owned.order_by("pk").select_for_update(no_key=True).values("pk"))


ACCOUNTS = (Kind.CL, Kind.SCL, Kind.EL, Kind.HPL, Kind.CCL, Kind.RH)


# --- What applications cost -----------------------------------------------------------------------
def rework(file: File, *, actor: User | None = None) -> list[LeaveApplication]:
    """Bring the days and entries of the applications of a file up to date with rules, calendars and
    each other.

    Returns the approved applications whose cost changed. Giving back comes first and is never
    refused; a day that came to cost more than the balance has is marked as not covered, and left to
    HR.
    """
    every = charge_all([spell(one) for one in file.applications], file.ground)
    stored = _days_of(file.applications)
    changed: list[LeaveApplication] = []
    rewritten: list[tuple[LeaveApplication, list[Charge]]] = []
    for one in file.applications:
        if _differ(one, every[one.pk], stored[one.pk], file):
            rewritten.append((one, every[one.pk]))
    for one, _charges in rewritten:
        if one.status == LeaveApplication.Status.APPROVED:
            reverse(one, keep=_wanted(one, every[one.pk], file), actor=actor)
            changed.append(one)
    for one, charges in rewritten:
        write_days(one, charges, file)
    for one, _charges in rewritten:
        if one.status == LeaveApplication.Status.APPROVED:
            post(one, actor=actor, strict=False)
    return changed


def _differ(
    one: LeaveApplication, charges: Sequence[Charge], stored: Sequence[LeaveDay], file: File
) -> bool:
    account, _factor = _account(one, file)
    wanted = {(c.day, c.half or "", c.day_class, c.part, c.half_days, account) for c in charges}
    return wanted != {
        (d.date, d.half, d.day_class, d.part, d.half_days, d.account) for d in stored
    } or any(day.short for day in stored)


def _account(one: LeaveApplication, file: File) -> tuple[str, int]:
    rule = file.ground.rules.rule(Kind(one.kind), one.starts_on)
    return (str(rule.account), rule.factor) if rule else (one.kind, 1)


def _days_of(applications: Iterable[LeaveApplication]) -> dict[int, list[LeaveDay]]:
    found: dict[int, list[LeaveDay]] = defaultdict(list)
    for day in LeaveDay.objects.filter(application__in=[one.pk for one in applications]):
        found[day.application_id].append(day)
    return found


def _wanted(
    one: LeaveApplication, charges: Sequence[Charge], file: File
) -> dict[tuple[str, Key], int]:
    account, _factor = _account(one, file)
    return {
        (account, (charge.day, charge.half or "")): charge.half_days
        for charge in charges
        if charge.half_days
    }


def write_days(application: LeaveApplication, charges: Sequence[Charge], file: File) -> None:
    """Store what each date of an application is and costs."""
    account, factor = _account(application, file)
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
            calendar_id=one.version,
        )
        for one in charges
    )


def post(application: LeaveApplication, *, actor: User | None = None, strict: bool = True) -> None:
    """Debit what the stored days of an approved application cost and is not debited yet, each day
    with effect from itself.

    Not strict: a day the balance does not cover is marked and left out.
    """
    live = _live(application)
    todo = [
        day
        for day in LeaveDay.objects.filter(application=application, half_days__gt=0)
        if _slot(application, day) not in live
    ]
    if not todo:
        return
    if not strict:
        todo = _covered(application, todo)
    accounts = _accounts(application)
    numbers = _numbers(accounts.values(), [_slot(application, day)[1] for day in todo])
    Entry.objects.bulk_create(
        _entry(
            accounts[day.account],
            -day.half_days,
            day.date,
            Entry.Type.DEBIT,
            _slot(application, day)[1],
            numbers,
            application=application,
            actor=actor,
            period=str(day.date.year),
        )
        for day in todo
    )


def _covered(application: LeaveApplication, days: Sequence[LeaveDay]) -> list[LeaveDay]:
    """The days that the balance covers, one after another; the others are marked."""
    file = read(application.employee, application.starts_on, application.ends_on)
    spent: dict[str, list[Movement]] = defaultdict(list)
    found: list[LeaveDay] = []
    for day in sorted(days, key=lambda one: (one.date, one.half)):
        ledger = file.ledgers.get(Kind(day.account))
        movement = (day.date, -day.half_days)
        if ledger is not None and ledger.book.affords([*spent[day.account], movement]):
            spent[day.account].append(movement)
            found.append(day)
        else:
            LeaveDay.objects.filter(pk=day.pk).update(short=True)
    return found


def reverse(
    application: LeaveApplication,
    *,
    keep: Mapping[tuple[str, Key], int] | None = None,
    actor: User | None = None,
    reason: str = "",
) -> None:
    """Give back what an application took, except days that still cost the same (`keep`)."""
    kept = {
        (account, slot_text(application, day, half)): -amount
        for (account, (day, half)), amount in (keep or {}).items()
    }
    back = [entry for key, entry in _live(application).items() if kept.get(key) != entry.half_days]
    if not back:
        return
    accounts = {entry.account_id: entry.account for entry in back}
    numbers = _numbers(accounts.values(), [entry.slot for entry in back])
    Entry.objects.bulk_create(
        _entry(
            entry.account,
            -entry.half_days,
            entry.effective_on,
            Entry.Type.REVERSAL,
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


def _live(application: LeaveApplication) -> dict[tuple[str, str], Entry]:
    """Debits of an application that were not reversed, by account and slot."""
    rows = Entry.objects.filter(
        application=application, type=Entry.Type.DEBIT, entry__isnull=True
    ).select_related("account")
    return {(entry.account.kind, entry.slot): entry for entry in rows}


def slot_text(application: LeaveApplication, day: date, half: str) -> str:
    """The slot of a day of leave."""
    return f"leave:{application.pk}:{day}:{half}"


def _slot(application: LeaveApplication, day: LeaveDay) -> tuple[str, str]:
    return day.account, slot_text(application, day.date, day.half)


def _accounts(application: LeaveApplication) -> dict[str, Account]:
    rows = Account.objects.of(application.organization_id).filter(employee=application.employee_id)
    return {one.kind: one for one in rows}


def _numbers(accounts: Iterable[Account], slots: Iterable[str]) -> dict[tuple[int, str], int]:
    """The highest number used in each slot. Numbers make a slot's entries distinct: two jobs cannot
    post the same one.
    """
    rows = Entry.objects.filter(
        account__in=[one.pk for one in accounts], slot__in=set(slots)
    ).order_by()
    return {
        (account, slot): number
        for account, slot, number in rows.values_list("account_id", "slot").annotate(Max("number"))
    }


def _entry(
    account: Account,
    half_days: int,
    effective_on: date,
    kind: str,
    slot: str,
    numbers: dict[tuple[int, str], int],
    **more: Any,
) -> Entry:
    number = numbers[account.pk, slot] = numbers.get((account.pk, slot), 0) + 1
    return Entry(
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


def post_own(
    account: Account,
    half_days: int,
    effective_on: date,
    kind: str,
    slot: str,
    *,
    actor: User | None = None,
    reason: str = "",
) -> Entry:
    """One entry by order: opening balances, encashment, late coming. The database refuses a second
    one in the same slot.
    """
    entry = Entry(
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
def settle(employee: Employee, until: date | None = None) -> int:
    """Post what the rules ask for up to `until` (default: today) and is not posted yet; returns the
    number of entries.

    The result is the same whenever and however often it runs, and in whatever order with everything
    else.
    """
    day = until or today(employee)
    file = read(employee, day, day)
    return sum(_settle(ledger, file, day) for ledger in file.ledgers.values())


def _settle(ledger: Ledger, file: File, until: date) -> int:
    # What a job that ran for a later day posted is left alone: a period is closed only once it is
    # over.
    posted = {
        (slot, day): amount
        for (slot, day), amount in ledger.posted.items()
        if day < until or (day == until and not slot.endswith((":LAPSE", ":FORFEIT")))
    }
    missing = difference(ledger.book.system(until), posted)
    numbers = _numbers([ledger.account], [f"{RULE_SLOT}{one.slot}" for one in missing])
    entries = []
    for one in missing:
        policy = file.ground.rules.on(one.day)
        kind = one.type if one.type in Entry.Type.values else Entry.Type.REVERSAL
        entries.append(
            _entry(
                ledger.account,
                one.half_days,
                one.day,
                kind,
                f"{RULE_SLOT}{one.slot}",
                numbers,
                period=one.period,
                policy_id=policy.version if policy else None,
            )
        )
    Entry.objects.bulk_create(entries)
    if ledger.account.settled_on is None or ledger.account.settled_on < until:
        Account.objects.filter(pk=ledger.account.pk).update(settled_on=until)
    return len(entries)


def note(application: LeaveApplication) -> None:
    """Tell the floors above that the days of an application may look different now."""
    note_change(application.employee, Change.Kind.LEAVE, application.starts_on, application.ends_on)
