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

from leaves.balances import BalanceMovement, BalanceProjection
from leaves.calendars import days_between
from leaves.day_counting import (
    DayDebit,
    DayHalf,
    RuleContext,
    Spell,
    calculate_all_day_debits,
    calculate_day_debits,
    off_days_between,
    sort_spells,
)
from leaves.policies import (
    Authority,
    CertificateRequirement,
    EligibleGroup,
    LeaveNature,
    LeavePolicyVersion,
    LeaveRule,
    LeaveType,
    SanctionLimit,
)

MAX_LEAVE_DAYS = 366 * 5


@dataclass(frozen=True, slots=True)
class LeaveRefusal:
    """Why not: a machine's code, the rule's id, the field it is about and the numbers that were
    used.
    """

    code: str
    rule: str
    field: str
    details: Mapping[str, Any]


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


@dataclass(frozen=True, slots=True)
class LateArrival:
    """A day of late coming that an authority would condone. `condoned_in_month`: days of the same
    month that were; `spent`: no casual leave is left.
    """

    date: date
    minutes: int | None
    reason: str
    condoned_in_month: int
    casual_leave_spent: bool


def condonation_refusal(
    late_arrival: LateArrival, policy: LeavePolicyVersion
) -> LeaveRefusal | None:
    """Why late coming cannot be condoned: too late, too often in a month, or without a reason. None
    when it can.
    """
    about = {
        "date": late_arrival.date,
        "minutes": late_arrival.minutes,
        "limit": policy.late_minutes,
    }
    if late_arrival.minutes is None or late_arrival.minutes > policy.late_minutes:
        return LeaveRefusal("LATE_TOO_LONG", "L1", "minutes", about)
    if not late_arrival.reason.strip():
        return LeaveRefusal("LATE_REASON_REQUIRED", "L1", "reason", {"date": late_arrival.date})
    if late_arrival.condoned_in_month >= policy.late_times:
        return LeaveRefusal(
            "LATE_LIMIT",
            "L1",
            "date",
            {
                "date": late_arrival.date,
                "condoned": late_arrival.condoned_in_month,
                "limit": policy.late_times,
            },
        )
    if policy.late_spent_only and not late_arrival.casual_leave_spent:
        return LeaveRefusal("LATE_CASUAL_LEFT", "L4", "date", {"date": late_arrival.date})
    return None


def authority_refusal(
    kind: LeaveType, days: float, own: Authority | None, policy: LeavePolicyVersion
) -> LeaveRefusal | None:
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
    return LeaveRefusal("BEYOND_AUTHORITY", "G11", "decision", about)


@dataclass(frozen=True, slots=True)
class LeaveEligibility:
    """What it would cost, and everything that stands against it, the first reason first; how long
    it makes the spell it belongs to, and by whose authority that is sanctioned (None: whoever may
    decide at all).
    """

    day_debits: list[DayDebit]
    refusals: list[LeaveRefusal]
    days_at_a_stretch: float = 0
    sanction: SanctionLimit | None = None


def evaluate_leave(request: LeaveRequest, applicant: ApplicantContext) -> LeaveEligibility:
    """Weigh an application. Charges are given even when it is refused."""
    broken = next(_check_form(request, applicant), None)
    if broken is not None:
        return LeaveEligibility([], [broken])
    policy = applicant.rule_context.policies.version_on(request.spell.starts_on)
    rule = applicant.rule_context.rule_for(request.spell)
    if policy is None or rule is None:
        return LeaveEligibility(
            [],
            [
                LeaveRefusal(
                    "NO_POLICY",
                    "POLICY",
                    "leave_type",
                    {"kind": str(request.spell.kind), "start": request.spell.starts_on},
                )
            ],
        )
    charges = _day_debits(request.spell, applicant)
    matter = EvaluatedRequest(request, applicant, policy, rule, charges)
    days = _total_days(_run_of_request(matter), matter)
    refusals = [refusal for check in _CHECKS for refusal in check(matter)]
    return LeaveEligibility(charges, refusals, days, policy.sanction_for(request.spell.kind, days))


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


