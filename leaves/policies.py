"""An employer's leave rules as values: what is credited, what counts, what may follow what.
Pure.

The numbers come from rows (`models.LeavePolicy`, `models.LeaveTypeRule`), which HR edits;
`ccs_1972.json` is the set they start from. Quantities are integer half-days.
`leaves.policy_parsing` makes these values from plain data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Any, Final, Protocol, TypeVar


class LeaveType(StrEnum):
    """Kinds of leave. COMMUTED has no account of its own: it debits HPL twice."""

    CL = "CL"
    SCL = "SCL"
    EL = "EL"
    HPL = "HPL"
    COMMUTED = "COMMUTED"
    CCL = "CCL"
    RH = "RH"


class LeaveNature(StrEnum):
    """What a kind is when it meets another: casual leave is no leave under the rules, a restricted
    holiday joins either.
    """

    CASUAL = "CASUAL"
    REGULAR = "REGULAR"
    RESTRICTED = "RESTRICTED"


class AccrualCycle(StrEnum):
    """How often something is credited, or closed."""

    NEVER = "NEVER"
    MONTHLY = "MONTHLY"
    HALF_YEARLY = "HALF_YEARLY"
    YEARLY = "YEARLY"
    LIFETIME = "LIFETIME"


class JoinerCredit(StrEnum):
    """What somebody who joins within a period is credited."""

    FULL = "FULL"
    PRORATA = "PRORATA"


class CertificateRequirement(StrEnum):
    """Whether a medical certificate must come with the application."""

    NEVER = "NEVER"
    ALWAYS = "ALWAYS"
    UNLESS_STUDY = "UNLESS_STUDY"


class EligibleGroup(StrEnum):
    """Who may take a kind of leave."""

    ANYONE = "ANYONE"
    DISABLED = "DISABLED"
    CHILD_CARE = "CHILD_CARE"


class Authority(StrEnum):
    """Who may sanction leave, from the nearest to the highest. Whoever is higher may sanction what
    is for a nearer one.
    """

    MANAGER = "MANAGER"
    HEAD = "HEAD"
    HR = "HR"
    ADMIN = "ADMIN"

    @property
    def rank(self) -> int:
        """The higher, the more."""
        return list(Authority).index(self)


@dataclass(frozen=True, slots=True)
class SanctionLimit:
    """Who may sanction leave of a kind (None: of every kind without rows of its own), up to how
    many days at a stretch.

    `recommendation`: only after another officer has said what they recommend.
    """

    kind: LeaveType | None
    authority: Authority
    up_to_days: int | None = None
    recommendation: bool = False

    def covers(self, days: float) -> bool:
        """Whether leave of that length is within it."""
        return self.up_to_days is None or days <= self.up_to_days


@dataclass(frozen=True, slots=True)
class LeaveRule:
    """One kind of leave in one version of the rules. Quantities that are credited are half-days;
    lengths are days.
    """

    kind: LeaveType
    nature: LeaveNature
    account: LeaveType
    factor: int = 1
    cycle: AccrualCycle = AccrualCycle.NEVER
    amount: int = 0
    disabled_extra: int = 0
    joiner: JoinerCredit = JoinerCredit.FULL
    exit_prorata: bool = False
    rounding: int = 2
    closes: AccrualCycle = AccrualCycle.NEVER
    ceiling: int = 0
    eol_divisor: int = 0
    dies_non_divisor: int = 0
    reduction_cap: int = 0
    floor: int = 0
    half_days: bool = False
    counts_off_days: bool = False
    list_only: bool = False
    stretch_days: int | None = None
    min_spell_days: int | None = None
    proof: CertificateRequirement = CertificateRequirement.NEVER
    study_days: int | None = None
    eligible_group: EligibleGroup = EligibleGroup.ANYONE
    spells: int | None = None
    spells_single_woman: int | None = None
    spells_in_patient: int = 0
    child_age: int | None = None
    child_count: int | None = None
    on_probation: bool = True
    backdated: bool = True
    pay_percent: int = 100
    full_pay_days: int | None = None
    pay_percent_after: int = 100

    @property
    def has_account(self) -> bool:
        """Whether this kind has a balance of its own."""
        return self.account == self.kind


@dataclass(frozen=True, slots=True)
class LeavePolicyVersion:
    """One version of an employer's rules, in force from a day on until the next version."""

    effective_from: date
    rules: Mapping[LeaveType, LeaveRule]
    combinations: Mapping[LeaveType, frozenset[LeaveType]]
    weekly_offs: str = "SAT,SUN"
    bridge_off_days: bool = True
    casual_off_regular: bool = False
    casual_restricted_regular: bool = False
    regular_restricted_regular: bool = False
    single_men_as_women: bool = False
    total_days: int | None = None
    conversion_days: int = 30
    late_minutes: int = 60
    late_times: int = 2
    late_spent_only: bool = False
    encash_at_a_time: int = 10
    encash_career: int = 60
    encash_remain: int = 30
    encash_leaving: int = 300
    sanctions: tuple[SanctionLimit, ...] = ()
    policy_id: int | None = None

    def may_follow(self, first: LeaveType, then: LeaveType) -> bool:
        """Whether `then` may directly follow `first`."""
        return then in self.combinations.get(first, frozenset())

    def sanctions_for(self, kind: LeaveType) -> list[SanctionLimit]:
        """The rows for a kind, the nearest authority first; none when whoever may decide at all
        decides on any length.
        """
        rows = [one for one in self.sanctions if one.kind is kind] or [
            one for one in self.sanctions if one.kind is None
        ]
        return sorted(rows, key=lambda one: one.authority.rank)

    def sanction_for(self, kind: LeaveType, days: float) -> SanctionLimit | None:
        """The row of the nearest authority that may sanction leave of that length; None when
        nothing is said.
        """
        return next((one for one in self.sanctions_for(kind) if one.covers(days)), None)


