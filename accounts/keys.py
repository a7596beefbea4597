"""The form of API keys: a prefix that says what they open, 256 random bits, and a checksum. Pure.

The checksum tells a mistyped or truncated key from a wrong one before any database is asked, and
lets secret scanners find keys that leaked. It protects nothing: what is stored of a key is its HMAC
(`accounts.secrets`).
"""

from __future__ import annotations

import secrets
import zlib
from typing import Final

DEVELOPER: Final = "fl_dev_"
CLIENT_SECRET: Final = "fl_sec_"  # noqa: S105 - a prefix
PERSONAL: Final = "mst_"
REFRESH: Final = "msr_"

BIOMETRIC_WRITE: Final = "biometric:write"
HR_CLOCK: Final = "hr:attendance:clock"
HR_WRITE: Final = "hr:attendance:write"
# scope → what it lets a client do
SCOPES: Final = {
    BIOMETRIC_WRITE: "report events at the biometric door",
    HR_CLOCK: "clock for the bound employee at the HR clock door",
    HR_WRITE: "clock for any employee, and without alternation",
}

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM: Final = 43  # 62**43 > 2**256
_CHECK: Final = 6  # 62**6 > 2**32


def new_key(prefix: str) -> str:
    """A fresh key: `prefix`, 43 random characters, 6 of checksum, all letters and digits."""
    body = prefix + "".join(secrets.choice(_DIGITS) for _ in range(_RANDOM))
    return body + _checksum(body)


def well_formed(key: str) -> bool:
    """Whether `key` is complete and copied without a slip."""
    prefix = next(
        (one for one in (DEVELOPER, CLIENT_SECRET, PERSONAL, REFRESH) if key.startswith(one)), None
    )
    if prefix is None or len(key) != len(prefix) + _RANDOM + _CHECK or not key.isascii():
        return False
    return key[-_CHECK:] == _checksum(key[:-_CHECK])


def _checksum(body: str) -> str:
    number, text = zlib.crc32(body.encode()), ""
    for _ in range(_CHECK):
        number, digit = divmod(number, len(_DIGITS))
        text = _DIGITS[digit] + text
    return text
