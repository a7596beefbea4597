"""Verbs of single sign-on: begin, finish in a browser or on a phone, link, unlink, change the
settings.

Nothing that is stored lets its reader finish a sign-on: of a state only the hash is kept, and the
nonce and our verifier are made of the state and the pepper each time they are needed. A state is
used up by whoever first comes back with it, decided by the database, before anything is asked of
the provider.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import oidc_client
from accounts.audit import record_security_event
from accounts.credentials import encrypt, hash_token
from accounts.models import (
    PersonalToken,
    SecurityEvent,
    SignInSettings,
    SsoAttempt,
    SsoIdentity,
    TokenFamily,
    User,
)
from accounts.oidc_client import AuthorizationRequest, ProviderIdentity, SignInDenied
from accounts.oidc_validation import pkce_challenge, safe_local_path, verifier_matches
from accounts.services import issue_personal_token
from employees.models import Employee, Organization

ATTEMPT_LIFETIME: Final = timedelta(minutes=10)
# Attempts that came to nothing are thrown away by those that come after.
EXPIRED_ATTEMPT_RETENTION: Final = timedelta(days=1)
CALLBACK_PATH: Final = "/api/auth/sso/callback"
CONSOLE_PATH: Final = "/admin/"

EventKind = SecurityEvent.Kind
_UserOrEmployee = TypeVar("_UserOrEmployee", User, Employee)


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


# --- Begin ----------------------------------------------------------------------------------------
def enabled_sso_settings(organization: Organization) -> SignInSettings | None:
    """An organization's settings while single sign-on is on."""
    return (
        SignInSettings.objects.of(organization)
        .select_related("organization")
        .filter(sso_enabled=True)
        .first()
    )


def callback_url() -> str:
    """Where a provider sends browsers back to."""
    return f"{settings.BASE_URL.rstrip('/')}{CALLBACK_PATH}"


