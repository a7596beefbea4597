"""Taking turns, as a rule of its own."""

from __future__ import annotations

from datetime import UTC

from hypothesis import given
from hypothesis import strategies as st

from attendance.punches.sequence import PreviousPunch, sequence_error

DIRECTIONS = ["in", "out", "break_out", "break_in", "overtime_in", "overtime_out"]
CHANNELS = ["hr", "device", "biometric", "phone"]
earlier = st.none() | st.builds(
    PreviousPunch,
    st.sampled_from(CHANNELS),
    st.sampled_from(DIRECTIONS),
    st.datetimes(timezones=st.just(UTC)),
)


def _said(before: PreviousPunch | None) -> tuple[str, str] | None:
    return before and (before.channel, before.direction)


@given(earlier)
def test_in_is_wrong_only_after_an_in_of_this_channel(before: PreviousPunch | None) -> None:
    assert bool(sequence_error("hr", "in", before)) == (_said(before) == ("hr", "in"))


@given(earlier)
def test_out_is_wrong_after_nothing_and_after_an_out_of_this_channel(
    before: PreviousPunch | None,
) -> None:
    assert bool(sequence_error("hr", "out", before)) == (_said(before) in (None, ("hr", "out")))