def _day_debits(spell: Spell, applicant: ApplicantContext) -> list[DayDebit]:
    ordered = sort_spells([*applicant.other_spells, spell], applicant.rule_context.work_calendar)
    if spell not in ordered:
        return calculate_day_debits(spell, applicant.rule_context)
    place = ordered.index(spell)
    return calculate_day_debits(
        spell, applicant.rule_context, ordered[place - 1] if place else None
    )


def _check_form(request: LeaveRequest, applicant: ApplicantContext) -> Iterator[LeaveRefusal]:
    spell = request.spell
    about = {"kind": str(spell.kind), "start": spell.starts_on, "end": spell.ends_on}
    if spell.ends_on < spell.starts_on:
        yield LeaveRefusal("DATES_REVERSED", "FORM", "end_date", about)
    elif (spell.ends_on - spell.starts_on).days >= MAX_LEAVE_DAYS:
        yield LeaveRefusal(
            "TOO_LONG",
            "G4",
            "end_date",
            {**about, "days": (spell.ends_on - spell.starts_on).days + 1, "limit": MAX_LEAVE_DAYS},
        )
    elif request.half_day and spell.starts_on != spell.ends_on:
        yield LeaveRefusal("HALF_DAY_ONE_DATE", "G9", "end_date", about)
    elif spell.starts_on < applicant.joined_on or (
        applicant.left_on is not None and spell.ends_on > applicant.left_on
    ):
        yield LeaveRefusal(
            "NOT_EMPLOYED",
            "G15",
            "start_date",
            {**about, "joined_on": applicant.joined_on, "left_on": applicant.left_on},
        )


# --- One rule after another -----------------------------------------------------------------------
def _check_eligibility(evaluated: EvaluatedRequest) -> Iterator[LeaveRefusal]:
    status = evaluated.applicant.status_on(evaluated.spell.starts_on)
    if evaluated.rule.eligible_group is EligibleGroup.DISABLED and not status.disabled:
        yield evaluated.refuse("NOT_ELIGIBLE", "CL2")
    if evaluated.rule.eligible_group is EligibleGroup.CHILD_CARE and not (
        status.female or status.single
    ):
        yield evaluated.refuse("NOT_ELIGIBLE", "C3")
    if not evaluated.rule.on_probation and "C8" not in evaluated.request.waived_rules:
        until = status.probation_until
        if until is not None and evaluated.spell.starts_on <= until:
            yield evaluated.refuse("ON_PROBATION", "C8", probation_until=until)
    if (
        not evaluated.rule.backdated
        and evaluated.request.self_service
        and evaluated.spell.starts_on < evaluated.applicant.today
    ):
        yield evaluated.refuse(
            "BACKDATED",
            "C11",
            "start_date",
            start=evaluated.spell.starts_on,
            today=evaluated.applicant.today,
        )


def _check_suspension(evaluated: EvaluatedRequest) -> Iterator[LeaveRefusal]:
    for first, last in evaluated.applicant.suspensions:
        if first <= evaluated.spell.ends_on and (last is None or evaluated.spell.starts_on <= last):
            yield evaluated.refuse("SUSPENDED", "G15", "start_date", since=first, until=last)
            return


def _check_half_day(evaluated: EvaluatedRequest) -> Iterator[LeaveRefusal]:
    if evaluated.request.half_day and not evaluated.rule.half_days:
        yield evaluated.refuse("HALF_DAY_NOT_ALLOWED", "G9", "is_half_day")


def _check_restricted_list(evaluated: EvaluatedRequest) -> Iterator[LeaveRefusal]:
    if evaluated.rule.list_only:
        days = [
            evaluated.applicant.rule_context.work_calendar.day(day)
            for day in days_between(evaluated.spell.starts_on, evaluated.spell.ends_on)
        ]
        missing = [one.date for one in days if not one.on_restricted_list]
        if missing:
            yield evaluated.refuse("RH_NOT_ON_LIST", "R2", "start_date", dates=missing)


