"""What is said to an OpenID Connect provider: its documents are read, codes are redeemed, ID tokens
are checked.

Called by `accounts.sso`, never inside a transaction. authlib and joserfc know the protocols; the
sending is done by the project's guarded client, which lives on a floor above and is named by the
setting SSO_SEND: with its address guard, its size cap and its deadline, a provider's address that
somebody typed is as harmless as a customer's webhook.

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
from typing import Any, Final, Protocol
from urllib.parse import quote_plus, urlencode, urlsplit

from authlib.oauth2.base import OAuth2Error
from authlib.oauth2.client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from cryptography.fernet import InvalidToken
from django.conf import settings
from django.core.cache import caches
from django.core.exceptions import ValidationError
from django.utils.module_loading import import_string
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

from accounts.limits import Unavailable
from accounts.models import SignInSettings
from accounts.secrets import decrypt
from employees.rows import give_back

log = logging.getLogger("muster.security")

CONVERSATION_S: Final = 10.0
MOST_CONVERSATIONS: Final = 3
DOCUMENTS_LAST_S: Final = 3600
# A provider that failed is asked again after this; an unknown key makes us read the keys again as
# often.
REST_S: Final = 10
LEEWAY_S: Final = 60
# Signatures that only the provider can make. HS256 would let whoever knows the client secret make
# them.
ALGORITHMS: Final = (
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
_PATH: Final = "/.well-known/openid-configuration"

_conversations: Final = threading.BoundedSemaphore(MOST_CONVERSATIONS)


class Down(Unavailable):
    """The provider does not answer, or there are too many sign-ons under way: come again. `reason`
    is for staff and the log.
    """

    default_detail = lazy_text(
        "The sign-in provider cannot be reached. Please try again in a moment."
    )

    def __init__(self, reason: str = "", wait: int = REST_S) -> None:
        super().__init__(wait)
        self.reason = reason


class Refused(PermissionDenied):
    """Somebody is not signed in, for a reason that is told. `code` is for programs."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message, code)


def not_accepted(why: str) -> Refused:
    """The provider answered something that must not be believed."""
    return Refused(
        _("The sign-in provider's answer was not accepted: %(why)s.") % {"why": why},
        "sso_not_accepted",
    )


class Answer(Protocol):
    """What the guarded client reports; `error` is empty if there was a reply at all."""

    status: int | None
    body: bytes
    error: str
    detail: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the provider says somebody is. `email` is lower-case ASCII, or empty; only a verified one
    means anything.
    """

    issuer: str
    subject: str
    email: str
    email_verified: bool


@dataclass(frozen=True, slots=True)
class Errand:
    """What an ID token is asked for with, and must come back with."""

    redirect_uri: str
    nonce: str
    # Somebody must have signed in at the provider since then; None when an older sign-in will do.
    since: datetime | None = None


# --- What callers ask for -------------------------------------------------------------------------
def authorization_url(chosen: SignInSettings, errand: Errand, *, state: str, challenge: str) -> str:
    """Where a browser or a phone goes to sign in. Raises Down or Refused."""
    with _conversation(chosen) as talk:
        endpoint = talk.document()["authorization_endpoint"]
    more = {"prompt": "login", "max_age": "0"} if errand.since else {}
    client = OAuth2Client(
        None, chosen.client_id, redirect_uri=errand.redirect_uri, scope=chosen.scopes
    )
    url, _state = client.create_authorization_url(
        endpoint,
        state=state,
        nonce=errand.nonce,
        code_challenge=challenge,
        code_challenge_method="S256",
        **more,
    )
    return str(url)


def identify(chosen: SignInSettings, errand: Errand, *, code: str, verifier: str) -> Identity:
    """Redeem a code and check the ID token. Raises Down, Refused, or ValidationError for a code
    that is no good.
    """
    with _conversation(chosen) as talk:
        token = talk.redeem(code, verifier, errand.redirect_uri)
        claims = talk.claims(token, errand)
        facts: dict[str, Any] = claims
        # Address and verification are taken from one place: two halves might be of two addresses.
        if not {"email", "email_verified"} <= claims.keys():
            facts = talk.userinfo(token, claims["sub"]) or claims
    subject, email = claims["sub"], facts.get("email")
    if (
        not isinstance(subject, str)
        or not 0 < len(subject) <= 255
        or not (subject.isascii() and subject.isprintable())
    ):
        raise not_accepted(_("it does not say who you are"))
    # Letters beyond ASCII are upper-cased into others' addresses by databases.
    usable = (
        isinstance(email, str)
        and len(email) <= 254
        and "@" in email
        and email.isascii()
        and email.isprintable()
    )
    return Identity(
        issuer=chosen.issuer,
        subject=subject,
        email=str(email).lower() if usable else "",
        email_verified=facts.get("email_verified") is True,
    )


def look_at(chosen: SignInSettings) -> dict[str, Any]:
    """Read a provider's document afresh, for staff who set it up. Raises Down or Refused."""
    caches["default"].delete_many([_key("document", chosen.issuer), _key("down", chosen.issuer)])
    with _conversation(chosen) as talk:
        document = talk.document()
        talk.keys(document)
    return document


