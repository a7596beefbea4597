"""Who is speaking: people by a bearer token, API clients by their key, machines by key, client id
and token together.

Every class asks the database once per call, so that what was revoked is refused by all processes at
once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts import tokens
from accounts.keys import PERSONAL, well_formed
from accounts.limits import Window
from accounts.models import ClientKey, PersonalToken, TokenFamily, User
from accounts.secrets import hash_token, same
from employees.rows import moment, read_moment, run

USED_EVERY: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Bearer:
    """The token a person speaks with: `family` is what limits count by and what is revoked
    (`personal:7`, `signin:<uuid>`).
    """

    family: str
    personal_id: int | None = None
    family_id: UUID | None = None

    @property
    def limit_key(self) -> str:
        """What rate limits count by."""
        return self.family


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """An API client that showed a live key: all that a door needs to know, read in one
    statement.
    """

    key_id: int
    client_pk: int
    client_id: str
    name: str
    organization_id: int
    organization_zone: str
    audience: str
    scopes: frozenset[str]
    employee_id: UUID | None
    # In place of the door's own limits, where there are any.
    windows: tuple[Window, ...]
    last_used_at: datetime | None

    # What DRF asks of whoever is speaking.
    is_authenticated = True

    @property
    def limit_key(self) -> str:
        """What rate limits count by: the client, so that a rotation gives no second allowance."""
        return f"client:{self.client_pk}"


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access token or personal access token>` of a person. Gives (User,
    Bearer).
    """

    def authenticate(self, request: Request) -> tuple[User, Bearer]:
        """The person who speaks. Raises AuthenticationFailed: there is one answer for everything
        that is wrong.
        """
        token = bearer(request)
        now = timezone.now()
        found = _personal(token, now) if token.startswith(PERSONAL) else _signed_in(token, now)
        user = found[0]
        if not user.is_active or user.organization_id is None:
            raise AuthenticationFailed
        return found

    def authenticate_header(self, request: Request) -> str:
        """Makes a failure a 401."""
        return "Bearer"


class ApiKeyAuthentication(BaseAuthentication):
    """`X-API-Key`, or else `?api_key=`. Gives (KeyHolder, KeyHolder); scopes are the door's
    to ask.
    """

    def authenticate(self, request: Request) -> tuple[KeyHolder, KeyHolder]:
        """The client whose key it is. Raises AuthenticationFailed."""
        shown = (
            request.headers.get("X-API-Key", "").strip()
            or request.query_params.get("api_key", "").strip()
        )
        holder = find_client_key(shown)
        if holder is None:
            raise AuthenticationFailed
        return holder, holder

    def authenticate_header(self, request: Request) -> str:
        """Makes a failure a 401."""
        return "ApiKey"


class MachineAuthentication(BaseAuthentication):
    """The HR door's three: machine token, `X-Fluide-Api-Key`, `X-Fluide-Client-Id`. Gives
    (KeyHolder, KeyHolder).

    The key says which client it is; the token must be that client's, and the audience label agree
    in header, claim and client. What may be done is the part of the token's scope that the client
    still has.
    """

    def authenticate(self, request: Request) -> tuple[KeyHolder, KeyHolder]:
        """The client that speaks. Raises AuthenticationFailed."""
        try:
            claims = tokens.read(tokens.MACHINES, bearer(request))
        except tokens.BadToken as error:
            raise AuthenticationFailed from error
        secret = claims.get("key")
        holder = find_client_key(
            request.headers.get("X-Fluide-Api-Key", "").strip(),
            secret_id=secret if isinstance(secret, int) else 0,
        )
        label = request.headers.get("X-Fluide-Client-Id", "").strip()
        if holder is None or holder.client_id != claims["sub"]:
            raise AuthenticationFailed
        if not same(label, holder.audience) or claims.get("fluide_client_id") != holder.audience:
            raise AuthenticationFailed
        granted = holder.scopes & frozenset(str(claims.get("scope", "")).split())
        speaker = replace(holder, scopes=granted)
        return speaker, speaker

    def authenticate_header(self, request: Request) -> str:
        """Makes a failure a 401."""
        return "Bearer"


def bearer(request: Request) -> str:
    """The token of the Authorization header. Raises AuthenticationFailed when there is none."""
    scheme, _sep, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or not token.isascii():
        raise AuthenticationFailed
    return token