def _check_chargeable(evaluated: EvaluatedRequest) -> Iterator[LeaveRefusal]:
    if evaluated.days == 0:
        names = [
            one.name
            for one in map(
                evaluated.applicant.rule_context.work_calendar.day,
                days_between(evaluated.spell.starts_on, evaluated.spell.ends_on),
            )
            if one.name
        ]
        rule = {LeaveNature.CASUAL: "CL7", LeaveNature.RESTRICTED: "R6"}.get(
            evaluated.rule.nature, "G5"
        )
        yield evaluated.refuse(
            "NO_CHARGEABLE_DAYS", rule, "start_date", chargeable_days=0, holidays=names
        )


def _check_overlap(evaluated: EvaluatedRequest) -> Iterator[LeaveRefusal]:
    first, last = evaluated.spell.half_day_positions()
    for other in evaluated.applicant.other_spells:
        start, end = other.half_day_positions()
        if start <= last and first <= end:
            yield evaluated.refuse(
                "OVERLAP",
                "CLAIM",
                "start_date",
                application=other.id,
                start=other.starts_on,
                end=other.ends_on,
            )
            return


def _check_certificate(evaluated: EvaluatedRequest) -> Iterator[LeaveRefusal]:
    if evaluated.rule.proof is CertificateRequirement.NEVER or evaluated.request.has_certificate:
        return
    if evaluated.rule.proof is CertificateRequirement.UNLESS_STUDY and evaluated.request.is_study:
        used = evaluated.request.study_days_used + evaluated.days
        if evaluated.rule.study_days is not None and used > evaluated.rule.study_days:
            yield evaluated.refuse(
                "STUDY_LIMIT",
                "K3",
                days=evaluated.days,
                used=evaluated.request.study_days_used,
                limit=evaluated.rule.study_days,
            )
        return
    yield evaluated.refuse("CERTIFICATE_REQUIRED", "K2", "certificate_id")


def _check_child(evaluated: EvaluatedRequest) -> Iterator[LeaveRefusal]:
    if evaluated.rule.child_age is None:
        return
    child = evaluated.request.child
    if child is None:
        yield evaluated.refuse("CCL_CHILD_REQUIRED", "C1", "child_id")
        return
    if evaluated.rule.child_count is not None and child.rank > evaluated.rule.child_count:
        yield evaluated.refuse(
            "CCL_CHILD_NOT_ELDEST_TWO",
            "C1",
            "child_id",
            rank=child.rank,
            limit=evaluated.rule.child_count,
        )
    grown = child.birthday_at(evaluated.rule.child_age)
    if not child.disabled and evaluated.spell.ends_on >= grown:
        yield evaluated.refuse(
            "CCL_CHILD_AGE",
            "C1",
            "end_date",
            age=evaluated.rule.child_age,
            birthday=grown,
            last_day=grown - timedelta(days=1),
        )


def group_adjacent_spells(
    spells: Sequence[Spell], applicant: ApplicantContext
) -> list[list[Spell]]:
    """Spells grouped by absence: within a group nothing was worked between one and the next."""
    almanac = applicant.rule_context.work_calendar
    found: list[list[Spell]] = []
    for one in sort_spells(spells, almanac):
        if found and off_days_between(found[-1][-1], one, almanac) is not None:
            found[-1].append(one)
        else:
            found.append([one])
    return found


def same_type_runs(
    kind: LeaveType, chain: Sequence[Spell], applicant: ApplicantContext
) -> list[list[Spell]]:
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
            rule = applicant.rule_context.rule_for(one)
            joined = joined and rule is not None and rule.nature is LeaveNature.RESTRICTED
    return found


def _run_of_request(evaluated: EvaluatedRequest) -> list[Spell]:
    for chain in group_adjacent_spells(
        [*evaluated.applicant.other_spells, evaluated.spell], evaluated.applicant
    ):
        for run in same_type_runs(evaluated.spell.kind, chain, evaluated.applicant):
            if evaluated.spell in run:
                return run
    return [evaluated.spell]


