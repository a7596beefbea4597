"""The console's page of phones: whose they are, whether they may punch, the keys they signed with.

Registered by `devices.admin`.
"""

from __future__ import annotations

from typing import Any, Final

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from core.admin_html import badge_html
from core.admin_inlines import ReadOnlyInline
from core.tenant_admin import ReadOnlyTenantAdmin
from devices.models import DeviceKey, Phone
from devices.phones import release_phone, revoke_phone

ACTIVE, DEACTIVATED, REVOKED = "active", "deactivated", "revoked"
PHONE_STATES: Final[dict[str, Any]] = {
    ACTIVE: _("Active"),
    DEACTIVATED: _("Deactivated"),
    REVOKED: _("Revoked by staff"),
}
PHONE_COLOURS: Final = {ACTIVE: "success", DEACTIVATED: "info", REVOKED: "danger"}


def phone_state(phone: Phone) -> str:
    """Whether a phone may punch, and if not, who deactivated it."""
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
