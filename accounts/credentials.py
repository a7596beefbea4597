"""Secrets: made here, hashed here, encrypted here.

Credentials that are shown to us (device tokens, API keys) are kept as an HMAC under the
installation's pepper; credentials we must show to others (signing secrets) are kept encrypted. Used
by devices, webhooks and accounts.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from functools import lru_cache

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings


def generate_token(prefix: str) -> str:
    """A fresh credential of 256 random bits, with a prefix that says what it opens."""
    return f"{prefix}{secrets.token_urlsafe(32)}"


def hash_token(token: str) -> str:
    """What is stored of a credential: 64 hex digits, HMAC-SHA256 under the pepper."""
    return hmac.new(
        settings.PEPPER.encode(), token.encode("utf-8", "surrogatepass"), hashlib.sha256
    ).hexdigest()


def constant_time_equal(left: str, right: str) -> bool:
    """Compare two stored hashes in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())


@lru_cache(maxsize=1)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def encrypt(plain: str) -> str:
    """Encrypt a secret that must be readable again, with the newest of MUSTER_ENCRYPTION_KEYS."""
    return _fernet(tuple(settings.ENCRYPTION_KEYS)).encrypt(plain.encode()).decode()


@lru_cache(maxsize=1024)
def decrypt(cipher: str) -> str:
    """The secret behind `cipher`. Raises InvalidToken when no configured key fits."""
    return _fernet(tuple(settings.ENCRYPTION_KEYS)).decrypt(cipher.encode()).decode()
