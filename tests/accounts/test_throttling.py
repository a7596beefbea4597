"""Rate limits: what is counted, what is said about it, and what happens when it cannot be
counted.
"""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest
import time_machine
from django.core.cache import caches
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from accounts import rate_limits, throttling
from accounts.circuit_breaker import CACHE_RETRY_S, CircuitBreaker, circuit_breaker
from accounts.rate_limits import (
    DAY,
    HOUR,
    MINUTE,
    PASS,
    REFUSE,
    RateLimit,
    RateLimitResult,
    RateLimitUnavailable,
    Window,
    count_request,
)
from accounts.sign_in_limits import SIGN_IN_LIMITS
from accounts.throttling import SSO_LIMIT, V1_LIMIT, V1_PUNCH_LIMIT

START = 1_781_000_000


def _limit(
    *windows: Window, name: str = "test", key: object = "asha", on_failure: Any = PASS
) -> RateLimit:
    return RateLimit(name, windows, lambda _: key, on_failure)


def _spend(*which: RateLimit) -> RateLimitResult:
    return count_request(RequestFactory().get("/"), which)


def _passed(calls: int, *which: RateLimit) -> int:
    return sum(_spend(*which).retry_after is None for _ in range(calls))


@pytest.fixture
def broken(settings: Any) -> None:
    """The shared cache is a port where nobody listens."""
    settings.CACHES = settings.CACHES | {
        rate_limits.SHARED_CACHE: {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
        }
    }


def test_exactly_the_limit_passes() -> None:
    assert _passed(50, _limit(Window(30, DAY))) == 30


def test_the_next_window_starts_anew_exactly_when_the_refusal_said() -> None:
    limit = _limit(Window(2, MINUTE))
    with time_machine.travel(START, tick=False) as clock:
        _passed(2, limit)
        wait = _spend(limit).retry_after
        assert wait is not None
        assert 1 <= wait <= MINUTE
        clock.shift(wait - 0.001)
        assert _spend(limit).retry_after == 1
        clock.shift(0.001)
        assert _passed(3, limit) == 2


@given(
    at=st.floats(START, START + 2 * DAY),
    period=st.sampled_from([1, 7, MINUTE, HOUR, DAY]),
    key=st.text(max_size=5),
)
def test_retry_after_is_the_time_to_the_end_of_the_window(at: float, period: int, key: str) -> None:
    caches[rate_limits.SHARED_CACHE].clear()
    limit = _limit(Window(1, period), key=key)
    with time_machine.travel(at, tick=False) as clock:
        _spend(limit)
        wait = _spend(limit).retry_after
        assert wait is not None
        assert 1 <= wait <= period
        clock.shift(wait)
        assert _spend(limit).retry_after is None


def test_every_window_holds() -> None:
    limit = _limit(Window(2, MINUTE), Window(5, HOUR))
    with time_machine.travel(START, tick=False) as clock:
        passed = []
        for _ in range(4):
            passed.append(_passed(10, limit))
            clock.shift(MINUTE)
        assert passed == [2, 2, 1, 0]


def test_hammering_a_short_window_does_not_use_up_a_long_one() -> None:
    limit = _limit(Window(2, MINUTE), Window(100, DAY))
    _passed(99, limit)
    assert re.search(r'"test-day";r=98;', _spend(limit).headers["RateLimit"])


def test_the_longest_of_the_refusing_windows_says_when_to_come_again() -> None:
    limit = _limit(Window(2, MINUTE), Window(2, DAY))
    with time_machine.travel(START, tick=False):
        _passed(2, limit)
        bill = _spend(limit)
    assert [state.refuses for state in bill.states] == [True, True]
    assert bill.retry_after == max(state.resets_in for state in bill.states) > MINUTE


def test_keys_and_names_count_apart() -> None:
    one = Window(1, DAY)
    apart = [
        _limit(one),
        _limit(one, key="bala"),
        _limit(one, name="other"),
        _limit(one, name="test1", key="1asha"),
    ]
    assert [_passed(2, limit) for limit in apart] == [1, 1, 1, 1]


def test_a_key_of_none_and_no_windows_are_no_limit() -> None:
    bill = _spend(_limit(Window(0, DAY), key=None), _limit())
    assert (bill.retry_after, bill.headers) == (None, {})


def test_a_caller_may_bring_its_own_windows() -> None:
    limit = RateLimit("own", lambda request: request.windows, lambda _: "k")
    request = RequestFactory().get("/")
    request.windows = (Window(1, DAY),)
    assert [count_request(request, [limit]).retry_after is None for _ in range(2)] == [True, False]
    request.windows = (Window(5, DAY),)
    assert count_request(request, [limit]).retry_after is None


def test_the_headers_are_the_draft_s() -> None:
    limit = _limit(Window(2, 90), Window(9, HOUR))
    with time_machine.travel(START, tick=False):
        bill = _spend(limit)
        short, long = (state.resets_in for state in bill.states)
        assert bill.headers == {
            "RateLimit-Policy": '"test-90s";q=2;w=90, "test-hour";q=9;w=3600',
            "RateLimit": f'"test-90s";r=1;t={short}, "test-hour";r=8;t={long}',
        }
        _passed(2, limit)
        assert (
            _spend(limit).headers["RateLimit"]
            == f'"test-90s";r=0;t={short}, "test-hour";r=7;t={long}'
        )
        assert _spend(limit).headers["Retry-After"] == str(short)


