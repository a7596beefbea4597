"""Whether the accounts can afford an application, with what it makes neighbouring leave cost.
Pure. Called by `leaves.eligibility.evaluation`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from leaves.balances import BalanceMovement
from leaves.day_counting import DayDebit, calculate_all_day_debits
from leaves.eligibility.refusal import LeaveRefusal
from leaves.eligibility.request import EvaluatedRequest
from leaves.policies import LeaveNature, LeaveType


def to_movements(day_debits: Sequence[DayDebit]) -> list[BalanceMovement]:
    """What charges take off the account, by day."""
    return [(one.day, -one.half_days) for one in day_debits if one.half_days]


def added_movements(evaluated: EvaluatedRequest) -> dict[LeaveType, list[BalanceMovement]]:
    """What each account would lose more by this application: its own charges, and what it makes its
    neighbours cost.
    """
    before, after = (
        calculate_all_day_debits(
            evaluated.applicant.other_spells, evaluated.applicant.rule_context
        ),
        calculate_all_day_debits(
            [*evaluated.applicant.other_spells, evaluated.spell], evaluated.applicant.rule_context
        ),
    )
    found: dict[LeaveType, dict[date, int]] = {}
    for one in (*evaluated.applicant.other_spells, evaluated.spell):
        rule = evaluated.applicant.rule_context.rule_for(one)
        if rule is None or (one is not evaluated.spell and before[one.id] == after[one.id]):
            continue
        moved = found.setdefault(rule.account, {})
        for day, amount in (
            *to_movements(after[one.id]),
            *((day, -amount) for day, amount in to_movements(before.get(one.id, []))),
        ):
            moved[day] = moved.get(day, 0) + amount
    return {
        account: [(day, amount) for day, amount in sorted(moved.items()) if amount]
        for account, moved in found.items()
    }


def check_balance(evaluated: EvaluatedRequest) -> Iterator[LeaveRefusal]:
    """Every account can afford what it would lose (CL1, CL2, E1, H1, K1, C1, R1)."""
    for account, wanted in added_movements(evaluated).items():
        book = evaluated.applicant.projections.get(account)
        if not wanted or (book is not None and book.can_afford(wanted)):
            continue
        available = book.available_on(wanted[0][0]) if book is not None else 0
        needed = -sum(amount for _day, amount in wanted)
        numbers = {"needed": needed / 2, "available": available / 2, "account": str(account)}
        if evaluated.rule.nature is LeaveNature.RESTRICTED:
            yield evaluated.refuse(
                "RH_LIMIT", "R1", "start_date", limit=evaluated.rule.amount / 2, **numbers
            )
        else:
            yield evaluated.refuse(
                "INSUFFICIENT_BALANCE",
                _BALANCE_RULE_IDS.get(evaluated.spell.kind, "E1"),
                "end_date",
                max_days=available // (2 * evaluated.rule.factor),
                **numbers,
            )
        return


_BALANCE_RULE_IDS = {
    LeaveType.CL: "CL1",
    LeaveType.SCL: "CL2",
    LeaveType.HPL: "H1",
    LeaveType.COMMUTED: "K1",
    LeaveType.CCL: "C1",
}
