"""A year's statement of leave: opening balance, credits, debits and what is left, leave type by
leave type. Pure, in half-days. Called by `leaves.statements`, which reads the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from leaves.balances import BalanceProjection
from leaves.policies import LeavePolicyHistory, LeaveType


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
