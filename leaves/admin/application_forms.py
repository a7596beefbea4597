"""The forms of the console's page of leave applications: entering one, and one form for each
action.
"""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminDateWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from core.admin_forms import TenantForm
from leaves.models import Certificate, LeaveApplication, LeaveTypeChoices

# Rules that an authority may set aside for one application, by their ids.
WAIVABLE_RULES: Final = (
    ("CL3", _("CL3: more than the days at a stretch")),
    ("CL9", _("CL9: the last half day runs into regular leave")),
    ("E10", _("E10: more than 180 days")),
    ("C5", _("C5: more spells, the child is in hospital")),
    ("C8", _("C8: on probation")),
)


class LeaveRemarksForm(forms.Form):
    """Why."""

    remarks = forms.CharField(
        label=_("Remarks"),
        max_length=500,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )


class LeaveApproveForm(LeaveRemarksForm):
    """Whether off days beside the leave are free."""

    withhold_prefix = forms.BooleanField(
        label=_("Debit the off days before the leave (G5)"),
        required=False,
        widget=UnfoldBooleanWidget,
    )
    withhold_suffix = forms.BooleanField(
        label=_("Debit the off days after the leave (G5)"),
        required=False,
        widget=UnfoldBooleanWidget,
    )
    field_order = ("withhold_prefix", "withhold_suffix", "remarks")


class LeaveRecommendForm(LeaveRemarksForm):
    """What to recommend."""

    recommendation = forms.ChoiceField(
        label=_("Recommendation"),
        choices=LeaveApplication.Recommendation.choices,
        widget=UnfoldAdminSelectWidget,
    )
    field_order = ("recommendation", "remarks")


class LeaveCurtailForm(LeaveRemarksForm):
    """The new last day."""

    ends_on = forms.DateField(label=_("Last day of leave"), widget=UnfoldAdminDateWidget)
    field_order = ("ends_on", "remarks")


class RejoinForm(forms.Form):
    """The day somebody came back."""

    rejoined_on = forms.DateField(label=_("Rejoined on"), widget=UnfoldAdminDateWidget)


class LeaveConvertForm(LeaveRemarksForm):
    """Another kind, asked for by the employee in writing."""

    kind = forms.ChoiceField(
        label=_("Convert to"), choices=LeaveTypeChoices.choices, widget=UnfoldAdminSelectWidget
    )
    asked_on = forms.DateField(label=_("Date of the written request"), widget=UnfoldAdminDateWidget)
    certificate = forms.ModelChoiceField(
        Certificate.objects.none(),
        label=_("Medical certificate"),
        required=False,
        widget=UnfoldAdminSelectWidget,
    )
    study = forms.BooleanField(
        label=_("For an approved course"), required=False, widget=UnfoldBooleanWidget
    )
    field_order = ("kind", "asked_on", "certificate", "study", "remarks")

    def __init__(self, data: Any, application: LeaveApplication) -> None:
        super().__init__(data)
        papers = Certificate.objects.of(application.organization_id).filter(
            employee=application.employee
        )
        self.fields["certificate"].queryset = papers  # type: ignore[attr-defined]


class OverstayForm(forms.Form):
    """Days of absence after leave, without sanction."""

    starts_on = forms.DateField(label=_("First day of absence"), widget=UnfoldAdminDateWidget)
    ends_on = forms.DateField(label=_("Last day of absence"), widget=UnfoldAdminDateWidget)
    off_days = forms.BooleanField(
        label=_("Weekly offs and holidays among them count too"),
        required=False,
        widget=UnfoldBooleanWidget,
    )


class LeaveApplicationForm(TenantForm):
    """An application that HR enters for somebody; only here rules can be set aside, each for a
    reason.
    """

    waive = forms.MultipleChoiceField(
        label=_("Waived rules"),
        choices=WAIVABLE_RULES,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    waive_reason = forms.CharField(
        label=_("Waived by, and reason"),
        max_length=400,
        required=False,
        widget=UnfoldAdminTextInputWidget,
    )

    def clean(self) -> dict[str, Any]:
        """A rule is not set aside without a reason."""
        found: dict[str, Any] = super().clean() or {}
        if found.get("waive") and not found.get("waive_reason"):
            raise ValidationError({"waive_reason": _("Give who waived the rule, and the reason.")})
        self.instance.waived = dict.fromkeys(found.get("waive", []), found.get("waive_reason"))
        return found
