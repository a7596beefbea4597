"""What leave costs, day by day: which dates of a spell are debited, and what else its neighbours
make it cost. Pure.

Rules G5-G8 and CL7 of docs/leaves.md. Positions count half-days: two for each date, so that "half a
day after lunch, then leave from tomorrow" touches and "half a day before lunch, then leave from
tomorrow" does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any

from leaves.calendars import Almanac, days_between
from leaves.policies import Kind, Nature, Rule, Rules

# No run of closed days is longer; looking for the end of one stops here.
LONGEST_CLOSURE = 40


class Half(StrEnum):
    """Before or after lunch."""

    FN = "FN"
    AN = "AN"


class Part(StrEnum):
    """Why a date belongs to a spell."""

    INSIDE = "INSIDE"
    FREE = "FREE"
    BRIDGE = "BRIDGE"
    BEFORE = "BEFORE"
    AFTER = "AFTER"


@dataclass(frozen=True, slots=True)
class Spell:
    """Leave of one kind from one day to another, both included; `half` only when it is a single
    half-day.

    `sick_on`, `fit_on`: the dates of the medical certificate and of the fitness certificate, if
    there are any. `withhold_prefix`, `withhold_suffix`: the authority does not let the off days
    before, or after, be free.
    """

    id: Any
    kind: Kind
    starts_on: date
    ends_on: date
    half: Half | None = None
    sick_on: date | None = None
    fit_on: date | None = None
    withhold_prefix: bool = False
    withhold_suffix: bool = False

    def occupies(self) -> tuple[int, int]:
        """First and last half-day, as positions."""
        first, last = position(self.starts_on), position(self.ends_on) + 1
        return (first + (self.half is Half.AN), last - (self.half is Half.FN))


@dataclass(frozen=True, slots=True)
class Charge:
    """A date of a spell and the half-days it debits to the account of its kind."""

    day: date
    half: Half | None
    day_class: str
    part: Part
    half_days: int
    version: int | None


@dataclass(frozen=True)
class Ground:
    """What charges follow from: the rules by date and the days of the person's office."""

    rules: Rules
    almanac: Almanac

    def rule(self, spell: Spell) -> Rule | None:
        """The rule a spell is judged by: the version of its first day."""
        return self.rules.rule(spell.kind, spell.starts_on)


def position(day: date) -> int:
    """The place of the first half of a date among all half-days."""
    return day.toordinal() * 2


def core(spell: Spell, almanac: Almanac) -> tuple[int, int] | None:
    """The spell without off days at its ends, as positions; None when it has nothing but
    off days.
    """
    working = [day for day in days_between(spell.starts_on, spell.ends_on) if not almanac.off(day)]
    if not working:
        return None
    first, last = spell.occupies()
    return max(first, position(working[0])), min(last, position(working[-1]) + 1)


