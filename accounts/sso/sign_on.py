"""Single sign-on: begin, and finish in a browser or on a phone. Called by `accounts.sso.api`.

Nothing that is stored lets its reader finish a sign-on: of a state only the hash is kept, and the
nonce and our verifier are made of the state and the pepper each time they are needed. A state is
used up by who first comes back with it, decided by the database, before anything is asked of the
provider.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.audit import record_security_event
from accounts.credentials import hash_token
from accounts.models import PersonalToken, SecurityEvent, SignInSettings, SsoAttempt, User
from accounts.services import issue_personal_token
from accounts.sso import oidc_client
from accounts.sso.identities import user_for_identity
from accounts.sso.oidc_errors import SignInDenied, invalid_provider_response, sanitize_error_code
from accounts.sso.oidc_validation import pkce_challenge, safe_local_path, verifier_matches
from accounts.sso.provider_session import AuthorizationRequest
from accounts.sso.settings import callback_url, enabled_sso_settings
from employees.models import Organization

ATTEMPT_LIFETIME: Final = timedelta(minutes=10)
# Attempts that came to nothing are thrown away by those that come after.
EXPIRED_ATTEMPT_RETENTION: Final = timedelta(days=1)
CONSOLE_PATH: Final = "/admin/"

EventKind = SecurityEvent.Kind


@dataclass(frozen=True, slots=True)
class StartedSignOn:
    """A sign-on that was begun: where to go, what must come back, and the seconds it may take."""

    url: str
    state: str
    expires_in: int


@dataclass(frozen=True, slots=True)
class AttemptDetails:
    """How somebody came: what is noted at the attempt, and what the answer is checked against."""

    kind: str
    redirect_uri: str
    # Of a browser the hash of its cookie, of a phone its code challenge.
    binding: str
    device_name: str = ""
    next: str = ""
    reauthenticate: bool = False


def start_web_sign_on(
    organization: Organization, *, browser_secret: str, next_page: str | None, reauthenticate: bool
) -> StartedSignOn:
    """Send a browser to the provider. `browser_secret` is the secret of its cookie;
    `reauthenticate` asks for the password once more.

    Raises ValidationError where single sign-on is off, ProviderUnavailable, SignInDenied.
    """
    page = safe_local_path(next_page, CONSOLE_PATH)
    return _start_attempt(
        organization,
        AttemptDetails(
            SsoAttempt.Kind.WEB,
            callback_url(),
            hash_token(browser_secret),
            next=page,
            reauthenticate=reauthenticate,
        ),
        challenge=None,
    )


def start_mobile_sign_on(
    organization: Organization, *, redirect_uri: str, challenge: str, device_name: str
) -> StartedSignOn:
    """Where a phone sends its owner. Raises ValidationError: single sign-on is off, or the address
    is not on the list.
    """
    chosen = enabled_sso_settings(organization)
    if chosen is not None and redirect_uri not in chosen.redirect_uris:
        raise ValidationError(
            {"redirect_uri": _("This redirect URI is not in the organization's list.")}
        )
    return _start_attempt(
        organization,
        AttemptDetails(SsoAttempt.Kind.MOBILE, redirect_uri, challenge, device_name=device_name),
        challenge=challenge,
    )


def _start_attempt(
    organization: Organization, details: AttemptDetails, *, challenge: str | None
) -> StartedSignOn:
    chosen = enabled_sso_settings(organization)
    if chosen is None:
        raise ValidationError({"organization": _("This organization does not use single sign-on.")})
    state, now = secrets.token_urlsafe(32), timezone.now()
    errand = AuthorizationRequest(
        details.redirect_uri,
        _nonce(state),
        authenticated_since=now if details.reauthenticate else None,
    )
    url = oidc_client.authorization_url(
        chosen, errand, state=state, challenge=challenge or pkce_challenge(_verifier(state))
    )
    with transaction.atomic():
        SsoAttempt.objects.of(organization).filter(
            expires_at__lt=now - EXPIRED_ATTEMPT_RETENTION
        ).delete()
        SsoAttempt.objects.create(
            organization=organization,
            kind=details.kind,
            state_hash=hash_token(state),
            binding=details.binding,
            issuer=chosen.issuer,
            redirect_uri=details.redirect_uri,
            device_name=details.device_name,
            next=details.next,
            reauthenticate=details.reauthenticate,
            created_at=now,
            expires_at=now + ATTEMPT_LIFETIME,
        )
    return StartedSignOn(url, state, int(ATTEMPT_LIFETIME.total_seconds()))


def _nonce(state: str) -> str:
    return hash_token(f"sso nonce {state}")


def _verifier(state: str) -> str:
    return hash_token(f"sso verifier {state}")


def finish_web_sign_on(
    *, state: str, browser_secret: str, code: str, error: str, issuer: str, request: Any
) -> tuple[User, SsoAttempt]:
    """Who came back from the provider, and from which attempt. Their session is the caller's to
    start.

    Raises ValidationError for a state that is not this browser's, used or too old, and for a code
    that is no good; SignInDenied and ProviderUnavailable.
    """
    attempt = claim_sso_attempt(SsoAttempt.Kind.WEB, state, binding=hash_token(browser_secret))
    if (
        issuer and issuer != attempt.issuer
    ):  # RFC 9207: the answer of another provider was mixed in.
        raise invalid_provider_response(_("it comes from another provider"))
    if error or not code:
        why = {"error": sanitize_error_code(error or "no_code")}
        denied = SignInDenied(
            _("The sign-in provider did not sign you in: %(error)s.") % why, "sso_denied"
        )
        raise _record_denial(denied, attempt, request)
    user = _identify_user(attempt, state, code, _verifier(state), request)
    return user, attempt


def finish_mobile_sign_on(
    *, state: str, code: str, verifier: str, request: Any
) -> tuple[PersonalToken, str]:
    """A personal access token, named by the device, for what a phone brought back from the
    provider.

    Raises ValidationError naming `state`, `code_verifier` or `code`; SignInDenied and
    ProviderUnavailable.
    """
    attempt = claim_sso_attempt(SsoAttempt.Kind.MOBILE, state)
    if not verifier_matches(verifier, attempt.binding):
        raise ValidationError(
            {"code_verifier": _("This is not the verifier of the challenge. Start again.")}
        )
    user = _identify_user(attempt, state, code, verifier, request)
    days = (
        SignInSettings.objects.of(attempt.organization_id)
        .values_list("token_days", flat=True)
        .get()
    )
    with transaction.atomic():
        record_security_event(
            EventKind.SIGNED_IN,
            attempt.organization_id,
            actor=user,
            request=request,
            about=attempt.device_name,
            how="sso phone",
        )
        return issue_personal_token(
            user, attempt.device_name, lifetime=timedelta(days=days), request=request
        )


def claim_sso_attempt(kind: str, state: str, *, binding: str | None = None) -> SsoAttempt:
    """The attempt of a state, for whoever is first. Another browser's state is not used up: it is
    refused as unknown.
    """
    unknown = ValidationError(
        {"state": _("This sign-in is unknown, used or too old. Start again.")}
    )
    digest, now = hash_token(state), timezone.now()
    attempt = (
        SsoAttempt.objects.select_related("organization")
        .filter(kind=kind, state_hash=digest)
        .first()
    )
    if attempt is None or (
        binding is not None and not hmac.compare_digest(attempt.binding, binding)
    ):
        raise unknown
    open_still = SsoAttempt.objects.of(attempt.organization_id).filter(
        pk=attempt.pk, used_at__isnull=True, expires_at__gt=now
    )
    if not open_still.update(used_at=now):
        raise unknown
    return attempt


def _identify_user(attempt: SsoAttempt, state: str, code: str, verifier: str, request: Any) -> User:
    chosen = enabled_sso_settings(attempt.organization)
    if chosen is None or chosen.issuer != attempt.issuer:
        raise ValidationError(
            {
                "state": _(
                    "The organization's single sign-on settings were changed in the meantime. Start"
                    " again."
                )
            }
        )
    errand = AuthorizationRequest(
        attempt.redirect_uri,
        _nonce(state),
        authenticated_since=attempt.created_at if attempt.reauthenticate else None,
    )
    try:
        who = oidc_client.fetch_identity(chosen, errand, code=code, verifier=verifier)
        return user_for_identity(chosen, who, request)
    except SignInDenied as refusal:
        raise _record_denial(refusal, attempt, request) from refusal


def _record_denial(refusal: SignInDenied, attempt: SsoAttempt, request: Any) -> SignInDenied:
    code = str(refusal.get_codes())
    record_security_event(
        EventKind.SIGN_IN_FAILED,
        attempt.organization_id,
        request=request,
        about="single sign-on",
        how=attempt.kind,
        why=code,
    )
    return refusal
