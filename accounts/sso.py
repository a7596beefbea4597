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

from accounts import provider
from accounts.audit import note
from accounts.models import (
    PersonalToken,
    SecurityEvent,
    SignInSettings,
    SsoAttempt,
    SsoIdentity,
    TokenFamily,
    User,
)
from accounts.provider import Errand, Identity, Refused
from accounts.secrets import encrypt, hash_token
from accounts.services import issue_personal
from accounts.sign_on import answers, challenge_of, own_page
from employees.models import Employee, Organization

LASTS: Final = timedelta(minutes=10)
# Attempts that came to nothing are thrown away by those that come after.
KEPT: Final = timedelta(days=1)
CALLBACK: Final = "/api/auth/sso/callback"
CONSOLE: Final = "/admin/"

Kind = SecurityEvent.Kind
_Person = TypeVar("_Person", User, Employee)


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-on that was begun: where to go, what must come back, and the seconds it may take."""

    url: str
    state: str
    expires_in: int


@dataclass(frozen=True, slots=True)
class Way:
    """How somebody came: what is noted at the attempt, and what the answer is checked against."""

    kind: str
    redirect_uri: str
    # Of a browser the hash of its cookie, of a phone its code challenge.
    binding: str
    device_name: str = ""
    next: str = ""
    again: bool = False


# --- Begin ----------------------------------------------------------------------------------------
def settings_of(organization: Organization) -> SignInSettings | None:
    """An organization's settings while single sign-on is on."""
    return (
        SignInSettings.objects.of(organization)
        .select_related("organization")
        .filter(sso_enabled=True)
        .first()
    )


def callback_url() -> str:
    """Where a provider sends browsers back to."""
    return f"{settings.BASE_URL.rstrip('/')}{CALLBACK}"


def begin_web(
    organization: Organization, *, browser: str, next_page: str | None, again: bool
) -> Begun:
    """Send a browser to the provider. `browser` is the secret of its cookie; `again` asks for the
    password once more.

    Raises ValidationError where single sign-on is off, provider.Down, provider.Refused.
    """
    page = own_page(next_page, CONSOLE)
    return _begin(
        organization,
        Way(SsoAttempt.Kind.WEB, callback_url(), hash_token(browser), next=page, again=again),
        challenge=None,
    )


def begin_mobile(
    organization: Organization, *, redirect_uri: str, challenge: str, device_name: str
) -> Begun:
    """Where a phone sends its owner. Raises ValidationError: single sign-on is off, or the address
    is not on the list.
    """
    chosen = settings_of(organization)
    if chosen is not None and redirect_uri not in chosen.redirect_uris:
        raise ValidationError(
            {"redirect_uri": _("This address is not on the list of the organization's apps.")}
        )
    return _begin(
        organization,
        Way(SsoAttempt.Kind.MOBILE, redirect_uri, challenge, device_name=device_name),
        challenge=challenge,
    )


def _begin(organization: Organization, way: Way, *, challenge: str | None) -> Begun:
    chosen = settings_of(organization)
    if chosen is None:
        raise ValidationError({"organization": _("This organization does not use single sign-on.")})
    state, now = secrets.token_urlsafe(32), timezone.now()
    errand = Errand(way.redirect_uri, _nonce(state), since=now if way.again else None)
    url = provider.authorization_url(
        chosen, errand, state=state, challenge=challenge or challenge_of(_verifier(state))
    )
    with transaction.atomic():
        SsoAttempt.objects.of(organization).filter(expires_at__lt=now - KEPT).delete()
        SsoAttempt.objects.create(
            organization=organization,
            kind=way.kind,
            state_hash=hash_token(state),
            binding=way.binding,
            issuer=chosen.issuer,
            redirect_uri=way.redirect_uri,
            device_name=way.device_name,
            next=way.next,
            again=way.again,
            created_at=now,
            expires_at=now + LASTS,
        )
    return Begun(url, state, int(LASTS.total_seconds()))


def _nonce(state: str) -> str:
    return hash_token(f"sso nonce {state}")


def _verifier(state: str) -> str:
    return hash_token(f"sso verifier {state}")


