"""The form that matches the punches of an unmatched number to an employee, and the verb behind it.
Used by `exceptions.admin.exceptions`.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldBooleanWidget

from attendance.exceptions.code_scan import scan_codes
from attendance.models import AttendanceException, Channel, PunchMatch
from attendance.punches import matching
from attendance.punches.record import DatabaseBusy
from core.admin_choices import TolerantAutocompleteSelect
from devices.models import DeviceUser
from devices.services import save_device_user
from employees.models import Employee


class MatchEmployeeForm(forms.Form):
    """Whose a number is."""

    employee: forms.ModelChoiceField[Employee] = forms.ModelChoiceField(
        queryset=Employee.objects.none(),
        label=_("employee"),
        help_text=_("Type a name or a code."),
        widget=TolerantAutocompleteSelect(PunchMatch._meta.get_field("employee"), admin.site),
    )
    lasting = forms.BooleanField(
        label=_("Save this as the employee's number on this device"),
        required=False,
        initial=True,
        widget=UnfoldBooleanWidget,
    )

    def __init__(self, row: AttendanceException, people: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["employee"].queryset = people  # type: ignore[attr-defined]
        # Only a terminal has numbers of its own; elsewhere the employee's code is what counts.
        if row.device_id is None or row.details.get("channel") != Channel.DEVICE:
            del self.fields["lasting"]


def match_code(row: AttendanceException, data: dict[str, Any], by: Any) -> None:
    """Match what waits of a number; with `lasting`, enter it as the person's number on the device
    too.
    """
    number = matching.UserCodeKey(row.details["channel"], row.device_id, row.details["code"])
    try:
        with transaction.atomic():
            matching.match_user_code(number, data["employee"], by)
            scan_codes(row.organization_id, {number}, timezone.now())
            if data.get("lasting"):
                save_device_user(
                    DeviceUser(
                        organization_id=row.organization_id,
                        device=row.device,
                        user_code=number.user_code,
                        employee=data["employee"],
                    )
                )
    except DatabaseBusy as error:
        raise ValidationError(
            _("The database is busy; nothing was changed. Try again in a moment.")
        ) from error
