"""Sums over a ledger: balances on any day, what can still be taken, and what has yet to be posted.
Pure, in half-days.

No balance is stored anywhere. What the rules credit and let lapse is worked out anew from facts, so
an answer does not depend on which jobs have run. Called by `context`, `ledger` and the judgement of
applications.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from leaves.accrual import AccrualTerms, DueEntry, due_entries

BalanceMovement = tuple[date, int]


@dataclass(frozen=True)
class BalanceProjection:
    """One account: entries people caused, what pending applications hold, and the terms its credits
    follow from.
    """

    terms: AccrualTerms
    movements: Sequence[BalanceMovement] = ()
    holds: Sequence[BalanceMovement] = ()
    floor: int = 0

    def rule_entries(self, until: date, extra: Sequence[BalanceMovement] = ()) -> list[DueEntry]:
        """What the rules credit and take up to `until`, if `extra` were posted too."""
        return due_entries(self.terms, [*self.movements, *extra], until)

    def balance_on(self, day: date) -> int:
        """The balance at the end of `day`: the sum of all that took effect by then. Holds do not
        count.
        """
        # The last day of a period is seen closed, as whoever looks later sees it.
        found = self.rule_entries(day + timedelta(days=1))
        return sum(one.half_days for one in found if one.day <= day) + sum(
            amount for on, amount in self.movements if on <= day
        )

    def lowest_balance(self, since: date, extra: Sequence[BalanceMovement] = ()) -> int:
        """The lowest balance at the end of any day from `since` on, with holds and `extra` taken
        into account.
        """
        moved = [*self.movements, *self.holds, *extra]
        horizon = max([since, *(day for day, _amount in moved)])
        left = self.terms.service.left_on
        # Beyond the last movement nothing takes away any more, except the adjustment when somebody
        # leaves.
        horizon = max(horizon, left) if left is not None else horizon
        found = due_entries(self.terms, moved, horizon)
        steps: Counter[date] = Counter()
        for day, amount in (*moved, *((one.day, one.half_days) for one in found)):
            steps[max(day, since)] += amount
        running, lowest = 0, None
        for day in sorted(steps):
            running += steps[day]
            lowest = running if lowest is None else min(lowest, running)
        return lowest or 0

    def can_afford(self, debits: Sequence[BalanceMovement]) -> bool:
        """Whether these debits (negative amounts) leave the account at or above its floor for ever
        after.
        """
        if not debits:
            return True
        return self.lowest_balance(min(day for day, _amount in debits), debits) >= self.floor

    def available_on(self, day: date) -> int:
        """The most that could be taken on `day` without falling below the floor then or later.
        Never negative.
        """
        low, high = 0, max(0, self.balance_with_holds(day) - self.floor)
        while low < high:
            middle = (low + high + 1) // 2
            if self.can_afford([(day, -middle)]):
                low = middle
            else:
                high = middle - 1
        return low

    def balance_with_holds(self, day: date) -> int:
        """The balance at the end of `day` with holds of that day and before: no more than that can
        be taken then.
        """
        moved = [(on, amount) for on, amount in (*self.movements, *self.holds) if on <= day]
        return sum(
            one.half_days for one in due_entries(self.terms, moved, day) if one.day <= day
        ) + sum(n for _on, n in moved)

    def with_movements(self, more: Iterable[BalanceMovement]) -> BalanceProjection:
        """The same account with more entries."""
        return replace(self, movements=(*self.movements, *more))


def missing_entries(
    wanted: Iterable[DueEntry], posted: Mapping[tuple[str, date], int]
) -> list[DueEntry]:
    """What has to be posted so that each slot adds up, day by day, to what is wanted; what is not
    wanted goes back to zero.

    `posted` is the sum of what stands in the ledger, by slot and effective day.
    """
    rest = {key: amount for key, amount in posted.items() if amount}
    found: list[DueEntry] = []
    for due in wanted:
        if missing := due.half_days - rest.pop((due.slot, due.day), 0):
            found.append(replace(due, half_days=missing))
    for (slot, day), amount in rest.items():
        period, _sep, kind = slot.partition(":")
        found.append(DueEntry(slot, period, day, kind, -amount))
    return found
