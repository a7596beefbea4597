"""The arithmetic of trying again."""

from __future__ import annotations

from datetime import UTC, datetime

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
