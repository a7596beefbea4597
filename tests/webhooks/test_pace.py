"""The arithmetic of an endpoint's pace."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from webhooks.pace import PACE_BURST_S, next_paced_until, pushes_within_pace

NOW = datetime(2026, 6, 21, tzinfo=UTC)


@given(st.integers(1, 200), st.lists(st.integers(1, 3000), min_size=1, max_size=80))
def test_no_second_gets_more_than_the_pace_and_what_was_saved_up(
    per_second: int, pauses_ms: list[int]
) -> None:
    now, until, sent = NOW, None, list[tuple[datetime, int]]()
    for pause in pauses_ms:
        now += timedelta(milliseconds=pause)
        if number := pushes_within_pace(per_second, until, now):
            until = next_paced_until(per_second, until, now, number)
            sent.append((now, number))
    for start, _ in sent:
        within = sum(number for at, number in sent if start <= at < start + timedelta(seconds=1))
        assert within <= per_second + 1 + per_second * PACE_BURST_S


@given(st.integers(1, 200), st.integers(1, 100))
def test_whoever_looks_often_enough_uses_the_whole_pace(per_second: int, every_ms: int) -> None:
    until, total = NOW, 0
    for tick in range(10_000 // every_ms):
        now = NOW + timedelta(milliseconds=tick * every_ms)
        if number := pushes_within_pace(per_second, until, now):
            until, total = (
                next_paced_until(per_second, until, now, number),
                total + number,
            )
    assert total >= per_second * (10 - 2 * every_ms / 1000) - 2
