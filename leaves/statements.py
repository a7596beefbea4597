"""What leave there is: the days that approved leave covers, and a person's accounts in a year.
Nothing is written here.

`approved_leave_days` is for whoever works out days of attendance; `leave_statement` for the API and
the console.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet

from employees.models import Employee
from leaves import ledger
from leaves.balances import BalanceProjection
from leaves.context import RULE_SLOT_PREFIX, load_leave_context, local_today
from leaves.models import LeaveApplication, LeaveDay, LeaveLedgerEntry, LeaveTypeRule
from leaves.policies import LeavePolicyHistory, LeaveType


@dataclass(frozen=True, slots=True)
class ApprovedLeaveDay:
    """A day (or half of it) of approved leave, for whoever works out days. `pay_percent` is of that
    day's pay.
    """

    employee_id: Any
    date: date
    half: str
    kind: str
    day_class: str
    application_id: int
    pay_percent: int


def approved_leave_days(
    organization_id: int, first: date, last: date, employees: Iterable[Any] | None = None
) -> list[ApprovedLeaveDay]:
    """The days of approved leave between two dates, both included, oldest first. Off days that are
    free are not among them.
    """
    rows = LeaveDay.objects.of(organization_id).filter(
        application__status=LeaveApplication.Status.APPROVED,
        date__range=(first, last),
        counted__gt=0,
    )
    if employees is not None:
        rows = rows.filter(application__employee__in=list(employees))
    pay = _PayRates(organization_id)
    return [
        ApprovedLeaveDay(
            one.application.employee_id,
            one.date,
            one.half,
            one.application.kind,
            one.day_class,
            one.application_id,
            pay.percent_on(one),
        )
        for one in rows.select_related("application").order_by("date", "half", "id")
    ]


class _PayRates:
    """Pay of days of leave; the days counted in a career are read once for each person who needs
    it.
    """

    def __init__(self, organization_id: int) -> None:
        published = (
            LeaveTypeRule.objects.of(organization_id)
            .filter(policy__published_at__isnull=False)
            .select_related("policy")
        )
        self._rules = sorted(published, key=lambda rule: rule.policy.effective_from)
        self._taken: dict[tuple[Any, str], list[date]] = {}

    def percent_on(self, day: LeaveDay) -> int:
        """Per cent of pay on a day of leave."""
        one = day.application
        rule = next(
            (
                r
                for r in reversed(self._rules)
                if r.kind == one.kind and r.policy.effective_from <= one.starts_on
            ),
            None,
        )
        if rule is None:
            return 100
        if rule.full_pay_days is None:
            return rule.pay_percent
        key = (one.employee_id, one.kind)
        if key not in self._taken:
            same = LeaveDay.objects.of(one.organization_id).filter(
                application__employee=one.employee_id,
                application__kind=one.kind,
                application__status=LeaveApplication.Status.APPROVED,
                counted__gt=0,
            )
            self._taken[key] = sorted(same.values_list("date", flat=True))
        before = sum(1 for on in self._taken[key] if on < day.date)
        return rule.pay_percent if before < rule.full_pay_days else rule.pay_percent_after


@dataclass(frozen=True, slots=True)
class LeaveBalance:
    """One kind in a year's statement, in half-days."""

    kind: str
    opening: int
    credited: int
    debited: int
    lapsed: int
    held: int
    available: int


STATEMENT_TYPES: Final = (
    LeaveType.CL,
    LeaveType.EL,
    LeaveType.HPL,
    LeaveType.COMMUTED,
    LeaveType.CCL,
    LeaveType.RH,
)
_CREDIT_TYPES: Final = frozenset({"CREDIT", "CREDIT_PRORATA", "REDUCTION", "EXIT_ADJUST"})


