"""The accounts of a person as projections of their balance, from entries, holds, absences and
the rules. `load_account_ledgers` reads one person for `leaves.context`; `build_balances` reads
nothing and serves the statements of many people too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.db.models import Sum

from accounts.permissions import local_today
from employees.models import Employee
from leaves import accrual
from leaves.accrual import AbsenceKind, AccrualTerms, ServicePeriod
from leaves.balances import BalanceMovement, BalanceProjection
from leaves.eligibility.request import PersonalStatus
from leaves.models import (
    Absence,
    LeaveAccount,
    LeaveApplication,
    LeaveDay,
    LeaveLedgerEntry,
    LeaveProfile,
)
from leaves.policies import AccrualCycle, EligibleGroup, LeavePolicyHistory, LeaveType

# Slots that the rules fill by themselves begin with this; all others were caused by somebody.
RULE_SLOT_PREFIX: Final = "rule/"


DEFAULT_STATUS: Final = PersonalStatus(date.min)


@dataclass(frozen=True)
class AccountLedger:
    """One account with what stands in it. `posted`: sums by slot and day of what the rules filled
    so far.
    """

    account: LeaveAccount
    projection: BalanceProjection
    posted_by_rules: Mapping[tuple[str, date], int]


def service_period_of(employee: Employee, profiles: Sequence[LeaveProfile]) -> ServicePeriod:
    """A person's service, and how it ended, from their particulars."""
    manner = accrual.ExitManner(profiles[-1].exit_manner) if profiles else accrual.ExitManner.NORMAL
    return ServicePeriod(employee.joined_on, employee.left_on, manner)


def personal_status(profile: LeaveProfile) -> PersonalStatus:
    """A row of particulars as the rules take it."""
    return PersonalStatus(
        profile.starts_on,
        profile.sex == "F",
        profile.single,
        profile.disabled,
        profile.probation_until,
    )


def personal_status_on(statuses: Sequence[PersonalStatus], day: date) -> PersonalStatus:
    """What holds about a person on a day; before the first row, what that row says."""
    found = statuses[0] if statuses else DEFAULT_STATUS
    for one in statuses:
        if one.starts_on <= day:
            found = one
    return found


def load_account_ledgers(
    employee: Employee,
    rules: LeavePolicyHistory,
    service: ServicePeriod,
    statuses: Sequence[PersonalStatus],
    excluding: LeaveApplication | None,
) -> dict[LeaveType, AccountLedger]:
    """The accounts of one person that exist, by leave type; without `excluding`."""
    if rules.starts_on is None:
        return {}
    accounts = {
        one.pk: one
        for one in LeaveAccount.objects.of(employee.organization_id).filter(employee=employee)
    }
    sums = LeaveLedgerEntry.objects.of(employee.organization_id).filter(account__in=accounts)
    if excluding is not None:
        sums = sums.exclude(application=excluding)
    stood = AccountEntries(
        [LeaveType(one.kind) for one in accounts.values()],
        sums.order_by()
        .values_list("account__kind", "slot", "effective_on")
        .annotate(total=Sum("half_days")),
        dict(
            sums.filter(type=LeaveLedgerEntry.Type.OPENING)
            .order_by("effective_on")
            .values_list("account__kind", "effective_on")
        ),
        _pending_holds(employee, excluding),
        _absences(employee),
    )
    by_kind = {LeaveType(one.kind): one for one in accounts.values()}
    books = build_balances(rules, service, statuses, stood, local_today(employee))
    return {
        kind: AccountLedger(by_kind[kind], book, posted) for kind, (book, posted) in books.items()
    }


@dataclass(frozen=True)
class AccountEntries:
    """What stands about one person's accounts: their kinds, sums of entries (kind, slot, day,
    half-days), the days on which balances were brought forward, what pending applications hold, and
    absences.
    """

    kinds: Sequence[LeaveType]
    entry_sums: Iterable[tuple[str, str, date, int]]
    opened_on: Mapping[str, date]
    holds: Mapping[LeaveType, Sequence[BalanceMovement]]
    absences: Sequence[accrual.AbsencePeriod]


