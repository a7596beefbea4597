"""What an account is credited, and when what it cannot carry lapses. Pure.

Everything here is a function of facts: service, absences, rules. Whoever posts it (`ledger`) posts
only the difference to what was posted before, so a job may run twice, late or for a past day.
Sources: CCS (Leave) Rules 26, 27 and 29.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction

from leaves.policies import AccrualCycle, JoinerCredit, LeaveRule


class ExitManner(StrEnum):
    """How somebody left. After a removal only whole months before that month count; who resigned or
    was removed has no claim to what is left.
    """

    NORMAL = "NORMAL"
    RESIGNED = "RESIGNED"
    REMOVED = "REMOVED"
    DEATH = "DEATH"


class AbsenceKind(StrEnum):
    """Absences that make later credits smaller."""

    EOL = "EOL"
    DIES_NON = "DIES_NON"


@dataclass(frozen=True, slots=True)
class ServicePeriod:
    """When somebody is in service, both days included."""

    joined_on: date
    left_on: date | None = None
    exit_manner: ExitManner = ExitManner.NORMAL

    @property
    def forfeits_balance(self) -> bool:
        """Whether what is left at credit ends with the service."""
        return self.left_on is not None and self.exit_manner in (
            ExitManner.RESIGNED,
            ExitManner.REMOVED,
        )

    @property
    def last_credited_day(self) -> date | None:
        """The last day that counts towards credits: a removal forfeits its own month."""
        if self.left_on is not None and self.exit_manner is ExitManner.REMOVED:
            return self.left_on.replace(day=1) - timedelta(days=1)
        return self.left_on


@dataclass(frozen=True, slots=True)
class AbsencePeriod:
    """Days without leave, both included."""

    kind: AbsenceKind
    starts_on: date
    ends_on: date


@dataclass(frozen=True, slots=True)
class CreditPeriod:
    """A stretch of time for which something is credited, both days included."""

    key: str
    starts_on: date
    ends_on: date
    months: int


@dataclass(frozen=True, slots=True)
class DueEntry:
    """An entry that the rules ask for. `slot` is the same for ever: what is posted in it must add
    up to `half_days`.
    """

    slot: str
    period: str
    day: date
    type: str
    half_days: int


RuleLookup = Callable[[date], LeaveRule | None]


@dataclass(frozen=True)
class AccrualTerms:
    """The facts an account's credits follow from. `opened_on`: a balance was brought forward at the
    end of that day.
    """

    rule_on: RuleLookup
    service: ServicePeriod
    starts_on: date
    opened_on: date | None = None
    absences: Sequence[AbsencePeriod] = ()
    is_eligible: Callable[[date], bool] = lambda day: True
    eligible_from: date | None = None
    is_disabled: Callable[[date], bool] = lambda day: False

    def covers(self, day: date) -> bool:
        """Whether what falls due on `day` is this ledger's business: earlier things are in the
        balance brought forward.
        """
        return day >= self.starts_on and (self.opened_on is None or day > self.opened_on)


def completed_months(first: date, last: date) -> int:
    """Whole calendar months within two days, both included: a part of a month counts nothing."""
    start = first.year * 12 + first.month - 1 + (1 if first.day > 1 else 0)
    day_after = last + timedelta(days=1) if last < date.max else last
    return max(0, day_after.year * 12 + day_after.month - 1 - start)


def round_half_up(amount: Fraction, unit: int) -> int:
    """The nearest multiple of `unit`, halves upwards; never below zero."""
    return max(0, int((amount / unit + Fraction(1, 2)) // 1) * unit)


def credit_period_of(cycle: AccrualCycle, day: date) -> CreditPeriod:
    """The period of a cycle in which a day lies."""
    year = day.year
    if cycle is AccrualCycle.MONTHLY:
        following = date(year + day.month // 12, day.month % 12 + 1, 1)
        return CreditPeriod(
            f"{year}-{day.month:02}", day.replace(day=1), following - timedelta(days=1), 1
        )
    if cycle is AccrualCycle.HALF_YEARLY:
        if day.month <= 6:
            return CreditPeriod(f"{year}H1", date(year, 1, 1), date(year, 6, 30), 6)
        return CreditPeriod(f"{year}H2", date(year, 7, 1), date(year, 12, 31), 6)
    return CreditPeriod(str(year), date(year, 1, 1), date(year, 12, 31), 12)


def credit_entries(terms: AccrualTerms, until: date) -> Iterator[DueEntry]:
    """Every credit, reduction and exit adjustment that falls due on or before `until`, oldest
    first.
    """
    last = until if terms.service.left_on is None else min(until, terms.service.left_on)
    day = max(terms.service.joined_on, accrual_start(terms))
    while day <= last:
        rule = terms.rule_on(day)
        if rule is None or rule.cycle is AccrualCycle.NEVER:
            day = _next_month(day)
            continue
        if rule.cycle is AccrualCycle.LIFETIME:
            yield from _lifetime_credit(terms, rule, last)
            return
        period = credit_period_of(rule.cycle, day)
        yield from _period_entries(terms, rule, period, until)
        day = period.ends_on + timedelta(days=1)


def accrual_start(terms: AccrualTerms) -> date:
    """Where to begin looking: the start of the year in which the ledger begins, so that no period
    is entered half way.
    """
    return date(terms.starts_on.year, 1, 1)


def _next_month(day: date) -> date:
    return credit_period_of(AccrualCycle.MONTHLY, day).ends_on + timedelta(days=1)


def _lifetime_credit(terms: AccrualTerms, rule: LeaveRule, last: date) -> Iterator[DueEntry]:
    if terms.opened_on is not None or terms.eligible_from is None:
        return
    day = max(terms.service.joined_on, terms.starts_on, terms.eligible_from)
    if day <= last:
        yield DueEntry("life:CREDIT", "life", day, "CREDIT", rule.amount)


def _period_entries(
    terms: AccrualTerms, rule: LeaveRule, period: CreditPeriod, until: date
) -> Iterator[DueEntry]:
    day = max(period.starts_on, terms.service.joined_on)
    if day > until or not terms.covers(day) or not terms.is_eligible(day):
        return
    whole = Fraction(rule.amount + (rule.disabled_extra if terms.is_disabled(day) else 0))
    joined = terms.service.joined_on > period.starts_on and rule.joiner is JoinerCredit.PRORATA
    base = whole * completed_months(day, period.ends_on) / period.months if joined else whole
    # Rounded once, on the net; the reduction is shown apart, so that a clerk sees 15 - 2.
    cut = _absence_reduction(terms, rule, period)
    gross, net = round_half_up(base, rule.rounding), round_half_up(base - cut, rule.rounding)
    kind = "CREDIT_PRORATA" if joined else "CREDIT"
    yield DueEntry(f"{period.key}:CREDIT", period.key, day, kind, gross)
    if net != gross:
        yield DueEntry(f"{period.key}:REDUCTION", period.key, day, "REDUCTION", net - gross)
    left, counted = terms.service.left_on, terms.service.last_credited_day
    if (
        rule.exit_prorata
        and left is not None
        and counted is not None
        and left <= min(until, period.ends_on)
    ):
        earned = whole * completed_months(day, min(counted, period.ends_on)) / period.months
        given = round_half_up(earned - cut, rule.rounding)
        if given != net:
            yield DueEntry(
                f"{period.key}:EXIT_ADJUST", period.key, left, "EXIT_ADJUST", given - net
            )


def _absence_reduction(terms: AccrualTerms, rule: LeaveRule, period: CreditPeriod) -> Fraction:
    """What absences in the period before take off this credit, in half-days."""
    before = credit_period_of(rule.cycle, period.starts_on - timedelta(days=1))
    total = Fraction(0)
    for kind, divisor in (
        (AbsenceKind.EOL, rule.eol_divisor),
        (AbsenceKind.DIES_NON, rule.dies_non_divisor),
    ):
        if divisor:
            days = sum(_overlap_days(one, before) for one in terms.absences if one.kind is kind)
            total += Fraction(2 * days, divisor)
    return min(total, Fraction(rule.reduction_cap))


def _overlap_days(absence: AbsencePeriod, period: CreditPeriod) -> int:
    first, last = max(absence.starts_on, period.starts_on), min(absence.ends_on, period.ends_on)
    return max(0, (last - first).days + 1)


def period_closes(terms: AccrualTerms, until: date) -> Iterator[tuple[CreditPeriod, LeaveRule]]:
    """The closes of the account before `until`: a period is closed once it is over, with effect
    from its last day.
    """
    day = max(terms.service.joined_on, accrual_start(terms))
    while day < until:
        rule = terms.rule_on(day)
        cycle = (
            AccrualCycle.MONTHLY
            if rule is None or rule.closes is AccrualCycle.NEVER
            else rule.closes
        )
        period = credit_period_of(cycle, day)
        closing = terms.rule_on(period.ends_on)
        if (
            closing is not None
            and closing.closes is cycle
            and period.ends_on < until
            and _is_closable(terms, period.ends_on)
        ):
            yield period, closing
        day = period.ends_on + timedelta(days=1)


def _is_closable(terms: AccrualTerms, day: date) -> bool:
    return terms.covers(day) and (terms.service.left_on is None or day <= terms.service.left_on)


def due_entries(
    terms: AccrualTerms, other_movements: Sequence[tuple[date, int]], until: date
) -> list[DueEntry]:
    """All that the rules ask for up to `until`: credits due by then, the lapse of every period that
    is over by then, and what is forfeited with the last day of service.

    `other_movements` are the entries that people caused (day, half-days): what lapses depends on
    them.
    """
    found = list(credit_entries(terms, until))
    for period, rule in period_closes(terms, until):
        balance = sum(one.half_days for one in found if one.day <= period.ends_on)
        balance += sum(amount for day, amount in other_movements if day <= period.ends_on)
        if balance > rule.ceiling:
            found.append(
                DueEntry(
                    f"{period.key}:LAPSE",
                    period.key,
                    period.ends_on,
                    "LAPSE",
                    rule.ceiling - balance,
                )
            )
    left = terms.service.left_on
    if left is not None and left < until and terms.service.forfeits_balance:
        balance = sum(one.half_days for one in found if one.day <= left) + sum(
            amount for day, amount in other_movements if day <= left
        )
        if balance > 0:
            found.append(DueEntry("exit:FORFEIT", "exit", left, "FORFEIT", -balance))
    return found
