"""The rows of accounts: who may speak, with which credentials, and what happened to them."""

from accounts.models.api_clients import ApiClient, ClientKey
from accounts.models.delegations import Delegation
from accounts.models.second_factors import RecoveryCode, SecondFactor
from accounts.models.security_events import SecurityEvent
from accounts.models.sign_in_settings import SignInSettings
from accounts.models.sso import SsoAttempt, SsoIdentity
from accounts.models.tokens import PersonalToken, RefreshToken, TokenFamily
from accounts.models.users import TenantUserManager, User

__all__ = [
    "ApiClient",
    "ClientKey",
    "Delegation",
    "PersonalToken",
    "RecoveryCode",
    "RefreshToken",
    "SecondFactor",
    "SecurityEvent",
    "SignInSettings",
    "SsoAttempt",
    "SsoIdentity",
    "TenantUserManager",
    "TokenFamily",
    "User",
]
