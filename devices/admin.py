"""The console's pages on terminals: their state at a glance, their tokens (shown once), their own
numbers for people.

And on people's phones: whose they are, whether they may punch, the keys they signed with.
"""

from __future__ import annotations

import shlex
from typing import Any, ClassVar, Final

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from accounts.audit import record_security_event
from accounts.models import SecurityEvent
from core.admin_html import badge_html
from core.admin_inlines import ReadOnlyInline, TenantInline
from core.tenant_admin import ReadOnlyTenantAdmin, TenantAdmin
from core.tenant_visibility import tenant_id
from devices.models import Device, DeviceKey, DeviceToken, DeviceUser, Phone, PhonePolicy
from devices.phones import release_phone, revoke_phone
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
from devices.services import ROTATION_OVERLAP, issue_token, revoke_tokens, save_device_user
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


class TokenInline(ReadOnlyInline):
    """A device's tokens, as far as they can be shown: never the token."""

    model = DeviceToken
    fields = ("hint", "created_at", "expires_at", "revoked_at")
    readonly_fields = ("hint", "created_at", "expires_at", "revoked_at")
    verbose_name_plural = _("tokens")


class DeviceUserInline(TenantInline):
    """The device's own numbers for people."""

    model = DeviceUser
    fields = ("user_code", "employee")
    autocomplete_fields = ("employee",)
    can_delete = True
    verbose_name_plural = _(
        "user numbers on this device, where they differ from the employee codes"
    )


