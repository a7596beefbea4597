"""Checks about the dates: half days, the list of restricted holidays, days that cost nothing,
overlaps. Pure. Called by `leaves.eligibility.evaluation`.
"""

from __future__ import annotations

from collections.abc import Iterator

from leaves.calendars import days_between
from leaves.eligibility.refusal import LeaveRefusal
from leaves.eligibility.request import EvaluatedRequest
from leaves.policies import LeaveNature


def check_half_day(evaluated: EvaluatedRequest) -> Iterator[LeaveRefusal]:
    """The leave type allows half days (G9)."""
    if evaluated.request.half_day and not evaluated.rule.half_days:
        yield evaluated.refuse("HALF_DAY_NOT_ALLOWED", "G9", "is_half_day")


def check_restricted_list(evaluated: EvaluatedRequest) -> Iterator[LeaveRefusal]:
    """Every day is on the list of restricted holidays, if the leave type asks for that (R2)."""
    if evaluated.rule.list_only:
        days = [
            evaluated.applicant.rule_context.work_calendar.day(day)
            for day in days_between(evaluated.spell.starts_on, evaluated.spell.ends_on)
        ]
        missing = [one.date for one in days if not one.on_restricted_list]
        if missing:
            yield evaluated.refuse("RH_NOT_ON_LIST", "R2", "start_date", dates=missing)


def check_chargeable(evaluated: EvaluatedRequest) -> Iterator[LeaveRefusal]:
    """Some day of it costs something (CL7, R6, G5)."""
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


def check_overlap(evaluated: EvaluatedRequest) -> Iterator[LeaveRefusal]:
    """No other leave on the same half days."""
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