def _total_days(spells: Sequence[Spell], evaluated: EvaluatedRequest) -> float:
    """Days the spells of one run cost altogether."""
    every = calculate_all_day_debits(
        [*evaluated.applicant.other_spells, evaluated.spell], evaluated.applicant.rule_context
    )
    return (
        sum(one.half_days for spell in spells for one in every[spell.id])
        / evaluated.rule.factor
        / 2
    )


def _check_min_spell(evaluated: EvaluatedRequest) -> Iterator[LeaveRefusal]:
    if evaluated.rule.min_spell_days is not None:
        days = _total_days(_run_of_request(evaluated), evaluated)
        if 0 < days < evaluated.rule.min_spell_days:
            yield evaluated.refuse(
                "CCL_MIN_SPELL", "C6", "end_date", days=days, limit=evaluated.rule.min_spell_days
            )


def _check_spell_limit(evaluated: EvaluatedRequest) -> Iterator[LeaveRefusal]:
    limit = evaluated.rule.spells
    if limit is None:
        return
    status = evaluated.applicant.status_on(evaluated.spell.starts_on)
    if (
        status.single
        and (status.female or evaluated.policy.single_men_as_women)
        and evaluated.rule.spells_single_woman is not None
    ):
        limit = evaluated.rule.spells_single_woman
    if "C5" in evaluated.request.waived_rules:
        limit += evaluated.rule.spells_in_patient
    same = [one for one in evaluated.applicant.other_spells if one.kind is evaluated.spell.kind]
    every = [
        run
        for chain in group_adjacent_spells([*same, evaluated.spell], evaluated.applicant)
        for run in same_type_runs(evaluated.spell.kind, chain, evaluated.applicant)
    ]
    year = next(
        (run[0].starts_on.year for run in every if evaluated.spell in run),
        evaluated.spell.starts_on.year,
    )
    used = sum(1 for run in every if run[0].starts_on.year == year)
    if used > limit:
        yield evaluated.refuse(
            "CCL_SPELL_LIMIT", "C4", "start_date", spells=used, limit=limit, year=year
        )


def _check_stretch(evaluated: EvaluatedRequest) -> Iterator[LeaveRefusal]:
    limit = evaluated.rule.stretch_days
    rule = "CL3" if evaluated.rule.nature is LeaveNature.CASUAL else "E10"
    if limit is not None and rule not in evaluated.request.waived_rules:
        days = _total_days(_run_of_request(evaluated), evaluated)
        if days > limit:
            yield evaluated.refuse("MAX_AT_A_STRETCH", rule, "end_date", days=days, limit=limit)
    if evaluated.policy.total_days is not None and evaluated.rule.nature is LeaveNature.REGULAR:
        chain = next(
            (
                one
                for one in group_adjacent_spells(
                    [*evaluated.applicant.other_spells, evaluated.spell], evaluated.applicant
                )
                if evaluated.spell in one
            ),
            [evaluated.spell],
        )
        length = (chain[-1].ends_on - chain[0].starts_on).days + 1
        if length > evaluated.policy.total_days:
            yield evaluated.refuse(
                "MAX_AT_A_STRETCH", "G4", "end_date", days=length, limit=evaluated.policy.total_days
            )


def _check_combination(evaluated: EvaluatedRequest) -> Iterator[LeaveRefusal]:
    """What it may stand beside, nothing worked between; then whether a restricted holiday joins
    what may not be joined.
    """
    chain = next(
        (
            one
            for one in group_adjacent_spells(
                [*evaluated.applicant.other_spells, evaluated.spell], evaluated.applicant
            )
            if evaluated.spell in one
        ),
        [evaluated.spell],
    )
    for first, then in pairwise(chain):
        if evaluated.spell in (first, then) and (found := _pair_refusal(evaluated, first, then)):
            yield found
            return
    for first, middle, then in zip(chain, chain[1:], chain[2:], strict=False):
        if evaluated.spell in (first, middle, then) and (
            found := _triple_refusal(evaluated, first, middle, then)
        ):
            yield found
            return


