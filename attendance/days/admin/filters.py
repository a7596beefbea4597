"""The filters of the console's list of days."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from attendance.models import (
    Day,
)


class DayStatusFilter(admin.SimpleListFilter):
    """Days by what they count as; all kinds of leave together."""

    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [*Day.Status.choices, ("leave", _("On leave"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "leave":
            return queryset.filter(status__startswith="leave:")
        return (
            queryset.filter(status=self.value()) if self.value() in Day.Status.values else queryset
        )


class AttentionFilter(admin.SimpleListFilter):
    """Days somebody should look at."""

    title = _("needs attention")
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("late", _("Late or early")),
            ("overtime", _("Overtime")),
            ("marked", _("With remarks")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "late":
            return queryset.exclude(late_by=0, early_by=0)
        if self.value() == "overtime":
            return queryset.filter(overtime__gt=0)
        return queryset.exclude(marks=[]) if self.value() == "marked" else queryset
