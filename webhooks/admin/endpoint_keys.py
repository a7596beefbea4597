"""An endpoint's signing secret and feed keys on its page: rotate, issue, revoke.

A secret or key is shown once, in the reply. `webhooks.admin.endpoints` shows these actions.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from accounts.models import SecurityEvent
from webhooks.admin.endpoint_actions import EndpointActionsAdmin, log_security_event
from webhooks.models import Endpoint
from webhooks.services import (
    ROTATION_OVERLAP,
    endpoint_auth_token,
    issue_feed_key,
    revoke_feed_keys,
    rotate_secret,
)


class EndpointKeysAdmin(EndpointActionsAdmin):
    """Base of `EndpointAdmin`: its secret and its feed keys."""

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
        log_security_event(request, endpoint, SecurityEvent.Kind.KEY_ISSUED, what="signing secret")
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
        log_security_event(request, endpoint, SecurityEvent.Kind.KEY_ISSUED, what="feed key")
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
        log_security_event(
            request, endpoint, SecurityEvent.Kind.KEY_REVOKED, what="feed keys", count=number
        )
        return self.finish_action(
            request, endpoint, _("%(number)d keys revoked.") % {"number": number}
        )

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