def gap(first: Spell, then: Spell, almanac: Almanac) -> list[date] | None:
    """The off days between two spells when nothing was worked between them (possibly none); None
    when duty was due between.
    """
    one, two = core(first, almanac), core(then, almanac)
    if one is None or two is None or one[1] >= two[0]:
        return None
    between = range(one[1] + 1, two[0])
    # A gap that only off days fill is short; a long one need not be walked through.
    if len(between) > 2 * LONGEST_CLOSURE:
        return None
    days = sorted({date.fromordinal(half // 2) for half in between})
    return days if all(almanac.off(day) for day in days) else None


def in_order(spells: Sequence[Spell], almanac: Almanac) -> list[Spell]:
    """Spells by where they begin; those that turn out to have only off days touch nobody and are
    left out.
    """
    cores = [(core(one, almanac), one) for one in spells]
    return [
        one
        for _where, one in sorted(
            ((where, one) for where, one in cores if where), key=lambda pair: pair[0]
        )
    ]


def charge(spell: Spell, ground: Ground, before: Spell | None = None) -> list[Charge]:
    """Every date of a spell with what it costs; `before` is the spell just before it, if any."""
    rule = ground.rule(spell)
    if rule is None:
        return []
    found = [
        _of_day(spell, day, rule, ground.almanac)
        for day in days_between(spell.starts_on, spell.ends_on)
    ]
    where = core(spell, ground.almanac)
    if where is None or not rule.counts_off_days:
        return found
    first, last = (date.fromordinal(half // 2) for half in where)
    inside = [_counted(one, first, last, rule) for one in found]
    taken = _not_free(before, ground) if before else {}
    extra = {
        day: part
        for day, part in (_not_free(spell, ground) | _bridge(spell, ground, before)).items()
        if day not in taken
    }
    return _merge(inside, extra, rule, ground.almanac)


def _of_day(spell: Spell, day: date, rule: Rule, almanac: Almanac) -> Charge:
    what = almanac.day(day)
    full = 1 if spell.half else 2
    counts = not what.off and (what.on_list or not rule.list_only)
    part = Part.INSIDE if counts else Part.FREE
    return Charge(
        day, spell.half, what.day_class, part, full * rule.factor if counts else 0, what.version
    )


def _counted(one: Charge, first: date, last: date, rule: Rule) -> Charge:
    """Off days inside the spell count; those at its ends are prefixed and suffixed free."""
    if first <= one.day <= last and one.half_days == 0:
        return Charge(one.day, None, one.day_class, Part.INSIDE, 2 * rule.factor, one.version)
    return one


def _not_free(spell: Spell, ground: Ground) -> dict[date, Part]:
    """Off days beside a spell that are part of the leave: those the authority withheld; those from
    the date of a medical certificate on, and up to the day before fitness.
    """
    rule, where, almanac = ground.rule(spell), core(spell, ground.almanac), ground.almanac
    if rule is None or where is None or not rule.counts_off_days:
        return {}
    first, last = (date.fromordinal(half // 2) for half in where)
    found = {
        day: Part.BEFORE
        for day in off_before(first, almanac)
        if spell.withhold_prefix or _from(spell.sick_on, day)
    }
    return found | {
        day: Part.AFTER
        for day in off_after(last, almanac)
        if spell.withhold_suffix or _before(day, spell.fit_on)
    }


def _from(since: date | None, day: date) -> bool:
    return since is not None and day >= since


def _before(day: date, until: date | None) -> bool:
    return until is not None and day < until


def _bridge(spell: Spell, ground: Ground, before: Spell | None) -> dict[date, Part]:
    """Off days between two spells of regular leave without a return to duty: one spell, and they
    are charged to the later.
    """
    policy = ground.rules.on(spell.starts_on)
    earlier = ground.rule(before) if before else None
    if (
        before is None
        or earlier is None
        or policy is None
        or not policy.bridge_off_days
        or earlier.nature is not Nature.REGULAR
    ):
        return {}
    return dict.fromkeys(gap(before, spell, ground.almanac) or [], Part.BRIDGE)


def _merge(
    inside: list[Charge], extra: dict[date, Part], rule: Rule, almanac: Almanac
) -> list[Charge]:
    by_day = {one.day: one for one in inside}
    for day, part in extra.items():
        what = almanac.day(day)
        by_day[day] = Charge(day, None, what.day_class, part, 2 * rule.factor, what.version)
    return [by_day[day] for day in sorted(by_day)]


def off_before(day: date, almanac: Almanac) -> list[date]:
    """The unbroken run of off days that ends just before `day`."""
    return _run(day, timedelta(days=-1), almanac)


def off_after(day: date, almanac: Almanac) -> list[date]:
    """The unbroken run of off days that begins just after `day`."""
    return _run(day, timedelta(days=1), almanac)


def _run(day: date, step: timedelta, almanac: Almanac) -> list[date]:
    found: list[date] = []
    while almanac.off(day + step) and len(found) < LONGEST_CLOSURE:
        day += step
        found.append(day)
    return found


def charge_all(spells: Sequence[Spell], ground: Ground) -> dict[Any, list[Charge]]:
    """What each of a person's live spells costs, neighbours taken into account, by spell id."""
    ordered = in_order(spells, ground.almanac)
    found = {one.id: charge(one, ground) for one in spells}
    for before, one in pairwise(ordered):
        found[one.id] = charge(one, ground, before)
    return found


def total(charges: Sequence[Charge]) -> int:
    """Half-days debited altogether."""
    return sum(one.half_days for one in charges)
