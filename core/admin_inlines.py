"""Bases of the inlines of the console: rows that are kept, or only looked at, on their parent's
page.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from unfold.admin import TabularInline

from core.admin_forms import TenantForm, TenantFormSet
from core.admin_scope import TenantScopedMixin


class TenantInline(TenantScopedMixin, TabularInline):  # type: ignore[misc]
    """Rows that are kept on their parent's page."""

    form = TenantForm
    formset = TenantFormSet
    extra = 0
    can_delete = False
    show_change_link = False
    hide_title = True


class ReadOnlyInline(TenantInline):
    """Rows that are only looked at."""

    max_num = 0

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
