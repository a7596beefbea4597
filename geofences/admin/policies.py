"""The console's page of an organization's rules about places."""

from __future__ import annotations

from typing import ClassVar

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.tenant_admin import TenantAdmin
from core.tenant_visibility import is_operator, visible_rows
from geofences.models import GeofencePolicy
from geofences.services import save_geofence_policy


class GeofencePolicyAdmin(TenantAdmin):
    """An organization's rules about places: one row."""

    fieldsets = (
        (None, {"fields": ("ssid_sufficient", "unfenced", ("max_accuracy_m", "tolerance_m"))}),
    )
    save_functions: ClassVar = {GeofencePolicy: save_geofence_policy}
    list_display = ("__str__", "ssid_sufficient", "unfenced", "max_accuracy_m", "tolerance_m")
    empty_title = _("The default policy applies")
    empty_text = _(
        "An allowed Wi-Fi name is enough. An employee without a geofence cannot punch. Positions"
        " less accurate than 200 m are refused. Up to 50 m outside a geofence is allowed, within"
        " the accuracy of the position. Add a policy to change this."
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """One row for each organization."""
        room = (
            is_operator(request) or not visible_rows(request, GeofencePolicy.objects.all()).exists()
        )
        return room and bool(super().has_add_permission(request))
