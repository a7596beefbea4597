"""The versions of the leave policy that ever held for a person, read from the database. Called
by `leaves.context` and by the statements of many people.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from django.db.models import Q, QuerySet

from employees.models import Employee
from leaves.models import LeavePolicy, LeaveProfile
from leaves.policies import LeavePolicyHistory, LeavePolicyVersion, versions_in_force


def policy_history_of(
    employee: Employee, profiles: Sequence[LeaveProfile], *, draft_policy: LeavePolicy | None = None
) -> LeavePolicyHistory:
    """All versions of rules that ever held for a person, as the group of staff changed;
    `draft_policy`: a draft as if it held.
    """
    draft = Q() if draft_policy is None else Q(pk=draft_policy.pk)
    published = LeavePolicy.objects.of(employee.organization_id).filter(
        Q(published_at__isnull=False) | draft
    )
    return effective_rules(policies_by_scheme(published), profiles)


def policies_by_scheme(published: QuerySet[LeavePolicy]) -> dict[str, list[LeavePolicyVersion]]:
    """Versions of rules by group of staff, the oldest first."""
    by_scheme: dict[str, list[LeavePolicyVersion]] = defaultdict(list)
    for one in published.prefetch_related("rules", "sanctions").order_by("effective_from"):
        by_scheme[one.scheme].append(one.to_version())
    return by_scheme


def effective_rules(
    by_scheme: Mapping[str, list[LeavePolicyVersion]], profiles: Sequence[LeaveProfile]
) -> LeavePolicyHistory:
    """The versions that held for a person, by the group of staff of each time."""
    return LeavePolicyHistory(
        tuple(versions_in_force(by_scheme, [(row.starts_on, row.scheme) for row in profiles]))
    )
