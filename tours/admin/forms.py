"""The forms of tours in the console: a new tour, remarks, a new time of return."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSplitDateTimeWidget, UnfoldAdminTextareaWidget

from core.admin_forms import TenantForm


class TourRemarksForm(forms.Form):
    """Why."""

    remarks = forms.CharField(
        label=_("Remarks"),
        max_length=500,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )


class TourEndForm(TourRemarksForm):
    """The new time of return."""

    end_at = forms.SplitDateTimeField(label=_("Return"), widget=UnfoldAdminSplitDateTimeWidget)
    field_order = ("end_at", "remarks")


class TourForm(TenantForm):
    """A tour that HR enters for somebody: places one a line."""

    places_text = forms.CharField(
        label=_("Places, one per line"),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )

    def clean(self) -> dict[str, Any]:
        """Places as a list."""
        found: dict[str, Any] = super().clean() or {}
        self.instance.places = [
            one.strip() for one in found.get("places_text", "").splitlines() if one.strip()
        ]
        return found