PostedSums = Mapping[tuple[str, date], int]


def build_balances(
    rules: LeavePolicyHistory,
    service: ServicePeriod,
    statuses: Sequence[PersonalStatus],
    account_entries: AccountEntries,
    on: date,
) -> dict[LeaveType, tuple[BalanceProjection, PostedSums]]:
    """The books of accounts and what the rules posted in each, from what stands about them on a
    day. Reads nothing.
    """
    if rules.starts_on is None:
        return {}
    own: dict[str, list[BalanceMovement]] = defaultdict(list)
    posted: dict[str, dict[tuple[str, date], int]] = defaultdict(dict)
    for kind, slot, day, total in account_entries.entry_sums:
        if slot.startswith(RULE_SLOT_PREFIX):
            posted[kind][slot.removeprefix(RULE_SLOT_PREFIX), day] = total
        elif total:
            own[kind].append((day, total))
    found: dict[LeaveType, tuple[BalanceProjection, PostedSums]] = {}
    for kind in account_entries.kinds:
        terms = _accrual_terms(
            kind,
            rules,
            service,
            statuses,
            account_entries.opened_on.get(kind),
            account_entries.absences,
        )
        rule = rules.rule_for(kind, on) or rules.rule_for(kind, rules.versions[-1].effective_from)
        found[kind] = (
            BalanceProjection(
                terms, own[kind], account_entries.holds.get(kind, ()), rule.floor if rule else 0
            ),
            posted[kind],
        )
    return found


def _accrual_terms(
    kind: LeaveType,
    rules: LeavePolicyHistory,
    service: ServicePeriod,
    statuses: Sequence[PersonalStatus],
    opened_on: date | None,
    absences: Sequence[accrual.AbsencePeriod],
) -> AccrualTerms:
    def eligible(day: date) -> bool:
        rule = rules.rule_for(kind, day)
        return rule is not None and _is_in_group(
            rule.eligible_group, personal_status_on(statuses, day)
        )

    begins = rules.starts_on or date.max
    first = max(begins, service.joined_on)
    candidates = [first, *(one.starts_on for one in statuses if one.starts_on > first)]
    lifetime = any(
        rule.cycle is AccrualCycle.LIFETIME
        for one in rules.versions
        if (rule := one.rules.get(kind))
    )
    eligible_from = next((day for day in candidates if eligible(day)), None) if lifetime else None
    return AccrualTerms(
        lambda day: rules.rule_for(kind, day),
        service,
        begins,
        opened_on,
        absences,
        eligible,
        eligible_from,
        lambda day: personal_status_on(statuses, day).disabled,
    )


def _is_in_group(who: EligibleGroup, status: PersonalStatus) -> bool:
    if who is EligibleGroup.DISABLED:
        return status.disabled
    return who is EligibleGroup.ANYONE or status.female or status.single


def _pending_holds(
    employee: Employee, excluding: LeaveApplication | None
) -> dict[LeaveType, list[BalanceMovement]]:
    rows = LeaveDay.objects.of(employee.organization_id).filter(
        application__employee=employee,
        application__status=LeaveApplication.Status.PENDING,
        half_days__gt=0,
    )
    if excluding is not None:
        rows = rows.exclude(application=excluding)
    found: dict[LeaveType, list[BalanceMovement]] = defaultdict(list)
    for account, day, amount in rows.values_list("account", "date", "half_days"):
        found[LeaveType(account)].append((day, -amount))
    return found


def _absences(employee: Employee) -> list[accrual.AbsencePeriod]:
    rows = Absence.objects.of(employee.organization_id).filter(
        employee=employee, revoked_at__isnull=True
    )
    return [
        accrual.AbsencePeriod(AbsenceKind(one.kind), one.starts_on, one.ends_on) for one in rows
    ]
