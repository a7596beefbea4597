"""Write down what happened to who may do what. Called by the verbs of accounts, webhooks and
reports, and by sign-in.
"""

from __future__ import annotations

import logging
from typing import Any

from django.utils import timezone

from accounts.addresses import UNKNOWN, client_address
from accounts.models import SecurityEvent, User
from employees.papers import Paper

log = logging.getLogger("muster.security")


def note(
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
    address = _address(request)
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
            actor_text=_clean(name),
            address=address,
            about=_clean(about),
            details=details,
        )


def paper_read(paper: Paper, *, actor: Any, request: Any) -> None:
    """Somebody was handed a paper that an employee gave in: whose, which, and by whom."""
    note(
        SecurityEvent.Kind.EXPORTED,
        paper.organization_id,
        actor=actor,
        request=request,
        about=f"{paper._meta.model_name} {paper.pk}",
        employee=paper.employee.code,
    )


def _address(request: Any) -> str | None:
    seen = client_address(request) if request is not None else UNKNOWN
    return None if seen == UNKNOWN else seen


def _clean(text: str) -> str:
    """Text that any database takes: printable, and no longer than its column."""
    return "".join(char for char in text if char.isprintable())[:200]