# --- Finish ---------------------------------------------------------------------------------------
def finish_web(
    *, state: str, browser: str, code: str, error: str, issuer: str, request: Any
) -> tuple[User, SsoAttempt]:
    """Who came back from the provider, and from which attempt. Their session is the caller's to
    start.

    Raises ValidationError for a state that is not this browser's, used or too old, and for a code
    that is no good; provider.Refused and provider.Down.
    """
    attempt = claim(SsoAttempt.Kind.WEB, state, binding=hash_token(browser))
    if (
        issuer and issuer != attempt.issuer
    ):  # RFC 9207: the answer of another provider was mixed in.
        raise provider.not_accepted(_("it comes from another provider"))
    if error or not code:
        why = {"error": provider.word(error or "no_code")}
        denied = Refused(
            _("The sign-in provider did not sign you in: %(error)s.") % why, "sso_denied"
        )
        raise _noted(denied, attempt, request)
    user = _finish(attempt, state, code, _verifier(state), request)
    return user, attempt


def finish_mobile(
    *, state: str, code: str, verifier: str, request: Any
) -> tuple[PersonalToken, str]:
    """A personal access token, named by the device, for what a phone brought back from the
    provider.

    Raises ValidationError naming `state`, `code_verifier` or `code`; provider.Refused and
    provider.Down.
    """
    attempt = claim(SsoAttempt.Kind.MOBILE, state)
    if not answers(verifier, attempt.binding):
        raise ValidationError(
            {"code_verifier": _("This is not the verifier of the challenge. Start again.")}
        )
    user = _finish(attempt, state, code, verifier, request)
    days = (
        SignInSettings.objects.of(attempt.organization_id)
        .values_list("token_days", flat=True)
        .get()
    )
    with transaction.atomic():
        note(
            Kind.SIGNED_IN,
            attempt.organization_id,
            actor=user,
            request=request,
            about=attempt.device_name,
            how="sso phone",
        )
        return issue_personal(
            user, attempt.device_name, lasts=timedelta(days=days), request=request
        )


def claim(kind: str, state: str, *, binding: str | None = None) -> SsoAttempt:
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


def _finish(attempt: SsoAttempt, state: str, code: str, verifier: str, request: Any) -> User:
    chosen = settings_of(attempt.organization)
    if chosen is None or chosen.issuer != attempt.issuer:
        raise ValidationError(
            {"state": _("The organization's single sign-on was changed meanwhile. Start again.")}
        )
    errand = Errand(
        attempt.redirect_uri, _nonce(state), since=attempt.created_at if attempt.again else None
    )
    try:
        who = provider.identify(chosen, errand, code=code, verifier=verifier)
        return user_of(chosen, who, request)
    except Refused as refusal:
        raise _noted(refusal, attempt, request) from refusal


def _noted(refusal: Refused, attempt: SsoAttempt, request: Any) -> Refused:
    code = str(refusal.get_codes())
    note(
        Kind.SIGN_IN_FAILED,
        attempt.organization_id,
        request=request,
        about="single sign-on",
        how=attempt.kind,
        why=code,
    )
    return refusal


# --- Who it is ------------------------------------------------------------------------------------
def user_of(chosen: SignInSettings, who: Identity, request: Any) -> User:
    """The user an account at the provider signs in as: linked before, or linked now by the verified
    address.
    """
    links = SsoIdentity.objects.of(chosen.organization_id).filter(
        issuer=who.issuer, subject=who.subject
    )
    known = links.select_related("user__employee", "user__organization").first()
    user = known.user if known else _by_address(chosen, who, request)
    _refuse_leavers(user, _today(chosen.organization))
    if known is None:
        _link(chosen.organization, user, who, request)
    links.update(last_used_at=timezone.now())
    return user


