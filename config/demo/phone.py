"""The demo's phone: registered to one of its people, with the private half of its key at hand so
that punches can be signed.

Called by `config.demo.organization`; the printed punch is made here too. The key is in demo.json,
as an app would keep it.
"""

from __future__ import annotations

import base64
import json
import secrets
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from attendance.punches.signatures import ANTI_SPOOF_FLAGS, signed_text
from devices.models import Phone
from devices.phones import PhoneRegistration, register_phone
from employees.models import Employee

# The one of the sample request.
DEVICE_UUID: Final = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


def load_demo_phone(employee: Employee, saved: dict[str, Any]) -> dict[str, str]:
    """The employee's phone, registered where it is missing, and its key: the one of an earlier run
    while it is good.

    A phone that somebody took out of service stays so.
    """
    key = (
        _load_private_key(saved["private_key"])
        if saved
        else ec.generate_private_key(ec.SECP256R1())
    )
    phone = (
        Phone.objects.of(employee.organization_id)
        .filter(employee=employee, device_uuid=DEVICE_UUID)
        .first()
    )
    if phone is None or phone.status == "active":
        spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        register_phone(
            employee,
            PhoneRegistration(
                UUID(DEVICE_UUID), Phone.Platform.WEB, "Demo phone", spki, "Demo phone"
            ),
        )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return {"device_uuid": DEVICE_UUID, "private_key": pem}


def private_key_to_jwk(pem: str) -> dict[str, str]:
    """The key as WebCrypto imports it."""
    key = _load_private_key(pem)
    public, private = key.public_key().public_numbers(), key.private_numbers().private_value
    numbers = {"x": public.x, "y": public.y, "d": private}
    return {"kty": "EC", "crv": "P-256"} | {
        name: base64.urlsafe_b64encode(number.to_bytes(32)).rstrip(b"=").decode()
        for name, number in numbers.items()
    }


def signed_punch(phone: dict[str, Any], lat: float, lng: float, ssid: str) -> dict[str, Any]:
    """A punch of now, signed; good for one."""
    punch = {
        "device_uuid": phone["device_uuid"],
        "punch_type": "IN",
        "punched_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "lat": lat,
        "lng": lng,
        "accuracy_m": 12,
        "ssid_seen": ssid,
        "nonce": secrets.token_hex(16),
        "anti_spoof": dict.fromkeys(ANTI_SPOOF_FLAGS, False),
    }
    numbers = {name: json.dumps(punch[name]) for name in ("lat", "lng", "accuracy_m")}
    der = _load_private_key(phone["private_key_pem"]).sign(
        signed_text(**{**punch, **numbers}), ec.ECDSA(SHA256())
    )
    raw = b"".join(half.to_bytes(32) for half in decode_dss_signature(der))
    return {**punch, "signature": base64.b64encode(raw).decode()}


def _load_private_key(pem: str) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(pem.encode(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("the demo's phone has no key of an elliptic curve")
    return key
