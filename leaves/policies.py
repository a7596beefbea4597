"""An employer's leave rules as values: what is credited, what counts, what may follow what. Pure.

The numbers come from rows (`models.LeavePolicy`, `models.LeaveTypeRule`), which HR edits;
`ccs_1972.json` is the set they start from. Quantities are integer half-days. `parse_leave_policy`
turns plain data into a Policy and says what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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


# What `parse_leave_policy` takes in days and keeps in half-days.
_FIELDS_IN_DAYS = ("amount", "disabled_extra", "ceiling", "reduction_cap", "floor", "rounding")
_ENUM_FIELDS: Mapping[str, type[StrEnum]] = {
    "nature": LeaveNature,
    "account": LeaveType,
    "cycle": AccrualCycle,
    "joiner": JoinerCredit,
    "closes": AccrualCycle,
    "proof": CertificateRequirement,
    "eligible_group": EligibleGroup,
}


def to_half_days(days: Any) -> int:
    """Days, whole or with .5, as half-days. Raises ValueError for any other fraction."""
    doubled = days * 2
    if doubled != int(doubled):
        raise ValueError(f"{days} is not a number of half-days")
    return int(doubled)


def parse_leave_policy(
    data: Mapping[str, Any], effective_from: date, policy_id: int | None = None
) -> LeavePolicyVersion:
    """A policy from plain data in the form of `ccs_1972.json`. Raises ValueError saying what is
    wrong.
    """
    rules = {
        LeaveType(name): _parse_rule(LeaveType(name), facts)
        for name, facts in data["kinds"].items()
    }
    combinations = {
        LeaveType(first): frozenset(LeaveType(one) for one in then)
        for first, then in data["combinations"].items()
    }
    sanctions = tuple(_parse_sanction_limit(one) for one in data.get("sanctions", ()))
    policy = LeavePolicyVersion(
        effective_from,
        rules,
        combinations,
        sanctions=sanctions,
        policy_id=policy_id,
        **data.get("switches", {}),
    )
    if problem := next(leave_policy_problems(policy), None):
        raise ValueError(problem)
    return policy


def _parse_rule(kind: LeaveType, facts: Mapping[str, Any]) -> LeaveRule:
    values: dict[str, Any] = {"account": kind, **facts}
    for name in _FIELDS_IN_DAYS:
        if name in values:
            values[name] = to_half_days(values[name])
    for name, enum in _ENUM_FIELDS.items():
        if name in values:
            values[name] = enum(values[name])
    try:
        return LeaveRule(kind=kind, **values)
    except TypeError as error:
        raise ValueError(f"{kind}: {error}") from error


def _parse_sanction_limit(facts: Mapping[str, Any]) -> SanctionLimit:
    kind = facts.get("kind")
    return SanctionLimit(
        LeaveType(kind) if kind else None,
        Authority(facts["authority"]),
        facts.get("up_to_days"),
        facts.get("recommendation", False),
    )


def leave_policy_problems(policy: LeavePolicyVersion) -> Iterator[str]:
    """What is contradictory in a policy, in sentences for whoever edits it."""
    for kind, rule in policy.rules.items():
        if rule.account not in policy.rules or not policy.rules[rule.account].has_account:
            yield f"{kind}: the account {rule.account} is not among the kinds of this policy"
        if rule.factor < 1:
            yield f"{kind}: the factor is at least 1"
        if rule.cycle is not AccrualCycle.NEVER and not rule.has_account:
            yield f"{kind}: only a kind with an account of its own is credited"
        if rule.rounding not in (1, 2):
            yield f"{kind}: credits are rounded to whole or half days"
        if rule.closes not in (AccrualCycle.NEVER, AccrualCycle.HALF_YEARLY, AccrualCycle.YEARLY):
            yield f"{kind}: an account is closed half-yearly, yearly or never"
    for first, then in policy.combinations.items():
        if unknown := sorted({first, *then} - set(policy.rules)):
            yield f"The combinations name kinds without a rule: {', '.join(unknown)}"
    yield from _unsanctionable_leave_types(policy)


def _unsanctionable_leave_types(policy: LeavePolicyVersion) -> Iterator[str]:
    """Kinds whose longest leave nobody could sanction."""
    for kind in {one.kind for one in policy.sanctions}:
        rows = [one for one in policy.sanctions if one.kind is kind]
        if all(one.up_to_days is not None for one in rows):
            yield (
                f"{kind or 'Every kind'}: nobody may sanction more than"
                f" {max(one.up_to_days or 0 for one in rows)} days"
            )
