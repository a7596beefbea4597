"""The console's pages on kinds of shift, where breaks are written as text."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from core.admin_forms import TenantForm
from core.tenant_admin import TenantAdmin
from shifts import services as shift_services
from shifts.models import ShiftType


class BreaksField(forms.CharField):
    """Breaks as a clerk writes them: `13:00-13:30`, several with commas between."""

    def prepare_value(self, value: Any) -> Any:
        return (
            ", ".join(f"{begins}-{ends}" for begins, ends in value)
            if isinstance(value, list)
            else value
        )

    def to_python(self, value: Any) -> Any:
        """`[["13:00", "13:30"]]`. Raises ValidationError."""
        if isinstance(value, list):
            return value
        found = []
        for part in (one.strip() for one in str(value or "").split(",") if one.strip()):
            begins, dash, ends = part.replace("–", "-").partition("-")
            try:
                clock = [forms.TimeField().clean(one.strip()) for one in (begins, ends)]
            except ValidationError as error:
                raise ValidationError(
                    _("Write breaks as 13:00-13:30, with commas between several.")
                ) from error
            if not dash:
                raise ValidationError(
                    _("Write breaks as 13:00-13:30, with commas between several.")
                )
            found.append([f"{one:%H:%M}" for one in clock])
        return found


class ShiftTypeForm(TenantForm):
    """A shift, with its breaks as text."""

    breaks = BreaksField(
        label=_("breaks"),
        required=False,
        help_text=_("Such as 13:00-13:30; the first divides the day into its halves."),
    )


class ShiftTypeAdmin(TenantAdmin):
    """Kinds of shift."""

    form = ShiftTypeForm
    save_functions: ClassVar = {ShiftType: shift_services.save_shift}
    fieldsets = (
        (None, {"fields": ("name", ("starts", "ends"), "breaks")}),
        (_("Punch window"), {"fields": (("before", "after"), "repeat_s")}),
        (_("Late and early"), {"fields": (("grace_in", "grace_out"),)}),
        (
            _("Day status"),
            {"fields": ("hours", ("half_below", "absent_below"), "missing_out")},
        ),
        (_("Overtime"), {"fields": (("overtime_after", "overtime_round"),)}),
    )
    list_display = ("name", "starts", "ends", "hours", "missing_out", "overtime_after")
    list_select_related = ("organization",)
    search_fields = ("name",)
    empty_title = _("No shifts yet")
    empty_text = _(
        "Without a shift everybody works 09:00 to 17:30. Add a shift and a shift pattern, and"
        " assign the pattern with a roster."
    )
