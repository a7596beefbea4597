"""What is asked for and by whom, as the eligibility rules take it. Pure. Filled in by
`leaves.services.evaluation` and `leaves.context`; judged by `leaves.eligibility.evaluation`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from leaves.balances import BalanceProjection
from leaves.day_counting import DayDebit, RuleContext, Spell
from leaves.eligibility.refusal import LeaveRefusal
from leaves.policies import LeavePolicyVersion, LeaveRule, LeaveType


@dataclass(frozen=True, slots=True)
class PersonalStatus:
    """What the rules ask about a person, from a day on."""

    starts_on: date
    female: bool = False
    single: bool = False
    disabled: bool = False
    probation_until: date | None = None


@dataclass(frozen=True, slots=True)
class ChildDetails:
    """A child, for child care leave. `rank` counts surviving children, the eldest is 1."""

    born_on: date
    disabled: bool
    rank: int

    def birthday_at(self, age: int) -> date:
        """The birthday on which the child is `age`; 29 February counts from 1 March."""
        try:
            return self.born_on.replace(year=self.born_on.year + age)
        except ValueError:
            return date(self.born_on.year + age, 3, 1)


@dataclass(frozen=True, slots=True)
class LeaveRequest:
    """What is asked for, beyond the spell itself. `waived_rules`: ids of rules that an authority
    set aside this once.
    """

    spell: Spell
    half_day: bool = False
    has_certificate: bool = False
    is_study: bool = False
    study_days_used: float = 0
    child: ChildDetails | None = None
    self_service: bool = True
    waived_rules: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ApplicantContext:
    """Everything about the applicant that the rules look at. `other_spells`: live spells, the asked
    one not among them; `suspensions`: first and last day of each suspension, None while it lasts.
    """

    rule_context: RuleContext
    joined_on: date
    left_on: date | None
    today: date
    status_on: Callable[[date], PersonalStatus]
    projections: Mapping[LeaveType, BalanceProjection]
    other_spells: Sequence[Spell] = field(default_factory=tuple)
    has_children: bool = False
    suspensions: Sequence[tuple[date, date | None]] = ()


@dataclass(frozen=True)
class EvaluatedRequest:
    """One application on the table, with its rule looked up and its cost worked out."""

    request: LeaveRequest
    applicant: ApplicantContext
    policy: LeavePolicyVersion
    rule: LeaveRule
    day_debits: list[DayDebit]

    @property
    def spell(self) -> Spell:
        """The spell asked for."""
        return self.request.spell

    @property
    def days(self) -> float:
        """Days of leave, the factor left out."""
        return sum(one.half_days for one in self.day_debits) / self.rule.factor / 2

    def refuse(
        self, code: str, rule: str, field: str = "leave_type", **details: Any
    ) -> LeaveRefusal:
        """A refusal with the kind among its numbers."""
        return LeaveRefusal(code, rule, field, {"kind": str(self.spell.kind), **details})
