"""Public keys of phones, read strictly: ECDSA P-256 and nothing else. Pure; used by registration
and by attendance.punches.signatures.

A phone sends its key as SubjectPublicKeyInfo, in PEM or as base64 of the DER. Such a key on the
named curve P-256 has one of two possible beginnings (the point in full, or compressed), so it is
recognized by its bytes: no ASN.1 that somebody else made up is ever parsed, and explicit curve
parameters, other curves and trailing bytes have no way in.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

MAX_KEY_LENGTH: Final = 1000
_FULL: Final = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
_COMPRESSED: Final = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200")
# What follows the beginning: the form byte and the coordinates.
_POINTS: Final = {_FULL: (65, b"\x04"), _COMPRESSED: (33, b"\x02\x03")}
_PEM: Final = re.compile(
    r"-----BEGIN PUBLIC KEY-----[ \t]*\r?\n([A-Za-z0-9+/= \t\r\n]*)\n-----END PUBLIC KEY-----"
)
_BLANK: Final = re.compile(r"[ \t\r\n]+")


def read_public_key(text: str) -> bytes:
    """The key that `text` holds (PEM or base64 DER), as canonical DER of 91 bytes: one key has one
    form, however it was sent.

    Raises ValueError, in words for whoever wrote the client.
    """
    if len(text) > MAX_KEY_LENGTH:
        raise ValueError("The key is too long for a P-256 public key.")
    stripped = text.strip(" \t\r\n")
    pem = _PEM.fullmatch(stripped)
    try:
        # Line breaks within base64 are usual here: Android's encoder makes them. They carry
        # nothing.
        der = decode_base64(_BLANK.sub("", pem[1] if pem else stripped))
    except ValueError as error:
        raise ValueError(
            "Give the key as SubjectPublicKeyInfo, in PEM or as base64 of the DER."
        ) from error
    key = load_public_key(der)
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def load_public_key(der: bytes) -> EllipticCurvePublicKey:
    """The key that SubjectPublicKeyInfo `der` holds. Raises ValueError unless it is a point of the
    named curve P-256.
    """
    for beginning, (length, forms) in _POINTS.items():
        point = der[len(beginning) :]
        if der.startswith(beginning) and len(point) == length and point[0] in forms:
            try:
                return EllipticCurvePublicKey.from_encoded_point(SECP256R1(), point)
            except ValueError as error:
                raise ValueError("The key is not a point of the curve P-256.") from error
    raise ValueError("Only public keys of the named curve P-256 (secp256r1, prime256v1) are taken.")


def key_hash(der: bytes) -> str:
    """What tells a key from others: 64 hex digits, SHA-256 of its canonical DER."""
    return hashlib.sha256(der).hexdigest()


def decode_base64(text: str) -> bytes:
    """Standard base64 with its padding and nothing else: exactly one text for every value. Raises
    ValueError.
    """
    raw = base64.b64decode(text, validate=True)
    # The decoder overlooks stray bits before the padding; writing it again does not.
    if base64.b64encode(raw).decode() != text:
        raise ValueError("not canonical base64")
    return raw
