"""May this leave be taken? Each rule that is broken gives a code, a rule id and the numbers it
used. Pure.

Called by `services` under the employee's lock and by the preview. Rule ids are those of
docs/leaves.md. The order of the checks is the order in which a clerk would ask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from leaves.balances import Book, Movement
from leaves.calendars import days_between
from leaves.charging import Charge, Ground, Half, Spell, charge, charge_all, gap, in_order
from leaves.policies import Authority, Kind, Nature, Policy, Proof, Rule, Sanction, Who

LONGEST_DAYS = 366 * 5


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not: a machine's code, the rule's id, the field it is about and the numbers that were
    used.
    """

    code: str
    rule: str
    field: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Status:
    """What the rules ask about a person, from a day on."""

    starts_on: date
    female: bool = False
    single: bool = False
    disabled: bool = False
    probation_until: date | None = None


@dataclass(frozen=True, slots=True)
class ChildFacts:
    """A child, for child care leave. `rank` counts surviving children, the eldest is 1."""

    born_on: date
    disabled: bool
    rank: int

    def grown_on(self, age: int) -> date:
        """The birthday on which the child is `age`; 29 February counts from 1 March."""
        try:
            return self.born_on.replace(year=self.born_on.year + age)
        except ValueError:
            return date(self.born_on.year + age, 3, 1)


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked for, beyond the spell itself. `waived`: ids of rules that an authority set
    aside this once.
    """

    spell: Spell
    half_day: bool = False
    certified: bool = False
    study: bool = False
    study_used: float = 0
    child: ChildFacts | None = None
    own_hand: bool = True
    waived: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Person:
    """Everything about the applicant that the rules look at. `others`: live spells, the asked one
    not among them; `suspended`: first and last day of each suspension, None while it lasts.
    """

    ground: Ground
    joined_on: date
    left_on: date | None
    today: date
    status_on: Callable[[date], Status]
    books: Mapping[Kind, Book]
    others: Sequence[Spell] = field(default_factory=tuple)
    has_children: bool = False
    suspended: Sequence[tuple[date, date | None]] = ()


@dataclass(frozen=True, slots=True)
class Late:
    """A day of late coming that an authority would condone. `condoned`: days of the same month that
    were; `spent`: no casual leave is left.
    """

    on: date
    minutes: int | None
    reason: str
    condoned: int
    spent: bool


def condonable(late: Late, policy: Policy) -> Refusal | None:
    """Why late coming cannot be condoned: too late, too often in a month, or without a reason. None
    when it can.
    """
    about = {"date": late.on, "minutes": late.minutes, "limit": policy.late_minutes}
    if late.minutes is None or late.minutes > policy.late_minutes:
        return Refusal("LATE_TOO_LONG", "L1", "minutes", about)
    if not late.reason.strip():
        return Refusal("LATE_REASON_REQUIRED", "L1", "reason", {"date": late.on})
    if late.condoned >= policy.late_times:
        return Refusal(
            "LATE_LIMIT",
            "L1",
            "date",
            {"date": late.on, "condoned": late.condoned, "limit": policy.late_times},
        )
    if policy.late_spent_only and not late.spent:
        return Refusal("LATE_CASUAL_LEFT", "L4", "date", {"date": late.on})
    return None


def beyond(kind: Kind, days: float, own: Authority | None, policy: Policy) -> Refusal | None:
    """Why leave of that length is not this authority's to decide; None when it is."""
    needed = policy.sanction_for(kind, days)
    if needed is None or (own is not None and own.rank >= needed.authority.rank):
        return None
    mine = [
        one.up_to_days or 0
        for one in policy.sanctions_for(kind)
        if own is not None and one.authority.rank <= own.rank
    ]
    limit = max(mine, default=0)
    about = {
        "kind": str(kind),
        "days": days,
        "needed": str(needed.authority),
        "own": str(own or ""),
        "limit": limit,
    }
    return Refusal("BEYOND_AUTHORITY", "G11", "decision", about)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What it would cost, and everything that stands against it, the first reason first; how long
    it makes the spell it belongs to, and by whose authority that is sanctioned (None: whoever may
    decide at all).
    """

    charges: list[Charge]
    refusals: list[Refusal]
    days_at_a_stretch: float = 0
    sanction: Sanction | None = None


def judge(ask: Ask, person: Person) -> Judgement:
    """Weigh an application. Charges are given even when it is refused."""
    broken = next(_shape(ask, person), None)
    if broken is not None:
        return Judgement([], [broken])
    policy = person.ground.rules.on(ask.spell.starts_on)
    rule = person.ground.rule(ask.spell)
    if policy is None or rule is None:
        return Judgement(
            [],
            [
                Refusal(
                    "NO_POLICY",
                    "POLICY",
                    "leave_type",
                    {"kind": str(ask.spell.kind), "start": ask.spell.starts_on},
                )
            ],
        )
    charges = _charges(ask.spell, person)
    matter = Matter(ask, person, policy, rule, charges)
    days = _costs(_run_of(matter), matter)
    refusals = [refusal for check in _CHECKS for refusal in check(matter)]
    return Judgement(charges, refusals, days, policy.sanction_for(ask.spell.kind, days))


@dataclass(frozen=True)
class Matter:
    """One application on the table, with its rule looked up and its cost worked out."""

    ask: Ask
    person: Person
    policy: Policy
    rule: Rule
    charges: list[Charge]

    @property
    def spell(self) -> Spell:
        """The spell asked for."""
        return self.ask.spell

    @property
    def days(self) -> float:
        """Days of leave, the factor left out."""
        return sum(one.half_days for one in self.charges) / self.rule.factor / 2

    def refuse(self, code: str, rule: str, field: str = "leave_type", **details: Any) -> Refusal:
        """A refusal with the kind among its numbers."""
        return Refusal(code, rule, field, {"kind": str(self.spell.kind), **details})


def _charges(spell: Spell, person: Person) -> list[Charge]:
    ordered = in_order([*person.others, spell], person.ground.almanac)
    if spell not in ordered:
        return charge(spell, person.ground)
    place = ordered.index(spell)
    return charge(spell, person.ground, ordered[place - 1] if place else None)


def _shape(ask: Ask, person: Person) -> Iterator[Refusal]:
    spell = ask.spell
    about = {"kind": str(spell.kind), "start": spell.starts_on, "end": spell.ends_on}
    if spell.ends_on < spell.starts_on:
        yield Refusal("DATES_REVERSED", "FORM", "end_date", about)
    elif (spell.ends_on - spell.starts_on).days >= LONGEST_DAYS:
        yield Refusal(
            "TOO_LONG",
            "G4",
            "end_date",
            {**about, "days": (spell.ends_on - spell.starts_on).days + 1, "limit": LONGEST_DAYS},
        )
    elif ask.half_day and spell.starts_on != spell.ends_on:
        yield Refusal("HALF_DAY_ONE_DATE", "G9", "end_date", about)
    elif spell.starts_on < person.joined_on or (
        person.left_on is not None and spell.ends_on > person.left_on
    ):
        yield Refusal(
            "NOT_EMPLOYED",
            "G15",
            "start_date",
            {**about, "joined_on": person.joined_on, "left_on": person.left_on},
        )


# --- One rule after another -----------------------------------------------------------------------
def _eligible(m: Matter) -> Iterator[Refusal]:
    status = m.person.status_on(m.spell.starts_on)
    if m.rule.who is Who.DISABLED and not status.disabled:
        yield m.refuse("NOT_ELIGIBLE", "CL2")
    if m.rule.who is Who.CHILD_CARE and not (status.female or status.single):
        yield m.refuse("NOT_ELIGIBLE", "C3")
    if not m.rule.on_probation and "C8" not in m.ask.waived:
        until = status.probation_until
        if until is not None and m.spell.starts_on <= until:
            yield m.refuse("ON_PROBATION", "C8", probation_until=until)
    if not m.rule.backdated and m.ask.own_hand and m.spell.starts_on < m.person.today:
        yield m.refuse(
            "BACKDATED", "C11", "start_date", start=m.spell.starts_on, today=m.person.today
        )


def _suspended(m: Matter) -> Iterator[Refusal]:
    for first, last in m.person.suspended:
        if first <= m.spell.ends_on and (last is None or m.spell.starts_on <= last):
            yield m.refuse("SUSPENDED", "G15", "start_date", since=first, until=last)
            return


def _half_day(m: Matter) -> Iterator[Refusal]:
    if m.ask.half_day and not m.rule.half_days:
        yield m.refuse("HALF_DAY_NOT_ALLOWED", "G9", "is_half_day")


def _on_list(m: Matter) -> Iterator[Refusal]:
    if m.rule.list_only:
        days = [
            m.person.ground.almanac.day(day)
            for day in days_between(m.spell.starts_on, m.spell.ends_on)
        ]
        missing = [one.date for one in days if not one.on_list]
        if missing:
            yield m.refuse("RH_NOT_ON_LIST", "R2", "start_date", dates=missing)


def _chargeable(m: Matter) -> Iterator[Refusal]:
    if m.days == 0:
        names = [
            one.name
            for one in map(
                m.person.ground.almanac.day, days_between(m.spell.starts_on, m.spell.ends_on)
            )
            if one.name
        ]
        rule = {Nature.CASUAL: "CL7", Nature.RESTRICTED: "R6"}.get(m.rule.nature, "G5")
        yield m.refuse("NO_CHARGEABLE_DAYS", rule, "start_date", chargeable_days=0, holidays=names)


def _overlap(m: Matter) -> Iterator[Refusal]:
    first, last = m.spell.occupies()
    for other in m.person.others:
        start, end = other.occupies()
        if start <= last and first <= end:
            yield m.refuse(
                "OVERLAP",
                "CLAIM",
                "start_date",
                application=other.id,
                start=other.starts_on,
                end=other.ends_on,
            )
            return


def _proof(m: Matter) -> Iterator[Refusal]:
    if m.rule.proof is Proof.NEVER or m.ask.certified:
        return
    if m.rule.proof is Proof.UNLESS_STUDY and m.ask.study:
        used = m.ask.study_used + m.days
        if m.rule.study_days is not None and used > m.rule.study_days:
            yield m.refuse(
                "STUDY_LIMIT", "K3", days=m.days, used=m.ask.study_used, limit=m.rule.study_days
            )
        return
    yield m.refuse("CERTIFICATE_REQUIRED", "K2", "certificate_id")


def _child(m: Matter) -> Iterator[Refusal]:
    if m.rule.child_age is None:
        return
    child = m.ask.child
    if child is None:
        yield m.refuse("CCL_CHILD_REQUIRED", "C1", "child_id")
        return
    if m.rule.child_count is not None and child.rank > m.rule.child_count:
        yield m.refuse(
            "CCL_CHILD_NOT_ELDEST_TWO", "C1", "child_id", rank=child.rank, limit=m.rule.child_count
        )
    grown = child.grown_on(m.rule.child_age)
    if not child.disabled and m.spell.ends_on >= grown:
        yield m.refuse(
            "CCL_CHILD_AGE",
            "C1",
            "end_date",
            age=m.rule.child_age,
            birthday=grown,
            last_day=grown - timedelta(days=1),
        )


def chains(spells: Sequence[Spell], person: Person) -> list[list[Spell]]:
    """Spells grouped by absence: within a group nothing was worked between one and the next."""
    almanac = person.ground.almanac
    found: list[list[Spell]] = []
    for one in in_order(spells, almanac):
        if found and gap(found[-1][-1], one, almanac) is not None:
            found[-1].append(one)
        else:
            found.append([one])
    return found


def runs(kind: Kind, chain: Sequence[Spell], person: Person) -> list[list[Spell]]:
    """The parts of a chain that are one spell of `kind`; restricted holidays between do not break
    it.
    """
    found: list[list[Spell]] = []
    joined = False
    for one in chain:
        if one.kind is kind:
            if joined:
                found[-1].append(one)
            else:
                found.append([one])
            joined = True
        else:
            rule = person.ground.rule(one)
            joined = joined and rule is not None and rule.nature is Nature.RESTRICTED
    return found


def _run_of(m: Matter) -> list[Spell]:
    for chain in chains([*m.person.others, m.spell], m.person):
        for run in runs(m.spell.kind, chain, m.person):
            if m.spell in run:
                return run
    return [m.spell]


def _costs(spells: Sequence[Spell], m: Matter) -> float:
    """Days the spells of one run cost altogether."""
    every = charge_all([*m.person.others, m.spell], m.person.ground)
    return sum(one.half_days for spell in spells for one in every[spell.id]) / m.rule.factor / 2


def _min_spell(m: Matter) -> Iterator[Refusal]:
    if m.rule.min_spell_days is not None:
        days = _costs(_run_of(m), m)
        if 0 < days < m.rule.min_spell_days:
            yield m.refuse(
                "CCL_MIN_SPELL", "C6", "end_date", days=days, limit=m.rule.min_spell_days
            )


def _spell_limit(m: Matter) -> Iterator[Refusal]:
    limit = m.rule.spells
    if limit is None:
        return
    status = m.person.status_on(m.spell.starts_on)
    if (
        status.single
        and (status.female or m.policy.single_men_as_women)
        and m.rule.spells_single_woman is not None
    ):
        limit = m.rule.spells_single_woman
    if "C5" in m.ask.waived:
        limit += m.rule.spells_in_patient
    same = [one for one in m.person.others if one.kind is m.spell.kind]
    every = [
        run
        for chain in chains([*same, m.spell], m.person)
        for run in runs(m.spell.kind, chain, m.person)
    ]
    year = next((run[0].starts_on.year for run in every if m.spell in run), m.spell.starts_on.year)
    used = sum(1 for run in every if run[0].starts_on.year == year)
    if used > limit:
        yield m.refuse("CCL_SPELL_LIMIT", "C4", "start_date", spells=used, limit=limit, year=year)


def _stretch(m: Matter) -> Iterator[Refusal]:
    limit = m.rule.stretch_days
    rule = "CL3" if m.rule.nature is Nature.CASUAL else "E10"
    if limit is not None and rule not in m.ask.waived:
        days = _costs(_run_of(m), m)
        if days > limit:
            yield m.refuse("MAX_AT_A_STRETCH", rule, "end_date", days=days, limit=limit)
    if m.policy.total_days is not None and m.rule.nature is Nature.REGULAR:
        chain = next(
            (one for one in chains([*m.person.others, m.spell], m.person) if m.spell in one),
            [m.spell],
        )
        length = (chain[-1].ends_on - chain[0].starts_on).days + 1
        if length > m.policy.total_days:
            yield m.refuse(
                "MAX_AT_A_STRETCH", "G4", "end_date", days=length, limit=m.policy.total_days
            )


def _combination(m: Matter) -> Iterator[Refusal]:
    """What it may stand beside, nothing worked between; then whether a restricted holiday joins
    what may not be joined.
    """
    chain = next(
        (one for one in chains([*m.person.others, m.spell], m.person) if m.spell in one), [m.spell]
    )
    for first, then in pairwise(chain):
        if m.spell in (first, then) and (found := _pair(m, first, then)):
            yield found
            return
    for first, middle, then in zip(chain, chain[1:], chain[2:], strict=False):
        if m.spell in (first, middle, then) and (found := _triple(m, first, middle, then)):
            yield found
            return


def _pair(m: Matter, first: Spell, then: Spell) -> Refusal | None:
    if m.policy.may_follow(first.kind, then.kind):
        return None
    off = gap(first, then, m.person.ground.almanac)
    if off and m.policy.casual_off_regular:
        return None
    if "CL9" in m.ask.waived and _last_half(m, first, then):
        return None
    rule = "CL13" if off else "CL8"
    other = then if first is m.spell else first
    return m.refuse(
        "COMBINATION_NOT_ALLOWED",
        rule,
        "start_date",
        first=str(first.kind),
        then=str(then.kind),
        application=other.id,
        off_days=off or [],
    )


def _last_half(m: Matter, first: Spell, then: Spell) -> bool:
    """The exception: the last half-day of casual leave, after lunch, runs into regular leave
    because duty cannot be resumed.
    """
    one, two = m.person.ground.rule(first), m.person.ground.rule(then)
    if (
        one is None
        or two is None
        or one.nature is not Nature.CASUAL
        or two.nature is not Nature.REGULAR
    ):
        return False
    book = m.person.books.get(first.kind)
    spent = [(one.day, -one.half_days) for one in m.charges] if first is m.spell else []
    rest = book.with_own(spent).available(first.ends_on) if book else 0
    return first.half is Half.AN and rest == 0


def _triple(m: Matter, first: Spell, middle: Spell, then: Spell) -> Refusal | None:
    natures = [
        rule.nature if (rule := m.person.ground.rule(one)) else None
        for one in (first, middle, then)
    ]
    if natures[1] is not Nature.RESTRICTED:
        return None
    ends = {natures[0], natures[2]}
    if ends == {Nature.REGULAR} and not m.policy.regular_restricted_regular:
        whole = replace(
            m.spell, kind=first.kind, starts_on=first.starts_on, ends_on=then.ends_on, half=None
        )
        return m.refuse(
            "COMBINATION_NOT_ALLOWED",
            "R4",
            "start_date",
            first=str(first.kind),
            middle=str(middle.kind),
            then=str(then.kind),
            off_days=[],
            offer=_offer(whole, m) if first.kind is then.kind else None,
        )
    if ends == {Nature.CASUAL, Nature.REGULAR} and not m.policy.casual_restricted_regular:
        return m.refuse(
            "COMBINATION_NOT_ALLOWED",
            "R5",
            "start_date",
            first=str(first.kind),
            middle=str(middle.kind),
            then=str(then.kind),
            off_days=[],
        )
    return None


def _offer(whole: Spell, m: Matter) -> dict[str, Any]:
    """What could be taken instead: one spell from end to end."""
    days = sum(one.half_days for one in charge(whole, m.person.ground)) / 2
    return {
        "leave_type": str(whole.kind),
        "start_date": whole.starts_on,
        "end_date": whole.ends_on,
        "days": days,
    }


def debits(charges: Sequence[Charge]) -> list[Movement]:
    """What charges take off the account, by day."""
    return [(one.day, -one.half_days) for one in charges if one.half_days]


def added(m: Matter) -> dict[Kind, list[Movement]]:
    """What each account would lose more by this application: its own charges, and what it makes its
    neighbours cost.
    """
    before, after = (
        charge_all(m.person.others, m.person.ground),
        charge_all([*m.person.others, m.spell], m.person.ground),
    )
    found: dict[Kind, dict[date, int]] = {}
    for one in (*m.person.others, m.spell):
        rule = m.person.ground.rule(one)
        if rule is None or (one is not m.spell and before[one.id] == after[one.id]):
            continue
        moved = found.setdefault(rule.account, {})
        for day, amount in (
            *debits(after[one.id]),
            *((day, -amount) for day, amount in debits(before.get(one.id, []))),
        ):
            moved[day] = moved.get(day, 0) + amount
    return {
        account: [(day, amount) for day, amount in sorted(moved.items()) if amount]
        for account, moved in found.items()
    }


def _balance(m: Matter) -> Iterator[Refusal]:
    for account, wanted in added(m).items():
        book = m.person.books.get(account)
        if not wanted or (book is not None and book.affords(wanted)):
            continue
        available = book.available(wanted[0][0]) if book is not None else 0
        needed = -sum(amount for _day, amount in wanted)
        numbers = {"needed": needed / 2, "available": available / 2, "account": str(account)}
        if m.rule.nature is Nature.RESTRICTED:
            yield m.refuse("RH_LIMIT", "R1", "start_date", limit=m.rule.amount / 2, **numbers)
        else:
            yield m.refuse(
                "INSUFFICIENT_BALANCE",
                _RULE_OF_BALANCE.get(m.spell.kind, "E1"),
                "end_date",
                max_days=available // (2 * m.rule.factor),
                **numbers,
            )
        return


_RULE_OF_BALANCE = {
    Kind.CL: "CL1",
    Kind.SCL: "CL2",
    Kind.HPL: "H1",
    Kind.COMMUTED: "K1",
    Kind.CCL: "C1",
}

_CHECKS: tuple[Callable[[Matter], Iterator[Refusal]], ...] = (
    _suspended,
    _eligible,
    _half_day,
    _on_list,
    _chargeable,
    _overlap,
    _proof,
    _child,
    _min_spell,
    _spell_limit,
    _stretch,
    _combination,
    _balance,
)
