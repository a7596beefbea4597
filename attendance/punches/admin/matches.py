"""Matching in the console: the form that names the employee of an unmatched punch, and the list of
matches.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from attendance.models import PunchMatch
from core.admin_choices import TolerantAutocompleteSelect
from core.tenant_admin import ReadOnlyTenantAdmin
from employees.models import Employee


class PunchMatchForm(forms.Form):
    """Whose a punch is."""

    employee: forms.ModelChoiceField[Employee] = forms.ModelChoiceField(
        queryset=Employee.objects.none(),
        label=_("employee"),
        widget=TolerantAutocompleteSelect(PunchMatch._meta.get_field("employee"), admin.site),
        help_text=_("Type a name or a code."),
    )

    def __init__(self, people: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["employee"].queryset = people  # type: ignore[attr-defined]


class PunchMatchAdmin(ReadOnlyTenantAdmin):
    """Who said afterwards whose a punch is."""

    fieldsets = ((None, {"fields": ("punch", "employee", ("matched_at", "matched_by"))}),)
    list_display = ("matched_at", "punch", "employee", "by")
    list_select_related = ("punch", "employee", "matched_by", "organization")
    search_fields = ("=punch__user_code", "employee__name", "=employee__code")
    empty_title = _("No matches yet")
    empty_text = _(
        "Open an unmatched punch and choose its employee, or enter the code on the employee's page:"
        " the punch is then matched automatically."
    )

    @display(description=_("by"))
    def by(self, match: PunchMatch) -> Any:
        return match.matched_by or _("automatically, when the code was entered")
