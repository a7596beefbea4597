"""The console's page of the phone policy: what people may do with their phones.

Registered by `devices.admin`.
"""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.tenant_admin import TenantAdmin
from core.tenant_visibility import tenant_id
from devices.models import PhonePolicy


class PhonePolicyAdmin(TenantAdmin):
    """What people may do with their phones: one row for the organization."""

    fieldsets = (
        (None, {"fields": (("max_phones", "offline_hours"),)}),
        (
            _("Device integrity"),
            {
                "fields": (("refuse_mock", "refuse_rooted"), ("refuse_emulator", "refuse_vpn")),
                "description": _(
                    "The phone reports these values itself. The rules stop casual misuse, not a"
                    " person who writes a modified app."
                ),
            },
        ),
    )
    list_display = (
        "__str__",
        "offline_hours",
        "refuse_mock",
        "refuse_rooted",
        "refuse_emulator",
        "refuse_vpn",
    )
    empty_title = _("No policy yet: the defaults apply")
    empty_text = _(
        "Two active phones for each employee, offline punches for 72 hours, no mock locations. Add"
        " a policy to change this."
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """There is one for each organization."""
        mine = tenant_id(request)
        taken = mine is not None and PhonePolicy.objects.of(mine).exists()
        return not taken and super().has_add_permission(request)