def start_web_sign_on(
    organization: Organization, *, browser_secret: str, next_page: str | None, reauthenticate: bool
) -> StartedSignOn:
    """Send a browser to the provider. `browser_secret` is the secret of its cookie;
    `reauthenticate` asks for the password once more.

    Raises ValidationError where single sign-on is off, ProviderUnavailable, ProviderRejected.
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


# --- Finish ---------------------------------------------------------------------------------------
def finish_web_sign_on(
    *, state: str, browser_secret: str, code: str, error: str, issuer: str, request: Any
) -> tuple[User, SsoAttempt]:
    """Who came back from the provider, and from which attempt. Their session is the caller's to
    start.

    Raises ValidationError for a state that is not this browser's, used or too old, and for a code
    that is no good; ProviderRejected and ProviderUnavailable.
    """
    attempt = claim_sso_attempt(SsoAttempt.Kind.WEB, state, binding=hash_token(browser_secret))
    if (
        issuer and issuer != attempt.issuer
    ):  # RFC 9207: the answer of another provider was mixed in.
        raise oidc_client.invalid_provider_response(_("it comes from another provider"))
    if error or not code:
        why = {"error": oidc_client.sanitize_error_code(error or "no_code")}
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

    Raises ValidationError naming `state`, `code_verifier` or `code`; ProviderRejected and
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


# --- Who it is ------------------------------------------------------------------------------------
def user_for_identity(
    sign_in_settings: SignInSettings, identity: ProviderIdentity, request: Any
) -> User:
    """The user an account at the provider signs in as: linked before, or linked now by the verified
    address.
    """
    links = SsoIdentity.objects.of(sign_in_settings.organization_id).filter(
        issuer=identity.issuer, subject=identity.subject
    )
    known = links.select_related("user__employee", "user__organization").first()
    user = known.user if known else _user_by_email(sign_in_settings, identity, request)
    _require_active_user(user, _organization_today(sign_in_settings.organization))
    if known is None:
        _link(sign_in_settings.organization, user, identity, request)
    links.update(last_used_at=timezone.now())
    return user


def _link(organization: Organization, user: User, who: ProviderIdentity, request: Any) -> None:
    try:
        with transaction.atomic():
            SsoIdentity.objects.create(
                organization=organization,
                user=user,
                issuer=who.issuer,
                subject=who.subject,
                email=who.email,
            )
            record_security_event(
                EventKind.LINKED,
                organization.pk,
                actor=user,
                request=request,
                about=who.email,
                issuer=who.issuer,
            )
    except IntegrityError as error:
        # Either the same sign-on was finished twice at once, or the address was somebody else's
        # before.
        same = SsoIdentity.objects.of(organization).filter(
            user=user, issuer=who.issuer, subject=who.subject
        )
        if not same.exists():
            raise SignInDenied(
                _(
                    "Your user is linked to another account of the sign-in provider. Ask HR to"
                    " unlink it."
                ),
                "sso_linked_already",
            ) from error


def _user_by_email(chosen: SignInSettings, who: ProviderIdentity, request: Any) -> User:
    """The user of a verified address: the one whose own address it is, else the one of the
    employee.
    """
    if not who.email:
        raise SignInDenied(
            _("The sign-in provider does not send your e-mail address."), "sso_no_email"
        )
    if not who.email_verified:
        raise SignInDenied(
            _("Your e-mail address is not verified at the sign-in provider."),
            "sso_email_not_verified",
        )
    organization = chosen.organization
    users = User.objects.filter(
        organization=organization, is_superuser=False, email__iexact=who.email
    )
    if fitting := _exact_email_matches(users, who):
        return _single_match(fitting)
    employees = (
        Employee.objects.of(organization)
        .employed_on(_organization_today(organization))
        .filter(email__iexact=who.email)
    )
    employee = _single_match(_exact_email_matches(employees, who))
    user = User.objects.filter(employee=employee).select_related("organization").first()
    if user is None:
        return _create_user(chosen, employee, who, request)
    if user.is_staff or user.is_superuser:
        # Clerks may edit employees' addresses, and must not become administrators by it.
        raise SignInDenied(
            _(
                "Console users are linked by the e-mail address of their user. Ask an administrator"
                " to enter your address there."
            ),
            "sso_staff_address",
        )
    return user


def _exact_email_matches(
    rows: QuerySet[_UserOrEmployee], who: ProviderIdentity
) -> list[_UserOrEmployee]:
    """Rows whose address is this one letter by letter: what a database finds alike may be another
    letter.
    """
    return [row for row in rows[:10] if row.email.lower() == who.email]


def _single_match(rows: list[_UserOrEmployee]) -> _UserOrEmployee:
    if not rows:
        raise SignInDenied(
            _("No active employee here has your e-mail address. Ask HR to enter it."), "sso_unknown"
        )
    if len(rows) > 1:
        raise SignInDenied(
            _("Several employees here have your e-mail address. Ask HR to correct it."),
            "sso_ambiguous",
        )
    return rows[0]


def _create_user(
    chosen: SignInSettings, employee: Employee, who: ProviderIdentity, request: Any
) -> User:
    """A user for an employee in service who has none, where the organization wants that. It has no
    role and no password.
    """
    refusal = SignInDenied(
        _("You are an employee, but have no user here yet. Ask HR to create one."), "sso_no_user"
    )
    if not chosen.creates_users:
        raise refusal
    user = User(
        username=who.email[:150],
        organization=chosen.organization,
        employee=employee,
        email=who.email,
    )
    user.set_unusable_password()
    try:
        with transaction.atomic():
            user.save()
            record_security_event(
                EventKind.USER_CREATED,
                chosen.organization_id,
                actor=user,
                request=request,
                about=str(employee),
            )
    except IntegrityError as error:
        # Made by another sign-on at this moment, or the name is somebody else's.
        made = User.objects.filter(employee=employee).first()
        if made is None:
            raise refusal from error
        return made
    return user


def _require_active_user(user: User, day: date) -> None:
    """Raise RuleViolation for a user who may not sign in any more, and for operators, who are of no
    organization's provider.
    """
    employee = user.employee
    gone = employee is not None and not (
        employee.joined_on <= day and (employee.left_on is None or day <= employee.left_on)
    )
    if not user.is_active or user.is_superuser or gone:
        raise SignInDenied(_("Your account here is not active."), "sso_not_active")


def _organization_today(organization: Organization) -> date:
    return datetime.now(ZoneInfo(organization.timezone)).date()


# --- Settings and links ---------------------------------------------------------------------------
def save_sign_in_settings(
    sign_in_settings: SignInSettings,
    *,
    secret: str | None = None,
    actor: User | None = None,
    request: Any = None,
) -> None:
    """Validate and store the settings; `secret` is a new client secret, "" takes it away, None
    leaves it.

    When passwords begin to be refused, the sign-ins that were made with passwords end. A secret is
    not carried over to another issuer: whoever may edit the settings could have it sent to a server
    of theirs.
    """
    if secret is not None:
        sign_in_settings.secret_cipher = encrypt(secret) if secret else ""
    elif sign_in_settings.secret_cipher and _is_issuer_changed(sign_in_settings):
        raise ValidationError(
            {
                "issuer": _(
                    "Enter the client secret again: the stored secret is not sent to another"
                    " issuer."
                )
            }
        )
    sign_in_settings.full_clean()
    with transaction.atomic():
        sign_in_settings.save()
        if sign_in_settings.sso_enforced:
            standing = TokenFamily.objects.of(sign_in_settings.organization_id).filter(
                revoked_at__isnull=True
            )
            standing.update(
                revoked_at=timezone.now(), revocation_reason=TokenFamily.RevocationReason.STAFF
            )
        record_security_event(
            EventKind.SETTING_CHANGED,
            sign_in_settings.organization_id,
            actor=actor,
            request=request,
            about="sign-in settings",
            issuer=sign_in_settings.issuer,
            sso_enabled=sign_in_settings.sso_enabled,
            sso_enforced=sign_in_settings.sso_enforced,
            creates_users=sign_in_settings.creates_users,
            second_factor_required=sign_in_settings.second_factor_required,
            second_factor_at_provider=sign_in_settings.second_factor_at_provider,
            new_secret=secret is not None,
        )


def _is_issuer_changed(chosen: SignInSettings) -> bool:
    """Whether these settings name another issuer than the ones that are stored."""
    return (
        SignInSettings.objects.of(chosen.organization_id)
        .filter(pk=chosen.pk)
        .exclude(issuer=chosen.issuer)
        .exists()
    )


def unlink_identity(
    identity: SsoIdentity, *, actor: User | None = None, request: Any = None
) -> None:
    """Forget which account of the provider is whose; the next sign-on links anew, by address."""
    with transaction.atomic():
        SsoIdentity.objects.of(identity.organization_id).filter(pk=identity.pk).delete()
        record_security_event(
            EventKind.UNLINKED,
            identity.organization_id,
            actor=actor,
            request=request,
            about=str(identity),
            issuer=identity.issuer,
        )
