#!/usr/bin/env python
"""Two hundred tar-pits of one tenant, and what they cost another tenant's pushes.

The pits drip their headers or their body at one byte a second, accept and say nothing, or never
finish the TLS handshake. A PostgreSQL, a web, a worker and both customers' servers are started for
this run only. Shown: how long attempts took, which must end by the deadline + 1 s, and accept →
received at the healthy tenant with and without the pits. Every pit has a queue; each punch of the
hostile tenant adds two hundred pushes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import math
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.rig.check import check  # noqa: E402
from tests.rig.load import Load, wait_until  # noqa: E402
from tests.rig.processes import (  # noqa: E402
    Child,
    Postgres,
    Redis,
    Web,
    Worker,
    environment,
    folder,
    free_port,
)
from tests.rig.recorder import Recorder  # noqa: E402
from tests.rig.world import Database, RigWorld, make_rig_world  # noqa: E402

DEADLINE_S = 15.0
KINDS = ("headers", "body", "silence", "tls")
FULL_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100000\r\n\r\n"


async def serve_tarpit(
    kind: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """One connection that never comes to its end."""
    with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        if kind in ("silence", "tls"):
            while await reader.read(4096):
                await asyncio.sleep(0)
            return
        await reader.readuntil(b"\r\n\r\n")
        if kind == "body":
            writer.write(FULL_HEAD)
        text = b"HTTP/1.1 200 OK\r\nX-Slow: " if kind == "headers" else b""
        for number in range(10**6):
            writer.write(text[number : number + 1] or b"z")
            await writer.drain()
            await asyncio.sleep(1)
    writer.close()


async def serve(ports: Sequence[int]) -> None:
    """The pits, one kind on each port."""
    for kind, port in zip(KINDS, ports, strict=True):
        await asyncio.start_server(
            lambda reader, writer, kind=kind: serve_tarpit(kind, reader, writer),
            "127.0.0.1",
            port,
            backlog=1024,
        )
    await asyncio.Event().wait()


def addresses(ports: Sequence[int], count: int) -> list[str]:
    """The endpoints' addresses, the kinds in turn."""
    found = []
    for number in range(count):
        kind, port = KINDS[number % len(KINDS)], ports[number % len(KINDS)]
        found.append(f"{'https' if kind == 'tls' else 'http'}://127.0.0.1:{port}/pit-{number}")
    return found


def percentile(values: Sequence[float], part: float) -> float:
    """A percentile, by nearest rank."""
    return sorted(values)[max(0, math.ceil(len(values) * part) - 1)] if values else math.nan


def measure(
    web: Web,
    world: RigWorld,
    recorder: Recorder,
    database: Database,
    rate: float,
    seconds: float,
    patience_s: float = 30.0,
) -> dict[str, float]:
    """accept → received of the healthy tenant, in milliseconds, and what was wrong."""
    load = Load(web.url, world, count=int(rate * seconds), rate=rate)
    load.start()
    sent = load.finish(seconds + 120)
    names = {one.name for one in sent}
    waits = (
        "SELECT 1 FROM webhooks_delivery WHERE organization_id = %s AND state IN ('new', 'waiting')"
        " LIMIT 1"
    )
    drained = wait_until(lambda: not database.rows(waits, world.organization_id), patience_s)
    notes = [note for note in recorder.requests() if note.arrival.name in names]
    missing = check(sent, [note.arrival for note in notes], world.endpoints).lost
    delays = [note.delay_s * 1000 for note in notes]
    answers = [one.took_s * 1000 for one in load.results]
    return {
        "pushes": len(delays),
        "p50": percentile(delays, 0.5),
        "p95": percentile(delays, 0.95),
        "p99": percentile(delays, 0.99),
        "max": max(delays, default=math.nan),
        "answer_p99": percentile(answers, 0.99),
        "missing": len(missing),
        "drained": drained,
    }


def attempts_by_error(database: Database, world: RigWorld) -> list[tuple[str, int, float]]:
    """Error class, how many, and the longest in seconds, of the attempts at the pits."""
    rows = database.rows(
        "SELECT CASE WHEN error = '' THEN 'none' ELSE error END, COUNT(*), MAX(duration_ms) FROM"
        " webhooks_attempt WHERE organization_id = %s GROUP BY 1 ORDER BY 1",
        world.organization_id,
    )
    return [(str(error), int(count), int(longest) / 1000) for error, count, longest in rows]


