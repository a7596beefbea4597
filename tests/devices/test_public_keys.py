"""Public keys: P-256 on its named curve, in two spellings, and nothing else."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from devices.public_keys import decode_base64, key_hash, load_public_key, read_public_key
from tests.samples import VECTORS, by_name, node

DER = read_public_key(VECTORS["public_key"])
BEGINNING = DER[:26]
FIELD = 2**256 - 2**224 + 2**192 + 2**96 - 1


@pytest.mark.parametrize("vector", VECTORS["keys"]["cases"], ids=by_name)
def test_a_published_key_is_taken_or_not(vector: Any) -> None:
    if vector["valid"]:
        assert read_public_key(vector["public_key"]) == DER
    else:
        with pytest.raises(ValueError):
            read_public_key(vector["public_key"])


def test_a_key_made_by_webcrypto_is_read() -> None:
    made = node("out(await publicKey(await newKey()))")
    assert base64.b64encode(read_public_key(made)).decode() == made


def test_one_key_has_one_hash_however_it_is_sent() -> None:
    taken = [vector["public_key"] for vector in VECTORS["keys"]["cases"] if vector["valid"]]
    assert len({key_hash(read_public_key(text)) for text in taken}) == 1 < len(taken)


@pytest.mark.parametrize("other", ["PRIVATE KEY", "EC PUBLIC KEY", "CERTIFICATE", "public key"])
def test_a_pem_of_another_kind_is_refused(other: str) -> None:
    pem = next(one["public_key"] for one in VECTORS["keys"]["cases"] if one["name"] == "PEM")
    with pytest.raises(ValueError, match="SubjectPublicKeyInfo"):
        read_public_key(pem.replace("PUBLIC KEY", other))


def test_two_keys_in_one_text_are_refused() -> None:
    pem = next(one["public_key"] for one in VECTORS["keys"]["cases"] if one["name"] == "PEM")
    with pytest.raises(ValueError, match="SubjectPublicKeyInfo"):
        read_public_key(pem + pem)


def test_windows_line_ends_are_read() -> None:
    pem = next(one["public_key"] for one in VECTORS["keys"]["cases"] if one["name"] == "PEM")
    assert read_public_key(pem.replace("\n", "\r\n")) == DER


def test_a_coordinate_beyond_the_field_is_no_second_name_for_a_point() -> None:
    # y² = x³ - 3x + b has a solution for x = 5; x + p fits into 32 bytes and would be the same
    # point.
    point = ec.EllipticCurvePublicKey.from_encoded_point(
        ec.SECP256R1(), b"\x02" + (5).to_bytes(32)
    ).public_numbers()
    assert load_public_key(BEGINNING + b"\x04" + point.x.to_bytes(32) + point.y.to_bytes(32))
    with pytest.raises(ValueError, match="point"):
        load_public_key(BEGINNING + b"\x04" + (point.x + FIELD).to_bytes(32) + point.y.to_bytes(32))


@given(st.text(max_size=300))
def test_no_text_is_another_exception_nor_a_key(text: str) -> None:
    with pytest.raises(ValueError):
        read_public_key(text)


@given(
    st.binary(max_size=120),
    st.sampled_from([b"", BEGINNING, BEGINNING + b"\x04", DER[:1] + b"\x39" + DER[2:24]]),
)
def test_no_bytes_are_another_exception_nor_a_key(tail: bytes, head: bytes) -> None:
    for read in (load_public_key, lambda der: read_public_key(base64.b64encode(der).decode())):
        with pytest.raises(ValueError):
            read(head + tail)


@given(st.integers(0, len(DER) - 1), st.integers(0, 7))
def test_one_bit_changed_is_no_key(place: int, bit: int) -> None:
    changed = bytearray(DER)
    changed[place] ^= 1 << bit
    with pytest.raises(ValueError):
        load_public_key(bytes(changed))


@given(st.binary(max_size=70))
def test_base64_has_one_spelling(raw: bytes) -> None:
    text = base64.b64encode(raw).decode()
    assert decode_base64(text) == raw
    for other in (
        text + "\n",
        " " + text,
        text + "=",
        text.rstrip("=") if text.endswith("=") else text[:-1],
    ):
        if other != text and other:
            with pytest.raises(ValueError):
                decode_base64(other)
