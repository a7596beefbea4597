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

from leaves.calendars import WorkCalendar, days_between
from leaves.policies import LeaveNature, LeavePolicyHistory, LeaveRule, LeaveType

# No run of closed days is longer; looking for the end of one stops here.
MAX_CLOSURE_DAYS = 40


class DayHalf(StrEnum):
    """Before or after lunch."""

    FN = "FN"
    AN = "AN"


class SpellPart(StrEnum):
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
    kind: LeaveType
    starts_on: date
    ends_on: date
    half: DayHalf | None = None
    sick_on: date | None = None
    fit_on: date | None = None
    withhold_prefix: bool = False
    withhold_suffix: bool = False

    def half_day_positions(self) -> tuple[int, int]:
        """First and last half-day, as positions."""
        first, last = half_day_position(self.starts_on), half_day_position(self.ends_on) + 1
        return (first + (self.half is DayHalf.AN), last - (self.half is DayHalf.FN))


@dataclass(frozen=True, slots=True)
class DayDebit:
    """A date of a spell and the half-days it debits to the account of its kind."""

    day: date
    half: DayHalf | None
    day_class: str
    part: SpellPart
    half_days: int
    calendar_id: int | None


@dataclass(frozen=True)
class RuleContext:
    """What charges follow from: the rules by date and the days of the person's office."""

    policies: LeavePolicyHistory
    work_calendar: WorkCalendar

    def rule_for(self, spell: Spell) -> LeaveRule | None:
        """The rule a spell is judged by: the version of its first day."""
        return self.policies.rule_for(spell.kind, spell.starts_on)


def half_day_position(day: date) -> int:
    """The place of the first half of a date among all half-days."""
    return day.toordinal() * 2


def working_core(spell: Spell, work_calendar: WorkCalendar) -> tuple[int, int] | None:
    """The spell without off days at its ends, as positions; None when it has nothing but
    off days.
    """
    working = [
        day for day in days_between(spell.starts_on, spell.ends_on) if not work_calendar.is_off(day)
    ]
    if not working:
        return None
    first, last = spell.half_day_positions()
    return max(first, half_day_position(working[0])), min(last, half_day_position(working[-1]) + 1)


