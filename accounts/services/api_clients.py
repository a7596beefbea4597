"""API clients: save one, issue and revoke its keys, and exchange its secret for machine tokens.
Called by the console and by the token endpoint.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import tokens
from accounts.api_keys import (
    API_KEY_PREFIX,
    CLIENT_SECRET_PREFIX,
    generate_api_key,
    is_well_formed_key,
)
from accounts.audit import record_security_event
from accounts.credentials import constant_time_equal, hash_token
from accounts.errors import InvalidCredentials, TokenRequestRefused
from accounts.models import ApiClient, ClientKey, SecurityEvent, User

MACHINE_TOKEN_LIFETIME: Final = timedelta(hours=1)
ROTATION_OVERLAP: Final = timedelta(days=7)

EventKind = SecurityEvent.Kind


def save_api_client(client: ApiClient) -> ApiClient:
    """Validate and store a client; a new one gets its client id."""
    if not client.client_id:
        client.client_id = f"mc_{secrets.token_hex(12)}"
    client.full_clean()
    client.save()
    return client


def issue_client_key(
    client: ApiClient,
    purpose: str = ClientKey.Purpose.KEY,
    *,
    overlap: timedelta = ROTATION_OVERLAP,
    actor: User | None = None,
    request: Any = None,
) -> str:
    """A new key or secret of `client`, returned as the only time it can be seen.

    The one before works on for `overlap`; at most two are live, so what is older than that is
    revoked at once.
    """
    text = generate_api_key(
        API_KEY_PREFIX if purpose == ClientKey.Purpose.KEY else CLIENT_SECRET_PREFIX
    )
    now = timezone.now()
    with transaction.atomic():
        # The lock makes two rotations at once into two rotations, one after the other.
        ApiClient.objects.select_for_update().of(client.organization_id).get(pk=client.pk)
        live = (
            ClientKey.objects.of(client.organization_id)
            .valid_at(now)
            .filter(client=client, purpose=purpose)
        )
        newest = live.values_list("pk", flat=True).first() or 0
        live.exclude(pk=newest).update(revoked_at=now)
        late = Q(expires_at__isnull=True) | Q(expires_at__gt=now + overlap)
        live.filter(late, pk=newest).update(expires_at=now + overlap)
        ClientKey.objects.create(
            organization_id=client.organization_id,
            client=client,
            purpose=purpose,
            key_hash=hash_token(text),
            hint=text[-4:],
        )
        record_security_event(
            EventKind.KEY_ISSUED,
            client.organization_id,
            actor=actor,
            request=request,
            about=f"{purpose} of {client}",
        )
    return text


def revoke_client_keys(client: ApiClient, *, actor: User | None = None, request: Any = None) -> int:
    """Revoke every key and secret of `client` at once; returns how many."""
    now = timezone.now()
    with transaction.atomic():
        count = (
            ClientKey.objects.of(client.organization_id)
            .valid_at(now)
            .filter(client=client)
            .update(revoked_at=now)
        )
        if count:
            record_security_event(
                EventKind.KEY_REVOKED,
                client.organization_id,
                actor=actor,
                request=request,
                about=str(client),
                count=count,
            )
    return count


def issue_machine_token(
    client_id: str, secret: str, scopes: frozenset[str] | None = None
) -> tuple[str, frozenset[str], int]:
    """A machine token for the client whose id and secret these are: (token, scopes, seconds it
    lasts).

    `scopes` asks for fewer than the client has. Raises InvalidCredentials; TokenRequestRefused
    for a scope the client does not have.
    """
    if not is_well_formed_key(secret):
        raise InvalidCredentials
    now, digest = timezone.now(), hash_token(secret)
    live = (
        ClientKey.objects.valid_at(now)
        .select_related("client")
        .filter(purpose=ClientKey.Purpose.SECRET, key_hash=digest)
    )
    found = live.filter(client__active=True).first()
    if (
        found is None
        or not constant_time_equal(found.key_hash, digest)
        or not constant_time_equal(found.client.client_id, client_id)
    ):
        raise InvalidCredentials
    client = found.client
    granted = frozenset(client.scopes) if scopes is None else scopes
    if not granted <= frozenset(client.scopes):
        raise TokenRequestRefused(
            _("This client does not have that scope."), code="invalid_scope", field="scope"
        )
    ClientKey.objects.of(client.organization_id).filter(pk=found.pk).update(last_used_at=now)
    token = tokens.encode_jwt(
        tokens.MACHINE_TOKEN_AUDIENCE,
        client.client_id,
        now,
        MACHINE_TOKEN_LIFETIME,
        fluide_client_id=client.audience,
        scope=" ".join(sorted(granted)),
        key=found.pk,
    )
    return token, granted, int(MACHINE_TOKEN_LIFETIME.total_seconds())