def _pair_refusal(evaluated: EvaluatedRequest, first: Spell, then: Spell) -> LeaveRefusal | None:
    if evaluated.policy.may_follow(first.kind, then.kind):
        return None
    off = off_days_between(first, then, evaluated.applicant.rule_context.work_calendar)
    if off and evaluated.policy.casual_off_regular:
        return None
    if "CL9" in evaluated.request.waived_rules and _is_last_half_day(evaluated, first, then):
        return None
    rule = "CL13" if off else "CL8"
    other = then if first is evaluated.spell else first
    return evaluated.refuse(
        "COMBINATION_NOT_ALLOWED",
        rule,
        "start_date",
        first=str(first.kind),
        then=str(then.kind),
        application=other.id,
        off_days=off or [],
    )


def _is_last_half_day(evaluated: EvaluatedRequest, first: Spell, then: Spell) -> bool:
    """The exception: the last half-day of casual leave, after lunch, runs into regular leave
    because duty cannot be resumed.
    """
    one, two = (
        evaluated.applicant.rule_context.rule_for(first),
        evaluated.applicant.rule_context.rule_for(then),
    )
    if (
        one is None
        or two is None
        or one.nature is not LeaveNature.CASUAL
        or two.nature is not LeaveNature.REGULAR
    ):
        return False
    book = evaluated.applicant.projections.get(first.kind)
    spent = (
        [(one.day, -one.half_days) for one in evaluated.day_debits]
        if first is evaluated.spell
        else []
    )
    rest = book.with_movements(spent).available_on(first.ends_on) if book else 0
    return first.half is DayHalf.AN and rest == 0


def _triple_refusal(
    evaluated: EvaluatedRequest, first: Spell, middle: Spell, then: Spell
) -> LeaveRefusal | None:
    natures = [
        rule.nature if (rule := evaluated.applicant.rule_context.rule_for(one)) else None
        for one in (first, middle, then)
    ]
    if natures[1] is not LeaveNature.RESTRICTED:
        return None
    ends = {natures[0], natures[2]}
    if ends == {LeaveNature.REGULAR} and not evaluated.policy.regular_restricted_regular:
        whole = replace(
            evaluated.spell,
            kind=first.kind,
            starts_on=first.starts_on,
            ends_on=then.ends_on,
            half=None,
        )
        return evaluated.refuse(
            "COMBINATION_NOT_ALLOWED",
            "R4",
            "start_date",
            first=str(first.kind),
            middle=str(middle.kind),
            then=str(then.kind),
            off_days=[],
            offer=_alternative(whole, evaluated) if first.kind is then.kind else None,
        )
    if (
        ends == {LeaveNature.CASUAL, LeaveNature.REGULAR}
        and not evaluated.policy.casual_restricted_regular
    ):
        return evaluated.refuse(
            "COMBINATION_NOT_ALLOWED",
            "R5",
            "start_date",
            first=str(first.kind),
            middle=str(middle.kind),
            then=str(then.kind),
            off_days=[],
        )
    return None


def _alternative(whole: Spell, evaluated: EvaluatedRequest) -> dict[str, Any]:
    """What could be taken instead: one spell from end to end."""
    days = (
        sum(one.half_days for one in calculate_day_debits(whole, evaluated.applicant.rule_context))
        / 2
    )
    return {
        "leave_type": str(whole.kind),
        "start_date": whole.starts_on,
        "end_date": whole.ends_on,
        "days": days,
    }


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


def _check_balance(evaluated: EvaluatedRequest) -> Iterator[LeaveRefusal]:
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

_CHECKS: tuple[Callable[[EvaluatedRequest], Iterator[LeaveRefusal]], ...] = (
    _check_suspension,
    _check_eligibility,
    _check_half_day,
    _check_restricted_list,
    _check_chargeable,
    _check_overlap,
    _check_certificate,
    _check_child,
    _check_min_spell,
    _check_spell_limit,
    _check_stretch,
    _check_combination,
    _check_balance,
)
