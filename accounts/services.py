"""Verbs on who may speak: sign in and out, refresh, issue and revoke keys and tokens, hand
decisions to a stand-in.

The console, the token endpoints and the commands call these. Each writes its security event in its
own transaction.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import PermissionDenied

from accounts import tokens
from accounts.api_keys import (
    API_KEY_PREFIX,
    CLIENT_SECRET_PREFIX,
    PERSONAL_TOKEN_PREFIX,
    REFRESH_TOKEN_PREFIX,
    generate_api_key,
    is_well_formed_key,
)
from accounts.audit import record_security_event
from accounts.credentials import constant_time_equal, hash_token
from accounts.models import (
    ApiClient,
    ClientKey,
    Delegation,
    PersonalToken,
    RefreshToken,
    SecurityEvent,
    SignInSettings,
    TokenFamily,
    User,
)
from employees.models import Organization

ACCESS_TOKEN_LIFETIME: Final = timedelta(minutes=10)
TOKEN_FAMILY_LIFETIME: Final = timedelta(days=30)
MACHINE_TOKEN_LIFETIME: Final = timedelta(hours=1)
ROTATION_OVERLAP: Final = timedelta(days=7)
# Who sends the same refresh token again within this time lost the answer or asked twice; later it
# is a thief, or the victim.
REUSE_GRACE: Final = timedelta(seconds=10)

EventKind = SecurityEvent.Kind


class InvalidCredentials(Exception):
    """The credentials are wrong, or not good any more: one refusal for everything."""


class PasswordLoginDisabled(PermissionDenied):
    """The organization signs in at its own provider only."""

    default_detail = _("This organization signs in with single sign-on; passwords are refused.")
    default_code = "sso_enforced"


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a person's sign-in or refresh gives: a short access token and the refresh token for the
    next pair.
    """

    access: str
    refresh: str
    expires_in: int


# --- People ---------------------------------------------------------------------------------------
def sign_in_with_password(
    organization: Organization, username: str, password: str, *, request: Any = None
) -> TokenPair:
    """A new sign-in by password. Raises NotSignedIn, or PasswordsRefused where single sign-on is
    the only way.
    """
    if SignInSettings.objects.of(organization).are_passwords_disabled():
        raise PasswordLoginDisabled
    user = authenticate(
        getattr(request, "_request", request),
        username=username,
        password=password,
        organization=organization,
    )
    if not isinstance(user, User):
        raise InvalidCredentials
    now = timezone.now()
    with transaction.atomic():
        family = TokenFamily.objects.create(
            organization=organization, user=user, expires_at=now + TOKEN_FAMILY_LIFETIME
        )
        record_security_event(
            EventKind.SIGNED_IN, organization.pk, actor=user, request=request, how="api"
        )
        return _issue_token_pair(family, now)


def refresh_tokens(token: str, *, request: Any = None) -> TokenPair:
    """The next pair for a refresh token. It works once, decided by the database; a later reuse ends
    the whole sign-in.

    Raises NotSignedIn: unknown, used, or of a sign-in that has ended.
    """
    if not is_well_formed_key(token) or not token.startswith(REFRESH_TOKEN_PREFIX):
        raise InvalidCredentials
    now, digest = timezone.now(), hash_token(token)
    known = RefreshToken.objects.select_related("family__user").filter(token_hash=digest).first()
    if known is None or not constant_time_equal(known.token_hash, digest):
        raise InvalidCredentials
    with transaction.atomic():
        # Only columns of the row itself: a condition on another table would be a subquery, which
        # PostgreSQL does not ask again for whoever waited here for the winner.
        unused = RefreshToken.objects.of(known.organization_id).filter(
            pk=known.pk, used_at__isnull=True
        )
        if unused.update(used_at=now) and _is_family_live(known.family, now):
            return _issue_token_pair(known.family, now)
    _handle_token_reuse(known, now, request)
    raise InvalidCredentials


def _is_family_live(family: TokenFamily, now: datetime) -> bool:
    """Whether a sign-in has not ended and its owner may still sign in; asked within the transaction
    that goes on with it.
    """
    rows = TokenFamily.objects.of(family.organization_id).filter(
        pk=family.pk, revoked_at__isnull=True, expires_at__gt=now
    )
    return rows.filter(user__is_active=True).exists()


def _handle_token_reuse(known: RefreshToken, now: datetime, request: Any) -> None:
    """A token that was used a while ago is in two hands: nobody can tell which is the owner's, so
    both lose it.
    """
    used_at = (
        RefreshToken.objects.of(known.organization_id)
        .filter(pk=known.pk)
        .values_list("used_at", flat=True)
        .get()
    )
    if used_at is not None and now - used_at > REUSE_GRACE:
        with transaction.atomic():
            if _revoke_family(known.family, TokenFamily.RevocationReason.REUSED, now):
                record_security_event(
                    EventKind.TOKEN_REUSED,
                    known.organization_id,
                    actor=known.family.user,
                    request=request,
                )


def _issue_token_pair(family: TokenFamily, now: datetime) -> TokenPair:
    following = generate_api_key(REFRESH_TOKEN_PREFIX)
    RefreshToken.objects.create(
        organization_id=family.organization_id, family=family, token_hash=hash_token(following)
    )
    access = tokens.encode_jwt(
        tokens.ACCESS_TOKEN_AUDIENCE,
        str(family.user_id),
        now,
        ACCESS_TOKEN_LIFETIME,
        family=str(family.pk),
    )
    return TokenPair(access, following, int(ACCESS_TOKEN_LIFETIME.total_seconds()))