# --- A conversation -------------------------------------------------------------------------------
@contextmanager
def _conversation(chosen: SignInSettings) -> Iterator[_Conversation]:
    """One of the few at a time; the thread's database connection serves others meanwhile."""
    if caches["default"].get(_key("down", chosen.issuer)):
        raise Down("It failed a moment ago.")
    if not _conversations.acquire(timeout=1):
        raise Down("Too many sign-ons are under way.", wait=2)
    try:
        give_back()
        yield _Conversation(chosen)
    except Down as trouble:
        log.warning(
            "sign-on provider of organization=%s failed: %s", chosen.organization_id, trouble.reason
        )
        raise
    finally:
        _conversations.release()


class _Conversation:
    """The calls of one sign-on. It also is what authlib takes for a `requests` session."""

    def __init__(self, chosen: SignInSettings) -> None:
        self._chosen = chosen
        self._until = time.monotonic() + CONVERSATION_S

    def document(self) -> dict[str, Any]:
        """The provider's discovery document, checked; read once an hour."""
        issuer = self._chosen.issuer
        known: dict[str, Any] | None = caches["default"].get(_key("document", issuer))
        if known is None:
            known = _json(self._get(issuer.rstrip("/") + _PATH), _("its settings cannot be read"))
            if known.get("issuer") != issuer:
                raise not_accepted(_("it calls itself by another name than the issuer that is set"))
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                if not _is_address(known.get(name)):
                    raise not_accepted(_("its settings lack %(name)s") % {"name": name})
            caches["default"].set(_key("document", issuer), known, DOCUMENTS_LAST_S)
        return known

    def keys(self, document: dict[str, Any], *, afresh: bool = False) -> KeySet:
        """The keys it signs with, read once an hour."""
        place = _key("keys", document["jwks_uri"])
        known: dict[str, Any] | None = None if afresh else caches["default"].get(place)
        if known is None:
            known = _json(self._get(document["jwks_uri"]), _("its keys cannot be read"))
            caches["default"].set(place, known, DOCUMENTS_LAST_S)
        rows = known.get("keys")
        return KeySet(list(_usable(rows)) if isinstance(rows, list) else [])

    def redeem(self, code: str, verifier: str, redirect_uri: str) -> dict[str, Any]:
        """The tokens for a code."""
        document, chosen = self.document(), self._chosen
        try:
            secret = decrypt(chosen.secret_cipher) if chosen.secret_cipher else ""
        except (
            InvalidToken
        ) as error:  # The keys of this installation were changed without keeping the old one.
            raise Refused(
                _("The client secret that is kept cannot be read. Enter it again."), "sso_client"
            ) from error
        method, client_id = _method(document, secret), chosen.client_id
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
            raise _of_oauth(error) from error
        except (ValueError, TypeError, OverflowError) as error:
            raise not_accepted(_("its tokens cannot be read")) from error
        if not isinstance(token.get("id_token"), str) or not isinstance(
            token.get("access_token"), str
        ):
            raise not_accepted(_("it sent no ID token"))
        return token

    def claims(self, token: dict[str, Any], errand: Errand) -> dict[str, Any]:
        """The claims of the ID token, if it is signed by the provider, for us, for this sign-on,
        and not expired.
        """
        try:
            decoded = self._decode(token["id_token"])
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                {
                    "iss": {"essential": True, "value": self._chosen.issuer},
                    "aud": {"essential": True, "value": self._chosen.client_id},
                },
                {
                    "nonce": errand.nonce,
                    "client_id": self._chosen.client_id,
                    "access_token": token["access_token"],
                    "max_age": errand.since is not None,
                },
            )
            claims.validate(leeway=LEEWAY_S)
        except (JoseError, ValueError, TypeError, OverflowError, RecursionError) as error:
            raise not_accepted(_told(error)) from error
        # A time that is no number compares as false, and is refused.
        if (
            errand.since is not None
            and not claims["auth_time"] >= errand.since.timestamp() - LEEWAY_S
        ):
            raise not_accepted(_("it did not ask you to sign in again"))
        return dict(claims)

    def userinfo(self, token: dict[str, Any], subject: str) -> dict[str, Any]:
        """What else it tells of the same person; nothing when it has no such page."""
        address = self.document().get("userinfo_endpoint")
        if not _is_address(address):
            return {}
        answer = self._call(
            "GET", str(address), {"Authorization": f"Bearer {token['access_token']}"}
        )
        facts = _json(answer, _("what it says about you cannot be read"))
        if facts.get("sub") != subject:
            raise not_accepted(_("it speaks of two persons"))
        return facts

    def post(
        self, url: str, *, data: dict[str, str], headers: dict[str, str], auth: Any
    ) -> _Response:
        """authlib's way to the token endpoint."""
        url, headers, body = auth.prepare("POST", url, dict(headers), urlencode(data))
        return _Response(self._call("POST", url, headers, body.encode()))

    def _decode(self, token: str) -> jwt.Token:
        document, registry = (
            self.document(),
            JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False),
        )
        try:
            return jwt.decode(token, self.keys(document), registry=registry)
        except InvalidKeyIdError:
            # The provider may have changed its keys; anybody can send an unknown key id, so the
            # keys are not read at each.
            if not caches["default"].add(_key("rekeyed", self._chosen.issuer), 1, REST_S):
                raise
            return jwt.decode(token, self.keys(document, afresh=True), registry=registry)

    def _get(self, url: str) -> Answer:
        return self._call("GET", url, {"Accept": "application/json"})

    def _call(self, method: str, url: str, headers: dict[str, str], body: bytes = b"") -> Answer:
        left = self._until - time.monotonic()
        if left <= 0:
            raise self._failed("It took too long.")
        answer: Answer = import_string(settings.SSO_SEND)(
            url, body, headers, deadline_s=left, method=method
        )
        if answer.error or answer.status is None:
            raise self._failed(f"{answer.error}: {answer.detail}")
        if answer.status >= 500 or answer.status == 429:
            raise self._failed(f"{urlsplit(url).path} answered {answer.status}.")
        return answer

    def _failed(self, reason: str) -> Down:
        caches["default"].set(_key("down", self._chosen.issuer), 1, REST_S)
        return Down(reason)


