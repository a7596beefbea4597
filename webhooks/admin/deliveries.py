"""The console's page of deliveries: what was, is or will be sent, and its attempts.

Registered by `webhooks.admin`.
"""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from accounts.models import SecurityEvent
from core.admin_html import badge_html, preformatted_html
from core.tenant_admin import ReadOnlyTenantAdmin
from webhooks.admin.attempts import AttemptInline
from webhooks.admin.endpoint_actions import log_security_event
from webhooks.models import Delivery
from webhooks.services import replay_deliveries

DELIVERY_COLOURS = {"new": "info", "waiting": "warning", "delivered": "success", "dead": "danger"}


class DeliveryAdmin(ReadOnlyTenantAdmin):
    """What was, is or will be sent."""

    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("badge", "endpoint"),
                    ("message_id", "event_type"),
                    ("lane_key", "sequence"),
                    "subject",
                )
            },
        ),
        (_("Progress"), {"fields": (("attempts", "refusals"), ("created_at", "finished_at"))}),
        (_("Body"), {"fields": ("content",)}),
    )
    readonly_fields = ("badge", "content")
    inlines = (AttemptInline,)
    list_display = (
        "message_id",
        "created_at",
        "endpoint",
        "event_type",
        "badge",
        "attempts",
        "finished_at",
    )
    list_filter = ("state", "endpoint")
    list_select_related = ("endpoint", "organization")
    search_fields = ("=message_id", "=subject")
    search_help_text = _("Message id, or punch:<number>")
    show_full_result_count = False
    actions_detail = ("send_again",)
    empty_title = _("No deliveries yet")
    empty_text = _("Each accepted punch appears here once for every endpoint.")

    @display(description=_("state"))
    def badge(self, delivery: Delivery) -> SafeString:
        return badge_html(delivery.get_state_display(), DELIVERY_COLOURS[delivery.state])

    @display(description=_("body"))
    def content(self, delivery: Delivery) -> SafeString:
        return preformatted_html(mask_secrets(delivery.body))

    def has_replay_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Staff who may change endpoints may send again."""
        return bool(request.user.has_perm("webhooks.change_endpoint"))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Only what is finished can be sent again."""
        delivery = self.get_object(request, str(object_id))
        if delivery is None or delivery.finished_at is None:
            return []
        return list(super().get_actions_detail(request, object_id))

    @action(
        description=_("Send again"), url_path="send-again", icon="replay", permissions=["replay"]
    )
    def send_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        delivery = self.object_or_404(request, object_id)
        if request.method != "POST":
            return self.render_confirmation(
                request,
                delivery,
                title=_("Send again"),
                button=_("Send again"),
                question=_(
                    "The same body is sent again with the same message id. A receiver that already"
                    " has it ignores it."
                ),
            )
        count = replay_deliveries(
            Delivery.objects.of(delivery.organization_id).filter(pk=delivery.pk)
        )
        log_security_event(
            request,
            delivery.endpoint,
            SecurityEvent.Kind.REPLAYED,
            count=count,
            delivery=delivery.pk,
        )
        return self.finish_action(request, delivery, _("Queued again."))


def mask_secrets(body: str) -> str:
    """A body to look at: indented, and without the token that the Cams format carries."""
    try:
        content = json.loads(body)
    except ValueError:
        return body
    if (
        isinstance(content, dict)
        and isinstance(content.get("RealTime"), dict)
        and "AuthToken" in content["RealTime"]
    ):
        content["RealTime"]["AuthToken"] = "••••••••"
    return json.dumps(content, indent=2, ensure_ascii=False)
