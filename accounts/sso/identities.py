"""Who an account at the provider is here: found by its link, or linked by the verified e-mail
address. `accounts.sso.sign_on` asks at each sign-on; the console unlinks.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.audit import record_security_event
from accounts.models import SecurityEvent, SignInSettings, SsoIdentity, User
from accounts.sso.oidc_client import ProviderIdentity
from accounts.sso.oidc_errors import SignInDenied
from employees.models import Employee, Organization

EventKind = SecurityEvent.Kind
_UserOrEmployee = TypeVar("_UserOrEmployee", User, Employee)


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
    """Raise SignInDenied for a user who may not sign in any more, and for operators, who are of no
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
