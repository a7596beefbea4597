"""Short forms that the console's pages of leave ask with before they do something. Those of
applications are in `leaves.admin.application_forms`.
"""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminDateWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from core.admin_forms import TenantForm
from leaves import suggestions
from leaves.models import LeaveAdjustment


class EndSuspensionForm(forms.Form):
    """Until when."""

    ends_on = forms.DateField(label=_("Last day"), widget=UnfoldAdminDateWidget)


class OwedDebitForm(forms.Form):
    """From when on."""

    effective_on = forms.DateField(label=_("Effective"), widget=UnfoldAdminDateWidget)


class NextPolicyVersionForm(forms.Form):
    """From when on."""

    effective_from = forms.DateField(label=_("In force from"), widget=UnfoldAdminDateWidget)


class PrefillHolidaysForm(forms.Form):
    """For which state."""

    state = forms.ChoiceField(
        label=_("State or territory"),
        required=False,
        widget=UnfoldAdminSelectWidget,
        choices=lambda: [("", _("All India")), *suggestions.holiday_states().items()],
    )


class ConfirmationForm(forms.Form):
    """Nothing to fill in."""


class EncashmentForm(forms.Form):
    """How many days become money, and on which occasion."""

    occasion = forms.ChoiceField(
        label=_("Encashed"),
        choices=LeaveAdjustment.Occasion.choices,
        widget=UnfoldAdminSelectWidget,
    )
    days = forms.DecimalField(
        label=_("Days"),
        min_value=1,
        max_value=999,
        decimal_places=0,
        widget=UnfoldAdminIntegerFieldWidget,
    )
    effective_on = forms.DateField(label=_("Effective"), widget=UnfoldAdminDateWidget)
    reason = forms.CharField(label=_("Order"), max_length=400, widget=UnfoldAdminTextInputWidget)


class LateMarkForm(TenantForm):
    """A late day that HR confirms."""

    condone = forms.BooleanField(label=_("Condone"), required=False, widget=UnfoldBooleanWidget)
