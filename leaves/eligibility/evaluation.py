"""May this leave be taken? Each rule that is broken gives a code, a rule id and the numbers it
used. Pure.

Called by `leaves.services` under the lock of the employee's accounts and by the preview. Rule
ids are those of docs/leaves.md. The order of the checks is the order in which a clerk would ask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from leaves.day_counting import DayDebit, Spell, calculate_day_debits, sort_spells
from leaves.eligibility.applicant_checks import (
    check_certificate,
    check_child,
    check_eligibility,
    check_suspension,
)
from leaves.eligibility.balance_check import check_balance
from leaves.eligibility.combinations import check_combination
from leaves.eligibility.date_checks import (
    check_chargeable,
    check_half_day,
    check_overlap,
    check_restricted_list,
)
from leaves.eligibility.refusal import LeaveRefusal
from leaves.eligibility.request import ApplicantContext, EvaluatedRequest, LeaveRequest
from leaves.eligibility.spell_lengths import (
    check_min_spell,
    check_spell_limit,
    check_stretch,
    run_days,
    run_of_request,
)
from leaves.policies import SanctionLimit

MAX_LEAVE_DAYS = 366 * 5


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
    days = run_days(run_of_request(matter), matter)
    refusals = [refusal for check in _CHECKS for refusal in check(matter)]
    return LeaveEligibility(charges, refusals, days, policy.sanction_for(request.spell.kind, days))


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


_CHECKS: tuple[Callable[[EvaluatedRequest], Iterator[LeaveRefusal]], ...] = (
    check_suspension,
    check_eligibility,
    check_half_day,
    check_restricted_list,
    check_chargeable,
    check_overlap,
    check_certificate,
    check_child,
    check_min_spell,
    check_spell_limit,
    check_stretch,
    check_combination,
    check_balance,
)