def leave_statement(employee: Employee, year: int) -> tuple[date, list[LeaveBalance]]:
    """A person's accounts in a year as of today (or as of the end of a year that is over): the date
    and six kinds.

    What the rules credit is worked out from facts, so it is right even before the job of the day
    has run. Debits of approved leave in the year count, those to come too.
    """
    with transaction.atomic():
        ledger.lock_accounts(employee)
    now = local_today(employee)
    first, last = date(year, 1, 1), date(year, 12, 31)
    as_of = max(first, min(now, last))
    file = load_leave_context(employee, as_of, as_of)
    entries = non_rule_entries(
        LeaveLedgerEntry.objects.of(employee.organization_id).filter(account__employee=employee),
        first,
        last,
    )
    moved: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for kind, entry_type, amount in entries.values_list("account__kind", "type", "half_days"):
        moved[kind].append((entry_type, amount))
    return as_of, leave_balances(
        file.projections, moved, file.rule_context.policies, StatementYear(year, now)
    )


@dataclass(frozen=True, slots=True)
class StatementYear:
    """A year, and the date from which it is looked at."""

    year: int
    today: date

    @property
    def first(self) -> date:
        """Its first day."""
        return date(self.year, 1, 1)

    @property
    def last(self) -> date:
        """Its last day."""
        return date(self.year, 12, 31)

    @property
    def as_of(self) -> date:
        """Today, or the nearest day of the year."""
        return max(self.first, min(self.today, self.last))


def leave_balances(
    projections: Mapping[LeaveType, BalanceProjection],
    entries_by_type: Mapping[str, Sequence[tuple[str, int]]],
    rules: LeavePolicyHistory,
    year: StatementYear,
) -> list[LeaveBalance]:
    """Six kinds in a year, from the books and the entries (type, half-days) that people caused in
    the year. Reads nothing.
    """
    found: dict[LeaveType, LeaveBalance] = {
        kind: _leave_balance(kind, projections.get(kind), entries_by_type.get(kind, ()), year)
        for kind in STATEMENT_TYPES
        if kind != LeaveType.COMMUTED
    }
    half_pay, policy = found[LeaveType.HPL], rules.version_on(year.as_of)
    factor = (
        policy.rules[LeaveType.COMMUTED].factor
        if policy and LeaveType.COMMUTED in policy.rules
        else 2
    )
    commuted = [
        getattr(half_pay, name) // factor
        for name in ("opening", "credited", "debited", "lapsed", "held", "available")
    ]
    found[LeaveType.COMMUTED] = LeaveBalance(LeaveType.COMMUTED, *commuted)
    return [found[kind] for kind in STATEMENT_TYPES]


def _leave_balance(
    kind: LeaveType,
    projection: BalanceProjection | None,
    moved: Sequence[tuple[str, int]],
    year: StatementYear,
) -> LeaveBalance:
    if projection is None:
        return LeaveBalance(kind, 0, 0, 0, 0, 0, 0)
    first, last, as_of, over = year.first, year.last, year.as_of, year.today > year.last
    opening = projection.balance_on(first - timedelta(days=1))
    rules = [
        one
        for one in projection.rule_entries(last + timedelta(days=1) if over else as_of)
        if first <= one.day <= last
    ]
    credited = sum(one.half_days for one in rules if one.type in _CREDIT_TYPES)
    lapsed = -sum(one.half_days for one in rules if one.type in ("LAPSE", "FORFEIT"))
    debits = -sum(amount for entry_type, amount in moved if entry_type in _DEBIT_TYPES)
    credited += sum(amount for entry_type, amount in moved if entry_type not in _DEBIT_TYPES)
    held = -sum(amount for day, amount in projection.holds if first <= day <= last)
    available = projection.balance_on(last) if over else projection.available_on(as_of)
    return LeaveBalance(kind, opening, credited, debits, lapsed, held, available)


_DEBIT_TYPES: Final = frozenset({"DEBIT", "REVERSAL", "ENCASH", "LATE_DEBIT", "OVERSTAY"})


def non_rule_entries(
    entries: QuerySet[LeaveLedgerEntry], first: date, last: date
) -> QuerySet[LeaveLedgerEntry]:
    """Of some entries those that people caused, with effect between two dates."""
    return (
        entries.filter(effective_on__range=(first, last))
        .exclude(slot__startswith=RULE_SLOT_PREFIX)
        .order_by()
    )