def revoke_presented_token(token: str, *, request: Any = None) -> None:
    """End what a refresh or personal access token belongs to. A token that is nobody's is ended
    already.
    """
    if not is_well_formed_key(token):
        return
    digest, now = hash_token(token), timezone.now()
    if token.startswith(REFRESH_TOKEN_PREFIX):
        found = (
            RefreshToken.objects.select_related("family__user").filter(token_hash=digest).first()
        )
        if found is not None:
            revoke_token_family(found.family, actor=found.family.user, request=request)
        return
    personal = (
        PersonalToken.objects.valid_at(now).select_related("user").filter(token_hash=digest).first()
    )
    if personal is not None:
        revoke_personal_token(personal, actor=personal.user, request=request)


def revoke_token_family(family: TokenFamily, *, actor: User, request: Any = None) -> bool:
    """End a sign-in with all its tokens, by its owner or by staff; False if it had ended."""
    why = (
        TokenFamily.RevocationReason.SIGNED_OUT
        if actor.pk == family.user_id
        else TokenFamily.RevocationReason.STAFF
    )
    with transaction.atomic():
        ended = _revoke_family(family, why, timezone.now())
        if ended:
            record_security_event(
                EventKind.SIGNED_OUT,
                family.organization_id,
                actor=actor,
                request=request,
                about=str(family.user),
                why=why.value,
            )
    return ended


def _revoke_family(family: TokenFamily, why: TokenFamily.RevocationReason, now: datetime) -> bool:
    standing = TokenFamily.objects.of(family.organization_id).filter(
        pk=family.pk, revoked_at__isnull=True
    )
    return bool(standing.update(revoked_at=now, revocation_reason=why))


def revoke_all_tokens(user: User, *, actor: User | None = None, request: Any = None) -> int:
    """Revoke all sign-ins and personal tokens of somebody, as when they leave; returns how many
    there were.
    """
    now = timezone.now()
    with transaction.atomic():
        families = TokenFamily.objects.of(user.organization_id).filter(
            user=user, revoked_at__isnull=True
        )
        count = families.update(
            revoked_at=now, revocation_reason=TokenFamily.RevocationReason.STAFF
        )
        count += (
            PersonalToken.objects.of(user.organization_id)
            .valid_at(now)
            .filter(user=user)
            .update(revoked_at=now)
        )
        if count:
            record_security_event(
                EventKind.KEY_REVOKED,
                user.organization_id,
                actor=actor,
                request=request,
                about=str(user),
                count=count,
            )
    return count


# --- Personal access tokens -----------------------------------------------------------------------
def issue_personal_token(
    user: User,
    name: str,
    *,
    lifetime: timedelta | None = None,
    actor: User | None = None,
    request: Any = None,
) -> tuple[PersonalToken, str]:
    """A new personal access token and its text, which cannot be seen again. Raises ValidationError
    for a user of no tenant.
    """
    if user.organization_id is None:
        raise ValidationError(_("An operator has no organization, and so no token for the API."))
    text, now = generate_api_key(PERSONAL_TOKEN_PREFIX), timezone.now()
    row = PersonalToken(
        organization_id=user.organization_id,
        user=user,
        name=name.strip(),
        token_hash=hash_token(text),
        hint=text[-4:],
        expires_at=now + lifetime if lifetime else None,
    )
    row.full_clean()
    with transaction.atomic():
        row.save()
        record_security_event(
            EventKind.KEY_ISSUED,
            row.organization_id,
            actor=actor or user,
            request=request,
            about=f"personal token {row}",
        )
    return row, text


def revoke_personal_token(
    token: PersonalToken, *, actor: User | None = None, request: Any = None
) -> bool:
    """Revoke a personal access token at once; False if it was revoked before."""
    with transaction.atomic():
        rows = PersonalToken.objects.of(token.organization_id).filter(
            pk=token.pk, revoked_at__isnull=True
        )
        done = bool(rows.update(revoked_at=timezone.now()))
        if done:
            record_security_event(
                EventKind.KEY_REVOKED,
                token.organization_id,
                actor=actor,
                request=request,
                about=f"personal token {token}",
            )
    return done


# --- API clients ----------------------------------------------------------------------------------
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

    `scopes` asks for fewer than the client has. Raises NotSignedIn; ValidationError for a scope the
    client does not have.
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
        raise ValidationError({"scope": _("This client does not have that scope.")})
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


# --- Stand-ins ------------------------------------------------------------------------------------
def save_delegation(delegation: Delegation) -> Delegation:
    """Validate and store who decides in whose place, and from when to when."""
    delegation.full_clean()
    delegation.save()
    return delegation


def withdraw_delegation(delegation: Delegation) -> bool:
    """End a delegation at once; False if it was withdrawn before."""
    rows = Delegation.objects.of(delegation.organization_id).filter(
        pk=delegation.pk, withdrawn_at__isnull=True
    )
    return bool(rows.update(withdrawn_at=timezone.now()))


def get_organization(slug: str | None) -> Organization:
    """The organization at whose channel somebody signs in; without a slug the only one there is.
    Raises ValidationError.
    """
    if slug:
        found = Organization.objects.filter(slug=slug).first() if slug.isprintable() else None
        if found is None:
            raise ValidationError({"organization": _("There is no such organization.")})
        return found
    few = list(Organization.objects.all()[:2])
    if len(few) != 1:
        raise ValidationError({"organization": _("Give the organization.")})
    return few[0]