_KEY_STATEMENT = """
SELECT k.key_hash, k.id, k.last_used_at, c.id, c.client_id, c.name, c.organization_id, o.timezone,
       c.audience, c.scopes, c.employee_id, c.per_minute, c.per_hour, c.per_day
FROM accounts_clientkey k
JOIN accounts_apiclient c ON c.id = k.client_id AND c.active
JOIN employees_organization o ON o.id = c.organization_id
WHERE k.key_hash = %s AND k.purpose = 'key' AND k.revoked_at IS NULL
  AND (k.expires_at IS NULL OR k.expires_at > %s)
"""
_LIVE_TOO = """
  AND EXISTS (SELECT 1 FROM accounts_clientkey s WHERE s.id = %s AND s.client_id = c.id
              AND s.purpose = 'secret'
              AND s.revoked_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > %s))
"""


def find_client_key(shown: str, *, secret_id: int | None = None) -> KeyHolder | None:
    """The active client whose live API key this is, in one statement; None when it is nobody's.

    With `secret_id` only if the client secret of that id, which a machine token came from, is still
    live too.
    """
    if not well_formed(shown):
        return None
    now = timezone.now()
    digest, at = hash_token(shown), moment(now)
    more = (min(max(secret_id, 0), 2**63 - 1), at) if secret_id is not None else ()
    statement = _KEY_STATEMENT + (_LIVE_TOO if more else "")
    for stored, key_id, used, *facts in run(statement, digest, at, *more):
        if same(stored, digest):
            holder = _holder(key_id, read_moment(used), *facts)
            if _stale(holder.last_used_at, now):
                _used(ClientKey.objects.of(holder.organization_id).filter(pk=key_id), now)
            return holder
    return None


def _holder(
    key_id: int,
    used: datetime | None,
    pk: int,
    client_id: str,
    name: str,
    organization_id: int,
    zone: str,
    audience: str,
    scopes: Any,
    employee: Any,
    per_minute: int | None,
    per_hour: int | None,
    per_day: int | None,
) -> KeyHolder:
    scopes = json.loads(scopes) if isinstance(scopes, str) else scopes
    windows = ((per_minute, 60), (per_hour, 3600), (per_day, 86_400))
    own = tuple(Window(count, seconds) for count, seconds in windows if count is not None)
    person = UUID(str(employee)) if employee is not None else None
    return KeyHolder(
        key_id,
        pk,
        client_id,
        name,
        organization_id,
        zone,
        audience,
        frozenset(scopes),
        person,
        own,
        used,
    )


def _personal(token: str, now: datetime) -> tuple[User, Bearer]:
    """The owner of a personal access token."""
    if not well_formed(token):
        raise AuthenticationFailed
    digest = hash_token(token)
    live = PersonalToken.objects.live(now).select_related("user__employee", "user__organization")
    found = live.filter(token_hash=digest).first()
    if found is None or not same(found.token_hash, digest):
        raise AuthenticationFailed
    if _stale(found.last_used_at, now):
        _used(PersonalToken.objects.of(found.organization_id).filter(pk=found.pk), now)
    return found.user, Bearer(f"personal:{found.pk}", personal_id=found.pk)


def _signed_in(token: str, now: datetime) -> tuple[User, Bearer]:
    """The owner of an access token, if the sign-in it came from still stands."""
    try:
        claims = tokens.read(tokens.PEOPLE, token)
        family_id = UUID(str(claims.get("family")))
    except (tokens.BadToken, ValueError) as error:
        raise AuthenticationFailed from error
    standing = TokenFamily.objects.filter(pk=family_id, revoked_at__isnull=True, expires_at__gt=now)
    found = standing.select_related("user__employee", "user__organization").first()
    if found is None or str(found.user_id) != claims["sub"]:
        raise AuthenticationFailed
    return found.user, Bearer(f"signin:{found.pk}", family_id=found.pk)


def _stale(used: datetime | None, now: datetime) -> bool:
    return used is None or now - used >= USED_EVERY


def _used(rows: Any, now: datetime) -> None:
    """Note the use, at most once a minute, so that a busy key is not a busy row."""
    rows.update(last_used_at=now)
