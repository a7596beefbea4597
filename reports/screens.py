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

from accounts.audit import note
from accounts.models import SecurityEvent
from accounts.secrets import hash_token, new_token
from reports.board import Board
from reports.models import Screen

PREFIX: Final = "mst_scr_"
# However many screens ask, the board is counted anew so often at most, in each process.
FRESH_S: Final = 5


def issue_address(screen: Screen, *, actor: Any, request: Any = None) -> str:
    """A fresh address of a screen, to be shown once; the one before ends now."""
    token = new_token(PREFIX)
    with transaction.atomic():
        Screen.objects.filter(pk=screen.pk).update(
            token_hash=hash_token(token), issued_at=timezone.now()
        )
        note(
            SecurityEvent.Kind.KEY_ISSUED,
            screen.organization_id,
            actor=actor,
            request=request,
            about=f"screen {screen}",
        )
    return f"{settings.BASE_URL.rstrip('/')}{reverse('screen', args=(token,))}"


def revoke_address(screen: Screen, *, actor: Any, request: Any = None) -> None:
    """From now on the screen's address is not there."""
    with transaction.atomic():
        Screen.objects.filter(pk=screen.pk).update(token_hash=None)
        note(
            SecurityEvent.Kind.KEY_REVOKED,
            screen.organization_id,
            actor=actor,
            request=request,
            about=f"screen {screen}",
        )


def screen_of(token: str) -> Screen | None:
    """The screen of an address, if there is one."""
    if not token.startswith(PREFIX):
        return None
    return (
        Screen.objects.select_related("organization").filter(token_hash=hash_token(token)).first()
    )


def figures(screen: Screen) -> dict[str, Any]:
    """What a screen shows, at most FRESH_S seconds old."""
    key = f"board:{screen.organization_id}:{screen.site_id}:{translation.get_language()}"
    found: dict[str, Any] | None = cache.get(key)
    if found is None:
        found = Board(screen.organization, screen.site_id).figures()
        cache.set(key, found, FRESH_S)
    return found
