"""What a provider publishes, as far as it is believed: JSON documents, addresses, signing keys, and
how a client proves to be one. Read by `accounts.sso.provider_session`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from django.conf import settings
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry

from accounts.sso.oidc_errors import invalid_provider_response
from core.outbound.response_reader import OutboundResponse

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


def json_object(answer: OutboundResponse, why: str) -> dict[str, Any]:
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise invalid_provider_response(why) from error
    if answer.status != 200 or not isinstance(value, dict):
        raise invalid_provider_response(why)
    return value


def is_allowed_url(value: object) -> bool:
    """Whether a browser or our client may be sent to what a provider names."""
    schemes = ("https://", "http://") if settings.PUSH_ALLOW_HTTP else ("https://",)
    return (
        isinstance(value, str)
        and value.startswith(schemes)
        and value.isascii()
        and value.isprintable()
        and " " not in value
    )


def supported_keys(rows: list[Any]) -> Iterator[Any]:
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


def client_auth_method(document: dict[str, Any], secret: str) -> str:
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
