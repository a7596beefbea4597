"""The console's page of endpoints: customers' servers, their settings and their delivery status.

Registered by `webhooks.admin`. The actions come from `endpoint_actions`, `endpoint_keys` and
`replay`.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from core.admin_html import badge_html, changelist_url, link_html
from webhooks.admin.endpoint_keys import EndpointKeysAdmin
from webhooks.admin.replay import ReplayAdmin
from webhooks.models import Delivery, Endpoint
from webhooks.services import create_endpoint, save_endpoint

ACTIVE, FAILING, PAUSED, REMOVED = "active", "failing", "paused", "removed"
STATUS_LABELS: dict[str, Any] = {
    ACTIVE: _("Active"),
    FAILING: _("Failing"),
    PAUSED: _("Paused"),
    REMOVED: _("Removed"),
}
STATUS_COLOURS = {ACTIVE: "success", FAILING: "danger", PAUSED: "warning", REMOVED: "info"}


def endpoint_status(endpoint: Endpoint) -> str:
    """The one thing to know about an endpoint now."""
    if endpoint.removed_at is not None:
        return REMOVED
    if endpoint.state == Endpoint.State.PAUSED:
        return PAUSED
    return FAILING if endpoint.failures else ACTIVE


class RemovedFilter(admin.SimpleListFilter):
    """Endpoints that were removed are out of sight, unless asked for."""

    title = _("removed")
    parameter_name = "removed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Removed endpoints"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(removed_at__isnull=self.value() != "yes")


class EndpointAdmin(EndpointKeysAdmin, ReplayAdmin):
    """Customers' servers."""

    fieldsets = (
        (None, {"fields": ("name", "url", ("mode", "virtual_serial"))}),
        (
            _("What is sent"),
            {"fields": (("include_location", "include_health", "include_unmatched"),)},
        ),
        (_("Rate limits"), {"fields": (("max_in_flight", "max_per_second"),)}),
    )
    _status_fieldset = (
        _("Delivery status"),
        {
            "fields": (
                ("badge", "pause_reason"),
                ("failures", "failing_since"),
                ("retry_at", "allowance"),
                "queue",
                ("previous_secret_until", "created_at"),
            )
        },
    )
    readonly_fields = (
        "badge",
        "pause_reason",
        "failures",
        "failing_since",
        "retry_at",
        "allowance",
        "queue",
        "previous_secret_until",
        "created_at",
    )
    list_display = ("name", "url", "mode", "badge", "failing_since")
    list_filter = (RemovedFilter, "mode", "state")
    search_fields = ("name", "url")
    search_help_text = _("Name or address")
    actions_detail = (
        "test",
        "send_many_again",
        "pause_pushing",
        "resume_pushing",
        {"title": _("Keys"), "icon": "key", "items": ["rotate", "feed_key", "revoke_keys"]},
        "remove_for_good",
    )
    empty_title = _("No endpoints yet")
    empty_text = _(
        "Add the URL of a server that receives every punch. Its signing secret is shown once."
    )

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "url":
            kwargs["assume_scheme"] = "https"
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        fieldsets = super().get_fieldsets(request, obj)
        return [*fieldsets, self._status_fieldset] if obj else fieldsets

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was removed is history."""
        removed = isinstance(obj, Endpoint) and obj.removed_at is not None
        return not removed and super().has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Endpoint, form: Any, change: bool) -> None:
        """What was typed, onto the row as it is now: the worker writes its state meanwhile.

        A new secret is carried to the reply on the row in memory, and nowhere else.
        """
        if not change:
            obj.shown_once = create_endpoint(obj)  # type: ignore[attr-defined]
            return
        current = Endpoint.objects.of(obj.organization_id).select_for_update().get(pk=obj.pk)
        for name in form.changed_data:
            setattr(current, name, getattr(obj, name))
        save_endpoint(current)

    def response_add(
        self, request: HttpRequest, obj: Endpoint, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self._secret_page(request, obj, obj.shown_once)  # type: ignore[attr-defined]

    @display(description=_("state"))
    def badge(self, endpoint: Endpoint) -> SafeString:
        state = endpoint_status(endpoint)
        return badge_html(STATUS_LABELS[state], STATUS_COLOURS[state])

    @display(description=_("deliveries"))
    def queue(self, endpoint: Endpoint) -> SafeString:
        rows = Delivery.objects.of(endpoint.organization_id).filter(endpoint=endpoint)
        text = _("%(waiting)d waiting, %(dead)d dead letters") % {
            "waiting": rows.waiting().count(),
            "dead": rows.filter(state=Delivery.State.DEAD).count(),
        }
        return link_html(f"{changelist_url(Delivery)}?endpoint__id__exact={endpoint.pk}", text)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Pause what runs, resume what is paused, and leave alone what was removed."""
        endpoint = self.get_object(request, str(object_id))
        if endpoint is None or endpoint.removed_at is not None:
            return []
        hidden = "pause_pushing" if endpoint.state == Endpoint.State.PAUSED else "resume_pushing"
        offered = super().get_actions_detail(request, object_id)
        return [
            one
            for one in offered
            if isinstance(one, dict) or one.method.original_function_name != hidden
        ]
