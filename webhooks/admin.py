"""The console's pages on customers' servers, what is queued for them, and every attempt that was
made.
"""

from __future__ import annotations

import json
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminDateWidget, UnfoldBooleanSwitchWidget

from accounts.audit import record_security_event
from accounts.models import SecurityEvent
from core.admin_html import badge_html, change_url, changelist_url, link_html, preformatted_html
from core.admin_inlines import ReadOnlyInline
from core.tenant_admin import ReadOnlyTenantAdmin, TenantAdmin
from webhooks.models import Attempt, Delivery, Endpoint
from webhooks.services import (
    ROTATION_OVERLAP,
    create_endpoint,
    endpoint_auth_token,
    issue_feed_key,
    pause_endpoint,
    remove_endpoint,
    replay_deliveries,
    replayable_deliveries,
    resume_endpoint,
    revoke_feed_keys,
    rotate_secret,
    save_endpoint,
    send_test_event,
)

ACTIVE, FAILING, PAUSED, REMOVED = "active", "failing", "paused", "removed"
STATUS_LABELS: dict[str, Any] = {
    ACTIVE: _("Active"),
    FAILING: _("Failing"),
    PAUSED: _("Paused"),
    REMOVED: _("Removed"),
}
STATUS_COLOURS = {ACTIVE: "success", FAILING: "danger", PAUSED: "warning", REMOVED: "info"}
DELIVERY_COLOURS = {"new": "info", "waiting": "warning", "delivered": "success", "dead": "danger"}


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


class ReplayForm(forms.Form):
    """Which finished deliveries are to be sent again: by the day they were accepted, or only those
    given up.
    """

    since = forms.DateField(
        label=_("accepted from"), required=False, widget=UnfoldAdminDateWidget()
    )
    until = forms.DateField(
        label=_("accepted until"),
        required=False,
        widget=UnfoldAdminDateWidget(),
        help_text=_("This day included."),
    )
    dead_only = forms.BooleanField(
        label=_("only dead letters"),
        required=False,
        initial=True,
        widget=UnfoldBooleanSwitchWidget(),
    )

    def clean(self) -> dict[str, Any]:
        """Everything there ever was is too much to send by mistake."""
        found = super().clean() or {}
        since, until = found.get("since"), found.get("until")
        if not found.get("dead_only") and since is None:
            self.add_error("since", _("Give a start date, or choose only dead letters."))
        if since and until and until < since:
            self.add_error("until", _("This is before the first day."))
        return found

    def selected_deliveries(self, endpoint: Endpoint) -> QuerySet[Delivery]:
        """The deliveries that were asked for."""
        zone = ZoneInfo(endpoint.organization.timezone)
        since, until = self.cleaned_data["since"], self.cleaned_data["until"]
        return replayable_deliveries(
            endpoint,
            dead_only=self.cleaned_data["dead_only"],
            since=datetime.combine(since, time(), zone) if since else None,
            until=datetime.combine(until + timedelta(days=1), time(), zone) if until else None,
        )


def _log_security_event(
    request: HttpRequest, endpoint: Endpoint, kind: str, **details: Any
) -> None:
    """What was done to an endpoint's keys and events belongs to the security events."""
    record_security_event(
        kind,
        endpoint.organization_id,
        actor=request.user,
        request=request,
        about=f"endpoint {endpoint}",
        **details,
    )


