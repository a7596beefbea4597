"""The view set that leave, tours and regularizations share: people see their own requests, and
approvers those of the people they decide for.

An app derives from it, names its rows and its actions, and translates each body into a verb.
"""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from django.db.models import Model, Q, QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import NotFound
from rest_framework.permissions import SAFE_METHODS, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.approvals.people import employees_decided_for
from accounts.authentication import BearerAuthentication
from accounts.models import User
from accounts.permissions import APPROVE_LEAVE, IsEmployee, has_ability, requires_ability
from accounts.throttling import V1_LIMIT
from core.pagination import NewestFirstPagination
from employees.models import Employee

_M = TypeVar("_M", bound=Model)
# The largest id that either engine can look up.
MAX_ID = 2**63 - 1


def request_user(request: Request) -> User:
    """The user of an authenticated request."""
    user: User = request.user  # type: ignore[assignment]
    return user


def request_employee(request: Request) -> Employee:
    """The employee of an authenticated request. Raises NotFound for a user who is none."""
    employee = request_user(request).employee
    if employee is None:
        raise NotFound
    return employee


class ApprovalViewSet(GenericViewSet[_M]):
    """Requests with an applicant and an approver.

    `approver_actions` need the ability to approve; `shared_actions` are open to the applicant and
    to approvers who are no employees. Rows have `employee` and `status`.
    """

    authentication_classes = (BearerAuthentication,)
    limits = (V1_LIMIT,)
    pagination_class = NewestFirstPagination
    filter_backends = (DjangoFilterBackend,)
    approver_actions: ClassVar[tuple[str, ...]] = ()
    shared_actions: ClassVar[tuple[str, ...]] = ()
    pending_status: ClassVar[str] = ""

    def all_rows(self, organization_id: Any) -> QuerySet[_M]:
        """The requests of an organization, with what their bodies need."""
        raise NotImplementedError

    def row_body(self, row: _M) -> dict[str, Any]:
        """A request as the API gives it."""
        raise NotImplementedError

    def approver_rows(self, rows: QuerySet[_M], own: Q) -> QuerySet[_M]:
        """What an approver may name in an action that decides. Whose it is not to decide is told so
        by the verb: 403.
        """
        return rows

    def get_permissions(self) -> Any:
        """Deciding is for approvers; the rest for employees, and for approvers who are none."""
        if self.action in self.approver_actions:
            return [IsAuthenticated(), requires_ability(APPROVE_LEAVE)()]
        if self.action in self.shared_actions:
            return [IsAuthenticated()]
        return [IsAuthenticated(), IsEmployee()]

    def get_queryset(self) -> QuerySet[_M]:
        """What the caller may know of: their own; what they may decide; nothing else of their
        organization.
        """
        user = request_user(self.request)
        rows = self.all_rows(user.organization_id)
        own = Q(employee=user.employee_id) if user.employee_id else Q(pk__in=[])
        if self.action == "to_decide":
            return rows.filter(status=self.pending_status, employee__in=employees_decided_for(user))
        if self.action in (*self.approver_actions, *self.shared_actions) and has_ability(
            user, APPROVE_LEAVE
        ):
            named = self.approver_rows(rows, own)
            # No verb refuses an action that only shows something.
            if self.request.method in SAFE_METHODS:
                return named.filter(own | Q(employee__in=employees_decided_for(user)))
            return named
        return rows.filter(own)

    def row_or_404(self, pk: int) -> _M:
        """A request that the caller may know of. Raises NotFound."""
        row = self.get_queryset().filter(pk=pk).first() if pk <= MAX_ID else None
        if row is None:
            raise NotFound
        return row

    def list_page(self) -> Response:
        """A page of the requests that the action lists."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response([self.row_body(row) for row in page or []])
