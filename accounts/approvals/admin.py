"""The console's rows of requests: an approver sees those of the people they decide for."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpRequest

from accounts.approvals.people import employees_decided_for
from core.tenant_visibility import is_operator


class ApproverRowsMixin:
    """Mixed into a TenantAdmin whose rows have `employee`. Who has `all_rows_permission` sees every
    row of the organization.
    """

    all_rows_permission: ClassVar[str] = ""

    def get_queryset(self, request: HttpRequest) -> Any:
        """All rows for HR, those of the people one decides for else."""
        rows = super().get_queryset(request)  # type: ignore[misc]
        user: Any = request.user
        if is_operator(request) or user.has_perm(self.all_rows_permission):
            return rows
        if getattr(user, "employee", None) is None:
            return rows.none()
        return rows.filter(employee__in=employees_decided_for(user))
