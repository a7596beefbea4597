"""An employer's leave rules as values: what is credited, what counts, what may follow what. Pure.

The numbers come from rows (`models.LeavePolicy`, `models.KindRule`), which HR edits;
`ccs_1972.json` is the set they start from. Quantities are integer half-days. `read` turns plain
data into a Policy and says what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Any, Final, Protocol, TypeVar


class Kind(StrEnum):
    """Kinds of leave. COMMUTED has no account of its own: it debits HPL twice."""

    CL = "CL"
    SCL = "SCL"
    EL = "EL"
    HPL = "HPL"
    COMMUTED = "COMMUTED"
    CCL = "CCL"
    RH = "RH"


class Nature(StrEnum):
    """What a kind is when it meets another: casual leave is no leave under the rules, a restricted
    holiday joins either.
    """

    CASUAL = "CASUAL"
    REGULAR = "REGULAR"
    RESTRICTED = "RESTRICTED"


class Cycle(StrEnum):
    """How often something is credited, or closed."""

    NEVER = "NEVER"
    MONTHLY = "MONTHLY"
    HALF_YEARLY = "HALF_YEARLY"
    YEARLY = "YEARLY"
    LIFETIME = "LIFETIME"


class Joiner(StrEnum):
    """What somebody who joins within a period is credited."""

    FULL = "FULL"
    PRORATA = "PRORATA"


class Proof(StrEnum):
    """Whether a medical certificate must come with the application."""

    NEVER = "NEVER"
    ALWAYS = "ALWAYS"
    UNLESS_STUDY = "UNLESS_STUDY"


class Who(StrEnum):
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
class Sanction:
    """Who may sanction leave of a kind (None: of every kind without rows of its own), up to how
    many days at a stretch.

    `recommendation`: only after another officer has said what they recommend.
    """

    kind: Kind | None
    authority: Authority
    up_to_days: int | None = None
    recommendation: bool = False

    def covers(self, days: float) -> bool:
        """Whether leave of that length is within it."""
        return self.up_to_days is None or days <= self.up_to_days


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of leave in one version of the rules. Quantities that are credited are half-days;
    lengths are days.
    """

    kind: Kind
    nature: Nature
    account: Kind
    factor: int = 1
    cycle: Cycle = Cycle.NEVER
    amount: int = 0
    disabled_extra: int = 0
    joiner: Joiner = Joiner.FULL
    exit_prorata: bool = False
    rounding: int = 2
    closes: Cycle = Cycle.NEVER
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
    proof: Proof = Proof.NEVER
    study_days: int | None = None
    who: Who = Who.ANYONE
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
class Policy:
    """One version of an employer's rules, in force from a day on until the next version."""

    effective_from: date
    rules: Mapping[Kind, Rule]
    combinations: Mapping[Kind, frozenset[Kind]]
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
    sanctions: tuple[Sanction, ...] = ()
    version: int | None = None

    def may_follow(self, first: Kind, then: Kind) -> bool:
        """Whether `then` may directly follow `first`."""
        return then in self.combinations.get(first, frozenset())

    def sanctions_for(self, kind: Kind) -> list[Sanction]:
        """The rows for a kind, the nearest authority first; none when whoever may decide at all
        decides on any length.
        """
        rows = [one for one in self.sanctions if one.kind is kind] or [
            one for one in self.sanctions if one.kind is None
        ]
        return sorted(rows, key=lambda one: one.authority.rank)

    def sanction_for(self, kind: Kind, days: float) -> Sanction | None:
        """The row of the nearest authority that may sanction leave of that length; None when
        nothing is said.
        """
        return next((one for one in self.sanctions_for(kind) if one.covers(days)), None)


@dataclass(frozen=True)
class Rules:
    """All versions that ever held for a person, oldest first."""

    versions: Sequence[Policy] = field(default_factory=tuple)

    def on(self, day: date) -> Policy | None:
        """The version in force on a day; None before the first."""
        found = None
        for one in self.versions:
            if one.effective_from <= day:
                found = one
        return found

    def rule(self, kind: Kind, day: date) -> Rule | None:
        """The rule for a kind on a day; None when it does not exist then."""
        policy = self.on(day)
        return policy.rules.get(kind) if policy else None

    @property
    def begins(self) -> date | None:
        """The first day of the first version."""
        return self.versions[0].effective_from if self.versions else None


STANDARD: Final = "standard"


class _Dated(Protocol):
    """A frozen dataclass that holds from a day on."""

    @property
    def effective_from(self) -> date: ...


V = TypeVar("V", bound=_Dated)


