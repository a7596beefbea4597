"""Write down what happened to who may do what. Called by the verbs of accounts, webhooks and
reports, and by sign-in.
"""

from __future__ import annotations

import logging
from typing import Any

from django.utils import timezone

from accounts.client_ip import UNKNOWN_IP, get_client_ip
from accounts.models import SecurityEvent, User
from core.attachments import Attachment

log = logging.getLogger("muster.security")


def record_security_event(
    kind: str,
    organization_id: int | None,
    *,
    actor: Any = None,
    request: Any = None,
    about: str = "",
    **details: Any,
) -> None:
    """One security event, in the caller's transaction. `details` are JSON and hold no secret.

    What concerns no organization (an operator, a name nobody has) is a line of the log only: rows
    belong to tenants.
    """
    person = actor if isinstance(actor, User) and actor.pk is not None else None
    name = person.get_username() if person else str(actor or "")
    address = _client_ip_or_none(request)
    log.info(
        "%s organization=%s actor=%r address=%s about=%r",
        kind,
        organization_id,
        name,
        address,
        about,
    )
    if organization_id is not None:
        SecurityEvent.objects.create(
            organization_id=organization_id,
            at=timezone.now(),
            kind=kind,
            actor=person,
            actor_text=_printable(name),
            address=address,
            about=_printable(about),
            details=details,
        )


def record_attachment_download(attachment: Attachment, *, actor: Any, request: Any) -> None:
    """Somebody was handed a paper that an employee gave in: whose, which, and by whom."""
    record_security_event(
        SecurityEvent.Kind.EXPORTED,
        attachment.organization_id,
        actor=actor,
        request=request,
        about=f"{attachment._meta.model_name} {attachment.pk}",
        employee=attachment.employee.code,
    )


def _client_ip_or_none(request: Any) -> str | None:
    seen = get_client_ip(request) if request is not None else UNKNOWN_IP
    return None if seen == UNKNOWN_IP else seen


def _printable(text: str) -> str:
    """Text that any database takes: printable, and no longer than its column."""
    return "".join(char for char in text if char.isprintable())[:200]
