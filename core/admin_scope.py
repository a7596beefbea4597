"""What admin pages and inlines share: choices and rows of another tenant do not exist.
`core.tenant_admin` and `core.admin_inlines` build on it.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.http import HttpRequest

from core.admin_choices import TolerantAutocompleteSelect
from core.tenant_visibility import belongs_to_tenant, visible_rows


class TenantScopedMixin:
    """What forms and inlines share: choices of another tenant do not exist."""

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in self.get_autocomplete_fields(request):  # type: ignore[attr-defined]
            kwargs.setdefault("widget", TolerantAutocompleteSelect(db_field, self.admin_site))  # type: ignore[attr-defined]
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        return visible_rows(request, super().get_queryset(request))  # type: ignore[misc]

    def get_field_queryset(
        self, db: Any, db_field: Any, request: HttpRequest
    ) -> models.QuerySet[Any]:
        rows = super().get_field_queryset(db, db_field, request)  # type: ignore[misc]
        return visible_rows(
            request, db_field.remote_field.model._default_manager.all() if rows is None else rows
        )

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return belongs_to_tenant(request, obj) and super().has_view_permission(request, obj)  # type: ignore[misc]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return belongs_to_tenant(request, obj) and super().has_change_permission(request, obj)  # type: ignore[misc]
