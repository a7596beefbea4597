"""Issue and revoke personal access tokens: for people themselves, for phones at single sign-on, and
by HR.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.api_keys import PERSONAL_TOKEN_PREFIX, generate_api_key
from accounts.audit import record_security_event
from accounts.credentials import hash_token
from accounts.models import PersonalToken, SecurityEvent, User

EventKind = SecurityEvent.Kind


def issue_personal_token(
    user: User,
    name: str,
    *,
    lifetime: timedelta | None = None,
    actor: User | None = None,
    request: Any = None,
) -> tuple[PersonalToken, str]:
    """A new personal access token and its text, which cannot be seen again. Raises ValidationError
    for a user of no tenant.
    """
    if user.organization_id is None:
        raise ValidationError(_("An operator has no organization, and so no token for the API."))
    text, now = generate_api_key(PERSONAL_TOKEN_PREFIX), timezone.now()
    row = PersonalToken(
        organization_id=user.organization_id,
        user=user,
        name=name.strip(),
        token_hash=hash_token(text),
        hint=text[-4:],
        expires_at=now + lifetime if lifetime else None,
    )
    row.full_clean()
    with transaction.atomic():
        row.save()
        record_security_event(
            EventKind.KEY_ISSUED,
            row.organization_id,
            actor=actor or user,
            request=request,
            about=f"personal token {row}",
        )
    return row, text


def revoke_personal_token(
    token: PersonalToken, *, actor: User | None = None, request: Any = None
) -> bool:
    """Revoke a personal access token at once; False if it was revoked before."""
    with transaction.atomic():
        rows = PersonalToken.objects.of(token.organization_id).filter(
            pk=token.pk, revoked_at__isnull=True
        )
        done = bool(rows.update(revoked_at=timezone.now()))
        if done:
            record_security_event(
                EventKind.KEY_REVOKED,
                token.organization_id,
                actor=actor,
                request=request,
                about=f"personal token {token}",
            )
    return done
