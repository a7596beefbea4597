"""What is allowed in single sign-on, as rules on text: addresses, codes, pages to come back to.

The settings are checked with it when they are saved, and every request that names an address is
checked again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

MAX_REDIRECT_URIS: Final = 20
MAX_REDIRECT_URI_LENGTH: Final = 500
# RFC 7636: the verifier of PKCE, and the S256 challenge made of it.
PKCE_VERIFIER_PATTERN: Final = r"\A[A-Za-z0-9._~-]{43,128}\Z"
PKCE_CHALLENGE_PATTERN: Final = r"\A[A-Za-z0-9_-]{43}\Z"
# RFC 6749, appendix A: codes and states are printable ASCII.
VISIBLE_ASCII_PATTERN: Final = r"\A[\x20-\x7e]+\Z"

_URL_PATTERN = re.compile(r"[\x21-\x7e]+")
_SCOPES_PATTERN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*")
# Schemes that a browser or a phone runs instead of handing them to an app.
_FORBIDDEN_SCHEMES = frozenset(
    (
        "javascript",
        "data",
        "vbscript",
        "file",
        "blob",
        "about",
        "content",
        "intent",
        "ftp",
        "ws",
        "wss",
    )
)
_LOOPBACK_HOSTS = frozenset(("127.0.0.1", "::1", "localhost"))


class OidcSettings(Protocol):
    """The part of the settings that is checked."""

    issuer: Any
    client_id: Any
    scopes: Any
    redirect_uris: Any
    sso_enabled: Any


def oidc_settings_errors(oidc_settings: OidcSettings, *, allow_http: bool) -> dict[str, list[str]]:
    """What is wrong with an organization's settings: field → texts; empty when nothing is."""
    found: dict[str, list[str]] = {}
    if oidc_settings.issuer and not is_issuer(oidc_settings.issuer, allow_http=allow_http):
        found["issuer"] = [
            _("Give a URL that begins with https:// and has no query and no fragment.")
        ]
    if not _SCOPES_PATTERN.fullmatch(
        oidc_settings.scopes
    ) or "openid" not in oidc_settings.scopes.split(" "):
        found["scopes"] = [_("Separate the scopes with single spaces, and include openid.")]
    if oidc_settings.sso_enabled:
        for field in ("issuer", "client_id"):
            if not getattr(oidc_settings, field):
                found.setdefault(field, []).append(_("Single sign-on needs this value."))
    if wrong := redirect_uris_error(oidc_settings.redirect_uris):
        found["redirect_uris"] = [wrong]
    return found


def is_issuer(text: str, *, allow_http: bool) -> bool:
    """Whether a text may be an issuer: an https address without query, fragment or user."""
    parts = _split_url(text)
    schemes = ("https", "http") if allow_http else ("https",)
    return (
        parts is not None
        and parts.scheme in schemes
        and bool(parts.hostname)
        and not parts.query
        and "?" not in text
    )


def redirect_uris_error(uris: object) -> str | None:
    """The first thing that is wrong with a list of addresses of apps; None when it is fine."""
    if not isinstance(uris, list) or len(uris) > MAX_REDIRECT_URIS:
        return _("Give at most %(most)d redirect URIs.") % {"most": MAX_REDIRECT_URIS}
    for uri in uris:
        if not isinstance(uri, str) or not is_redirect_uri(uri):
            return _(
                "“%(uri)s” is not a redirect URI of an app, such as com.example.app:/signed-in."
            ) % {"uri": str(uri)[:100]}
    return None


def is_redirect_uri(uri: str) -> bool:
    """Whether a phone may be sent to `uri`: an app's own scheme (with a dot, as RFC 8252 asks),
    https, or this very machine.
    """
    parts = _split_url(uri)
    if (
        parts is None
        or len(uri) > MAX_REDIRECT_URI_LENGTH
        or "*" in uri
        or parts.scheme in _FORBIDDEN_SCHEMES
    ):
        return False
    if parts.scheme == "https":
        return bool(parts.hostname)
    if parts.scheme == "http":
        return parts.hostname in _LOOPBACK_HOSTS
    return "." in parts.scheme


def _split_url(text: object) -> Any:
    """An absolute address in pieces; None for anything with a fragment, a user, a space or a letter
    beyond ASCII.
    """
    if not isinstance(text, str) or not _URL_PATTERN.fullmatch(text) or "#" in text or "\\" in text:
        return None
    try:
        parts = urlsplit(text)
        _port = parts.port
    except ValueError:
        return None
    return parts if parts.scheme and parts.username is None else None


def safe_local_path(text: str | None, fallback: str) -> str:
    """`text` if it is the path of a page of ours, else `fallback`: nobody is sent on to another
    site.
    """
    fits = (
        text
        and len(text) <= MAX_REDIRECT_URI_LENGTH
        and text.startswith("/")
        and text.isprintable()
    )
    return (
        text
        if fits and text and url_has_allowed_host_and_scheme(text, allowed_hosts=None)
        else fallback
    )


def pkce_challenge(verifier: str) -> str:
    """The S256 challenge of a PKCE verifier."""
    return (
        base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    )


def verifier_matches(verifier: str, challenge: str) -> bool:
    """Whether `verifier` is the one that `challenge` was made of, in constant time."""
    return hmac.compare_digest(pkce_challenge(verifier), challenge)