class _Response:
    """As much of a `requests` response as authlib reads."""

    def __init__(self, answer: Answer) -> None:
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
def _json(answer: Answer, why: str) -> dict[str, Any]:
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise not_accepted(why) from error
    if answer.status != 200 or not isinstance(value, dict):
        raise not_accepted(why)
    return value


def _is_address(value: object) -> bool:
    """Whether a browser or our client may be sent to what a provider names."""
    schemes = ("https://", "http://") if settings.PUSH_ALLOW_HTTP else ("https://",)
    return (
        isinstance(value, str)
        and value.startswith(schemes)
        and value.isascii()
        and value.isprintable()
        and " " not in value
    )


def _usable(rows: list[Any]) -> Iterator[Any]:
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


def _method(document: dict[str, Any], secret: str) -> str:
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


def _of_oauth(error: OAuth2Error) -> Exception:
    if error.error == "invalid_grant":
        return ValidationError(
            {"code": _("The code is used, expired, or not for this sign-on. Start again.")}
        )
    if error.error in ("invalid_client", "unauthorized_client"):
        return Refused(
            _("The sign-in provider does not accept the client id or secret that is set here."),
            "sso_client",
        )
    return not_accepted(word(error.error))


def _told(error: Exception) -> str:
    if isinstance(error, ExpiredTokenError):
        return _("the ID token has expired")
    if isinstance(error, MissingClaimError | InvalidClaimError):
        named = {"iss": _("the issuer"), "aud": _("the audience"), "nonce": _("the nonce")}
        return _("the ID token has the wrong %(claim)s") % {
            "claim": named.get(error.claim, word(error.claim))
        }
    return _("the ID token is not signed with a key of the provider")


def word(text: object) -> str:
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


def _key(kind: str, text: str) -> str:
    return f"sso:{kind}:{hashlib.sha256(text.encode()).hexdigest()}"
