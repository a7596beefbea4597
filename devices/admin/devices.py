"""The console's page of devices: terminals and gateways, their state now, their own user numbers.

Registered by `devices.admin`; the tokens' actions come from `device_tokens`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from core.admin_html import badge_html
from core.admin_inlines import TenantInline
from devices.admin.device_tokens import DeviceTokensAdmin, TokenInline
from devices.models import Device, DeviceUser
from devices.presence import (
    BLOCKED,
    DEVICE_STATES,
    ENDED,
    NEVER,
    ONLINE,
    SILENT,
    device_state,
    devices_in_state,
)
from devices.services import save_device_user
from employees.changes import record_change
from employees.models import Change

DEVICE_STATE_COLOURS: Final = {
    ONLINE: "success",
    SILENT: "danger",
    NEVER: "info",
    BLOCKED: "warning",
    ENDED: "warning",
}


class DeviceStateFilter(admin.SimpleListFilter):
    """Devices by their state now."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(DEVICE_STATES.items())

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        state = self.value() or ""
        return (
            devices_in_state(queryset, state, timezone.now())
            if state in DEVICE_STATES
            else queryset
        )


class DeviceUserInline(TenantInline):
    """The device's own numbers for people."""

    model = DeviceUser
    fields = ("user_code", "employee")
    autocomplete_fields = ("employee",)
    can_delete = True
    verbose_name_plural = _(
        "user numbers on this device, where they differ from the employee codes"
    )


class DeviceAdmin(DeviceTokensAdmin):
    """Terminals and gateways."""

    fieldsets = (
        (None, {"fields": (("serial", "name"), "site", "timezone")}),
        (
            _("Protocol"),
            {"fields": (("state_map", "heartbeat_s"), "own_state_map", "firmware")},
        ),
        (_("Access"), {"fields": (("subscription_until", "blocked"),)}),
    )
    _activity_fieldset = (
        _("Activity"),
        {"fields": (("badge", "last_seen_at"), ("rejected_count", "last_rejected_at"))},
    )
    readonly_fields = ("badge", "last_seen_at", "rejected_count", "last_rejected_at")
    inlines = (TokenInline, DeviceUserInline)
    save_functions: ClassVar = {DeviceUser: save_device_user}
    list_display = ("serial", "name", "site", "badge", "last_seen_at", "rejected_count")
    list_display_links = ("serial", "name")
    list_filter = (DeviceStateFilter, "site")
    list_select_related = ("site", "organization")
    search_fields = ("serial", "name")
    search_help_text = _("Serial number or name")
    actions_detail = ("issue_first_token", "rotate_token", "revoke_all_tokens")
    empty_title = _("No devices yet")
    empty_text = _("Add a device, issue its token and enter the token in the device.")

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "own_state_map":
            field.widget.attrs["rows"] = 2
        return field

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        fieldsets = super().get_fieldsets(request, obj)
        return [*fieldsets, self._activity_fieldset] if obj else fieldsets

    def get_inlines(self, request: HttpRequest, obj: Any) -> tuple[Any, ...]:
        """A device has tokens only once it exists."""
        return super().get_inlines(request, obj) if obj else (DeviceUserInline,)

    def get_formset_kwargs(
        self, request: HttpRequest, obj: Any, inline: Any, prefix: str
    ) -> dict[str, Any]:
        kwargs: dict[str, Any] = super().get_formset_kwargs(request, obj, inline, prefix)
        if isinstance(inline, DeviceUserInline) and "queryset" in kwargs:
            kwargs["queryset"] = kwargs["queryset"].select_related("employee")
        return kwargs

    def remove_row(self, row: Any) -> None:
        """A removed number changes whose the next punches are: recorded for the apps above."""
        record_change(row.employee, Change.Kind.IDENTITY)
        super().delete_inline_row(row)

    @display(description=_("state"))
    def badge(self, device: Device) -> Any:
        state = device_state(device, timezone.now())
        return badge_html(DEVICE_STATES[state], DEVICE_STATE_COLOURS[state])