@pytest.mark.parametrize("key", ["\ud800", "\x00", "x" * 100_000, "अशा", 7, ""])
def test_any_text_can_be_a_key(key: object) -> None:
    assert _passed(2, _limit(Window(1, DAY), key=key)) == 1


class _View(APIView):
    permission_classes = ()
    limits = (_limit(Window(1, DAY)),)

    def post(self, request: Any) -> Response:
        return Response({"name": request.data.get("name")})


def _post(view: type[APIView] = _View, body: Any = None, **extra: Any) -> Any:
    return view.as_view()(APIRequestFactory().post("/", body or {}, format="json", **extra))


def test_a_view_is_held_to_its_limits_and_says_so_in_its_words() -> None:
    first, second = _post(), _post()
    assert (first.status_code, first["RateLimit-Policy"]) == (200, '"test-day";q=1;w=86400')
    assert "Retry-After" not in first
    assert (second.status_code, second.data["code"]) == (429, "rate_limited")
    assert 1 <= int(second["Retry-After"]) <= DAY
    assert second["RateLimit"] == f'"test-day";r=0;t={second["Retry-After"]}'
    assert second["Retry-After"] in second.data["message"]


def test_a_failing_answer_says_what_is_left_too() -> None:
    reply = _View.as_view()(APIRequestFactory().post("/", "{", content_type="application/json"))
    assert (reply.status_code, reply["RateLimit"][:12]) == (400, '"test-day";r')


def test_a_view_without_limits_has_none() -> None:
    view: Any = type("Free", (_View,), {"limits": ()})
    replies = [_post(view) for _ in range(3)]
    assert {reply.status_code for reply in replies} == {200}
    assert not any(reply.has_header("RateLimit") for reply in replies)


@pytest.mark.usefixtures("frozen_clock")
def test_forged_addresses_are_one_client() -> None:
    view: Any = type("Sso", (_View,), {"limits": (SSO_LIMIT,)})
    codes = [_post(view, HTTP_X_FORWARDED_FOR=f"203.0.113.{one}").status_code for one in range(40)]
    assert codes == [200] * 30 + [429] * 10


@pytest.mark.usefixtures("frozen_clock", "db")
def test_an_account_is_tried_few_times_from_everywhere() -> None:
    view: Any = type("Token", (_View,), {"limits": SIGN_IN_LIMITS})

    def attempt(name: Any, one: int) -> int:
        body = {"organization": "acme", "username": name}
        return int(_post(view, body, REMOTE_ADDR=f"198.51.100.{one}").status_code)

    assert [attempt(("Asha", "asha")[one % 2], one) for one in range(12)] == [200] * 10 + [429] * 2
    assert attempt("bala", 50) == 200
    assert [attempt(name, 51) for name in (None, 7, [])] == [200] * 3


def test_the_channels_limits_are_the_contract_s() -> None:
    assert (V1_LIMIT.windows, V1_PUNCH_LIMIT.windows, SSO_LIMIT.windows) == (
        (Window(60, 60),),
        (Window(30, 60),),
        (Window(30, 60),),
    )
    assert (Window(1000, 3600), Window(10_000, 86_400)) == throttling.BIOMETRIC_WINDOWS
    assert V1_PUNCH_LIMIT.on_failure is V1_LIMIT.on_failure is PASS
    assert SSO_LIMIT.on_failure is REFUSE
    assert {limit.on_failure for limit in SIGN_IN_LIMITS} == {REFUSE}


@pytest.mark.usefixtures("broken")
class TestWithoutTheCache:
    """The cache is away."""

    def test_punches_pass_and_are_limited_in_this_process(self) -> None:
        with time_machine.travel(START, tick=False):
            limit = _limit(Window(3, MINUTE), Window(100, DAY))
            bills = [_spend(limit) for _ in range(5)]
        assert [bill.retry_after is None for bill in bills] == [True, True, True, False, False]
        assert re.search(
            r'"test-minute";r=0;t=\d+, "test-day";r=97;', bills[-1].headers["RateLimit"]
        )

    def test_sign_in_does_not_pass(self) -> None:
        with pytest.raises(RateLimitUnavailable) as caught:
            _spend(_limit(Window(3, MINUTE)), _limit(Window(3, MINUTE), on_failure=REFUSE))
        assert 1 <= caught.value.wait <= CACHE_RETRY_S

    def test_sign_in_answers_503_and_when_to_come_again(self) -> None:
        reply = _post(type("Sso", (_View,), {"limits": (SSO_LIMIT,)}))
        assert (reply.status_code, reply.data["code"]) == (503, "unavailable")
        assert 1 <= int(reply["Retry-After"]) <= CACHE_RETRY_S

    def test_the_failure_is_counted_always_and_said_once(self, caplog: Any) -> None:
        with caplog.at_level(logging.WARNING):
            _passed(5, _limit(Window(9, DAY)))
            circuit_breaker.record_failure(OSError("again"))
        assert circuit_breaker.counters == {"failures": 2, "uncounted": 5}
        assert [record.name for record in caplog.records] == ["accounts.circuit_breaker"]


def test_the_breaker_lets_one_request_try_and_the_others_not_wait() -> None:
    now = [1000.0]
    breaker = CircuitBreaker(lambda: now[0])
    assert [breaker.allows_request() for _ in range(3)] == [True] * 3
    breaker.record_failure(OSError())
    assert (breaker.allows_request(), breaker.wait) == (False, CACHE_RETRY_S)
    now[0] += CACHE_RETRY_S
    assert [breaker.allows_request() for _ in range(3)] == [True, False, False]
    breaker.record_success()
    assert [breaker.allows_request() for _ in range(3)] == [True] * 3
