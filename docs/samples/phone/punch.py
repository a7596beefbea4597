"""Punch from a phone, in Python: make a key, register it, sign a punch and send it.

    export MUSTER_URL=https://muster.example.com MUSTER_TOKEN=…      # the employee's bearer token
    python punch.py register         # creates phone.pem and phone.uuid if there are none
    python punch.py punch IN --lat 12.971599 --lng 77.594566 --accuracy 8.5 --ssid Muster-HQ

Needs `pip install cryptography`. A phone keeps its key in its hardware instead of a file;
everything else is the same there.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import secrets
import sys
import urllib.error
import urllib.request
import uuid
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

FLAGS = ("mock_location", "rooted", "emulator", "vpn")


def new_key() -> ec.EllipticCurvePrivateKey:
    """A fresh P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def public_key(key: ec.EllipticCurvePrivateKey) -> str:
    """The public key for `register`: base64 of the SubjectPublicKeyInfo."""
    spki = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64.b64encode(spki).decode()


def der_to_raw(der: bytes) -> bytes:
    """r‖s, 32 bytes each, from the ASN.1 form in which most libraries give a signature."""
    r, s = decode_dss_signature(der)
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def signed_text(punch: dict) -> str:
    """The ten lines to sign. A number is written exactly as in the JSON, so `json.dumps` writes
    both.
    """
    flags = "".join("1" if punch["anti_spoof"][flag] else "0" for flag in FLAGS)
    numbers = [json.dumps(punch[name]) for name in ("lat", "lng", "accuracy_m")]
    return "\n".join(
        [
            "MUSTER-PUNCH-1",
            punch["device_uuid"].lower(),
            punch["punch_type"],
            punch["punched_at"],
            *numbers,
            punch.get("ssid_seen") or "",
            punch["nonce"],
            flags,
        ]
    )


def sign(key: ec.EllipticCurvePrivateKey, punch: dict) -> dict:
    """The same punch with its signature."""
    der = key.sign(signed_text(punch).encode(), ec.ECDSA(hashes.SHA256()))
    return {**punch, "signature": base64.b64encode(der_to_raw(der)).decode()}


def new_punch(
    device_uuid: str,
    punch_type: str,
    lat: float,
    lng: float,
    accuracy_m: float,
    ssid: str | None = None,
) -> dict:
    """A punch of this moment. Keep it until the server has answered, and send it again unchanged:
    its nonce identifies a repeat.
    """
    return {
        "device_uuid": device_uuid,
        "punch_type": punch_type,
        "punched_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "lat": lat,
        "lng": lng,
        "accuracy_m": accuracy_m,
        "ssid_seen": ssid,
        "nonce": secrets.token_hex(16),
        "anti_spoof": dict.fromkeys(FLAGS, False),
    }


def send(path: str, body: dict) -> tuple[int, dict]:
    """POST `body` with the employee's token; the status and the answer."""
    request = urllib.request.Request(
        os.environ["MUSTER_URL"] + path,
        data=json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {os.environ['MUSTER_TOKEN']}",
            "Content-Type": "application/json",
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=15) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def kept_key(file: Path) -> ec.EllipticCurvePrivateKey:
    """The key in `file`, created if there is none."""
    if not file.exists():
        pem = new_key().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        file.touch(mode=0o600)
        file.write_bytes(pem)
    return serialization.load_pem_private_key(file.read_bytes(), None)


def kept_uuid(file: Path) -> str:
    """The name of this phone, the same for as long as the app is installed."""
    if not file.exists():
        file.write_text(str(uuid.uuid4()))
    return file.read_text().strip()


def main() -> int:
    """Run the command of the command line; 0 if the server accepted."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("register")
    punch = verbs.add_parser("punch")
    punch.add_argument("type", choices=["IN", "OUT"])
    for name in ("lat", "lng", "accuracy"):
        punch.add_argument(f"--{name}", type=float, required=True)
    punch.add_argument("--ssid")
    asked = parser.parse_args()
    key, device_uuid = kept_key(Path("phone.pem")), kept_uuid(Path("phone.uuid"))
    if asked.verb == "register":
        path = "/api/v1/devices/register"
        body = {
            "device_uuid": device_uuid,
            "platform": "web",
            "model": "punch.py",
            "public_key": public_key(key),
        }
    else:
        path = "/api/v1/punch"
        body = sign(
            key,
            new_punch(device_uuid, asked.type, asked.lat, asked.lng, asked.accuracy, asked.ssid),
        )
    status, answer = send(path, body)
    print(status, json.dumps(answer))
    return 0 if status < 300 else 1


if __name__ == "__main__":
    sys.exit(main())
