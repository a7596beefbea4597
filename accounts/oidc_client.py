"""What is said to an OpenID Connect provider: its documents are read, codes are redeemed, ID tokens
are checked.

Called by `accounts.sso`, never inside a transaction. authlib and joserfc know the protocols; the
sending is done by the project's guarded client: with its address guard, its size cap and its
deadline, a provider's address that an administrator typed is as harmless as a customer's webhook.

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
from django.conf import settings
from django.core.cache import caches
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy_text
from joserfc import jwt
from joserfc.errors import (
    ExpiredTokenError,
    InvalidClaimError,
    InvalidKeyIdError,
    JoseError,
    MissingClaimError,
)
from joserfc.jwk import JWKRegistry, KeySet
from joserfc.jws import JWSRegistry
from rest_framework.exceptions import PermissionDenied

from accounts.credentials import decrypt
from accounts.models import SignInSettings
from accounts.rate_limits import RateLimitUnavailable
from core.outbound.client import send_request
from core.outbound.response_reader import OutboundResponse
from core.raw_sql import release_idle_connection

log = logging.getLogger("muster.security")

PROVIDER_TIMEOUT_S: Final = 10.0
MAX_PROVIDER_SESSIONS: Final = 3
PROVIDER_DOCUMENT_CACHE_S: Final = 3600
# A provider that failed is asked again after this; an unknown key makes us read the keys again as
# often.
PROVIDER_RETRY_S: Final = 10
LEEWAY_S: Final = 60
# Signatures that only the provider can make. HS256 would let whoever knows the client secret make
# them.
SIGNING_ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
)
_KEY_TYPES: Final = frozenset(("RSA", "EC", "OKP"))
_DISCOVERY_PATH: Final = "/.well-known/openid-configuration"

_session_slots: Final = threading.BoundedSemaphore(MAX_PROVIDER_SESSIONS)


class ProviderUnavailable(RateLimitUnavailable):
    """The provider does not answer, or there are too many sign-ons under way: come again. `reason`
    is for staff and the log.
    """

    default_detail = lazy_text(
        "The sign-in provider cannot be reached. Please try again in a moment."
    )

    def __init__(self, reason: str = "", wait: int = PROVIDER_RETRY_S) -> None:
        super().__init__(wait)
        self.reason = reason


class SignInDenied(PermissionDenied):
    """Somebody is not signed in, for a reason that is told. `code` is for programs."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message, code)