def in_force(by_scheme: Mapping[str, Sequence[V]], spans: Sequence[tuple[date, str]]) -> list[V]:
    """The versions that ever held for a person, oldest first, each from the day on which it came to
    hold for them.

    `by_scheme`: versions by group of staff, oldest first; `spans`: the groups a person was in, each
    from its day on. The first group holds for the time before it too, and who is in none, or in one
    without rules, has the standard ones.
    """
    groups = [(date.min, spans[0][1]), *spans[1:]] if spans else [(date.min, STANDARD)]
    found: list[V] = []
    for number, (start, scheme) in enumerate(groups):
        end = groups[number + 1][0] if number + 1 < len(groups) else date.max
        found += _clipped(by_scheme.get(scheme) or by_scheme.get(STANDARD, ()), start, end)
    return found


def _clipped(versions: Sequence[V], start: date, end: date) -> list[V]:
    held = [one for one in versions if one.effective_from <= start]
    later = [one for one in versions if start < one.effective_from < end]
    return [
        *(replace(one, effective_from=max(start, one.effective_from)) for one in held[-1:]),  # type: ignore[type-var]
        *later,
    ]


# What `read` takes in days and keeps in half-days.
_IN_DAYS = ("amount", "disabled_extra", "ceiling", "reduction_cap", "floor", "rounding")
_ENUMS: Mapping[str, type[StrEnum]] = {
    "nature": Nature,
    "account": Kind,
    "cycle": Cycle,
    "joiner": Joiner,
    "closes": Cycle,
    "proof": Proof,
    "who": Who,
}


def half_days(days: Any) -> int:
    """Days, whole or with .5, as half-days. Raises ValueError for any other fraction."""
    doubled = days * 2
    if doubled != int(doubled):
        raise ValueError(f"{days} is not a number of half-days")
    return int(doubled)


def read(data: Mapping[str, Any], effective_from: date, version: int | None = None) -> Policy:
    """A policy from plain data in the form of `ccs_1972.json`. Raises ValueError saying what is
    wrong.
    """
    rules = {Kind(name): _rule(Kind(name), facts) for name, facts in data["kinds"].items()}
    combinations = {
        Kind(first): frozenset(Kind(one) for one in then)
        for first, then in data["combinations"].items()
    }
    sanctions = tuple(_sanction(one) for one in data.get("sanctions", ()))
    policy = Policy(
        effective_from,
        rules,
        combinations,
        sanctions=sanctions,
        version=version,
        **data.get("switches", {}),
    )
    if problem := next(problems(policy), None):
        raise ValueError(problem)
    return policy


def _rule(kind: Kind, facts: Mapping[str, Any]) -> Rule:
    values: dict[str, Any] = {"account": kind, **facts}
    for name in _IN_DAYS:
        if name in values:
            values[name] = half_days(values[name])
    for name, enum in _ENUMS.items():
        if name in values:
            values[name] = enum(values[name])
    try:
        return Rule(kind=kind, **values)
    except TypeError as error:
        raise ValueError(f"{kind}: {error}") from error


def _sanction(facts: Mapping[str, Any]) -> Sanction:
    kind = facts.get("kind")
    return Sanction(
        Kind(kind) if kind else None,
        Authority(facts["authority"]),
        facts.get("up_to_days"),
        facts.get("recommendation", False),
    )


def problems(policy: Policy) -> Iterator[str]:
    """What is contradictory in a policy, in sentences for whoever edits it."""
    for kind, rule in policy.rules.items():
        if rule.account not in policy.rules or not policy.rules[rule.account].has_account:
            yield f"{kind}: the account {rule.account} is not among the kinds of this policy"
        if rule.factor < 1:
            yield f"{kind}: the factor is at least 1"
        if rule.cycle is not Cycle.NEVER and not rule.has_account:
            yield f"{kind}: only a kind with an account of its own is credited"
        if rule.rounding not in (1, 2):
            yield f"{kind}: credits are rounded to whole or half days"
        if rule.closes not in (Cycle.NEVER, Cycle.HALF_YEARLY, Cycle.YEARLY):
            yield f"{kind}: an account is closed half-yearly, yearly or never"
    for first, then in policy.combinations.items():
        if unknown := sorted({first, *then} - set(policy.rules)):
            yield f"The combinations name kinds without a rule: {', '.join(unknown)}"
    yield from _unsanctioned(policy)


def _unsanctioned(policy: Policy) -> Iterator[str]:
    """Kinds whose longest leave nobody could sanction."""
    for kind in {one.kind for one in policy.sanctions}:
        rows = [one for one in policy.sanctions if one.kind is kind]
        if all(one.up_to_days is not None for one in rows):
            yield (
                f"{kind or 'Every kind'}: nobody may sanction more than"
                f" {max(one.up_to_days or 0 for one in rows)} days"
            )
