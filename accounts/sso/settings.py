"""An organization's settings of single sign-on: read by every sign-on, changed in the console."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.audit import record_security_event
from accounts.credentials import encrypt
from accounts.models import SecurityEvent, SignInSettings, TokenFamily, User
from employees.models import Organization

CALLBACK_PATH: Final = "/api/auth/sso/callback"

EventKind = SecurityEvent.Kind


def enabled_sso_settings(organization: Organization) -> SignInSettings | None:
    """An organization's settings while single sign-on is on."""
    return (
        SignInSettings.objects.of(organization)
        .select_related("organization")
        .filter(sso_enabled=True)
        .first()
    )


def callback_url() -> str:
    """Where a provider sends browsers back to."""
    return f"{settings.BASE_URL.rstrip('/')}{CALLBACK_PATH}"


def save_sign_in_settings(
    sign_in_settings: SignInSettings,
    *,
    secret: str | None = None,
    actor: User | None = None,
    request: Any = None,
) -> None:
    """Validate and store the settings; `secret` is a new client secret, "" takes it away, None
    leaves it.

    When passwords begin to be refused, the sign-ins that were made with passwords end. A secret is
    not carried over to another issuer: whoever may edit the settings could have it sent to a server
    of theirs.
    """
    if secret is not None:
        sign_in_settings.secret_cipher = encrypt(secret) if secret else ""
    elif sign_in_settings.secret_cipher and _is_issuer_changed(sign_in_settings):
        raise ValidationError(
            {
                "issuer": _(
                    "Enter the client secret again: the stored secret is not sent to another"
                    " issuer."
                )
            }
        )
    sign_in_settings.full_clean()
    with transaction.atomic():
        sign_in_settings.save()
        if sign_in_settings.sso_enforced:
            standing = TokenFamily.objects.of(sign_in_settings.organization_id).filter(
                revoked_at__isnull=True
            )
            standing.update(
                revoked_at=timezone.now(), revocation_reason=TokenFamily.RevocationReason.STAFF
            )
        record_security_event(
            EventKind.SETTING_CHANGED,
            sign_in_settings.organization_id,
            actor=actor,
            request=request,
            about="sign-in settings",
            issuer=sign_in_settings.issuer,
            sso_enabled=sign_in_settings.sso_enabled,
            sso_enforced=sign_in_settings.sso_enforced,
            creates_users=sign_in_settings.creates_users,
            second_factor_required=sign_in_settings.second_factor_required,
            second_factor_at_provider=sign_in_settings.second_factor_at_provider,
            new_secret=secret is not None,
        )


def _is_issuer_changed(chosen: SignInSettings) -> bool:
    """Whether these settings name another issuer than the ones that are stored."""
    return (
        SignInSettings.objects.of(chosen.organization_id)
        .filter(pk=chosen.pk)
        .exclude(issuer=chosen.issuer)
        .exists()
    )
