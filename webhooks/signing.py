"""Standard Webhooks signatures (standardwebhooks.com, symmetric v1). Pure; used by the delivery and
by the console.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

SECRET_PREFIX = "whsec_"  # noqa: S105


def new_secret() -> str:
    """A fresh signing secret: `whsec_` and 32 random bytes in base64."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def sign(signing_secrets: Sequence[str], message_id: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature` header: one `v1,<base64 HMAC-SHA256>` for each secret, newest first.

    `timestamp` is the attempt's unix time in whole seconds. Raises ValueError when a secret is not
    `whsec_` + base64.
    """
    text = f"{message_id}.{timestamp}.".encode() + body
    return " ".join(f"v1,{_mac(secret, text)}" for secret in signing_secrets)


def _mac(secret: str, text: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    return base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
