"""Which bodies take fields that Muster does not know, and which types a body has. What clients see
of it under /api/v1 is asked in `tests/access/test_unknown_fields.py`.
"""

from __future__ import annotations

import pytest
from rest_framework import serializers

import config.urls  # noqa: F401  (imports every body)
from core.serializers import ClosedSerializer, StrictSerializer


def _below(base: type) -> set[type]:
    direct = set(base.__subclasses__())
    return direct.union(*(_below(one) for one in direct))


def test_the_bodies_that_take_unknown_fields_are_these() -> None:
    assert {
        one.__name__
        for one in _below(ClosedSerializer)
        if issubclass(one, ClosedSerializer) and one.ignores_unknown_fields
    } == {
        # /api/auth: every body may name its organization
        "SignInBaseSerializer",
        "SignInSerializer",
        "RefreshBodySerializer",
        "RevokeBodySerializer",
        "MobileRedirectSerializer",
        "MobileExchangeSerializer",
        # RFC 6749, section 3.2
        "ClientCredentialsSerializer",
        # what a phone says about itself
        "RegisterBodySerializer",
        # a query
        "YearQuerySerializer",
    }


class _Body(StrictSerializer):
    text = serializers.CharField()
    flag = serializers.BooleanField(required=False, allow_null=True)


@pytest.mark.parametrize("value", ["true", "yes", "on", "t", "null", "", 0, 1, 1.0, [], {}])
def test_only_true_and_false_are_true_and_false(value: object) -> None:
    body = _Body(data={"text": "x", "flag": value})
    assert (body.is_valid(), list(body.errors)) == (False, ["flag"])


@pytest.mark.parametrize("value", [True, False, None])
def test_true_and_false_are_taken(value: object) -> None:
    body = _Body(data={"text": "x", "flag": value})
    assert body.is_valid() and body.validated_data["flag"] is value


def test_all_that_is_wrong_with_the_form_of_a_body_is_named_at_once() -> None:
    body = _Body(data={"text": 7, "flag": "yes", "flagg": True})
    assert not body.is_valid()
    assert list(body.errors) == ["text", "flag", "flagg"]
