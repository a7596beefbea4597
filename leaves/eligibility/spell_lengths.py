"""How long a spell is with the leave it joins, and the limits on it: the shortest spell, spells
a year, days at a stretch. Pure. Called by `leaves.eligibility.evaluation`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from leaves.day_counting import Spell, calculate_all_day_debits, off_days_between, sort_spells
from leaves.eligibility.refusal import LeaveRefusal
from leaves.eligibility.request import ApplicantContext, EvaluatedRequest
from leaves.policies import LeaveNature, LeaveType


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


def run_of_request(evaluated: EvaluatedRequest) -> list[Spell]:
    """The spells of the same leave type that the one asked for joins, with itself."""
    for chain in group_adjacent_spells(
        [*evaluated.applicant.other_spells, evaluated.spell], evaluated.applicant
    ):
        for run in same_type_runs(evaluated.spell.kind, chain, evaluated.applicant):
            if evaluated.spell in run:
                return run
    return [evaluated.spell]


def run_days(spells: Sequence[Spell], evaluated: EvaluatedRequest) -> float:
    """Days the spells of one run cost altogether."""
    every = calculate_all_day_debits(
        [*evaluated.applicant.other_spells, evaluated.spell], evaluated.applicant.rule_context
    )
    return (
        sum(one.half_days for spell in spells for one in every[spell.id])
        / evaluated.rule.factor
        / 2
    )


def check_min_spell(evaluated: EvaluatedRequest) -> Iterator[LeaveRefusal]:
    """The spell is no shorter than the leave type allows (C6)."""
    if evaluated.rule.min_spell_days is not None:
        days = run_days(run_of_request(evaluated), evaluated)
        if 0 < days < evaluated.rule.min_spell_days:
            yield evaluated.refuse(
                "CCL_MIN_SPELL", "C6", "end_date", days=days, limit=evaluated.rule.min_spell_days
            )


def check_spell_limit(evaluated: EvaluatedRequest) -> Iterator[LeaveRefusal]:
    """No more spells a year than the leave type allows (C4, C5)."""
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


def check_stretch(evaluated: EvaluatedRequest) -> Iterator[LeaveRefusal]:
    """No more days at a stretch than the leave type (CL3, E10) and the policy (G4) allow."""
    limit = evaluated.rule.stretch_days
    rule = "CL3" if evaluated.rule.nature is LeaveNature.CASUAL else "E10"
    if limit is not None and rule not in evaluated.request.waived_rules:
        days = run_days(run_of_request(evaluated), evaluated)
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
