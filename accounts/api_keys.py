"""The form of API keys: a prefix that says what they open, 256 random bits, and a checksum. Pure.

The checksum tells a mistyped or truncated key from a wrong one before any database is asked, and
lets secret scanners find keys that leaked. It protects nothing: what is stored of a key is its HMAC
(`accounts.credentials`).
"""

from __future__ import annotations

import secrets
import zlib
from typing import Final

API_KEY_PREFIX: Final = "fl_dev_"
CLIENT_SECRET_PREFIX: Final = "fl_sec_"  # noqa: S105
PERSONAL_TOKEN_PREFIX: Final = "mst_"  # noqa: S105
REFRESH_TOKEN_PREFIX: Final = "msr_"  # noqa: S105

BIOMETRIC_WRITE_SCOPE: Final = "biometric:write"
HR_CLOCK_SCOPE: Final = "hr:attendance:clock"
HR_WRITE_SCOPE: Final = "hr:attendance:write"
# scope → what it lets a client do
SCOPES: Final = {
    BIOMETRIC_WRITE_SCOPE: "report events at the biometric channel",
    HR_CLOCK_SCOPE: "clock for the bound employee at the HR clock channel",
    HR_WRITE_SCOPE: "clock for any employee, and without alternation",
}

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_LENGTH: Final = 43  # 62**43 > 2**256
_CHECKSUM_LENGTH: Final = 6  # 62**6 > 2**32


def generate_api_key(prefix: str) -> str:
    """A fresh key: `prefix`, 43 random characters, 6 of checksum, all letters and digits."""
    body = prefix + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_LENGTH))
    return body + _checksum(body)


def is_well_formed_key(key: str) -> bool:
    """Whether `key` is complete and copied without a slip."""
    prefix = next(
        (
            one
            for one in (
                API_KEY_PREFIX,
                CLIENT_SECRET_PREFIX,
                PERSONAL_TOKEN_PREFIX,
                REFRESH_TOKEN_PREFIX,
            )
            if key.startswith(one)
        ),
        None,
    )
    if (
        prefix is None
        or len(key) != len(prefix) + _RANDOM_LENGTH + _CHECKSUM_LENGTH
        or not key.isascii()
    ):
        return False
    return key[-_CHECKSUM_LENGTH:] == _checksum(key[:-_CHECKSUM_LENGTH])


def _checksum(body: str) -> str:
    number, text = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKSUM_LENGTH):
        number, digit = divmod(number, len(_ALPHABET))
        text = _ALPHABET[digit] + text
    return text
