"""Signed tokens: one key and audience for each kind, one algorithm, and an end."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts import tokens


def minted(
    audience: str = tokens.ACCESS_TOKEN_AUDIENCE, lasts: timedelta = timedelta(minutes=5)
) -> str:
    return tokens.encode_jwt(audience, "7", timezone.now(), lasts, family="f")


def segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_what_was_minted_is_read_back() -> None:
    claims = tokens.decode_jwt(tokens.ACCESS_TOKEN_AUDIENCE, minted())
    assert (claims["sub"], claims["aud"], claims["iss"], claims["family"]) == (
        "7",
        "muster:api",
        "muster",
        "f",
    )


def test_a_token_of_one_kind_is_nothing_at_the_channel_of_the_other() -> None:
    for audience, other in (
        (tokens.ACCESS_TOKEN_AUDIENCE, tokens.MACHINE_TOKEN_AUDIENCE),
        (tokens.MACHINE_TOKEN_AUDIENCE, tokens.ACCESS_TOKEN_AUDIENCE),
    ):
        with pytest.raises(tokens.InvalidJwt):
            tokens.decode_jwt(other, minted(audience))


def test_an_expired_token_is_refused() -> None:
    with pytest.raises(tokens.InvalidJwt):
        tokens.decode_jwt(tokens.ACCESS_TOKEN_AUDIENCE, minted(lasts=timedelta(seconds=-1)))


def test_the_algorithm_is_ours_to_choose() -> None:
    claims = jwt.decode(minted(), options={"verify_signature": False})
    none = f"{segment({'alg': 'none', 'typ': 'JWT'})}.{segment(claims)}."
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    confused = jwt.encode(claims, private, algorithm="RS256")
    forged = jwt.encode(claims, "x" * 64, algorithm="HS256")
    longer = jwt.encode(claims, "x" * 64, algorithm="HS512")
    for token in (none, none + "x", confused, forged, longer, public.decode()):
        with pytest.raises(tokens.InvalidJwt):
            tokens.decode_jwt(tokens.ACCESS_TOKEN_AUDIENCE, token)


@given(st.text(max_size=200))
def test_no_text_is_trouble(text: str) -> None:
    with pytest.raises(tokens.InvalidJwt):
        tokens.decode_jwt(tokens.ACCESS_TOKEN_AUDIENCE, text)
