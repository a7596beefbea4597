"""The calls to an OpenID Connect provider that one sign-on makes: its documents are read, a code is
redeemed, the ID token is checked. `accounts.sso.oidc_client` opens one for each request of its own.

A provider that hangs must not take the threads that punches need: few conversations run at a time,
each has one deadline for all its calls, and a provider that failed is left alone for a moment.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote_plus, urlencode, urlsplit

from authlib.oauth2.base import OAuth2Error
from authlib.oauth2.client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from cryptography.fernet import InvalidToken
from django.core.cache import caches
from django.utils.translation import gettext as _
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from accounts.credentials import decrypt
from accounts.models import SignInSettings
from accounts.sso.oidc_errors import (
    PROVIDER_RETRY_S,
    ProviderUnavailable,
    SignInDenied,
    claims_error_text,
    from_oauth_error,
    invalid_provider_response,
)
from accounts.sso.provider_documents import (
    SIGNING_ALGORITHMS,
    client_auth_method,
    is_allowed_url,
    json_object,
    supported_keys,
)
from core.outbound.client import send_request
from core.outbound.response_reader import OutboundResponse
from core.raw_sql import release_idle_connection

log = logging.getLogger("muster.security")

PROVIDER_TIMEOUT_S: Final = 10.0
MAX_PROVIDER_SESSIONS: Final = 3
PROVIDER_DOCUMENT_CACHE_S: Final = 3600
LEEWAY_S: Final = 60
_DISCOVERY_PATH: Final = "/.well-known/openid-configuration"
_session_slots: Final = threading.BoundedSemaphore(MAX_PROVIDER_SESSIONS)


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """What an ID token is asked for with, and must come back with."""

    redirect_uri: str
    nonce: str
    # Somebody must have signed in at the provider since then; None when an older sign-in will do.
    authenticated_since: datetime | None = None


@contextmanager
def open_provider_session(chosen: SignInSettings) -> Iterator[ProviderSession]:
    """One of the few at a time; the thread's database connection serves others meanwhile."""
    if caches["default"].get(provider_cache_key("down", chosen.issuer)):
        raise ProviderUnavailable("It failed a moment ago.")
    if not _session_slots.acquire(timeout=1):
        raise ProviderUnavailable("Too many sign-ons are under way.", wait=2)
    try:
        release_idle_connection()
        yield ProviderSession(chosen)
    except ProviderUnavailable as trouble:
        log.warning(
            "sign-on provider of organization=%s failed: %s", chosen.organization_id, trouble.reason
        )
        raise
    finally:
        _session_slots.release()