def invalid_provider_response(why: str) -> SignInDenied:
    """The provider answered something that must not be believed."""
    return SignInDenied(
        _("The sign-in provider's answer was not accepted: %(why)s.") % {"why": why},
        "sso_not_accepted",
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


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """What an ID token is asked for with, and must come back with."""

    redirect_uri: str
    nonce: str
    # Somebody must have signed in at the provider since then; None when an older sign-in will do.
    authenticated_since: datetime | None = None


# --- What callers ask for -------------------------------------------------------------------------
def authorization_url(
    sign_in_settings: SignInSettings,
    authorization: AuthorizationRequest,
    *,
    state: str,
    challenge: str,
) -> str:
    """Where a browser or a phone goes to sign in. Raises Down or RuleViolation."""
    with _open_provider_session(sign_in_settings) as talk:
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
    """Redeem a code and check the ID token. Raises ProviderUnavailable, ProviderRejected, or
    ValidationError for a code that is no good.
    """
    with _open_provider_session(sign_in_settings) as talk:
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
    """Read a provider's document afresh, for staff who set it up. Raises Down or RuleViolation."""
    caches["default"].delete_many(
        [
            _cache_key("document", sign_in_settings.issuer),
            _cache_key("down", sign_in_settings.issuer),
        ]
    )
    with _open_provider_session(sign_in_settings) as talk:
        document = talk.discovery_document()
        talk.signing_keys(document)
    return document


# --- A conversation -------------------------------------------------------------------------------
@contextmanager
def _open_provider_session(chosen: SignInSettings) -> Iterator[_ProviderSession]:
    """One of the few at a time; the thread's database connection serves others meanwhile."""
    if caches["default"].get(_cache_key("down", chosen.issuer)):
        raise ProviderUnavailable("It failed a moment ago.")
    if not _session_slots.acquire(timeout=1):
        raise ProviderUnavailable("Too many sign-ons are under way.", wait=2)
    try:
        release_idle_connection()
        yield _ProviderSession(chosen)
    except ProviderUnavailable as trouble:
        log.warning(
            "sign-on provider of organization=%s failed: %s", chosen.organization_id, trouble.reason
        )
        raise
    finally:
        _session_slots.release()


class _ProviderSession:
    """The calls of one sign-on. It also is what authlib takes for a `requests` session."""

    def __init__(self, chosen: SignInSettings) -> None:
        self._chosen = chosen
        self._until = time.monotonic() + PROVIDER_TIMEOUT_S

    def discovery_document(self) -> dict[str, Any]:
        """The provider's discovery document, checked; read once an hour."""
        issuer = self._chosen.issuer
        known: dict[str, Any] | None = caches["default"].get(_cache_key("document", issuer))
        if known is None:
            known = _json_object(
                self._get(issuer.rstrip("/") + _DISCOVERY_PATH),
                _("its configuration cannot be read"),
            )
            if known.get("issuer") != issuer:
                raise invalid_provider_response(_("its issuer differs from the configured issuer"))
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                if not _is_allowed_url(known.get(name)):
                    raise invalid_provider_response(
                        _("its configuration lacks %(name)s") % {"name": name}
                    )
            caches["default"].set(_cache_key("document", issuer), known, PROVIDER_DOCUMENT_CACHE_S)
        return known

    def signing_keys(self, document: dict[str, Any], *, refresh: bool = False) -> KeySet:
        """The keys it signs with, read once an hour."""
        place = _cache_key("keys", document["jwks_uri"])
        known: dict[str, Any] | None = None if refresh else caches["default"].get(place)
        if known is None:
            known = _json_object(self._get(document["jwks_uri"]), _("its keys cannot be read"))
            caches["default"].set(place, known, PROVIDER_DOCUMENT_CACHE_S)
        rows = known.get("keys")
        return KeySet(list(_supported_keys(rows)) if isinstance(rows, list) else [])

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
        method, client_id = _client_auth_method(document, secret), chosen.client_id
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
            raise _from_oauth_error(error) from error
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
            raise invalid_provider_response(_claims_error_text(error)) from error
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
        if not _is_allowed_url(address):
            return {}
        answer = self._call(
            "GET", str(address), {"Authorization": f"Bearer {token['access_token']}"}
        )
        facts = _json_object(answer, _("its user info cannot be read"))
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
                _cache_key("rekeyed", self._chosen.issuer), 1, PROVIDER_RETRY_S
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
        caches["default"].set(_cache_key("down", self._chosen.issuer), 1, PROVIDER_RETRY_S)
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


# --- Bits -----------------------------------------------------------------------------------------
def _json_object(answer: OutboundResponse, why: str) -> dict[str, Any]:
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise invalid_provider_response(why) from error
    if answer.status != 200 or not isinstance(value, dict):
        raise invalid_provider_response(why)
    return value


def _is_allowed_url(value: object) -> bool:
    """Whether a browser or our client may be sent to what a provider names."""
    schemes = ("https://", "http://") if settings.PUSH_ALLOW_HTTP else ("https://",)
    return (
        isinstance(value, str)
        and value.startswith(schemes)
        and value.isascii()
        and value.isprintable()
        and " " not in value
    )


def _supported_keys(rows: list[Any]) -> Iterator[Any]:
    """The keys we can check with; what a provider publishes beside them is no reason to fail."""
    for row in rows[:100]:
        if (
            isinstance(row, dict)
            and row.get("kty") in _KEY_TYPES
            and row.get("use", "sig") == "sig"
        ):
            try:
                yield JWKRegistry.import_key(row)
            except (JoseError, ValueError, TypeError, KeyError):
                continue


def _client_auth_method(document: dict[str, Any], secret: str) -> str:
    """How we prove to be the client: RFC 8414 says that a provider which names no way means
    basic.
    """
    offered = document.get("token_endpoint_auth_methods_supported")
    if not secret:
        return "none"
    posts = (
        isinstance(offered, list)
        and "client_secret_basic" not in offered
        and "client_secret_post" in offered
    )
    return "client_secret_post" if posts else "client_secret_basic"


def _from_oauth_error(error: OAuth2Error) -> Exception:
    if error.error == "invalid_grant":
        return ValidationError(
            {"code": _("The code is used, expired, or not for this sign-on. Start again.")}
        )
    if error.error in ("invalid_client", "unauthorized_client"):
        return SignInDenied(
            _("The sign-in provider does not accept the configured client id or secret."),
            "sso_client",
        )
    return invalid_provider_response(sanitize_error_code(error.error))


def _claims_error_text(error: Exception) -> str:
    if isinstance(error, ExpiredTokenError):
        return _("the ID token has expired")
    if isinstance(error, MissingClaimError | InvalidClaimError):
        named = {"iss": _("the issuer"), "aud": _("the audience"), "nonce": _("the nonce")}
        return _("the ID token has the wrong %(claim)s") % {
            "claim": named.get(error.claim, sanitize_error_code(error.claim))
        }
    return _("the ID token is not signed with a key of the provider")


def sanitize_error_code(text: object) -> str:
    """A stranger's error code, made fit to be shown: OAuth's are letters, digits and
    underscores.
    """
    return (
        "".join(
            letter
            for letter in str(text)[:60]
            if letter.isascii() and (letter.isalnum() or letter in "_-,")
        )
        or "error"
    )


def _cache_key(kind: str, text: str) -> str:
    return f"sso:{kind}:{hashlib.sha256(text.encode()).hexdigest()}"
