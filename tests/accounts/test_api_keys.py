"""API keys carry a checksum, so that a slip is told from a wrong key before the database is
asked.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.api_keys import (
    API_KEY_PREFIX,
    CLIENT_SECRET_PREFIX,
    PERSONAL_TOKEN_PREFIX,
    REFRESH_TOKEN_PREFIX,
    generate_api_key,
    is_well_formed_key,
)


@pytest.mark.parametrize(
    "prefix", [API_KEY_PREFIX, CLIENT_SECRET_PREFIX, PERSONAL_TOKEN_PREFIX, REFRESH_TOKEN_PREFIX]
)
def test_a_new_key_says_what_it_opens_and_is_well_formed(prefix: str) -> None:
    key = generate_api_key(prefix)
    assert key.startswith(prefix)
    assert is_well_formed_key(key)


@given(st.integers(0, 48), st.characters(codec="ascii", categories=("Lu", "Ll", "Nd")))
def test_one_wrong_character_is_noticed(index: int, other: str) -> None:
    key = generate_api_key(API_KEY_PREFIX)
    at = len(API_KEY_PREFIX) + index
    changed = key[:at] + other + key[at + 1 :]
    assert is_well_formed_key(changed) == (changed == key)


@given(st.text())
def test_no_text_is_trouble(text: str) -> None:
    assert not is_well_formed_key(text)
    assert not is_well_formed_key(API_KEY_PREFIX + text)
