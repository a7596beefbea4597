"""A leave policy from plain data, and what is wrong with it. Pure. Called by
`LeavePolicy.to_version` and, through it, by whatever reads or publishes a policy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from enum import StrEnum
from typing import Any

from leaves.policies import (
    AccrualCycle,
    Authority,
    CertificateRequirement,
    EligibleGroup,
    JoinerCredit,
    LeaveNature,
    LeavePolicyVersion,
    LeaveRule,
    LeaveType,
    SanctionLimit,
    to_half_days,
)

# What `parse_leave_policy` takes in days and keeps in half-days.
_FIELDS_IN_DAYS = ("amount", "disabled_extra", "ceiling", "reduction_cap", "floor", "rounding")


_ENUM_FIELDS: Mapping[str, type[StrEnum]] = {
    "nature": LeaveNature,
    "account": LeaveType,
    "cycle": AccrualCycle,
    "joiner": JoinerCredit,
    "closes": AccrualCycle,
    "proof": CertificateRequirement,
    "eligible_group": EligibleGroup,
}


def parse_leave_policy(
    data: Mapping[str, Any], effective_from: date, policy_id: int | None = None
) -> LeavePolicyVersion:
    """A policy from plain data in the form of `ccs_1972.json`. Raises ValueError saying what is
    wrong.
    """
    rules = {
        LeaveType(name): _parse_rule(LeaveType(name), facts)
        for name, facts in data["kinds"].items()
    }
    combinations = {
        LeaveType(first): frozenset(LeaveType(one) for one in then)
        for first, then in data["combinations"].items()
    }
    sanctions = tuple(_parse_sanction_limit(one) for one in data.get("sanctions", ()))
    policy = LeavePolicyVersion(
        effective_from,
        rules,
        combinations,
        sanctions=sanctions,
        policy_id=policy_id,
        **data.get("switches", {}),
    )
    if problem := next(leave_policy_problems(policy), None):
        raise ValueError(problem)
    return policy


def _parse_rule(kind: LeaveType, facts: Mapping[str, Any]) -> LeaveRule:
    values: dict[str, Any] = {"account": kind, **facts}
    for name in _FIELDS_IN_DAYS:
        if name in values:
            values[name] = to_half_days(values[name])
    for name, enum in _ENUM_FIELDS.items():
        if name in values:
            values[name] = enum(values[name])
    try:
        return LeaveRule(kind=kind, **values)
    except TypeError as error:
        raise ValueError(f"{kind}: {error}") from error


def _parse_sanction_limit(facts: Mapping[str, Any]) -> SanctionLimit:
    kind = facts.get("kind")
    return SanctionLimit(
        LeaveType(kind) if kind else None,
        Authority(facts["authority"]),
        facts.get("up_to_days"),
        facts.get("recommendation", False),
    )


def leave_policy_problems(policy: LeavePolicyVersion) -> Iterator[str]:
    """What is contradictory in a policy, in sentences for whoever edits it."""
    for kind, rule in policy.rules.items():
        if rule.account not in policy.rules or not policy.rules[rule.account].has_account:
            yield f"{kind}: the account {rule.account} is not among the kinds of this policy"
        if rule.factor < 1:
            yield f"{kind}: the factor is at least 1"
        if rule.cycle is not AccrualCycle.NEVER and not rule.has_account:
            yield f"{kind}: only a kind with an account of its own is credited"
        if rule.rounding not in (1, 2):
            yield f"{kind}: credits are rounded to whole or half days"
        if rule.closes not in (AccrualCycle.NEVER, AccrualCycle.HALF_YEARLY, AccrualCycle.YEARLY):
            yield f"{kind}: an account is closed half-yearly, yearly or never"
    for first, then in policy.combinations.items():
        if unknown := sorted({first, *then} - set(policy.rules)):
            yield f"The combinations name kinds without a rule: {', '.join(unknown)}"
    yield from _unsanctionable_leave_types(policy)


def _unsanctionable_leave_types(policy: LeavePolicyVersion) -> Iterator[str]:
    """Kinds whose longest leave nobody could sanction."""
    for kind in {one.kind for one in policy.sanctions}:
        rows = [one for one in policy.sanctions if one.kind is kind]
        if all(one.up_to_days is not None for one in rows):
            yield (
                f"{kind or 'Every kind'}: nobody may sanction more than"
                f" {max(one.up_to_days or 0 for one in rows)} days"
            )
