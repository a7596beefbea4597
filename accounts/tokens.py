"""Short-lived signed tokens (JWT, HS256): access tokens of people, machine tokens of API clients.

Each kind has its own key and audience, so that one is nothing at the channel of the other. A token
says who and since when; whether that still holds is asked of the database at every call.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from django.conf import settings
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError

ACCESS_TOKEN_AUDIENCE: Final = "muster:api"  # noqa: S105
MACHINE_TOKEN_AUDIENCE: Final = "muster:hr-clock"  # noqa: S105
ISSUER: Final = "muster"
_ALGORITHM: Final = "HS256"


class InvalidJwt(Exception):
    """Not a token of this kind, or not any more."""


def encode_jwt(
    audience: str, subject: str, now: datetime, lifetime: timedelta, **claims: Any
) -> str:
    """A token for `subject`; `claims` are added to the registered ones. No secret belongs in it:
    anybody can read it.
    """
    registered = {
        "iss": ISSUER,
        "aud": audience,
        "sub": subject,
        "iat": int(now.timestamp()),
        "exp": int((now + lifetime).timestamp()),
        "jti": uuid.uuid4().hex,
    }
    return _backend(audience, settings.SECRET_KEY).encode({**claims, **registered})


def decode_jwt(audience: str, token: str) -> dict[str, Any]:
    """The claims of a token of this kind. Raises BadToken: forged, expired, of another kind or
    algorithm, or no token.
    """
    # An honest token is some 500 characters; what is far longer is not worth a signature check.
    if len(token) > 4096 or not token.isascii():
        raise InvalidJwt
    try:
        claims: dict[str, Any] = _backend(audience, settings.SECRET_KEY).decode(token)  # type: ignore[arg-type]
    except (TokenBackendError, ValueError, TypeError) as error:
        raise InvalidJwt from error
    if not isinstance(claims.get("sub"), str) or not isinstance(claims.get("exp"), int):
        raise InvalidJwt
    return claims


@lru_cache(maxsize=8)
def _backend(audience: str, secret: str) -> TokenBackend:
    key = hmac.new(secret.encode(), f"muster jwt {audience}".encode(), hashlib.sha256).hexdigest()
    return TokenBackend(_ALGORITHM, signing_key=key, audience=audience, issuer=ISSUER)
