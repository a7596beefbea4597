"""Checks about the applicant and the papers: who may take this leave type, suspension,
certificate, child. Pure. Called by `leaves.eligibility.evaluation`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from leaves.eligibility.refusal import LeaveRefusal
from leaves.eligibility.request import EvaluatedRequest
from leaves.policies import CertificateRequirement, EligibleGroup


def check_eligibility(evaluated: EvaluatedRequest) -> Iterator[LeaveRefusal]:
    """The leave type is for this person now: group, probation, backdating (CL2, C3, C8, C11)."""
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


def check_suspension(evaluated: EvaluatedRequest) -> Iterator[LeaveRefusal]:
    """No suspension on its days (G15)."""
    for first, last in evaluated.applicant.suspensions:
        if first <= evaluated.spell.ends_on and (last is None or evaluated.spell.starts_on <= last):
            yield evaluated.refuse("SUSPENDED", "G15", "start_date", since=first, until=last)
            return


def check_certificate(evaluated: EvaluatedRequest) -> Iterator[LeaveRefusal]:
    """There is a medical certificate, or an approved course within its limit (K2, K3)."""
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


def check_child(evaluated: EvaluatedRequest) -> Iterator[LeaveRefusal]:
    """A child is named, among the eldest ones, and young enough (C1)."""
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