class ProviderSession:
    """The calls of one sign-on. It also is what authlib takes for a `requests` session."""

    def __init__(self, chosen: SignInSettings) -> None:
        self._chosen = chosen
        self._until = time.monotonic() + PROVIDER_TIMEOUT_S

    def discovery_document(self) -> dict[str, Any]:
        """The provider's discovery document, checked; read once an hour."""
        issuer = self._chosen.issuer
        known: dict[str, Any] | None = caches["default"].get(provider_cache_key("document", issuer))
        if known is None:
            known = json_object(
                self._get(issuer.rstrip("/") + _DISCOVERY_PATH),
                _("its configuration cannot be read"),
            )
            if known.get("issuer") != issuer:
                raise invalid_provider_response(_("its issuer differs from the configured issuer"))
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                if not is_allowed_url(known.get(name)):
                    raise invalid_provider_response(
                        _("its configuration lacks %(name)s") % {"name": name}
                    )
            caches["default"].set(
                provider_cache_key("document", issuer), known, PROVIDER_DOCUMENT_CACHE_S
            )
        return known

    def signing_keys(self, document: dict[str, Any], *, refresh: bool = False) -> KeySet:
        """The keys it signs with, read once an hour."""
        place = provider_cache_key("keys", document["jwks_uri"])
        known: dict[str, Any] | None = None if refresh else caches["default"].get(place)
        if known is None:
            known = json_object(self._get(document["jwks_uri"]), _("its keys cannot be read"))
            caches["default"].set(place, known, PROVIDER_DOCUMENT_CACHE_S)
        rows = known.get("keys")
        return KeySet(list(supported_keys(rows)) if isinstance(rows, list) else [])

    def exchange_code(self, code: str, verifier: str, redirect_uri: str) -> dict[str, Any]:
        """The tokens for a code."""
        document, chosen = self.discovery_document(), self._chosen
        try:
            secret = decrypt(chosen.secret_cipher) if chosen.secret_cipher else ""
        except (
            InvalidToken
        ) as error:  # The keys of this installation were changed without keeping the old one.
            raise SignInDenied(
                _("The stored client secret cannot be read. Enter it again."), "sso_client"
            ) from error
        method, client_id = client_auth_method(document, secret), chosen.client_id
        if method == "client_secret_basic":
            # RFC 6749, 2.3.1: encoded as in a form before they are joined; authlib leaves that to
            # us.
            client_id, secret = quote_plus(client_id), quote_plus(secret)
        client = OAuth2Client(
            self,
            client_id,
            secret or None,
            token_endpoint_auth_method=method,
            redirect_uri=redirect_uri,
        )
        try:
            token: dict[str, Any] = client.fetch_token(
                document["token_endpoint"],
                grant_type="authorization_code",
                code=code,
                code_verifier=verifier,
            )
        except OAuth2Error as error:
            raise from_oauth_error(error) from error
        except (ValueError, TypeError, OverflowError) as error:
            raise invalid_provider_response(_("its tokens cannot be read")) from error
        if not isinstance(token.get("id_token"), str) or not isinstance(
            token.get("access_token"), str
        ):
            raise invalid_provider_response(_("it sent no ID token"))
        return token

    def id_token_claims(
        self, token: dict[str, Any], authorization: AuthorizationRequest
    ) -> dict[str, Any]:
        """The claims of the ID token, if it is signed by the provider, for us, for this sign-on,
        and not expired.
        """
        try:
            decoded = self._decode_id_token(token["id_token"])
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                {
                    "iss": {"essential": True, "value": self._chosen.issuer},
                    "aud": {"essential": True, "value": self._chosen.client_id},
                },
                {
                    "nonce": authorization.nonce,
                    "client_id": self._chosen.client_id,
                    "access_token": token["access_token"],
                    "max_age": authorization.authenticated_since is not None,
                },
            )
            claims.validate(leeway=LEEWAY_S)
        except (JoseError, ValueError, TypeError, OverflowError, RecursionError) as error:
            raise invalid_provider_response(claims_error_text(error)) from error
        # A time that is no number compares as false, and is refused.
        if (
            authorization.authenticated_since is not None
            and not claims["auth_time"] >= authorization.authenticated_since.timestamp() - LEEWAY_S
        ):
            raise invalid_provider_response(_("it did not ask you to sign in again"))
        return dict(claims)

    def fetch_userinfo(self, token: dict[str, Any], subject: str) -> dict[str, Any]:
        """What else it tells of the same person; nothing when it has no such page."""
        address = self.discovery_document().get("userinfo_endpoint")
        if not is_allowed_url(address):
            return {}
        answer = self._call(
            "GET", str(address), {"Authorization": f"Bearer {token['access_token']}"}
        )
        facts = json_object(answer, _("its user info cannot be read"))
        if facts.get("sub") != subject:
            raise invalid_provider_response(
                _("the ID token and the user info name different users")
            )
        return facts

    def post(
        self, url: str, *, data: dict[str, str], headers: dict[str, str], auth: Any
    ) -> _RequestsResponse:
        """authlib's way to the token endpoint."""
        url, headers, body = auth.prepare("POST", url, dict(headers), urlencode(data))
        return _RequestsResponse(self._call("POST", url, headers, body.encode()))

    def _decode_id_token(self, token: str) -> jwt.Token:
        document, registry = (
            self.discovery_document(),
            JWSRegistry(algorithms=SIGNING_ALGORITHMS, strict_check_header=False),
        )
        try:
            return jwt.decode(token, self.signing_keys(document), registry=registry)
        except InvalidKeyIdError:
            # The provider may have changed its keys; anybody can send an unknown key id, so the
            # keys are not read at each.
            if not caches["default"].add(
                provider_cache_key("rekeyed", self._chosen.issuer), 1, PROVIDER_RETRY_S
            ):
                raise
            return jwt.decode(token, self.signing_keys(document, refresh=True), registry=registry)

    def _get(self, url: str) -> OutboundResponse:
        return self._call("GET", url, {"Accept": "application/json"})

    def _call(
        self, method: str, url: str, headers: dict[str, str], body: bytes = b""
    ) -> OutboundResponse:
        left = self._until - time.monotonic()
        if left <= 0:
            raise self._mark_unavailable("It took too long.")
        answer: OutboundResponse = send_request(url, body, headers, deadline_s=left, method=method)
        if answer.error or answer.status is None:
            raise self._mark_unavailable(f"{answer.error}: {answer.detail}")
        if answer.status >= 500 or answer.status == 429:
            raise self._mark_unavailable(f"{urlsplit(url).path} answered {answer.status}.")
        return answer

    def _mark_unavailable(self, reason: str) -> ProviderUnavailable:
        caches["default"].set(provider_cache_key("down", self._chosen.issuer), 1, PROVIDER_RETRY_S)
        return ProviderUnavailable(reason)


class _RequestsResponse:
    """As much of a `requests` response as authlib reads."""

    def __init__(self, answer: OutboundResponse) -> None:
        self._answer = answer
        self.status_code = answer.status or 0

    def json(self) -> Any:
        """The body. Raises ValueError."""
        try:
            return json.loads(self._answer.body)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error

    def raise_for_status(self) -> None:
        """Raises ValueError for a status that is no success."""
        if self.status_code >= 400:
            raise ValueError(f"status {self.status_code}")


def provider_cache_key(kind: str, text: str) -> str:
    return f"sso:{kind}:{hashlib.sha256(text.encode()).hexdigest()}"
