"""What staff do with an endpoint on its page: send a test event, pause, resume, remove.

`webhooks.admin.endpoints` shows these actions, `endpoint_keys` and `replay` build on them.
"""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.enums import ActionVariant

from accounts.audit import record_security_event
from core.admin_html import change_url
from core.tenant_admin import TenantAdmin
from webhooks.models import Endpoint
from webhooks.services import pause_endpoint, remove_endpoint, resume_endpoint, send_test_event


def log_security_event(request: HttpRequest, endpoint: Endpoint, kind: str, **details: Any) -> None:
    """What was done to an endpoint's keys and events belongs to the security events."""
    record_security_event(
        kind,
        endpoint.organization_id,
        actor=request.user,
        request=request,
        about=f"endpoint {endpoint}",
        **details,
    )


class EndpointActionsAdmin(TenantAdmin):
    """Base of `EndpointAdmin`: actions upon an endpoint that was not removed."""

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
