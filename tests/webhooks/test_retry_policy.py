"""The arithmetic of trying again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhooks import retry_policy
from webhooks.retry_policy import AttemptOutcome

NOW = datetime(2026, 6, 21, tzinfo=UTC)


def test_a_message_is_tried_for_at_least_seven_days() -> None:
    assert sum(retry_policy.MESSAGE_DELAYS) >= 7 * retry_policy.DAY


def test_an_endpoint_is_paused_only_after_the_promised_week() -> None:
    assert retry_policy.PAUSE_ENDPOINT_AFTER_S > 7 * retry_policy.DAY


@given(st.integers(1, len(retry_policy.MESSAGE_DELAYS)), st.floats(0, 1, exclude_max=True))
def test_chance_only_lengthens_a_wait(refusals: int, dice: float) -> None:
    delay = retry_policy.message_retry_delay(refusals, dice)
    assert delay is not None
    assert (
        retry_policy.MESSAGE_DELAYS[refusals - 1]
        <= delay
        <= retry_policy.MESSAGE_DELAYS[refusals - 1] * 1.2
    )


def test_a_spent_budget_gives_no_delay() -> None:
    assert retry_policy.message_retry_delay(len(retry_policy.MESSAGE_DELAYS) + 1, 0.5) is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        (" 5 ", 5),
        ("-5", None),
        ("abc", None),
        ("1e12", None),
        ("", None),
        (None, None),
        ("999999999999", retry_policy.RETRY_AFTER_CAP_S),
        ("9" * 5000, retry_policy.RETRY_AFTER_CAP_S),
        ("٣", None),
        ("Sun, 21 Jun 2026 00:02:00 GMT", 120),
        ("Sun, 21 Jun 2020 00:02:00 GMT", 0),
        ("Sun, 99 Jun 2026 00:02:00 GMT", None),
    ],
)
def test_retry_after_is_read_or_ignored(header: str | None, seconds: float | None) -> None:
    assert retry_policy.parse_retry_after(header, NOW) == seconds


@given(st.text())
def test_no_retry_after_header_breaks_us(header: str) -> None:
    wait = retry_policy.parse_retry_after(header, NOW)
    assert wait is None or wait >= 0


_WANTS = st.lists(
    st.builds(
        retry_policy.EndpointCapacity,
        st.integers(0, 30),
        st.integers(0, 4),
        st.integers(1, 20),
        st.booleans(),
    ),
    max_size=30,
    unique_by=lambda want: want.endpoint_id,
)
_HELD = st.dictionaries(st.tuples(st.integers(0, 4), st.booleans()), st.integers(0, 20), max_size=6)


@given(_WANTS, _HELD, st.integers(0, 64), st.integers(8, 64))
def test_no_share_is_larger_than_wanted_and_the_caps_hold(
    wants: Any, held: Any, hands: int, total: int
) -> None:
    given_ = retry_policy.divide_fairly(wants, held, hands, total)
    assert sum(given_.values()) <= hands
    for organization in range(5):
        mine = [want for want in wants if want.organization_id == organization]
        got = sum(given_.get(want.endpoint_id, 0) for want in mine)
        slow = sum(given_.get(want.endpoint_id, 0) for want in mine if want.slow)
        before = held.get((organization, True), 0)
        assert got == 0 or got + before + held.get((organization, False), 0) <= total // 2
        assert slow == 0 or slow + before <= max(total // 8, 2)
    assert all(given_.get(want.endpoint_id, 0) <= want.free_lanes for want in wants)


@given(st.integers(1, 300), st.integers(8, 64))
def test_any_number_of_slow_endpoints_leaves_a_quick_tenant_its_share(
    pits: int, total: int
) -> None:
    wants = [retry_policy.EndpointCapacity(number, 1, 8, True) for number in range(pits)] + [
        retry_policy.EndpointCapacity(999, 2, 4, False)
    ]
    taken = max(total // 8, 2)
    assert retry_policy.divide_fairly(wants, {(1, True): taken}, total - taken, total) == {999: 4}


@given(st.integers(1, 200), st.lists(st.integers(1, 3000), min_size=1, max_size=80))
def test_no_second_gets_more_than_the_pace_and_what_was_saved_up(
    per_second: int, pauses_ms: list[int]
) -> None:
    now, until, sent = NOW, None, list[tuple[datetime, int]]()
    for pause in pauses_ms:
        now += timedelta(milliseconds=pause)
        if number := retry_policy.pushes_within_pace(per_second, until, now):
            until = retry_policy.next_paced_until(per_second, until, now, number)
            sent.append((now, number))
    for start, _ in sent:
        within = sum(number for at, number in sent if start <= at < start + timedelta(seconds=1))
        assert within <= per_second + 1 + per_second * retry_policy.PACE_BURST_S


@given(st.integers(1, 200), st.integers(1, 100))
def test_whoever_looks_often_enough_uses_the_whole_pace(per_second: int, every_ms: int) -> None:
    until, total = NOW, 0
    for tick in range(10_000 // every_ms):
        now = NOW + timedelta(milliseconds=tick * every_ms)
        if number := retry_policy.pushes_within_pace(per_second, until, now):
            until, total = (
                retry_policy.next_paced_until(per_second, until, now, number),
                total + number,
            )
    assert total >= per_second * (10 - 2 * every_ms / 1000) - 2


def test_organizations_take_turns_and_so_do_their_endpoints() -> None:
    wants = [
        retry_policy.EndpointCapacity(1, 1, 9, False),
        retry_policy.EndpointCapacity(2, 1, 9, False),
        retry_policy.EndpointCapacity(3, 2, 9, False),
    ]
    assert retry_policy.divide_fairly(wants, {}, 8, 64) == {1: 2, 2: 2, 3: 4}


@pytest.mark.parametrize(
    ("status", "error", "outcome"),
    [
        (None, "timeout", AttemptOutcome.ENDPOINT_FAULT),
        (200, "", AttemptOutcome.DELIVERED),
        (299, "", AttemptOutcome.DELIVERED),
        (302, "redirect", AttemptOutcome.MESSAGE_FAULT),
        (404, "", AttemptOutcome.MESSAGE_FAULT),
        (410, "", AttemptOutcome.GONE),
        (429, "", AttemptOutcome.ENDPOINT_FAULT),
        (599, "", AttemptOutcome.ENDPOINT_FAULT),
        (200, "protocol", AttemptOutcome.ENDPOINT_FAULT),
    ],
)
def test_answers_are_told_apart(status: int | None, error: str, outcome: AttemptOutcome) -> None:
    assert retry_policy.classify_attempt("standard", status, error, b"") is outcome
