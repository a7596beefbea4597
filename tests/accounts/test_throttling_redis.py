"""Rate limits in a real Redis: exact over processes, and out of the way as soon as it hangs."""

from __future__ import annotations

import contextlib
import http.client
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.core.cache import caches

from accounts import rate_limits
from accounts.circuit_breaker import circuit_breaker
from accounts.rate_limits import (
    DAY,
    MINUTE,
    REFUSE,
    RateLimit,
    RateLimitUnavailable,
    Window,
    count_request,
)
from accounts.throttling import SSO_LIMIT
from tests import people
from tests.attendance.channels.test_device import Terminal
from tests.rig.processes import Redis, Web, environment, folder
from tests.rig.proxy import Mode, Proxy

pytestmark = pytest.mark.skipif(
    not shutil.which("redis-server"), reason="redis-server is not installed"
)


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    """A Redis of this module."""
    with folder() as place, Redis(place) as server:
        yield server


@pytest.fixture
def line(redis: Redis) -> Iterator[Proxy]:
    """The line to Redis, that can be broken."""
    with Proxy(("127.0.0.1", redis.port)) as proxy:
        yield proxy


@pytest.fixture
def shared(settings: Any, line: Proxy, redis: Redis) -> Proxy:
    """This process counts at the other end of the line, with the timeouts of an installation."""
    redis.flush()
    settings.CACHES = settings.CACHES | {
        rate_limits.SHARED_CACHE: {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": f"redis://127.0.0.1:{line.port}/0",
            "OPTIONS": {"socket_timeout": 0.1, "socket_connect_timeout": 0.1},
        }
    }
    return line


LIMIT = RateLimit("punches", (Window(1000, DAY),), lambda _: "gate")
GUARDED = RateLimit("tokens", (Window(1000, DAY),), lambda _: "asha", REFUSE)


def _source_whose_window_begins_next() -> str:
    """An address of this machine, for which a minute of SSO begins now; each address has its
    minutes at other times.
    """

    def seconds_left(address: str) -> int:
        entry = next(rate_limits._counted_windows(_From(address), (SSO_LIMIT,)))
        return rate_limits._count_shared(entry, False)[1]

    addresses = [f"127.0.0.{number}" for number in range(2, 250)]
    chosen = min(addresses, key=seconds_left)
    while seconds_left(chosen) < MINUTE:
        time.sleep(0.01)
    return chosen


class _From:
    """A request of which only the address is known."""

    def __init__(self, address: str) -> None:
        self.META = {"REMOTE_ADDR": address}


def test_exactly_the_limit_passes_over_four_processes(redis: Redis) -> None:
    calls, processes = 200, 4
    together = threading.Barrier(calls)
    with folder() as place, ThreadPoolExecutor(calls) as pool:
        env = environment(place, MUSTER_LIMITS_CACHE_URL=f"{redis.url[:-1]}3")
        with _Served(place, env, workers=processes) as web:
            deadline = time.monotonic() + 30
            while len({web.get("/api/healthz").process for _ in range(40)}) < processes:
                assert time.monotonic() < deadline, "not all processes came up"

            def call(number: int) -> _Answer:
                together.wait()
                return web.get("/limited", source, f"203.0.113.{number}, 198.51.100.{number}")

            source = _source_whose_window_begins_next()
            answers = list(pool.map(call, range(calls)))
    assert Counter(answer.status for answer in answers) == {200: 30, 429: 170}
    assert len({answer.process for answer in answers}) > 1
    waits = {answer.retry_after for answer in answers if answer.status == 429}
    assert all(wait and 1 <= int(wait) <= MINUTE for wait in waits)


class _Answer(NamedTuple):
    """What came back, and from which of the processes."""

    status: int
    process: str | None
    retry_after: str | None


class _Served(Web):
    """gunicorn with `tests.accounts.served`."""

    def __init__(self, place: Path, env: dict[str, str], **options: Any) -> None:
        super().__init__(place, env, **options)
        self._command[self._command.index("config.wsgi")] = "tests.accounts.served"

    def get(self, path: str, source: str = "127.0.0.1", forwarded: str = "") -> _Answer:
        """Ask on a connection of its own, from an address of this machine."""
        line = http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=30, source_address=(source, 0)
        )
        with contextlib.closing(line):
            line.request("GET", path, headers={"X-Forwarded-For": forwarded})
            reply = line.getresponse()
            return _Answer(reply.status, reply.headers["Served-By"], reply.headers["Retry-After"])


def test_a_hung_cache_is_tried_once_and_then_left_alone(shared: Proxy) -> None:
    shared.switch(Mode.HANG)
    assert [count_request(None, [LIMIT]).retry_after for _ in range(50)] == [None] * 50
    with pytest.raises(RateLimitUnavailable):
        count_request(None, [GUARDED])
    assert shared.accepted == 1
    assert circuit_breaker.counters == {"failures": 1, "uncounted": 51}


def test_a_cache_that_hangs_in_mid_talk_is_left_alone_too(shared: Proxy) -> None:
    assert count_request(None, [LIMIT]).states[0].count == 1
    shared.switch(Mode.HANG)
    assert [count_request(None, [LIMIT]).states[0].count for _ in range(3)] == [1, 2, 3]
    assert (shared.accepted, circuit_breaker.failures) == (1, 1)


@pytest.mark.parametrize("mode", [Mode.REFUSE, Mode.CUT, Mode.DRIP, Mode.HANG])
def test_it_counts_on_where_it_was_once_the_cache_is_back(
    shared: Proxy, mode: Mode, monkeypatch: Any
) -> None:
    count_request(None, [LIMIT])
    shared.switch(mode)
    assert count_request(None, [LIMIT]).retry_after is None
    assert circuit_breaker.failures == 1
    shared.switch(Mode.PASS)
    monkeypatch.setattr(circuit_breaker, "_until", 0.0)
    count = count_request(None, [LIMIT]).states[0].count
    assert count in (2, 3)  # What was under way when the line broke may have been counted.
    assert count_request(None, [LIMIT]).states[0].count == count + 1


def test_a_redis_that_was_started_anew_costs_nothing(shared: Proxy, redis: Redis) -> None:
    count_request(None, [LIMIT])
    shared.switch(Mode.CUT)  # The connection is gone, as after a restart.
    shared.switch(Mode.PASS)
    assert count_request(None, [LIMIT]).states[0].count == 2
    assert circuit_breaker.failures == 0


def test_a_count_that_is_no_number_is_a_failure_of_the_cache(shared: Proxy, redis: Redis) -> None:
    count_request(None, [LIMIT])
    (key,) = redis._client().keys("*")
    redis._client().delete(key)
    redis._client().lpush(key, "x")
    assert count_request(None, [LIMIT]).retry_after is None
    assert circuit_breaker.failures == 1


def test_a_terminal_s_punches_pass_while_the_cache_hangs(
    world: people.World, shared: Proxy, settings: Any
) -> None:
    settings.DEVICE_LIMIT_PER_MINUTE = 1000
    terminal = Terminal(*people.make_device(world.acme, "GATE-1"))
    assert terminal.punch(request_id="a")["RateLimit"].startswith('"device-minute";r=999;')
    shared.switch(Mode.HANG)
    assert [terminal.punch(request_id=key).status_code for key in "bcd"] == [200] * 3
    assert circuit_breaker.failures == 1


def test_no_name_and_no_address_lies_in_the_cache(shared: Proxy, redis: Redis) -> None:
    count_request(None, [GUARDED])
    assert not any(b"asha" in key for key in redis._client().keys("*"))
    assert caches[rate_limits.SHARED_CACHE].get("asha") is None