@dataclass(frozen=True)
class LeavePolicyHistory:
    """All versions that ever held for a person, oldest first."""

    versions: Sequence[LeavePolicyVersion] = field(default_factory=tuple)

    def version_on(self, day: date) -> LeavePolicyVersion | None:
        """The version in force on a day; None before the first."""
        found = None
        for one in self.versions:
            if one.effective_from <= day:
                found = one
        return found

    def rule_for(self, kind: LeaveType, day: date) -> LeaveRule | None:
        """The rule for a kind on a day; None when it does not exist then."""
        policy = self.version_on(day)
        return policy.rules.get(kind) if policy else None

    @property
    def starts_on(self) -> date | None:
        """The first day of the first version."""
        return self.versions[0].effective_from if self.versions else None


STANDARD_SCHEME: Final = "standard"


class _Dated(Protocol):
    """A frozen dataclass that holds from a day on."""

    @property
    def effective_from(self) -> date: ...


V = TypeVar("V", bound=_Dated)


def versions_in_force(
    by_scheme: Mapping[str, Sequence[V]], spans: Sequence[tuple[date, str]]
) -> list[V]:
    """The versions that ever held for a person, oldest first, each from the day on which it came to
    hold for them.

    `by_scheme`: versions by group of staff, oldest first; `spans`: the groups a person was in, each
    from its day on. The first group holds for the time before it too, and who is in none, or in one
    without rules, has the standard ones.
    """
    groups = [(date.min, spans[0][1]), *spans[1:]] if spans else [(date.min, STANDARD_SCHEME)]
    found: list[V] = []
    for number, (start, scheme) in enumerate(groups):
        end = groups[number + 1][0] if number + 1 < len(groups) else date.max
        found += _versions_between(
            by_scheme.get(scheme) or by_scheme.get(STANDARD_SCHEME, ()), start, end
        )
    return found


def _versions_between(versions: Sequence[V], start: date, end: date) -> list[V]:
    held = [one for one in versions if one.effective_from <= start]
    later = [one for one in versions if start < one.effective_from < end]
    return [
        *(replace(one, effective_from=max(start, one.effective_from)) for one in held[-1:]),  # type: ignore[type-var]
        *later,
    ]


def to_half_days(days: Any) -> int:
    """Days, whole or with .5, as half-days. Raises ValueError for any other fraction."""
    doubled = days * 2
    if doubled != int(doubled):
        raise ValueError(f"{days} is not a number of half-days")
    return int(doubled)
