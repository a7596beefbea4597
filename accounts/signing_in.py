"""Receivers of Django's own signals about sign-in: the one way to hear of the console's. They write
security events.

A session that begins is told when and how it began, which `accounts.guard` goes by.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed

from accounts import guard
from accounts.audit import note
from accounts.backends import candidates
from accounts.models import SecurityEvent, User
from employees.models import Organization


def connect() -> None:
    """Called once, when the app is ready."""
    user_logged_in.connect(_signed_in, dispatch_uid="accounts.signed_in")
    user_logged_out.connect(_signed_out, dispatch_uid="accounts.signed_out")
    user_login_failed.connect(_failed, dispatch_uid="accounts.sign_in_failed")


def _signed_in(sender: Any, request: Any, user: User, **_: Any) -> None:
    how = getattr(request, "sign_in_how", "console")
    guard.begin(request.session, how=how, proved=getattr(request, "sign_in_proved", True))
    note(SecurityEvent.Kind.SIGNED_IN, user.organization_id, actor=user, request=request, how=how)


def _signed_out(sender: Any, request: Any, user: User | None, **_: Any) -> None:
    if user is not None:
        note(
            SecurityEvent.Kind.SIGNED_OUT,
            user.organization_id,
            actor=user,
            request=request,
            how="console",
        )


def _failed(sender: Any, credentials: dict[str, Any], request: Any = None, **_: Any) -> None:
    """Tell every organization that has somebody of this name; a name nobody has is told to the one
    that was asked for.
    """
    name, asked = str(credentials.get("username", "")), credentials.get("organization")
    organization = asked if isinstance(asked, Organization) else None
    found = (
        {user.organization_id for user in candidates(name, organization)}
        if "\x00" not in name
        else set()
    )
    for organization_id in found or {organization.pk if organization else None}:
        note(SecurityEvent.Kind.SIGN_IN_FAILED, organization_id, actor=name, request=request)