@admin.register(Device)
class DeviceAdmin(TenantAdmin):
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
        """A number that is taken away changes whose the next punches are: the floors above are
        told.
        """
        record_change(row.employee, Change.Kind.IDENTITY)
        super().delete_inline_row(row)

    @display(description=_("state"))
    def badge(self, device: Device) -> Any:
        state = device_state(device, timezone.now())
        return badge_html(DEVICE_STATES[state], DEVICE_STATE_COLOURS[state])

    # Tokens
    def has_issue_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("devices.add_devicetoken"))

    def has_revoke_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("devices.change_devicetoken"))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """“Issue token” for a device without one; “Rotate” and “Revoke” for a device that
        has one.
        """
        offered = super().get_actions_detail(request, object_id)
        device = self.get_object(request, str(object_id))
        has_token = device is not None and _valid_tokens(device).exists()
        hidden = {"issue_first_token"} if has_token else {"rotate_token", "revoke_all_tokens"}
        return [one for one in offered if one.method.original_function_name not in hidden]

    @action(
        description=_("Issue token"),
        url_path="issue-token",
        icon="key",
        variant=ActionVariant.PRIMARY,
        permissions=["issue"],
    )
    def issue_first_token(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._issue_token(
            request,
            object_id,
            title=_("Issue a token"),
            question=_(
                "The token is shown once, on the next page. Have the device's settings open before"
                " you go on."
            ),
        )

    @action(
        description=_("Rotate token"),
        url_path="rotate-token",
        icon="autorenew",
        permissions=["issue"],
    )
    def rotate_token(self, request: HttpRequest, object_id: str) -> HttpResponse:
        days = ROTATION_OVERLAP.days
        return self._issue_token(
            request,
            object_id,
            title=_("Rotate the token"),
            question=_(
                "The new token is shown once, on the next page. The old token remains valid for"
                " %(days)d days, so that no punch is lost while you change it on the device."
            )
            % {"days": days},
        )

    @action(
        description=_("Revoke tokens"),
        url_path="revoke-tokens",
        icon="block",
        variant=ActionVariant.DANGER,
        permissions=["revoke"],
    )
    def revoke_all_tokens(self, request: HttpRequest, object_id: str) -> HttpResponse:
        device = self.object_or_404(request, object_id)
        if request.method != "POST":
            return self.render_confirmation(
                request,
                device,
                title=_("Revoke all tokens"),
                button=_("Revoke at once"),
                danger=True,
                question=_(
                    "The device is rejected from now on, until you issue a new token and enter it"
                    " in the device."
                ),
            )
        count = revoke_tokens(device)
        _record_token_event(request, device, SecurityEvent.Kind.KEY_REVOKED, count=count)
        return self.finish_action(
            request, device, _("Tokens revoked: %(count)d.") % {"count": count}
        )

    def _issue_token(
        self, request: HttpRequest, object_id: str, *, title: Any, question: Any
    ) -> HttpResponse:
        """Ask, then issue and show. The token exists in this one reply: not in an address, a
        message or the session.
        """
        device = self.object_or_404(request, object_id)
        if request.method != "POST":
            return self.render_confirmation(
                request, device, title=title, question=question, button=title
            )
        token = issue_token(device)
        self.log_change(request, device, str(_("Token issued.")))
        _record_token_event(request, device, SecurityEvent.Kind.KEY_ISSUED)
        return self.render_page(
            request,
            "secret",
            device,
            title=_("Token of %(device)s") % {"device": device},
            secrets=[(_("Token"), token)],
            advice=_("Copy it now: it is stored as a hash and cannot be shown again."),
            snippets=[
                (
                    _("Try it: the device shows as online afterwards"),
                    _curl(device, token, "heartbeat"),
                ),
                (
                    _("A punch, as the device sends it"),
                    _curl(device, token, "punch", _SAMPLE_PUNCH),
                ),
            ],
        )


def _record_token_event(request: HttpRequest, device: Device, kind: str, **details: Any) -> None:
    """What was done to a device's tokens belongs to the security events."""
    record_security_event(
        kind,
        device.organization_id,
        actor=request.user,
        request=request,
        about=f"device {device}",
        **details,
    )


_SAMPLE_PUNCH: Final = (
    '{"user_id": "1001", "att_time": "2026-06-21 09:30:00", "att_state": 1, "input_type": 50}'
)


def _curl(device: Device, token: str, operation: str, body: str = "") -> str:
    """A request to the device channel that can be pasted into a shell."""
    lines = [
        f"curl -X POST {settings.BASE_URL}/api/attendance/v1/{operation}",
        f"-H {shlex.quote(f'sn: {device.serial}')}",
        f"-H {shlex.quote(f'auth-token: {token}')}",
    ]
    if body:
        lines += ["-H 'Content-Type: application/json'", f"-d {shlex.quote(body)}"]
    return " \\\n  ".join(lines)


def _valid_tokens(device: Device) -> QuerySet[DeviceToken]:
    return (
        DeviceToken.objects.of(device.organization_id)
        .valid_at(timezone.now())
        .filter(device=device)
    )


# --- Phones ---------------------------------------------------------------------------------------
ACTIVE, DEACTIVATED, REVOKED = "active", "deactivated", "revoked"
PHONE_STATES: Final[dict[str, Any]] = {
    ACTIVE: _("Active"),
    DEACTIVATED: _("Deactivated"),
    REVOKED: _("Revoked by staff"),
}
PHONE_COLOURS: Final = {ACTIVE: "success", DEACTIVATED: "info", REVOKED: "danger"}


def phone_state(phone: Phone) -> str:
    """Whether a phone may punch, and if not, who said so."""
    if phone.deactivated_at is None:
        return ACTIVE
    return REVOKED if phone.revoked_by_staff else DEACTIVATED


class PhoneStateFilter(admin.SimpleListFilter):
    """Phones by whether they may punch."""

    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(PHONE_STATES.items())

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() not in PHONE_STATES:
            return queryset
        if self.value() == ACTIVE:
            return queryset.active()
        return queryset.filter(
            deactivated_at__isnull=False, revoked_by_staff=self.value() == REVOKED
        )


class SharedPhoneFilter(admin.SimpleListFilter):
    """Phones that more than one person registered."""

    title = _("shared")
    parameter_name = "shared"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Several employees"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(shared=True) if self.value() == "yes" else queryset


class DeviceKeyInline(ReadOnlyInline):
    """The keys a phone signs, or signed, with."""

    model = DeviceKey
    fields = ("fingerprint", "created_at", "replaced_at")
    readonly_fields = ("fingerprint", "created_at", "replaced_at")
    verbose_name_plural = _(
        "keys: the key without an end date is in use; the others are kept to verify older"
        " signatures"
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("owner")

    @display(description=_("SHA-256 of the key"))
    def fingerprint(self, key: DeviceKey) -> str:
        return key.owner.key_hash


@admin.register(Phone)
class PhoneAdmin(ReadOnlyTenantAdmin):
    """People's phones. They register themselves; staff look, revoke and release."""

    fieldsets = (
        (
            None,
            {
                "fields": (
                    "employee",
                    ("badge", "shared"),
                    ("model", "name"),
                    ("platform", "device_uuid"),
                )
            },
        ),
        (
            _("Dates"),
            {"fields": (("registered_at", "last_punch_at"), ("deactivated_at", "deactivated_by"))},
        ),
    )
    readonly_fields = ("badge", "shared")
    inlines = (DeviceKeyInline,)
    list_display = (
        "employee",
        "model",
        "name",
        "platform",
        "badge",
        "shared",
        "last_punch_at",
        "registered_at",
    )
    list_display_links = ("employee", "model")
    list_filter = (PhoneStateFilter, SharedPhoneFilter, "platform")
    list_select_related = ("employee", "organization")
    search_fields = ("employee__name", "=employee__code", "model", "name")
    search_help_text = _("An employee's name or code, a model, or a phone's name")
    actions_detail = ("revoke", "release")
    empty_title = _("No phones yet")
    empty_text = _("Employees register their own phones in the app after they sign in.")

    def get_queryset(self, request: HttpRequest) -> Any:
        rows: Any = super().get_queryset(request)
        return rows.with_shared()

    @display(description=_("status"))
    def badge(self, phone: Phone) -> Any:
        state = phone_state(phone)
        return badge_html(PHONE_STATES[state], PHONE_COLOURS[state])

    @display(description=_("shared"))
    def shared(self, phone: Any) -> Any:
        return badge_html(_("Several employees"), "warning") if phone.shared else "–"

    # Revoking
    def has_manage_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("devices.change_phone"))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """“Release” for a phone that staff revoked, “Revoke” for every other."""
        offered = super().get_actions_detail(request, object_id)
        phone = self.get_object(request, str(object_id))
        hidden = "revoke" if phone is not None and phone.revoked_by_staff else "release"
        return [one for one in offered if one.method.original_function_name != hidden]

    @action(
        description=_("Revoke"),
        url_path="revoke",
        icon="block",
        variant=ActionVariant.DANGER,
        permissions=["manage"],
    )
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        phone = self.object_or_404(request, object_id)
        if request.method != "POST":
            return self.render_confirmation(
                request,
                phone,
                title=_("Revoke the phone of %(who)s") % {"who": phone.employee},
                button=_("Revoke at once"),
                danger=True,
                question=_(
                    "Its punches are rejected from now on, and its owner cannot register it again"
                    " until you release it. Punches already made with it remain."
                ),
            )
        revoke_phone(phone, actor=request.user, request=request)  # type: ignore[arg-type]
        return self.finish_action(request, phone, _("Revoked."))

    @action(description=_("Release"), url_path="release", icon="lock_open", permissions=["manage"])
    def release(self, request: HttpRequest, object_id: str) -> HttpResponse:
        phone = self.object_or_404(request, object_id)
        if request.method != "POST":
            return self.render_confirmation(
                request,
                phone,
                title=_("Release the phone of %(who)s") % {"who": phone.employee},
                button=_("Release"),
                question=_("Its owner may register it again. Until they do, it cannot punch."),
            )
        release_phone(phone)
        return self.finish_action(request, phone, _("Released: its owner may register it again."))


@admin.register(PhonePolicy)
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
