#!/usr/bin/env python
"""Half a million deliveries wait for one dead endpoint: what that costs another endpoint's pushes, and the way back.

A PostgreSQL of this run only. Timed, one statement after the other as the watcher runs them: `adopt`, `claim`, and taking a
lane up and recording a result, for a healthy endpoint that gets one new delivery in each round, while the dead endpoint
is (a) backed off, (b) being probed, (c) as good as new but slow, so that all its lanes may be claimed; then (d) how long a new
delivery waits to be adopted when the whole backlog was queued anew at once, as a replay of everything does. At last the dead
endpoint returns, and a sample is pushed over real HTTP and checked for order.
"""

# ruff: noqa: PLC0415  Django's parts can be imported only once the run's settings are in the environment.
from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.rig.check import check  # noqa: E402
from tests.rig.processes import Postgres, environment, folder  # noqa: E402
from tests.rig.recorder import Recorder  # noqa: E402
from tests.rig.world import World, make_world  # noqa: E402

TARGET_MS = 10.0


class Clock:
    """Milliseconds by name."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = {}

    @contextlib.contextmanager
    def time(self, name: str) -> Iterator[None]:
        """Time a block."""
        began = time.perf_counter()
        yield
        self.times.setdefault(name, []).append((time.perf_counter() - began) * 1000)

    def figures(self) -> dict[str, dict[str, float]]:
        """p50, p99 and the longest of each."""
        return {
            name: {"n": len(times), "p50": point(times, 0.5), "p99": point(times, 0.99), "max": max(times)}
            for name, times in self.times.items()
        }


def point(values: Sequence[float], part: float) -> float:
    """A percentile, by nearest rank."""
    return round(sorted(values)[max(0, math.ceil(len(values) * part) - 1)], 3)


def fill(world: World, rows: int, lanes: int) -> float:
    """The backlog: `rows` deliveries of the endpoint /dead in `lanes` due lanes; seconds it took."""
    from webhooks.lanes import run

    began, dead = time.monotonic(), world.endpoints["/dead"]
    body = '{"type":"punch.recorded","data":{"sequence":'
    run(
        "INSERT INTO webhooks_delivery (organization_id, message_id, endpoint_id, lane_key, sequence, event_type, subject,"
        " query, body, state, attempts, refusals, created_at) SELECT %s, 'msg_' || md5(n::text), %s, 'employee:' || n %% %s,"
        " n / %s + 1, 'punch.recorded', 'punch:' || n, '', %s || n / %s + 1 || %s, 'waiting', 0, 0, now() - interval '5 days'"
        " FROM generate_series(0, %s - 1) AS n",
        *(world.organization_id, dead, lanes, lanes, body, lanes, ',"text":"' + "x" * 500 + '"}}', rows),
    )
    run(
        "INSERT INTO webhooks_lane (organization_id, endpoint_id, key, due_at, lease_token, lapsed) SELECT %s, %s,"
        " 'employee:' || n, now() - interval '5 days', 0, FALSE FROM generate_series(0, %s - 1) AS n",
        *(world.organization_id, dead, lanes),
    )
    run("VACUUM ANALYZE webhooks_delivery")
    run("VACUUM ANALYZE webhooks_lane")
    return time.monotonic() - began


def queue(world: World, count: int = 1, lane: str = "employee:healthy") -> None:
    """New deliveries for the healthy endpoint."""
    from django.db import transaction
    from django.utils import timezone

    from webhooks import outbox

    message = outbox.Message(world.endpoints["/healthy"], lane, "punch.recorded", "punch:0", '{"data":{"sequence":', "}}")
    with transaction.atomic():
        outbox.publish(world.organization_id, [message] * count, timezone.now())


def set_dead(world: World, **facts: Any) -> None:
    """Put the dead endpoint into a state."""
    from webhooks.models import Endpoint

    Endpoint.objects.of(world.organization_id).filter(pk=world.endpoints["/dead"]).update(**facts)


def rounds(world: World, count: int, hands: int, before: Callable[[], None]) -> tuple[Clock, int]:
    """`count` rounds of the watcher with one healthy delivery in each; the times, and how many healthy ones came through."""
    from webhooks import delivery, http, lanes

    clock, through = Clock(), 0
    reply = http.Reply(200, b"", "", "", "127.0.0.1", 1, None)
    for number in range(count):
        before()
        queue(world, lane=f"employee:{number % 50}")
        with clock.time("adopt"):
            lanes.adopt()
        with clock.time("claim"):
            claimed = lanes.claim(hands)
        assert len(claimed) <= hands, f"{len(claimed)} claimed for {hands} hands"
        for one in claimed:
            with clock.time("take up"):
                token = lanes.take_up(one.lane_id, one.token)
                job = lanes.next_job(one.lane_id, token) if token else None
            if job is None or token is None:
                continue
            if job.endpoint_id == world.endpoints["/dead"]:
                lanes.settle(one.lane_id, token, _long_ago())
                continue
            with clock.time("record"):
                delivery.record(job, _now(), reply, stay=False)
            through += 1
    return clock, through


def _now() -> Any:
    from django.utils import timezone

    return timezone.now()


def _long_ago() -> Any:
    from datetime import timedelta

    return _now() - timedelta(days=5)


def replay_all(world: World) -> dict[str, float]:
    """Queue the whole backlog anew, then one delivery of the healthy endpoint: how long until it is adopted."""
    from webhooks.lanes import adopt, run

    run("UPDATE webhooks_delivery SET state = 'new' WHERE endpoint_id = %s", world.endpoints["/dead"])
    queue(world, lane="employee:late")
    mine = "SELECT 1 FROM webhooks_delivery WHERE endpoint_id = %s AND state = 'new' LIMIT 1"
    began, ticks, longest = time.perf_counter(), 0, 0.0
    while run(mine, world.endpoints["/healthy"]):
        tick = time.perf_counter()
        adopt()
        ticks, longest = ticks + 1, max(longest, (time.perf_counter() - tick) * 1000)
    return {"seconds": round(time.perf_counter() - began, 2), "ticks": ticks, "longest_tick_ms": round(longest, 1)}


def drain(world: World, recorder: Recorder, sample: int, hands: int) -> dict[str, Any]:
    """The dead endpoint is back: push until `sample` deliveries came, with `hands` threads, and judge their order."""
    from concurrent.futures import ThreadPoolExecutor

    from webhooks import delivery, lanes

    set_dead(world, failures=0, failing_since=None, retry_at=None, allowance=1)
    before, began = recorder.count(), time.monotonic()
    with ThreadPoolExecutor(hands) as threads:
        done: list[Any] = []
        while recorder.count() - before < sample and time.monotonic() - began < 120:
            lanes.adopt()
            done = [one for one in done if not one.done()]
            for one in lanes.claim(hands - len(done)):
                done.append(threads.submit(delivery.run_lane, one.lane_id, one.token))
            time.sleep(0.02)
    took = time.monotonic() - began
    arrivals = [one for one in recorder.arrivals() if one.endpoint == "/dead"]
    findings = check([], arrivals, [], [])
    wrong = findings.disordered + findings.altered + findings.unverified
    return {"pushed": len(arrivals), "per_second": round(len(arrivals) / took), "out_of_order": len(wrong)}


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Fill, measure, print."""
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(folder())
        postgres = stack.enter_context(Postgres(place))
        recorder = stack.enter_context(Recorder(place))
        env = environment(place, postgres.url, MUSTER_LOG_LEVEL="ERROR", MUSTER_DB_POOL_MAX="40")
        world = make_world(env, recorder.url, paths=["/dead", "/healthy"])
        recorder.secrets(world.secrets)
        os.environ.update(env)
        import django

        django.setup()
        found: dict[str, Any] = {"bench": "push_backlog", "rows": options.rows, "lanes": options.lanes}
        clock, _ = rounds(world, options.rounds, options.hands, lambda: None)
        found["empty"] = show("no backlog", clock)
        seconds = fill(world, options.rows, options.lanes)
        print(f"filled {options.rows} rows in {options.lanes} lanes: {seconds:.0f} s")
        hour = {"retry_at": _now().replace(year=2100), "failures": 9, "allowance": 1}
        probed = {"retry_at": None, "failures": 9, "allowance": 1}
        slow = {"retry_at": None, "failures": 0, "allowance": 8}
        for name, facts in (("backed off", hour), ("being probed", probed), ("slow", slow)):
            set_dead(world, **facts)
            clock, through = rounds(world, options.rounds, options.hands, lambda: None)
            found[name] = show(f"{name} ({through} of {options.rounds} healthy through)", clock)
        set_dead(world, **hour)
        found["replay"] = replay_all(world)
        print(
            "whole backlog queued anew: a healthy delivery was adopted after {seconds} s, {ticks} ticks".format(
                **found["replay"]
            )
        )
        found["return"] = drain(world, recorder, options.sample, options.hands)
        print("the endpoint is back: {pushed} pushed at {per_second}/s, {out_of_order} out of order".format(**found["return"]))
        worst = max(found[name]["claim"]["p99"] for name in ("backed off", "being probed", "slow"))
        print(f"claim p99 beside the backlog {worst:.1f} ms at worst (target {TARGET_MS:.0f} ms)")
        from django.db import connections

        connections.close_all()
        connections["default"].close_pool()  # type: ignore[attr-defined]
        return found


def show(name: str, clock: Clock) -> dict[str, dict[str, float]]:
    """One block of the table."""
    figures = clock.figures()
    for step, one in figures.items():
        print(f"{name:44}{step:10} n {one['n']:6.0f}  p50 {one['p50']:8.2f}  p99 {one['p99']:8.2f}  max {one['max']:8.2f} ms")
    return figures


def main() -> None:
    """Read the flags, run, and close with one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=500_000, help="deliveries that wait (500000)")
    parser.add_argument("--lanes", type=int, default=5000, help="lanes they wait in (5000)")
    parser.add_argument("--rounds", type=int, default=300, help="rounds of each measurement (300)")
    parser.add_argument("--hands", type=int, default=8, help="lanes claimed at a time (8)")
    parser.add_argument("--sample", type=int, default=2000, help="deliveries pushed when the endpoint is back (2000)")
    print(json.dumps(run(parser.parse_args())))


if __name__ == "__main__":
    threading.stack_size(512 * 1024)
    main()
