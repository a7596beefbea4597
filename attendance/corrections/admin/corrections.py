"""The console's list of corrections: entered times and punches that do not count, with user and
reason.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from attendance.models import Correction
from core.tenant_admin import (
    ReadOnlyTenantAdmin,
)
from core.times import to_local_time


class CorrectionSourceFilter(admin.SimpleListFilter):
    """Corrections by where they come from."""

    title = _("source")
    parameter_name = "source"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("asked", _("Approved request")),
            ("file", _("Imported file")),
            ("hand", _("Entered by HR")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        wanted = {"asked": (False, True), "file": (True, False), "hand": (True, True)}.get(
            str(self.value())
        )
        if wanted is None:
            return queryset
        return queryset.filter(regularization__isnull=wanted[0], manual_import__isnull=wanted[1])


class CorrectionAdmin(ReadOnlyTenantAdmin):
    """Times that were put right, with who and why: evidence to look at."""

    fieldsets = (
        (None, {"fields": (("employee", "kind"), ("local_time", "direction"), "reason")}),
        (
            _("Source"),
            {"fields": (("made_at", "made_by"), ("regularization", "manual_import"))},
        ),
        (_("What does not count"), {"fields": (("voids_punch", "voids"),)}),
    )
    readonly_fields = ("local_time",)
    list_display = ("local_time", "employee", "kind", "direction", "reason", "made_by", "made_at")
    list_filter: ClassVar = ["kind", CorrectionSourceFilter]
    list_select_related = ("employee__organization", "made_by", "organization")
    search_fields = ("employee__name", "=employee__code")
    search_help_text = _("An employee's name or code")
    extra_lookups = ("employee", "manual_import", "regularization")
    date_hierarchy = "at"
    show_full_result_count = False
    empty_title = _("No corrections")
    empty_text = _(
        "Entered times and punches that do not count appear here. Correct a day on the page of that"
        " day."
    )

    @display(description=_("time"), ordering="at")
    def local_time(self, one: Correction) -> str:
        return correction_time_text(one)


def correction_time_text(one: Correction) -> str:
    """The time of a correction on the clock of the organization."""
    return f"{to_local_time(one.at, one.employee.organization.timezone):%Y-%m-%d %H:%M}"
