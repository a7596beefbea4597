"""The console's page on the shift settings of an organization."""

from __future__ import annotations

from typing import ClassVar

from django.utils.translation import gettext_lazy as _

from core.tenant_admin import (
    TenantAdmin,
)
from shifts import services as shift_services
from shifts.models import ShiftSettings


class ShiftSettingsAdmin(TenantAdmin):
    """The shift where no roster says otherwise; one row for each organization."""

    save_functions: ClassVar = {ShiftSettings: shift_services.save_shift_settings}
    fieldsets = ((None, {"fields": ("default_shift",)}),)
    list_display = ("__str__", "default_shift", "organization")
    list_select_related = ("default_shift", "organization")
    empty_title = _("No shift settings yet")
    empty_text = _("Where no roster says otherwise, everybody works 09:00 to 17:30.")
