"""Which leave types may stand beside each other with nothing worked between (CL8, CL9, CL13, R4,
R5). Pure. Called by `leaves.eligibility.evaluation`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

from leaves.day_counting import DayHalf, Spell, calculate_day_debits, off_days_between
from leaves.eligibility.refusal import LeaveRefusal
from leaves.eligibility.request import EvaluatedRequest
from leaves.eligibility.spell_lengths import group_adjacent_spells
from leaves.policies import LeaveNature


def check_combination(evaluated: EvaluatedRequest) -> Iterator[LeaveRefusal]:
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