def _link(organization: Organization, user: User, who: Identity, request: Any) -> None:
    try:
        with transaction.atomic():
            SsoIdentity.objects.create(
                organization=organization,
                user=user,
                issuer=who.issuer,
                subject=who.subject,
                email=who.email,
            )
            note(
                Kind.LINKED,
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
            raise Refused(
                _(
                    "Your user is linked to another account of the sign-in provider. Ask HR to"
                    " unlink it."
                ),
                "sso_linked_already",
            ) from error


def _by_address(chosen: SignInSettings, who: Identity, request: Any) -> User:
    """The user of a verified address: the one whose own address it is, else the one of the
    employee.
    """
    if not who.email:
        raise Refused(_("The sign-in provider does not tell your e-mail address."), "sso_no_email")
    if not who.email_verified:
        raise Refused(
            _("Your e-mail address is not verified at the sign-in provider."),
            "sso_email_not_verified",
        )
    organization = chosen.organization
    users = User.objects.filter(
        organization=organization, is_superuser=False, email__iexact=who.email
    )
    if fitting := _exactly(users, who):
        return _the_one(fitting)
    employees = (
        Employee.objects.of(organization)
        .employed_on(_today(organization))
        .filter(email__iexact=who.email)
    )
    employee = _the_one(_exactly(employees, who))
    user = User.objects.filter(employee=employee).select_related("organization").first()
    if user is None:
        return _make_user(chosen, employee, who, request)
    if user.is_staff or user.is_superuser:
        # Clerks may edit employees' addresses, and must not become administrators by it.
        raise Refused(
            _(
                "Staff are linked by the address of their user. Ask an administrator to enter yours"
                " there."
            ),
            "sso_staff_address",
        )
    return user


def _exactly(rows: QuerySet[_Person], who: Identity) -> list[_Person]:
    """Rows whose address is this one letter by letter: what a database finds alike may be another
    letter.
    """
    return [row for row in rows[:10] if row.email.lower() == who.email]


def _the_one(rows: list[_Person]) -> _Person:
    if not rows:
        raise Refused(
            _("Nobody in service here has your e-mail address. Ask HR to enter it."), "sso_unknown"
        )
    if len(rows) > 1:
        raise Refused(
            _("Several people here have your e-mail address. Ask HR to correct it."),
            "sso_ambiguous",
        )
    return rows[0]


def _make_user(chosen: SignInSettings, employee: Employee, who: Identity, request: Any) -> User:
    """A user for an employee in service who has none, where the organization wants that. It has no
    role and no password.
    """
    refusal = Refused(
        _("You are known as an employee, but have no user here yet. Ask HR for one."), "sso_no_user"
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
            note(
                Kind.USER_MADE,
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


def _refuse_leavers(user: User, day: date) -> None:
    """Raise Refused for a user who may not sign in any more, and for operators, who are of no
    organization's provider.
    """
    employee = user.employee
    gone = employee is not None and not (
        employee.joined_on <= day and (employee.left_on is None or day <= employee.left_on)
    )
    if not user.is_active or user.is_superuser or gone:
        raise Refused(_("Your account here is not active."), "sso_not_active")


def _today(organization: Organization) -> date:
    return datetime.now(ZoneInfo(organization.timezone)).date()


# --- Settings and links ---------------------------------------------------------------------------
def save_settings(
    chosen: SignInSettings,
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
        chosen.secret_cipher = encrypt(secret) if secret else ""
    elif chosen.secret_cipher and _moves(chosen):
        raise ValidationError(
            {
                "issuer": _(
                    "With another issuer, enter the client secret anew: the old one is not sent"
                    " there."
                )
            }
        )
    chosen.full_clean()
    with transaction.atomic():
        chosen.save()
        if chosen.sso_enforced:
            standing = TokenFamily.objects.of(chosen.organization_id).filter(
                revoked_at__isnull=True
            )
            standing.update(revoked_at=timezone.now(), revoked_why=TokenFamily.Why.STAFF)
        note(
            Kind.SETTING_CHANGED,
            chosen.organization_id,
            actor=actor,
            request=request,
            about="sign-in settings",
            issuer=chosen.issuer,
            sso_enabled=chosen.sso_enabled,
            sso_enforced=chosen.sso_enforced,
            creates_users=chosen.creates_users,
            second_factor_required=chosen.second_factor_required,
            second_factor_there=chosen.second_factor_there,
            new_secret=secret is not None,
        )


def _moves(chosen: SignInSettings) -> bool:
    """Whether these settings name another issuer than the ones that are stored."""
    return (
        SignInSettings.objects.of(chosen.organization_id)
        .filter(pk=chosen.pk)
        .exclude(issuer=chosen.issuer)
        .exists()
    )


def unlink(identity: SsoIdentity, *, actor: User | None = None, request: Any = None) -> None:
    """Forget which account of the provider is whose; the next sign-on links anew, by address."""
    with transaction.atomic():
        SsoIdentity.objects.of(identity.organization_id).filter(pk=identity.pk).delete()
        note(
            Kind.UNLINKED,
            identity.organization_id,
            actor=actor,
            request=request,
            about=str(identity),
            issuer=identity.issuer,
        )
