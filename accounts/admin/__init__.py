"""The console's pages of accounts, in one list: Django looks for them in this package."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.models import Group

from accounts.admin.api_clients import ApiClientAdmin
from accounts.admin.delegations import DelegationAdmin
from accounts.admin.second_factors import SecondFactorAdmin
from accounts.admin.security_events import SecurityEventAdmin
from accounts.admin.sign_in_settings import SignInSettingsAdmin
from accounts.admin.sso_identities import SsoIdentityAdmin
from accounts.admin.tokens import PersonalTokenAdmin, TokenFamilyAdmin
from accounts.admin.users import UserAdmin
from accounts.models import (
    ApiClient,
    Delegation,
    PersonalToken,
    SecondFactor,
    SecurityEvent,
    SignInSettings,
    SsoIdentity,
    TokenFamily,
    User,
)

# The four roles are written by the code after every migrate; there is nothing to edit about them
# here.
admin.site.unregister(Group)

PAGES = (
    (User, UserAdmin),
    (ApiClient, ApiClientAdmin),
    (PersonalToken, PersonalTokenAdmin),
    (TokenFamily, TokenFamilyAdmin),
    (Delegation, DelegationAdmin),
    (SecurityEvent, SecurityEventAdmin),
    (SignInSettings, SignInSettingsAdmin),
    (SsoIdentity, SsoIdentityAdmin),
    (SecondFactor, SecondFactorAdmin),
)
for model, page in PAGES:
    admin.site.register(model, page)
