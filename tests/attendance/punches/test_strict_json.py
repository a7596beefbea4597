"""JSON whose numbers keep their text, and that says one thing only."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attendance.punches.strict_json import (
    CONTROL_CHARACTERS,
    DUPLICATE_FIELD,
    MAX_DEPTH,
    TOO_DEEP,
    DisallowedJson,
    InvalidJson,
    JsonNumber,
    decode_strict_json,
)


@pytest.mark.parametrize(
    "text", ["8.50", "8.5", "12", "1e1", "1E+01", "-0.0", "-0", "0.1000", "9" * 5000, "1e999"]
)
def test_a_number_keeps_its_text(text: str) -> None:
    assert decode_strict_json(f'{{"n": [{text}]}}') == {"n": [JsonNumber(text)]}


def test_a_number_has_a_value_too() -> None:
    values = [decode_strict_json(text).value for text in ("8.50", "-1e1", "1e999", "9" * 5000)]
    assert values == [8.5, -10.0, float("inf"), float("inf")]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "{",
        '{"a":1,}',
        "NaN",
        "[Infinity]",
        "-Infinity",
        "01",
        "1.",
        ".5",
        "+1",
        "0x1",
        "'a'",
        '{"a":1} x',
        "\ufeff1",
        '"line\nbreak"',
        '"\x00"',
        '{"a" 1}',
        '"\\x41"',
        "[" * 100_000,
        '{"a":' * 100_000,
    ],
)
def test_what_is_not_json_is_said_to_be_so(text: str) -> None:
    with pytest.raises(InvalidJson):
        decode_strict_json(text)


@pytest.mark.parametrize(
    ("text", "field", "reason"),
    [
        ('{"nonce":"a","nonce":"a"}', "nonce", DUPLICATE_FIELD),
        ('{"anti_spoof":{"vpn":false,"vpn":false}}', "anti_spoof.vpn", DUPLICATE_FIELD),
        ('{"a":[{"b":1},{"b":1,"b":2}]}', "a.1.b", DUPLICATE_FIELD),
        ('[{"b":1,"b":2}]', "0.b", DUPLICATE_FIELD),
        ('{"a":1,"\\u0061":2}', "a", DUPLICATE_FIELD),
        ('{"ssid_seen":"a\\nb"}', "ssid_seen", CONTROL_CHARACTERS),
        ('{"ssid_seen":"a\\u0000"}', "ssid_seen", CONTROL_CHARACTERS),
        ('{"ssid_seen":"\x7f"}', "ssid_seen", CONTROL_CHARACTERS),
        ('{"ssid_seen":"\x85"}', "ssid_seen", CONTROL_CHARACTERS),
        ('{"ssid_seen":"\\ud800"}', "ssid_seen", CONTROL_CHARACTERS),
        ('{"a":{"b\\n":1}}', "a", CONTROL_CHARACTERS),
        ('"\\u0007"', "", CONTROL_CHARACTERS),
        ("[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2), ".".join("0" * (MAX_DEPTH + 1)), TOO_DEEP),
    ],
)
def test_what_says_two_things_or_cannot_be_signed_is_refused_where_it_stands(
    text: str, field: str, reason: str
) -> None:
    with pytest.raises(DisallowedJson) as caught:
        decode_strict_json(text)
    assert (caught.value.field, caught.value.reason) == (field, reason)


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert decode_strict_json('"\\ud83d\\udef0"') == "🛰"


def test_two_deep_texts_that_are_json_are_refused_without_an_error_of_the_stack() -> None:
    for text in ("[" * 900 + "]" * 900, '{"a":' * 900 + "1" + "}" * 900):
        with pytest.raises((DisallowedJson, InvalidJson)):
            decode_strict_json(text)


clean = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=10)
values = st.recursive(
    st.none()
    | st.booleans()
    | clean
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(clean, inner, max_size=3),
    max_leaves=8,
)


def plain(value: Any) -> Any:
    """The value as the ordinary decoder would have it."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return json.loads(value.text) if isinstance(value, JsonNumber) else value


@given(values)
def test_everything_else_is_read_as_ever(value: Any) -> None:
    assert plain(decode_strict_json(json.dumps(value))) == value
    assert plain(decode_strict_json(json.dumps(value, ensure_ascii=False))) == value


@given(st.text())
def test_no_text_is_another_exception(text: str) -> None:
    with suppress(InvalidJson, DisallowedJson):
        decode_strict_json(text)
