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

MOST_REDIRECT_URIS: Final = 20
LONGEST_ADDRESS: Final = 500
# RFC 7636: the verifier of PKCE, and the S256 challenge made of it.
VERIFIER: Final = r"\A[A-Za-z0-9._~-]{43,128}\Z"
CHALLENGE: Final = r"\A[A-Za-z0-9_-]{43}\Z"
# RFC 6749, appendix A: codes and states are printable ASCII.
VISIBLE: Final = r"\A[\x20-\x7e]+\Z"

_ADDRESS = re.compile(r"[\x21-\x7e]+")
_SCOPES = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*")
# Schemes that a browser or a phone runs instead of handing them to an app.
_NEVER = frozenset(
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
_LOOPBACK = frozenset(("127.0.0.1", "::1", "localhost"))


class Facts(Protocol):
    """The part of the settings that is checked."""

    issuer: Any
    client_id: Any
    scopes: Any
    redirect_uris: Any
    sso_enabled: Any


def check_settings(facts: Facts, *, allow_http: bool) -> dict[str, list[str]]:
    """What is wrong with an organization's settings: field → texts; empty when nothing is."""
    found: dict[str, list[str]] = {}
    if facts.issuer and not is_issuer(facts.issuer, allow_http=allow_http):
        found["issuer"] = [
            _("Give an address that begins with https:// and has no question mark and no #.")
        ]
    if not _SCOPES.fullmatch(facts.scopes) or "openid" not in facts.scopes.split(" "):
        found["scopes"] = [_("Give words with single spaces between them; openid must be one.")]
    if facts.sso_enabled:
        for field in ("issuer", "client_id"):
            if not getattr(facts, field):
                found.setdefault(field, []).append(_("Single sign-on cannot be on without it."))
    if wrong := wrong_redirect_uri(facts.redirect_uris):
        found["redirect_uris"] = [wrong]
    return found


def is_issuer(text: str, *, allow_http: bool) -> bool:
    """Whether a text may be an issuer: an https address without query, fragment or user."""
    parts = _parts(text)
    schemes = ("https", "http") if allow_http else ("https",)
    return (
        parts is not None
        and parts.scheme in schemes
        and bool(parts.hostname)
        and not parts.query
        and "?" not in text
    )


def wrong_redirect_uri(uris: object) -> str | None:
    """The first thing that is wrong with a list of addresses of apps; None when it is fine."""
    if not isinstance(uris, list) or len(uris) > MOST_REDIRECT_URIS:
        return _("Give at most %(most)d addresses.") % {"most": MOST_REDIRECT_URIS}
    for uri in uris:
        if not isinstance(uri, str) or not is_redirect_uri(uri):
            return _(
                "“%(uri)s” is not an address of an app, such as com.example.app:/signed-in."
            ) % {"uri": str(uri)[:100]}
    return None


def is_redirect_uri(uri: str) -> bool:
    """Whether a phone may be sent to `uri`: an app's own scheme (with a dot, as RFC 8252 asks),
    https, or this very machine.
    """
    parts = _parts(uri)
    if parts is None or len(uri) > LONGEST_ADDRESS or "*" in uri or parts.scheme in _NEVER:
        return False
    if parts.scheme == "https":
        return bool(parts.hostname)
    if parts.scheme == "http":
        return parts.hostname in _LOOPBACK
    return "." in parts.scheme


def _parts(text: object) -> Any:
    """An absolute address in pieces; None for anything with a fragment, a user, a space or a letter
    beyond ASCII.
    """
    if not isinstance(text, str) or not _ADDRESS.fullmatch(text) or "#" in text or "\\" in text:
        return None
    try:
        parts = urlsplit(text)
        _port = parts.port
    except ValueError:
        return None
    return parts if parts.scheme and parts.username is None else None


def own_page(text: str | None, fallback: str) -> str:
    """`text` if it is the path of a page of ours, else `fallback`: nobody is sent on to another
    site.
    """
    fits = text and len(text) <= LONGEST_ADDRESS and text.startswith("/") and text.isprintable()
    return (
        text
        if fits and text and url_has_allowed_host_and_scheme(text, allowed_hosts=None)
        else fallback
    )


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a PKCE verifier."""
    return (
        base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    )


def answers(verifier: str, challenge: str) -> bool:
    """Whether `verifier` is the one that `challenge` was made of, in constant time."""
    return hmac.compare_digest(challenge_of(verifier), challenge)
