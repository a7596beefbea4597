"""What a phone signs, and whether it did: ECDSA P-256 with SHA-256 over ten lines of text. Pure;
used by the phone channel.

ECDSA is malleable: whoever has one signature of a text can make a second one that is as valid. So a
signature proves who speaks, and is never used as a key for anything; what makes a punch the same
punch is its text and its nonce.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from devices.public_keys import decode_base64, load_public_key

SIGNED_TEXT_HEADER: Final = "MUSTER-PUNCH-1"
# What the phone says about itself, in the order in which it is signed.
ANTI_SPOOF_FLAGS: Final = ("mock_location", "rooted", "emulator", "vpn")
# The order of P-256: how many signatures' halves there are.
P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
P256_INTEGER_BYTES: Final = 32


def signed_text(
    *,
    device_uuid: str,
    punch_type: str,
    punched_at: str,
    lat: str,
    lng: str,
    accuracy_m: str,
    ssid_seen: str | None,
    nonce: str,
    anti_spoof: Mapping[str, bool],
) -> bytes:
    """The bytes a phone signs: UTF-8, LF between the lines, none at the end.

    Numbers are given as their text in the JSON that was sent (`8.50` stays `8.50`), strings as
    decoded, an SSID that was not seen as None. Raises ValueError when a value has a line break, as
    it could stand for two lines, or is no text at all (a lone surrogate), and KeyError never: a
    flag that is missing is a ValueError too.
    """
    missing = [name for name in ANTI_SPOOF_FLAGS if name not in anti_spoof]
    if missing:
        raise ValueError(f"{missing[0]} is missing")
    flags = "".join("1" if anti_spoof[name] else "0" for name in ANTI_SPOOF_FLAGS)
    lines = [
        SIGNED_TEXT_HEADER,
        device_uuid.lower(),
        punch_type,
        punched_at,
        lat,
        lng,
        accuracy_m,
        ssid_seen or "",
        nonce,
        flags,
    ]
    if any("\n" in line for line in lines):
        raise ValueError("a value has a line break")
    return "\n".join(lines).encode()


def is_valid_signature(key: bytes, text: bytes, signature: str) -> bool:
    """Whether `signature` (base64 of r and s, 32 bytes each) is one that the owner of `key` (SPKI
    DER) made over `text`.

    Everything malformed is False: base64 with blanks or without padding, another length, r or s
    outside 1…n-1, a key that is no key. Both of the two valid s are taken.
    """
    try:
        raw = decode_base64(signature)
        public_key = load_public_key(key)
    except ValueError:
        return False
    r, s = int.from_bytes(raw[:P256_INTEGER_BYTES]), int.from_bytes(raw[P256_INTEGER_BYTES:])
    if len(raw) != 2 * P256_INTEGER_BYTES or not 0 < r < P256_ORDER or not 0 < s < P256_ORDER:
        return False
    try:
        public_key.verify(encode_dss_signature(r, s), text, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True
