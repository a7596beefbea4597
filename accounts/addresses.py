"""Whose address a request comes from."""

from __future__ import annotations

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str | None:
    """The address of the caller: the peer's, or what the outermost of MUSTER_TRUSTED_PROXIES proxies saw. None if unreadable.

    Everything before that in X-Forwarded-For was written by the caller, and is not believed.
    """
    seen = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    seen.append(request.META.get("REMOTE_ADDR", ""))
    text = seen[-1 - min(settings.TRUSTED_PROXIES, len(seen) - 1)]
    try:
        return str(ip_address(text))
    except ValueError:
        return None
