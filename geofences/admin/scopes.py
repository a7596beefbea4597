"""What the pages of geofences and networks share: whom a rule applies to, as a column and a
filter.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from core.tenant_admin import TenantAdmin
from geofences.models import SCOPES


class ScopeFilter(admin.SimpleListFilter):
    """Rules by what kind of scope they have."""

    title = _("applies to")
    parameter_name = "applies_to"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("organization", _("Everybody")),
            ("site", _("A site")),
            ("department", _("A department")),
            ("employee", _("An employee")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "organization":
            return queryset.filter(**{f"{name}__isnull": True for name in SCOPES})
        return (
            queryset.filter(**{f"{self.value()}__isnull": False})
            if self.value() in SCOPES
            else queryset
        )


class ScopedAdmin(TenantAdmin):
    """What fences and networks share: whom they apply to."""

    _scope = (
        _("Applies to"),
        {
            "fields": ("site", "department", "employee"),
            "description": _("Choose one of the three, or none: then it applies to everybody."),
        },
    )
    autocomplete_fields = ("employee",)
    list_select_related = ("site", "department", "employee", "organization")
    deletable = True

    @display(description=_("applies to"))
    def scope(self, row: Any) -> str:
        return str(row.site or row.department or row.employee or _("Everybody"))
