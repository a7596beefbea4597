"""Sign-ins by password over the API: begin, refresh, revoke. Called by `accounts.api.sign_in`, by
the console, and when a user leaves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import tokens
from accounts.api_keys import REFRESH_TOKEN_PREFIX, generate_api_key, is_well_formed_key
from accounts.audit import record_security_event
from accounts.credentials import constant_time_equal, hash_token
from accounts.errors import InvalidCredentials, PasswordLoginDisabled
from accounts.models import (
    PersonalToken,
    RefreshToken,
    SecurityEvent,
    SignInSettings,
    TokenFamily,
    User,
)
from accounts.services.personal_tokens import revoke_personal_token
from employees.models import Organization

ACCESS_TOKEN_LIFETIME: Final = timedelta(minutes=10)
TOKEN_FAMILY_LIFETIME: Final = timedelta(days=30)
# Who sends the same refresh token again within this time lost the answer or asked twice; later it
# is a thief, or the victim.
REUSE_GRACE: Final = timedelta(seconds=10)

EventKind = SecurityEvent.Kind


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a person's sign-in or refresh gives: a short access token and the refresh token for the
    next pair.
    """

    access: str
    refresh: str
    expires_in: int


def sign_in_with_password(
    organization: Organization, username: str, password: str, *, request: Any = None
) -> TokenPair:
    """A new sign-in by password. Raises InvalidCredentials, or PasswordLoginDisabled where single
    sign-on is the only way.
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

    Raises InvalidCredentials: unknown, used, or of a sign-in that has ended.
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
