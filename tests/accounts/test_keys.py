"""API keys carry a checksum, so that a slip is told from a wrong key before the database is
asked.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.keys import CLIENT_SECRET, DEVELOPER, PERSONAL, REFRESH, new_key, well_formed


@pytest.mark.parametrize("prefix", [DEVELOPER, CLIENT_SECRET, PERSONAL, REFRESH])
def test_a_new_key_says_what_it_opens_and_is_well_formed(prefix: str) -> None:
    key = new_key(prefix)
    assert key.startswith(prefix)
    assert well_formed(key)


@given(st.integers(0, 48), st.characters(codec="ascii", categories=("Lu", "Ll", "Nd")))
def test_one_wrong_character_is_noticed(index: int, other: str) -> None:
    key = new_key(DEVELOPER)
    at = len(DEVELOPER) + index
    changed = key[:at] + other + key[at + 1 :]
    assert well_formed(changed) == (changed == key)


@given(st.text())
def test_no_text_is_trouble(text: str) -> None:
    assert not well_formed(text)
    assert not well_formed(DEVELOPER + text)
