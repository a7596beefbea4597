"""Verbs on who may speak: sign in and out, refresh, issue and revoke keys and tokens, delegate
decisions.

The console, the token endpoints and the commands call these. Each writes its security event in its
own transaction.
"""

from accounts.services.api_clients import (
    ROTATION_OVERLAP,
    issue_client_key,
    issue_machine_token,
    revoke_client_keys,
    save_api_client,
)
from accounts.services.delegations import save_delegation, withdraw_delegation
from accounts.services.personal_tokens import issue_personal_token, revoke_personal_token
from accounts.services.sign_ins import (
    TokenPair,
    get_organization,
    refresh_tokens,
    revoke_all_tokens,
    revoke_presented_token,
    revoke_token_family,
    sign_in_with_password,
)

__all__ = [
    "ROTATION_OVERLAP",
    "TokenPair",
    "get_organization",
    "issue_client_key",
    "issue_machine_token",
    "issue_personal_token",
    "refresh_tokens",
    "revoke_all_tokens",
    "revoke_client_keys",
    "revoke_personal_token",
    "revoke_presented_token",
    "revoke_token_family",
    "save_api_client",
    "save_delegation",
    "sign_in_with_password",
    "withdraw_delegation",
]
