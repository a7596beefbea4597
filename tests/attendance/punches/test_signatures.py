"""Phones' signatures: the published vectors, other people's cryptography, and whatever else
somebody may send.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from attendance.punches.signatures import (
    ANTI_SPOOF_FLAGS,
    P256_ORDER,
    is_valid_signature,
    signed_text,
)
from attendance.punches.strict_json import JsonNumber, decode_strict_json
from devices.public_keys import load_public_key, read_public_key
from tests.samples import VECTORS, by_name, node, sample

KEY = read_public_key(VECTORS["public_key"])
TEXT = VECTORS["punches"][0]["text"].encode()
FIELDS = {
    "device_uuid": "0b9f3a52-6b1e-4c0e-9a57-2f8f4b1d7c11",
    "punch_type": "IN",
    "punched_at": "2026-11-20T03:31:07Z",
    "lat": "12.971599",
    "lng": "77.594566",
    "accuracy_m": "8.5",
    "ssid_seen": "Muster-HQ",
    "nonce": "5f2b7c1e9d0a4c3388d1f6a47e90b2cc",
    "anti_spoof": dict.fromkeys(ANTI_SPOOF_FLAGS, False),
}
BODY = {**FIELDS, "lat": 12.971599, "lng": 77.594566, "accuracy_m": 8.5}


def text_of(body: Any) -> bytes:
    """The signed text of a punch as its decoded JSON says it."""
    fields = {
        name: value.text if isinstance(value, JsonNumber) else value
        for name, value in body.items()
        if name != "signature"
    }
    return signed_text(**{"ssid_seen": None, **fields})


def test_the_text_is_the_one_of_the_contract() -> None:
    digest = hashlib.sha256(signed_text(**FIELDS)).hexdigest()
    assert digest == "e3d801177052ac14c72321073b59dd91099e3a5cc7a107ff02a34a8a45b89ffb"


def test_the_published_key_is_the_one_of_the_contract() -> None:
    private = ec.derive_private_key(int("1234567890abcdef" * 4, 16), ec.SECP256R1())
    assert load_public_key(KEY) == private.public_key()


@pytest.mark.parametrize("vector", VECTORS["punches"], ids=by_name)
def test_a_published_punch_gives_its_text_and_its_signature_verifies(vector: Any) -> None:
    body = decode_strict_json(vector["json"])
    assert text_of(body).decode() == vector["text"]
    assert hashlib.sha256(text_of(body)).hexdigest() == vector["sha256"]
    assert is_valid_signature(KEY, text_of(body), body["signature"])


@pytest.mark.parametrize("vector", VECTORS["signatures"]["cases"], ids=by_name)
def test_a_published_signature_is_taken_or_not(vector: Any) -> None:
    assert is_valid_signature(KEY, TEXT, vector["signature"]) is vector["valid"]


@pytest.mark.parametrize("field", [name for name in FIELDS if name != "anti_spoof"])
def test_a_line_break_cannot_stand_for_two_lines(field: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        signed_text(**FIELDS | {field: "a\nb"})


def test_what_is_no_text_cannot_be_signed() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        signed_text(**FIELDS | {"ssid_seen": "\ud800"})


@pytest.mark.parametrize("flag", ANTI_SPOOF_FLAGS)
def test_each_flag_has_its_place_and_none_is_left_out(flag: str) -> None:
    flags = dict.fromkeys(ANTI_SPOOF_FLAGS, False) | {flag: True}
    line = signed_text(**FIELDS | {"anti_spoof": flags}).decode().splitlines()[-1]
    assert line == "".join("1" if name == flag else "0" for name in ANTI_SPOOF_FLAGS)
    with pytest.raises(ValueError, match=flag):
        signed_text(
            **FIELDS | {"anti_spoof": {name: False for name in ANTI_SPOOF_FLAGS if name != flag}}
        )


words = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20)
other_fields = st.fixed_dictionaries(
    {name: words for name in FIELDS if name not in ("anti_spoof", "device_uuid")}
)


@given(other_fields, other_fields)
def test_two_different_punches_never_have_the_same_text(
    one: dict[str, str], other: dict[str, str]
) -> None:
    same = signed_text(**FIELDS | one) == signed_text(**FIELDS | other)
    assert same is (one == other)


@given(st.text())
def test_no_text_is_an_exception_nor_a_signature(signature: str) -> None:
    assert is_valid_signature(KEY, TEXT, signature) is False


@given(st.binary(min_size=64, max_size=64))
def test_no_64_bytes_that_the_owner_did_not_make_are_a_signature(raw: bytes) -> None:
    assert is_valid_signature(KEY, TEXT, base64.b64encode(raw).decode()) is False


numbers = st.one_of(
    st.sampled_from([0, 1, P256_ORDER - 1, P256_ORDER, P256_ORDER + 1, 2**256 - 1]),
    st.integers(0, 2**256 - 1),
)


@given(numbers, numbers)
def test_r_and_s_at_their_limits_are_neither_an_exception_nor_a_signature(r: int, s: int) -> None:
    assert (
        is_valid_signature(KEY, TEXT, base64.b64encode(r.to_bytes(32) + s.to_bytes(32)).decode())
        is False
    )


@given(st.binary(max_size=120))
def test_a_key_that_is_no_key_verifies_nothing(key: bytes) -> None:
    assert is_valid_signature(key, TEXT, VECTORS["signatures"]["cases"][0]["signature"]) is False
    assert (
        is_valid_signature(KEY[:27] + key, TEXT, VECTORS["signatures"]["cases"][0]["signature"])
        is False
    )


@given(st.integers(0, len(TEXT) - 1), st.integers(0, 7))
def test_one_bit_of_the_text_changed_is_another_text(place: int, bit: int) -> None:
    changed = bytearray(TEXT)
    changed[place] ^= 1 << bit
    assert not is_valid_signature(
        KEY, bytes(changed), VECTORS["signatures"]["cases"][0]["signature"]
    )


def test_the_python_sample_writes_the_same_text_and_signs_it() -> None:
    python = sample()
    key = python.new_key()
    signed = python.sign(key, BODY)
    assert text_of(decode_strict_json(json.dumps(signed))).decode() == python.signed_text(signed)
    assert is_valid_signature(
        read_public_key(python.public_key(key)),
        text_of(decode_strict_json(json.dumps(signed))),
        signed["signature"],
    )


def test_the_javascript_sample_signs_in_node_and_we_verify() -> None:
    made = node(
        "const key = await newKey(); const punch = newPunch(crypto.randomUUID(), 'OUT', {latitude:"
        " 28.6175, longitude: 77.2085, accuracy: 1e21}, 'कार्यालय 🛰');out({key: await"
        " publicKey(key), body: JSON.stringify(await sign(key, punch)), text: signedText(punch)})"
    )
    body = decode_strict_json(made["body"])
    assert text_of(body).decode() == made["text"]
    assert is_valid_signature(read_public_key(made["key"]), text_of(body), body["signature"])


def test_what_python_signs_node_verifies() -> None:
    python = sample()
    key = python.new_key()
    signed = python.sign(key, {**BODY, "ssid_seen": "कार्यालय"})
    case = {"key": python.public_key(key), "punch": signed}
    checked = node(
        "const der = Uint8Array.from(atob(given.key), (c) => c.charCodeAt(0));"
        "const curve = {name: 'ECDSA', namedCurve: 'P-256'};"
        "const key = await crypto.subtle.importKey('spki', der, curve, true, ['verify']);"
        "const raw = Uint8Array.from(atob(given.punch.signature), (c) => c.charCodeAt(0));"
        "const text = new TextEncoder().encode(signedText(given.punch));"
        "out(await crypto.subtle.verify({name: 'ECDSA', hash: 'SHA-256'}, key, raw, text))",
        case,
    )
    assert checked is True


small = st.integers(1, 40).flatmap(lambda bits: st.integers(1, 2**bits))


@given(
    st.one_of(small, st.integers(1, P256_ORDER - 1)),
    st.one_of(small, st.integers(1, P256_ORDER - 1)),
)
def test_the_python_sample_turns_any_asn1_signature_into_64_bytes(r: int, s: int) -> None:
    assert sample().der_to_raw(encode_dss_signature(r, s)) == r.to_bytes(32) + s.to_bytes(32)


def test_the_javascript_sample_turns_asn1_signatures_into_64_bytes() -> None:
    pairs = [
        (1, 1),
        (127, 128),
        (255, 256),
        (2**247, 2**248 - 1),
        (2**255 - 1, 2**255),
        (P256_ORDER - 1, P256_ORDER - 2),
        (2**200, 3),
    ]
    ders = [encode_dss_signature(r, s).hex() for r, s in pairs]
    turned = node(
        "out(given.map((hex) => Buffer.from(derToRaw(Buffer.from(hex, 'hex'))).toString('hex')))",
        ders,
    )
    assert turned == [(r.to_bytes(32) + s.to_bytes(32)).hex() for r, s in pairs]
