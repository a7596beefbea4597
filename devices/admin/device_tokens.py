"""A device's tokens on its page: issue, rotate and revoke. A token is shown once, in the reply.

`devices.admin.devices` shows these actions.
"""

from __future__ import annotations

import shlex
from typing import Any, Final

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.enums import ActionVariant

from accounts.audit import record_security_event
from accounts.models import SecurityEvent
from core.admin_inlines import ReadOnlyInline
from core.tenant_admin import TenantAdmin
from devices.models import Device, DeviceToken
from devices.services import ROTATION_OVERLAP, issue_token, revoke_tokens

_SAMPLE_PUNCH: Final = (
    '{"user_id": "1001", "att_time": "2026-06-21 09:30:00", "att_state": 1, "input_type": 50}'
)


class TokenInline(ReadOnlyInline):
    """A device's tokens, as far as they can be shown: never the token."""

    model = DeviceToken
    fields = ("hint", "created_at", "expires_at", "revoked_at")
    readonly_fields = ("hint", "created_at", "expires_at", "revoked_at")
    verbose_name_plural = _("tokens")


class DeviceTokensAdmin(TenantAdmin):
    """Base of `DeviceAdmin`: the tokens of a device."""

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
