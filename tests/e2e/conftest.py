"""Acme signs in at a real provider."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import Group
from django.core.cache import caches

from accounts.models import SignInSettings, User
from accounts.roles import ADMIN, ensure_roles
from accounts.sso.settings import save_sign_in_settings
from employees.models import Employee, Organization
from tests.e2e import provider


@pytest.fixture(scope="session")
def idp() -> Iterator[provider.Provider]:
    """The provider, for all tests of a process."""
    if reason := provider.missing():
        pytest.skip(reason)
    with provider.Provider() as running:
        yield running


@pytest.fixture(autouse=True)
def _allow_local_provider(settings: LazySettings) -> None:
    settings.BASE_URL = provider.BASE_URL
    settings.PUSH_ALLOW_HTTP = True
    settings.PUSH_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    caches["default"].clear()


@pytest.fixture
def acme_login(idp: provider.Provider, acme: Organization) -> SignInSettings:
    """Acme's settings: on, not enforced."""
    chosen = SignInSettings(
        organization=acme,
        name="Acme login",
        issuer=idp.issuer,
        client_id="muster",
        sso_enabled=True,
        redirect_uris=[provider.APP],
    )
    save_sign_in_settings(chosen, secret=provider.SECRET)
    return chosen


@pytest.fixture
def asha_user(asha: Employee) -> User:
    """Asha's user, an administrator without a usable password; the address is the user's own, as
    staff's must be.
    """
    ensure_roles()
    user = User.objects.create_user(
        "asha",
        organization=asha.organization,
        employee=asha,
        email="Asha@acme.example",
        is_staff=True,
    )
    user.groups.add(Group.objects.get(name=ADMIN))
    return user