def off_days_between(first: Spell, second: Spell, work_calendar: WorkCalendar) -> list[date] | None:
    """The off days between two spells when nothing was worked between them (possibly none); None
    when duty was due between.
    """
    one, two = working_core(first, work_calendar), working_core(second, work_calendar)
    if one is None or two is None or one[1] >= two[0]:
        return None
    between = range(one[1] + 1, two[0])
    # A gap that only off days fill is short; a long one need not be walked through.
    if len(between) > 2 * MAX_CLOSURE_DAYS:
        return None
    days = sorted({date.fromordinal(half // 2) for half in between})
    return days if all(work_calendar.is_off(day) for day in days) else None


def sort_spells(spells: Sequence[Spell], work_calendar: WorkCalendar) -> list[Spell]:
    """Spells by where they begin; those that turn out to have only off days touch nobody and are
    left out.
    """
    cores = [(working_core(one, work_calendar), one) for one in spells]
    return [
        one
        for _where, one in sorted(
            ((where, one) for where, one in cores if where), key=lambda pair: pair[0]
        )
    ]


def calculate_day_debits(
    spell: Spell, rule_context: RuleContext, previous: Spell | None = None
) -> list[DayDebit]:
    """Every date of a spell with what it costs; `before` is the spell just before it, if any."""
    rule = rule_context.rule_for(spell)
    if rule is None:
        return []
    found = [
        _debit_of_day(spell, day, rule, rule_context.work_calendar)
        for day in days_between(spell.starts_on, spell.ends_on)
    ]
    where = working_core(spell, rule_context.work_calendar)
    if where is None or not rule.counts_off_days:
        return found
    first, last = (date.fromordinal(half // 2) for half in where)
    inside = [_count_off_day_inside(one, first, last, rule) for one in found]
    taken = _debited_off_days(previous, rule_context) if previous else {}
    extra = {
        day: part
        for day, part in (
            _debited_off_days(spell, rule_context)
            | _bridging_off_days(spell, rule_context, previous)
        ).items()
        if day not in taken
    }
    return _merge_off_days(inside, extra, rule, rule_context.work_calendar)


def _debit_of_day(
    spell: Spell, day: date, rule: LeaveRule, work_calendar: WorkCalendar
) -> DayDebit:
    what = work_calendar.day(day)
    full = 1 if spell.half else 2
    counts = not what.is_off and (what.on_restricted_list or not rule.list_only)
    part = SpellPart.INSIDE if counts else SpellPart.FREE
    return DayDebit(
        day, spell.half, what.day_class, part, full * rule.factor if counts else 0, what.calendar_id
    )


def _count_off_day_inside(debit: DayDebit, first: date, last: date, rule: LeaveRule) -> DayDebit:
    """Off days inside the spell count; those at its ends are prefixed and suffixed free."""
    if first <= debit.day <= last and debit.half_days == 0:
        return DayDebit(
            debit.day, None, debit.day_class, SpellPart.INSIDE, 2 * rule.factor, debit.calendar_id
        )
    return debit


def _debited_off_days(spell: Spell, rule_context: RuleContext) -> dict[date, SpellPart]:
    """Off days beside a spell that are part of the leave: those the authority withheld; those from
    the date of a medical certificate on, and up to the day before fitness.
    """
    rule, where, almanac = (
        rule_context.rule_for(spell),
        working_core(spell, rule_context.work_calendar),
        rule_context.work_calendar,
    )
    if rule is None or where is None or not rule.counts_off_days:
        return {}
    first, last = (date.fromordinal(half // 2) for half in where)
    found = {
        day: SpellPart.BEFORE
        for day in off_days_before(first, almanac)
        if spell.withhold_prefix or _is_on_or_after(spell.sick_on, day)
    }
    return found | {
        day: SpellPart.AFTER
        for day in off_days_after(last, almanac)
        if spell.withhold_suffix or _is_before(day, spell.fit_on)
    }


def _is_on_or_after(since: date | None, day: date) -> bool:
    return since is not None and day >= since


def _is_before(day: date, until: date | None) -> bool:
    return until is not None and day < until


def _bridging_off_days(
    spell: Spell, rule_context: RuleContext, before: Spell | None
) -> dict[date, SpellPart]:
    """Off days between two spells of regular leave without a return to duty: one spell, and they
    are charged to the later.
    """
    policy = rule_context.policies.version_on(spell.starts_on)
    earlier = rule_context.rule_for(before) if before else None
    if (
        before is None
        or earlier is None
        or policy is None
        or not policy.bridge_off_days
        or earlier.nature is not LeaveNature.REGULAR
    ):
        return {}
    return dict.fromkeys(
        off_days_between(before, spell, rule_context.work_calendar) or [], SpellPart.BRIDGE
    )


def _merge_off_days(
    inside: list[DayDebit],
    extra: dict[date, SpellPart],
    rule: LeaveRule,
    work_calendar: WorkCalendar,
) -> list[DayDebit]:
    by_day = {one.day: one for one in inside}
    for day, part in extra.items():
        what = work_calendar.day(day)
        by_day[day] = DayDebit(day, None, what.day_class, part, 2 * rule.factor, what.calendar_id)
    return [by_day[day] for day in sorted(by_day)]


def off_days_before(day: date, work_calendar: WorkCalendar) -> list[date]:
    """The unbroken run of off days that ends just before `day`."""
    return _run_of_off_days(day, timedelta(days=-1), work_calendar)


def off_days_after(day: date, work_calendar: WorkCalendar) -> list[date]:
    """The unbroken run of off days that begins just after `day`."""
    return _run_of_off_days(day, timedelta(days=1), work_calendar)


def _run_of_off_days(day: date, step: timedelta, work_calendar: WorkCalendar) -> list[date]:
    found: list[date] = []
    while work_calendar.is_off(day + step) and len(found) < MAX_CLOSURE_DAYS:
        day += step
        found.append(day)
    return found


def calculate_all_day_debits(
    spells: Sequence[Spell], rule_context: RuleContext
) -> dict[Any, list[DayDebit]]:
    """What each of a person's live spells costs, neighbours taken into account, by spell id."""
    ordered = sort_spells(spells, rule_context.work_calendar)
    found = {one.id: calculate_day_debits(one, rule_context) for one in spells}
    for before, one in pairwise(ordered):
        found[one.id] = calculate_day_debits(one, rule_context, before)
    return found


def total_half_days(day_debits: Sequence[DayDebit]) -> int:
    """Half-days debited altogether."""
    return sum(one.half_days for one in day_debits)
