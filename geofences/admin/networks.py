"""The console's page of allowed Wi-Fi networks."""

from __future__ import annotations

from typing import ClassVar

from django.utils.translation import gettext_lazy as _

from geofences.admin.scopes import ScopedAdmin, ScopeFilter
from geofences.models import AllowedNetwork
from geofences.services import save_allowed_network


class AllowedNetworkAdmin(ScopedAdmin):
    """Wi-Fi names that show somebody to be at work."""

    fieldsets = (
        (
            None,
            {
                "fields": (("ssid", "note"), "active"),
                "description": _(
                    "The phone reports the Wi-Fi name, and anybody can give a network this name."
                    " Use geofences where that matters."
                ),
            },
        ),
        ScopedAdmin._scope,
    )
    save_functions: ClassVar = {AllowedNetwork: save_allowed_network}
    list_display = ("ssid", "note", "scope", "active")
    list_filter = ("active", ScopeFilter, "site", "department")
    search_fields = ("ssid", "note")
    empty_title = _("No Wi-Fi networks yet")
    empty_text = _(
        "Add the name of the office Wi-Fi. Phones that see it may punch, even indoors where"
        " positions are inaccurate."
    )
