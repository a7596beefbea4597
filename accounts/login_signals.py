"""Receivers of Django's own signals about sign-in: the one way to hear of the console's. They write
security events.

A session that begins is told when and how it began, which `accounts.middleware` goes by.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed

from accounts import middleware
from accounts.audit import record_security_event
from accounts.backends import find_login_candidates
from accounts.models import SecurityEvent, User
from employees.models import Organization


def connect_login_signals() -> None:
    """Called once, when the app is ready."""
    user_logged_in.connect(_on_logged_in, dispatch_uid="accounts.signed_in")
    user_logged_out.connect(_on_logged_out, dispatch_uid="accounts.signed_out")
    user_login_failed.connect(_on_login_failed, dispatch_uid="accounts.sign_in_failed")


def _on_logged_in(sender: Any, request: Any, user: User, **_: Any) -> None:
    how = getattr(request, "login_method", "console")
    middleware.start_console_session(
        request.session,
        login_method=how,
        reauthenticated=getattr(request, "login_reauthenticated", True),
    )
    record_security_event(
        SecurityEvent.Kind.SIGNED_IN, user.organization_id, actor=user, request=request, how=how
    )


def _on_logged_out(sender: Any, request: Any, user: User | None, **_: Any) -> None:
    if user is not None:
        record_security_event(
            SecurityEvent.Kind.SIGNED_OUT,
            user.organization_id,
            actor=user,
            request=request,
            how="console",
        )


def _on_login_failed(
    sender: Any, credentials: dict[str, Any], request: Any = None, **_: Any
) -> None:
    """Tell every organization that has somebody of this name; a name nobody has is told to the one
    that was asked for.
    """
    name, asked = str(credentials.get("username", "")), credentials.get("organization")
    organization = asked if isinstance(asked, Organization) else None
    found = (
        {user.organization_id for user in find_login_candidates(name, organization)}
        if "\x00" not in name
        else set()
    )
    for organization_id in found or {organization.pk if organization else None}:
        record_security_event(
            SecurityEvent.Kind.SIGN_IN_FAILED, organization_id, actor=name, request=request
        )
