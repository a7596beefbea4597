"""Screens that show the live board in public, such as in the lobby: their secret addresses, and
what they may show.

The address is the credential: 256 random bits, stored as a hash, shown once, replaced or revoked at
once. Whoever knows it sees counts and nothing else.
"""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.urls import reverse
from django.utils import timezone, translation

from accounts.audit import record_security_event
from accounts.credentials import generate_token, hash_token
from accounts.models import SecurityEvent
from reports.board import LiveBoard
from reports.models import Screen

SCREEN_TOKEN_PREFIX: Final = "mst_scr_"  # noqa: S105
# However many screens ask, the board is counted anew so often at most, in each process.
FIGURES_CACHE_S: Final = 5


def issue_screen_url(screen: Screen, *, actor: Any, request: Any = None) -> str:
    """A fresh address of a screen, to be shown once; the one before ends now."""
    token = generate_token(SCREEN_TOKEN_PREFIX)
    with transaction.atomic():
        Screen.objects.filter(pk=screen.pk).update(
            token_hash=hash_token(token), issued_at=timezone.now()
        )
        record_security_event(
            SecurityEvent.Kind.KEY_ISSUED,
            screen.organization_id,
            actor=actor,
            request=request,
            about=f"screen {screen}",
        )
    return f"{settings.BASE_URL.rstrip('/')}{reverse('public-board', args=(token,))}"


def revoke_screen_url(screen: Screen, *, actor: Any, request: Any = None) -> None:
    """From now on the screen's address is not there."""
    with transaction.atomic():
        Screen.objects.filter(pk=screen.pk).update(token_hash=None)
        record_security_event(
            SecurityEvent.Kind.KEY_REVOKED,
            screen.organization_id,
            actor=actor,
            request=request,
            about=f"screen {screen}",
        )


def screen_by_token(token: str) -> Screen | None:
    """The screen of an address, if there is one."""
    if not token.startswith(SCREEN_TOKEN_PREFIX):
        return None
    return (
        Screen.objects.select_related("organization").filter(token_hash=hash_token(token)).first()
    )


def screen_figures(screen: Screen) -> dict[str, Any]:
    """What a screen shows, at most FRESH_S seconds old."""
    key = f"board:{screen.organization_id}:{screen.site_id}:{translation.get_language()}"
    found: dict[str, Any] | None = cache.get(key)
    if found is None:
        found = LiveBoard(screen.organization, screen.site_id).figures()
        cache.set(key, found, FIGURES_CACHE_S)
    return found
