"""What is asked of an OpenID Connect provider: where to sign in, who somebody is, and whether it is
set up. Called by `accounts.sso.sign_on` and by the console, never inside a transaction.

authlib and joserfc know the protocols; the sending is done by the project's guarded client: with
its address guard, its size cap and its deadline, a provider's address that an administrator typed
is as harmless as a customer's webhook.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from authlib.oauth2.client import OAuth2Client
from django.core.cache import caches
from django.utils.translation import gettext as _

from accounts.models import SignInSettings
from accounts.sso.oidc_errors import invalid_provider_response
from accounts.sso.provider_session import (
    AuthorizationRequest,
    open_provider_session,
    provider_cache_key,
)


@dataclass(frozen=True, slots=True)
class ProviderIdentity:
    """Who the provider says somebody is. `email` is lower-case ASCII, or empty; only a verified one
    means anything.
    """

    issuer: str
    subject: str
    email: str
    email_verified: bool


def authorization_url(
    sign_in_settings: SignInSettings,
    authorization: AuthorizationRequest,
    *,
    state: str,
    challenge: str,
) -> str:
    """Where a browser or a phone goes to sign in. Raises ProviderUnavailable or SignInDenied."""
    with open_provider_session(sign_in_settings) as talk:
        endpoint = talk.discovery_document()["authorization_endpoint"]
    more = {"prompt": "login", "max_age": "0"} if authorization.authenticated_since else {}
    client = OAuth2Client(
        None,
        sign_in_settings.client_id,
        redirect_uri=authorization.redirect_uri,
        scope=sign_in_settings.scopes,
    )
    url, _state = client.create_authorization_url(
        endpoint,
        state=state,
        nonce=authorization.nonce,
        code_challenge=challenge,
        code_challenge_method="S256",
        **more,
    )
    return str(url)


def fetch_identity(
    sign_in_settings: SignInSettings,
    authorization: AuthorizationRequest,
    *,
    code: str,
    verifier: str,
) -> ProviderIdentity:
    """Redeem a code and check the ID token. Raises ProviderUnavailable, SignInDenied, or
    ValidationError for a code that is no good.
    """
    with open_provider_session(sign_in_settings) as talk:
        token = talk.exchange_code(code, verifier, authorization.redirect_uri)
        claims = talk.id_token_claims(token, authorization)
        facts: dict[str, Any] = claims
        # Address and verification are taken from one place: two halves might be of two addresses.
        if not {"email", "email_verified"} <= claims.keys():
            facts = talk.fetch_userinfo(token, claims["sub"]) or claims
    subject, email = claims["sub"], facts.get("email")
    if (
        not isinstance(subject, str)
        or not 0 < len(subject) <= 255
        or not (subject.isascii() and subject.isprintable())
    ):
        raise invalid_provider_response(_("it does not identify you"))
    # Letters beyond ASCII are upper-cased into others' addresses by databases.
    usable = (
        isinstance(email, str)
        and len(email) <= 254
        and "@" in email
        and email.isascii()
        and email.isprintable()
    )
    return ProviderIdentity(
        issuer=sign_in_settings.issuer,
        subject=subject,
        email=str(email).lower() if usable else "",
        email_verified=facts.get("email_verified") is True,
    )


def check_provider(sign_in_settings: SignInSettings) -> dict[str, Any]:
    """Read a provider's document afresh, for staff who set it up. Raises ProviderUnavailable or
    SignInDenied.
    """
    caches["default"].delete_many(
        [
            provider_cache_key("document", sign_in_settings.issuer),
            provider_cache_key("down", sign_in_settings.issuer),
        ]
    )
    with open_provider_session(sign_in_settings) as talk:
        document = talk.discovery_document()
        talk.signing_keys(document)
    return document