@admin.register(Endpoint)
class EndpointAdmin(TenantAdmin):
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

    # Actions
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

    @action(
        description=_("Send a test event"), url_path="test", icon="send", permissions=["change"]
    )
    def test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        endpoint = self._not_removed_or_404(request, object_id)
        if request.method != "POST":
            return self.render_confirmation(
                request,
                endpoint,
                title=_("Send a test event"),
                button=_("Send"),
                question=_(
                    "An event of the type endpoint.test is queued for this server. The next page"
                    " shows the result."
                ),
            )
        delivery = send_test_event(endpoint)
        self.log_change(request, endpoint, str(_("Test event queued.")))
        return redirect(change_url(delivery))

    @action(
        description=_("Rotate secret"),
        url_path="rotate-secret",
        icon="autorenew",
        permissions=["change"],
    )
    def rotate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        endpoint = self._not_removed_or_404(request, object_id)
        if request.method != "POST":
            hours = int(ROTATION_OVERLAP.total_seconds() // 3600)
            return self.render_confirmation(
                request,
                endpoint,
                title=_("Rotate the secret"),
                button=_("Rotate the secret"),
                question=_(
                    "The new secret is shown once, on the next page. For %(hours)d hours deliveries"
                    " are signed with both secrets, so that the receiver can switch."
                )
                % {"hours": hours},
            )
        secret = rotate_secret(endpoint)
        self.log_change(request, endpoint, str(_("Secret rotated.")))
        _log_security_event(request, endpoint, SecurityEvent.Kind.KEY_ISSUED, what="signing secret")
        return self._secret_page(request, endpoint, secret)

    @action(
        description=_("Issue a feed key"),
        url_path="feed-key",
        icon="vpn_key",
        permissions=["change"],
    )
    def feed_key(self, request: HttpRequest, object_id: str) -> HttpResponse:
        endpoint = self._not_removed_or_404(request, object_id)
        if request.method != "POST":
            return self.render_confirmation(
                request,
                endpoint,
                title=_("Issue a feed key"),
                button=_("Issue"),
                question=_(
                    "With this key the server can fetch its events at /api/v1/events. It is shown"
                    " once, on the next page."
                ),
            )
        key = issue_feed_key(endpoint)
        self.log_change(request, endpoint, str(_("Feed key issued.")))
        _log_security_event(request, endpoint, SecurityEvent.Kind.KEY_ISSUED, what="feed key")
        return self.render_page(
            request,
            "secret",
            endpoint,
            title=_("Feed key of %(endpoint)s") % {"endpoint": endpoint},
            secrets=[(_("Feed key"), key)],
            advice=_(
                "Copy it now. It is not shown again. Send it in the header “Authorization: Bearer"
                " …” of GET /api/v1/events?after=0."
            ),
        )

    @action(
        description=_("Revoke feed keys"),
        url_path="revoke-keys",
        icon="key_off",
        permissions=["change"],
    )
    def revoke_keys(self, request: HttpRequest, object_id: str) -> HttpResponse:
        endpoint = self._not_removed_or_404(request, object_id)
        if request.method != "POST":
            return self.render_confirmation(
                request,
                endpoint,
                title=_("Revoke the feed keys"),
                button=_("Revoke all"),
                danger=True,
                question=_(
                    "All feed keys of this endpoint stop working immediately. Webhook deliveries"
                    " continue."
                ),
            )
        number = revoke_feed_keys(endpoint)
        _log_security_event(
            request, endpoint, SecurityEvent.Kind.KEY_REVOKED, what="feed keys", count=number
        )
        return self.finish_action(
            request, endpoint, _("%(number)d keys revoked.") % {"number": number}
        )

    @action(
        description=_("Send again…"), url_path="send-again", icon="replay", permissions=["change"]
    )
    def send_many_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Choose, see how many, confirm: nothing is sent before the number was shown."""
        endpoint = self._not_removed_or_404(request, object_id)
        form = ReplayForm(request.POST if request.method == "POST" else None)
        count = None
        if request.method == "POST" and form.is_valid():
            rows = form.selected_deliveries(endpoint)
            count = rows.count()
            # Only what was shown is sent: another choice, or new rows, and the number is shown
            # again.
            if request.POST.get("confirmed") == str(count):
                number = replay_deliveries(rows)
                _log_security_event(request, endpoint, SecurityEvent.Kind.REPLAYED, count=number)
                return self.finish_action(
                    request,
                    endpoint,
                    _("%(number)d deliveries queued again.") % {"number": number},
                )
        return self.render_page(
            request, "replay", endpoint, title=_("Send again"), form=form, count=count
        )

    @action(description=_("Pause"), url_path="pause", icon="pause", permissions=["change"])
    def pause_pushing(self, request: HttpRequest, object_id: str) -> HttpResponse:
        endpoint = self._not_removed_or_404(request, object_id)
        if request.method != "POST":
            return self.render_confirmation(
                request,
                endpoint,
                title=_("Pause deliveries"),
                button=_("Pause"),
                question=_(
                    "Nothing is sent until you resume. New punches are queued; none is skipped."
                ),
            )
        pause_endpoint(endpoint)
        return self.finish_action(request, endpoint, _("Paused. New events are queued."))

    @action(
        description=_("Resume"),
        url_path="resume",
        icon="play_arrow",
        variant=ActionVariant.PRIMARY,
        permissions=["change"],
    )
    def resume_pushing(self, request: HttpRequest, object_id: str) -> HttpResponse:
        endpoint = self._not_removed_or_404(request, object_id)
        if request.method != "POST":
            return self.render_confirmation(
                request,
                endpoint,
                title=_("Resume deliveries"),
                button=_("Resume"),
                question=_("Queued deliveries are sent in order, slowly at first."),
            )
        resume_endpoint(endpoint)
        return self.finish_action(request, endpoint, _("Resumed."))

    @action(
        description=_("Remove"),
        url_path="remove",
        icon="delete",
        variant=ActionVariant.DANGER,
        permissions=["change"],
    )
    def remove_for_good(self, request: HttpRequest, object_id: str) -> HttpResponse:
        endpoint = self._not_removed_or_404(request, object_id)
        if request.method != "POST":
            return self.render_confirmation(
                request,
                endpoint,
                title=_("Remove the endpoint"),
                button=_("Remove permanently"),
                danger=True,
                question=_(
                    "No new deliveries are queued for this server. Past deliveries stay in the"
                    " list."
                ),
            )
        remove_endpoint(endpoint)
        return self.finish_action(request, endpoint, _("Removed."))

    def _not_removed_or_404(self, request: HttpRequest, object_id: str) -> Endpoint:
        endpoint: Endpoint = self.object_or_404(request, object_id)
        if endpoint.removed_at is not None:
            raise Http404
        return endpoint

    def _secret_page(self, request: HttpRequest, endpoint: Endpoint, secret: str) -> HttpResponse:
        secrets = [(_("Signing secret"), secret)]
        if endpoint.mode == Endpoint.Mode.CAMS:
            secrets.append((_("AuthToken in the body"), endpoint_auth_token(endpoint)))
        return self.render_page(
            request,
            "secret",
            endpoint,
            title=_("Secret of %(endpoint)s") % {"endpoint": endpoint},
            secrets=secrets,
            advice=_(
                "Copy it now and give it to the administrator of the server. It is not shown again."
                " The server verifies webhook-signature with it, using any Standard Webhooks"
                " library."
            ),
        )


class AttemptInline(ReadOnlyInline):
    """Every try at one delivery, the last one first."""

    model = Attempt
    fields = (
        "number",
        "started_at",
        "duration_ms",
        "status",
        "verdict",
        "error",
        "detail",
        "address",
        "answer",
    )
    readonly_fields = fields
    ordering = ("-id",)
    verbose_name_plural = _("attempts, newest first")

    @display(description=_("reply"))
    def answer(self, attempt: Attempt) -> Any:
        return preformatted_html(attempt.reply[:1000]) if attempt.reply else "–"


@admin.register(Delivery)
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
        """Whoever keeps the endpoints may send again."""
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
        _log_security_event(
            request,
            delivery.endpoint,
            SecurityEvent.Kind.REPLAYED,
            count=count,
            delivery=delivery.pk,
        )
        return self.finish_action(request, delivery, _("Queued again."))


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyTenantAdmin):
    """Every try at every delivery."""

    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("delivery", "number"),
                    ("started_at", "duration_ms"),
                    ("status", "verdict"),
                )
            },
        ),
        (_("Reply of the server"), {"fields": (("error", "address"), "detail", "answer")}),
    )
    readonly_fields = ("answer",)
    list_display = (
        "started_at",
        "delivery",
        "number",
        "status",
        "verdict",
        "error",
        "duration_ms",
        "address",
    )
    list_filter = ("verdict",)
    list_select_related = ("delivery", "organization")
    search_fields = ("=delivery__message_id", "=delivery__subject")
    search_help_text = _("Message id, or punch:<number>")
    show_full_result_count = False
    empty_title = _("No attempts yet")
    empty_text = _("Every delivery attempt is listed here, with the reply of the server.")

    @display(description=_("reply"))
    def answer(self, attempt: Attempt) -> Any:
        return preformatted_html(attempt.reply) if attempt.reply else "–"


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
