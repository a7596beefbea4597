"""Taking turns, as a rule of its own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from attendance.pairing import Earlier, out_of_turn

DIRECTIONS = ["in", "out", "break_out", "break_in", "overtime_in", "overtime_out"]
earlier = st.none() | st.builds(Earlier, st.sampled_from(["hr", "device", "biometric", "phone"]), st.sampled_from(DIRECTIONS))


@given(earlier)
def test_in_is_wrong_only_after_an_in_of_this_door(before: Earlier | None) -> None:
    assert bool(out_of_turn("hr", "in", before)) == (before == Earlier("hr", "in"))


@given(earlier)
def test_out_is_wrong_after_nothing_and_after_an_out_of_this_door(before: Earlier | None) -> None:
    assert bool(out_of_turn("hr", "out", before)) == (before in (None, Earlier("hr", "out")))
