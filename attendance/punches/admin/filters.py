"""Filters of the console's list of punches: unmatched or matched later, and worth a second look."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _


class MatchStateFilter(admin.SimpleListFilter):
    """Punches that wait for somebody to say whose they are."""

    title = _("match status")
    parameter_name = "match_state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("unknown", _("Unmatched")), ("matched", _("Matched later"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "unknown":
            return queryset.unmatched()
        return queryset.filter(match__isnull=False) if self.value() == "matched" else queryset


class NeedsReviewFilter(admin.SimpleListFilter):
    """What somebody should look at: refused, or accepted with a remark."""

    title = _("needs review")
    parameter_name = "review"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("refused", _("Rejected")), ("remarked", _("With remarks"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "refused":
            return queryset.rejected()
        return queryset.exclude(flags=[]) if self.value() == "remarked" else queryset