def run(options: argparse.Namespace) -> dict[str, object]:
    """Start everything, measure twice, print."""
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(folder())
        postgres = stack.enter_context(Postgres(place))
        broker = stack.enter_context(Redis(place)).url if options.redis else "memory://"
        recorder = stack.enter_context(Recorder(place))
        ports = [free_port() for _ in KINDS]
        stack.enter_context(Child("pits", [sys.executable, __file__, "--serve", *ports], place))
        env = environment(place, postgres.url, broker, MUSTER_LOG_LEVEL="WARNING")
        healthy = make_rig_world(env, recorder.url, paths=["/healthy"], slug="healthy")
        recorder.secrets(healthy.secrets)
        hostile = make_rig_world(env, "", paths=addresses(ports, options.pits), slug="hostile")
        web = stack.enter_context(Web(place, env))
        stack.enter_context(Worker(place, env, threads=options.hands))
        database = Database(postgres.url)

        measure(web, healthy, recorder, database, options.rate, 3)  # Warm.
        without = measure(web, healthy, recorder, database, options.rate, options.seconds)
        # A queue for every pit that lasts beyond the measurement; the work of queueing it is not
        # what is measured.
        queue = Load(web.url, hostile, count=8, rate=4.0)
        queue.start()
        queue.finish(60)
        wait_until(
            lambda: (
                not database.rows("SELECT 1 FROM webhooks_delivery WHERE state = 'new' LIMIT 1")
            ),
            60,
        )
        time.sleep(options.settle)
        poison = Load(
            web.url, hostile, count=int(options.poison * options.seconds) + 1, rate=options.poison
        )
        poison.start()
        beside = measure(
            web, healthy, recorder, database, options.rate, options.seconds, options.patience
        )
        poison.halt()
        time.sleep(DEADLINE_S + 2)  # Those under way come to their end.
        return show(options, without, beside, attempts_by_error(database, hostile))


def show(
    options: argparse.Namespace,
    without: dict[str, float],
    beside: dict[str, float],
    tries: list[tuple[str, int, float]],
) -> dict[str, object]:
    """A table for people; the same as one dict."""
    print(
        f"{options.pits} tar-pits, {options.hands} hands, {options.rate:g} punches/s at the healthy"
        " tenant"
    )
    print(
        f"{'accept → received, ms':24}{'pushes':>8}{'p50':>9}{'p95':>9}{'p99':>9}{'max':>9}"
        f"{'answer p99':>12}{'missing':>9}"
    )
    for name, one in (("without the pits", without), ("beside the pits", beside)):
        figures = "".join(f"{one[key]:9.0f}" for key in ("p50", "p95", "p99", "max"))
        print(
            f"{name:24}{one['pushes']:8.0f}{figures}{one['answer_p99']:12.0f}{one['missing']:9.0f}"
        )
    longest = max((seconds for *_, seconds in tries), default=0.0)
    for error, count, seconds in tries:
        print(f"attempts at the pits: {error:12} {count:6}, the longest {seconds:.2f} s")
    ratio = beside["p95"] / without["p95"]
    print(
        f"p95 ratio {ratio:.2f} (target 1.10); longest attempt {longest:.2f} s (target"
        f" {DEADLINE_S + 1:.0f} s)"
    )
    return {
        "bench": "tarpits",
        "pits": options.pits,
        "hands": options.hands,
        "rate": options.rate,
        "without": without,
        "beside": beside,
        "p95_ratio": round(ratio, 3),
        "attempts": tries,
        "longest_attempt_s": longest,
    }


def main() -> None:
    """Read the flags, run, and close with one line of JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--pits", type=int, default=200, help="tar-pit endpoints of the hostile tenant (200)"
    )
    parser.add_argument(
        "--rate", type=float, default=20.0, help="punches a second of the healthy tenant (20)"
    )
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="length of each measurement (60)"
    )
    parser.add_argument(
        "--poison", type=float, default=0.5, help="punches a second of the hostile tenant (0.5)"
    )
    parser.add_argument(
        "--settle",
        type=float,
        default=2.0,
        help="seconds between the queue and the measurement (2)",
    )
    parser.add_argument(
        "--patience", type=float, default=60.0, help="how long late pushes are waited for (60)"
    )
    parser.add_argument(
        "--threads", type=int, default=8, help="the worker's threads (8, as `manage.py up`)"
    )
    parser.add_argument(
        "--redis",
        action="store_true",
        help="a Redis of its own as the broker, instead of memory://",
    )
    parser.add_argument("--serve", type=int, nargs=len(KINDS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(options.serve))
    else:
        print(json.dumps(run(options)))


if __name__ == "__main__":
    threading.stack_size(512 * 1024)
    main()
