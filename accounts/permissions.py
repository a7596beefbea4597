"""What people may do: abilities, the groups that have them, and who decides for whom.

`requires("reports")` is a DRF permission; `can_decide_for` is asked by leaves and tours before
anything is decided.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core import exceptions
from django.db.models import Q
from django.http import HttpRequest
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.models import Delegation, User
from accounts.roles import ADMIN, APPROVER, HR_ADMIN, REPORTS
from employees.models import Assignment, Employee

APPROVE_LEAVE: Final = "leave-approver"
READ_REPORTS: Final = "reports"
MANAGE_ATTENDANCE: Final = "admin-attendance"
# ability → groups that have it, in the order in which a refusal names them
ABILITIES: Final[dict[str, tuple[str, ...]]] = {
    APPROVE_LEAVE: (ADMIN, HR_ADMIN, APPROVER),
    READ_REPORTS: (ADMIN, HR_ADMIN, REPORTS),
    MANAGE_ATTENDANCE: (ADMIN, HR_ADMIN),
}


def signed_in_user(request: HttpRequest) -> User:
    """The person at the console: nobody gets this far without having signed in."""
    if not isinstance(request.user, User):
        raise exceptions.PermissionDenied
    return request.user


def groups_of(user: User) -> list[str]:
    """The names of somebody's groups, sorted; read once per request and person."""
    known: list[str] | None = getattr(user, "_muster_groups", None)
    if known is None:
        known = sorted(user.groups.values_list("name", flat=True))
        user._muster_groups = known  # type: ignore[attr-defined]
    return known


def abilities_of(user: User) -> list[str]:
    """What somebody may do now, sorted. Who stands in for an approver today may approve today."""
    return sorted(ability for ability in ABILITIES if has_ability(user, ability))


def has_ability(user: User, ability: str) -> bool:
    """Whether somebody has an ability now."""
    if not set(groups_of(user)).isdisjoint(ABILITIES[ability]):
        return True
    return (
        ability == APPROVE_LEAVE
        and user.employee is not None
        and bool(_delegating_approver_ids(user.employee, local_today(user.employee)))
    )


def forbidden_message(ability: str) -> str:
    """The text of the 403."""
    return f"Forbidden: '{ability}' requires one of: {', '.join(ABILITIES[ability])}"


def requires_ability(ability: str) -> type[BasePermission]:
    """A DRF permission: somebody is signed in and has the ability."""

    class HasAbility(BasePermission):
        """Refuses with the groups that could."""

        def has_permission(self, request: Request, view: Any) -> bool:
            """Raises PermissionDenied when a group is missing; False, so 401, when nobody is signed
            in.
            """
            if not isinstance(request.user, User):
                return False
            if not has_ability(request.user, ability):
                raise PermissionDenied(forbidden_message(ability))
            return True

    return HasAbility


class IsEmployee(BasePermission):
    """Self-service: the signed-in person is an employee."""

    message = "Forbidden: this account is not linked to an employee."

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the account is linked to an employee."""
        return getattr(request.user, "employee_id", None) is not None


def local_today(employee: Employee) -> date:
    """The date now where an employee's organization is."""
    return datetime.now(ZoneInfo(employee.organization.timezone)).date()


class ApprovalRole(StrEnum):
    """What somebody is to an employee for whom they may decide."""

    MANAGER = "MANAGER"
    HEAD = "HEAD"
    HR = "HR"
    ADMIN = "ADMIN"


def can_decide_for(user: User, employee: Employee, day: date | None = None) -> bool:
    """Whether somebody may decide an application of `employee` on a day (default: today).

    HR decides for everybody, an approver for those who report to them and for the departments they
    head, a stand-in for whom their approver decides for. Nobody decides for themselves, and a
    stand-in never for the approver in whose place they decide.
    """
    return bool(approval_roles(user, employee, day))


def approval_roles(
    user: User, employee: Employee, day: date | None = None
) -> frozenset[ApprovalRole]:
    """All that somebody is to an employee on a day (default: today), as `can_decide_for` has it:
    manager, head of the department, or stand-in for one of them; HR; administrator. Nothing when
    they decide nothing for them.
    """
    if user.organization_id != employee.organization_id or user.employee_id == employee.pk:
        return frozenset()
    groups = set(groups_of(user))
    found = {
        place
        for group, place in ((ADMIN, ApprovalRole.ADMIN), (HR_ADMIN, ApprovalRole.HR))
        if group in groups
    }
    if user.employee is None:
        return frozenset(found)
    day = day or local_today(employee)
    deciders = _delegating_approver_ids(user.employee, day)
    if APPROVER in groups:
        deciders = {*deciders, user.employee.pk}
    deciders.discard(employee.pk)
    if employee.manager_id in deciders:
        found.add(ApprovalRole.MANAGER)
    if not deciders.isdisjoint(_department_head_ids(employee, day)):
        found.add(ApprovalRole.HEAD)
    return frozenset(found)


def _department_head_ids(employee: Employee, day: date) -> set[UUID]:
    of_day = Assignment.objects.of(employee.organization_id).filter(
        employee=employee, starts_on__lte=day
    )
    of_day = of_day.filter(
        Q(ends_on__isnull=True) | Q(ends_on__gte=day), department__head__isnull=False
    )
    return set(of_day.values_list("department__head_id", flat=True))


def decidable_employees(user: User, day: date) -> Q:
    """The condition on employees (`Employee.objects.of(…).filter(…)`) for whom somebody may decide
    on a day.
    """
    never = ~Q(pk=user.employee_id) if user.employee_id else Q()
    groups = set(groups_of(user))
    if groups & {ADMIN, HR_ADMIN}:
        return never
    if user.employee is None:
        return Q(pk__in=[])
    places = _delegating_approver_ids(user.employee, day)
    reach = Q(pk__in=[])
    for decider in (*places, *([user.employee.pk] if APPROVER in groups else ())):
        led = Assignment.objects.of(user.organization_id).filter(
            department__head_id=decider, starts_on__lte=day
        )
        led = led.filter(Q(ends_on__isnull=True) | Q(ends_on__gte=day))
        reach |= (Q(manager_id=decider) | Q(pk__in=led.values("employee_id"))) & ~Q(pk=decider)
    return never & reach


def _delegating_approver_ids(employee: Employee, day: date) -> set[UUID]:
    """Approvers in whose place somebody decides on a day: only those who could themselves, by their
    group.
    """
    rows = Delegation.objects.of(employee.organization_id).on_day(day).filter(delegate=employee)
    return set(
        rows.filter(approver__user__groups__name__in=ABILITIES[APPROVE_LEAVE]).values_list(
            "approver_id", flat=True
        )
    )
