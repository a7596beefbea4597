"""The console's pages on rosters, and the action that assigns a pattern to many at once."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSingleDateWidget, UnfoldAdminTextareaWidget

from core.action_pages import ActionFormMixin
from core.tenant_admin import (
    TenantAdmin,
)
from employees.models import Department, Employee, Site
from shifts import services as shift_services
from shifts.models import Roster


class BulkRosterForm(forms.Form):
    """For whom a pattern is to hold, many at once."""

    starts_on = forms.DateField(label=_("From"), widget=UnfoldAdminSingleDateWidget)
    ends_on = forms.DateField(
        label=_("To (empty: until further notice)"),
        required=False,
        widget=UnfoldAdminSingleDateWidget,
    )
    codes = forms.CharField(
        label=_("Employee codes, one a line"),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 6}),
        max_length=200_000,
    )
    departments: forms.ModelMultipleChoiceField[Department] = forms.ModelMultipleChoiceField(
        queryset=Department.objects.none(),
        label=_("Departments"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    sites: forms.ModelMultipleChoiceField[Site] = forms.ModelMultipleChoiceField(
        queryset=Site.objects.none(),
        label=_("Sites"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, organization: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.organization = organization
        self.fields["departments"].queryset = Department.objects.of(organization)  # type: ignore[attr-defined]
        self.fields["sites"].queryset = Site.objects.of(organization)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Codes as employees; somebody has to be named, and the dates the right way round."""
        found: dict[str, Any] = super().clean() or {}
        codes = list(
            dict.fromkeys(
                line.strip() for line in found.get("codes", "").splitlines() if line.strip()
            )
        )
        people = {
            one.code: one for one in Employee.objects.of(self.organization).filter(code__in=codes)
        }
        if missing := [code for code in codes if code not in people]:
            raise ValidationError(
                {
                    "codes": (
                        _("No employee has the code %(codes)s.")
                        % {"codes": ", ".join(missing[:10])}
                    )
                }
            )
        if not people and not found.get("departments") and not found.get("sites"):
            raise ValidationError(_("Enter employee codes, departments or sites."))
        if (
            found.get("starts_on")
            and found.get("ends_on")
            and found["ends_on"] < found["starts_on"]
        ):
            raise ValidationError({"ends_on": _("The roster ends before it starts.")})
        return found | {"employees": list(people.values())}


class RosterAdmin(ActionFormMixin, TenantAdmin):
    """Who works by which pattern, from when to when."""

    save_functions: ClassVar = {Roster: shift_services.save_roster}
    deletable = True
    fieldsets = (
        (
            None,
            {"fields": ("pattern", ("employee", "department", "site"), ("starts_on", "ends_on"))},
        ),
    )
    autocomplete_fields = ("employee",)
    list_display = ("pattern", "assigned_to", "starts_on", "ends_on")
    list_filter = ("pattern", "department", "site")
    list_select_related = ("pattern", "employee", "department", "site", "organization")
    search_fields = ("employee__name", "=employee__code", "pattern__name")
    actions_detail = ("assign_many",)
    empty_title = _("No rosters yet")
    empty_text = _(
        "A roster assigns a pattern to one employee, a department, a site, or everybody."
    )

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        shift_services.remove_roster(obj)

    @display(description=_("assigned to"))
    def assigned_to(self, roster: Roster) -> Any:
        return roster.assigned_to

    def has_assign_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("shifts.add_roster"))

    @action(
        description=_("Assign this pattern to many…"),
        url_path="many",
        icon="group_add",
        permissions=["assign"],
    )
    def assign_many(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The pattern of this roster, for many others at once."""
        one = self.object_or_404(request, object_id)
        form = BulkRosterForm(
            one.organization_id, request.POST if request.method == "POST" else None
        )
        return self.action_page(
            request,
            one,
            form,
            lambda said: shift_services.assign_many(
                one.pattern,
                said["starts_on"],
                said["ends_on"],
                employees=said["employees"],
                departments=said["departments"],
                sites=said["sites"],
            ),
            _("Assigned. Their days are recalculated in the background."),
            title=_("Assign %(pattern)s to many") % {"pattern": one.pattern},
            button=_("Assign"),
            question=_(
                "One roster is created for each of them. If one is not valid, none is created."
            ),
        )
