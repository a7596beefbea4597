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
from accounts.api_keys import PERSONAL_TOKEN_PREFIX, is_well_formed_key
from accounts.credentials import constant_time_equal, hash_token
from accounts.models import ClientKey, PersonalToken, TokenFamily, User
from accounts.rate_limits import Window
from core.raw_sql import from_db_datetime, run_sql, to_db_datetime

LAST_USED_RESOLUTION: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class BearerToken:
    """The token a person speaks with: `token_key` is what limits count by and what is revoked
    (`personal:7`, `signin:<uuid>`).
    """

    token_key: str
    personal_id: int | None = None
    family_id: UUID | None = None

    @property
    def limit_key(self) -> str:
        """What rate limits count by."""
        return self.token_key


@dataclass(frozen=True, slots=True)
class AuthenticatedClient:
    """An API client that showed a live key: all that a channel needs to know, read in one
    statement.
    """

    key_id: int
    client_pk: int
    client_id: str
    name: str
    organization_id: int
    organization_timezone: str
    audience: str
    scopes: frozenset[str]
    employee_id: UUID | None
    # Each replaces the channel's window of the same length.
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

    def authenticate(self, request: Request) -> tuple[User, BearerToken]:
        """The person who speaks. Raises AuthenticationFailed: there is one answer for everything
        that is wrong.
        """
        token = bearer_token(request)
        now = timezone.now()
        found = (
            _authenticate_personal_token(token, now)
            if token.startswith(PERSONAL_TOKEN_PREFIX)
            else _authenticate_access_token(token, now)
        )
        user = found[0]
        if not user.is_active or user.organization_id is None:
            raise AuthenticationFailed
        return found

    def authenticate_header(self, request: Request) -> str:
        """Makes a failure a 401."""
        return "Bearer"


class ApiKeyAuthentication(BaseAuthentication):
    """`X-API-Key`, or else `?api_key=`. Gives (KeyHolder, KeyHolder); scopes are the channel's
    to ask.
    """

    def authenticate(self, request: Request) -> tuple[AuthenticatedClient, AuthenticatedClient]:
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
    """The HR channel's three: machine token, `X-Fluide-Api-Key`, `X-Fluide-Client-Id`. Gives
    (KeyHolder, KeyHolder).

    The key says which client it is; the token must be that client's, and the audience label agree
    in header, claim and client. What may be done is the part of the token's scope that the client
    still has.
    """

    def authenticate(self, request: Request) -> tuple[AuthenticatedClient, AuthenticatedClient]:
        """The client that speaks. Raises AuthenticationFailed."""
        try:
            claims = tokens.decode_jwt(tokens.MACHINE_TOKEN_AUDIENCE, bearer_token(request))
        except tokens.InvalidJwt as error:
            raise AuthenticationFailed from error
        secret = claims.get("key")
        holder = find_client_key(
            request.headers.get("X-Fluide-Api-Key", "").strip(),
            secret_id=secret if isinstance(secret, int) else 0,
        )
        label = request.headers.get("X-Fluide-Client-Id", "").strip()
        if holder is None or holder.client_id != claims["sub"]:
            raise AuthenticationFailed
        if (
            not constant_time_equal(label, holder.audience)
            or claims.get("fluide_client_id") != holder.audience
        ):
            raise AuthenticationFailed
        granted = holder.scopes & frozenset(str(claims.get("scope", "")).split())
        speaker = replace(holder, scopes=granted)
        return speaker, speaker

    def authenticate_header(self, request: Request) -> str:
        """Makes a failure a 401."""
        return "Bearer"


def bearer_token(request: Request) -> str:
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
_SECRET_IS_LIVE_CLAUSE = """
  AND EXISTS (SELECT 1 FROM accounts_clientkey s WHERE s.id = %s AND s.client_id = c.id
              AND s.purpose = 'secret'
              AND s.revoked_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > %s))
"""  # noqa: S105


def find_client_key(key: str, *, secret_id: int | None = None) -> AuthenticatedClient | None:
    """The active client whose live API key this is, in one statement; None when it is nobody's.

    With `secret_id` only if the client secret of that id, which a machine token came from, is still
    live too.
    """
    if not is_well_formed_key(key):
        return None
    now = timezone.now()
    digest, at = hash_token(key), to_db_datetime(now)
    more = (min(max(secret_id, 0), 2**63 - 1), at) if secret_id is not None else ()
    statement = _KEY_STATEMENT + (_SECRET_IS_LIVE_CLAUSE if more else "")
    for stored, key_id, used, *facts in run_sql(statement, digest, at, *more):
        if constant_time_equal(stored, digest):
            holder = _authenticated_client(key_id, from_db_datetime(used), *facts)
            if _is_last_used_outdated(holder.last_used_at, now):
                _update_last_used(
                    ClientKey.objects.of(holder.organization_id).filter(pk=key_id), now
                )
            return holder
    return None


def _authenticated_client(
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
) -> AuthenticatedClient:
    scopes = json.loads(scopes) if isinstance(scopes, str) else scopes
    windows = ((per_minute, 60), (per_hour, 3600), (per_day, 86_400))
    own = tuple(Window(count, seconds) for count, seconds in windows if count is not None)
    person = UUID(str(employee)) if employee is not None else None
    return AuthenticatedClient(
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


def _authenticate_personal_token(token: str, now: datetime) -> tuple[User, BearerToken]:
    """The owner of a personal access token."""
    if not is_well_formed_key(token):
        raise AuthenticationFailed
    digest = hash_token(token)
    live = PersonalToken.objects.valid_at(now).select_related(
        "user__employee", "user__organization"
    )
    found = live.filter(token_hash=digest).first()
    if found is None or not constant_time_equal(found.token_hash, digest):
        raise AuthenticationFailed
    if _is_last_used_outdated(found.last_used_at, now):
        _update_last_used(PersonalToken.objects.of(found.organization_id).filter(pk=found.pk), now)
    return found.user, BearerToken(f"personal:{found.pk}", personal_id=found.pk)


def _authenticate_access_token(token: str, now: datetime) -> tuple[User, BearerToken]:
    """The owner of an access token, if the sign-in it came from still stands."""
    try:
        claims = tokens.decode_jwt(tokens.ACCESS_TOKEN_AUDIENCE, token)
        family_id = UUID(str(claims.get("family")))
    except (tokens.InvalidJwt, ValueError) as error:
        raise AuthenticationFailed from error
    standing = TokenFamily.objects.filter(pk=family_id, revoked_at__isnull=True, expires_at__gt=now)
    found = standing.select_related("user__employee", "user__organization").first()
    if found is None or str(found.user_id) != claims["sub"]:
        raise AuthenticationFailed
    return found.user, BearerToken(f"signin:{found.pk}", family_id=found.pk)


def _is_last_used_outdated(used: datetime | None, now: datetime) -> bool:
    return used is None or now - used >= LAST_USED_RESOLUTION


def _update_last_used(rows: Any, now: datetime) -> None:
    """Note the use, at most once a minute, so that a busy key is not a busy row."""
    rows.update(last_used_at=now)
