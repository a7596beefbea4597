"""kill -9 of the worker, the web, the broker and PostgreSQL (`pg_ctl -m immediate`), at random,
under load.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.conftest import LONG, SEED, long_only, with_servers
from tests.rig.check import SendResult, SentPunch, check, unbalanced
from tests.rig.load import Chaos, Load, wait_until
from tests.rig.processes import Child, Postgres, Redis, Web, Worker, environment
from tests.rig.recorder import Recorder
from tests.rig.world import Database, make_rig_world

pytestmark = [pytest.mark.slow, with_servers, pytest.mark.timeout(900 if LONG else 150)]

COUNT, RATE, KILLING_S = (5000, 20.0, 230.0) if LONG else (400, 16.0, 12.0)
DRAIN_S = 120.0


def kill_and_start(child: Child, *, wait: bool = True) -> Callable[[], None]:
    """A deed: kill -9, and start again."""

    def deed() -> None:
        child.kill()
        child.start()
        if wait:
            child.wait_ready()

    return deed


def test_nothing_is_lost_invented_or_reordered_when_everything_is_killed(run_folder: Path) -> None:
    with contextlib.ExitStack() as stack:
        recorder = stack.enter_context(Recorder(run_folder))
        postgres = stack.enter_context(Postgres(run_folder))
        redis = stack.enter_context(Redis(run_folder))
        env = environment(run_folder, postgres.url, redis.url)
        world = make_rig_world(env, recorder.url)
        recorder.secrets(world.secrets)
        web = stack.enter_context(Web(run_folder, env))
        workers = [
            stack.enter_context(Worker(run_folder, env, name=f"worker{number}"))
            for number in range(2)
        ]
        database = Database(postgres.url)

        load = Load(web.url, world, count=COUNT, rate=RATE, seed=SEED)
        chaos = Chaos(
            {
                "web": kill_and_start(web),
                "worker": kill_and_start(workers[0], wait=False),
                "other worker": kill_and_start(workers[1], wait=False),
                "broker": kill_and_start(redis),
                "database": kill_and_start(postgres),
            },
            seed=SEED,
            seconds=KILLING_S,
            every_s=(0.3, 2.0),
        )
        load.start()
        chaos.start()
        killed = chaos.finish(KILLING_S + 120)
        sent = load.finish(COUNT / RATE + 120)
        drained = wait_until(lambda: database.waiting() == 0, DRAIN_S)

        findings = check(sent, recorder.arrivals(), world.endpoints, database.stored(world))
        tries = sum(one.tries for one in load.results)
        print(f"\nkilled: {killed}; tries {tries}\n{findings}\n{database.counts()}")
        assert findings.faults == {}
        assert drained
        acknowledged = sum(one.result is SendResult.ACKNOWLEDGED for one in sent)
        assert acknowledged > 0.9 * COUNT
        assert unbalanced(database.counts(), database.punches(), acknowledged) == []


@long_only
def test_after_a_restart_of_the_database_the_worker_is_as_fast_as_before(run_folder: Path) -> None:
    """Connections that the restart broke are replaced, in every thread: none keeps failing for
    ever.
    """
    with contextlib.ExitStack() as stack:
        recorder = stack.enter_context(Recorder(run_folder))
        postgres = stack.enter_context(Postgres(run_folder))
        redis = stack.enter_context(Redis(run_folder))
        env = environment(run_folder, postgres.url, redis.url)
        world = make_rig_world(env, recorder.url)
        recorder.secrets(world.secrets)
        web = stack.enter_context(Web(run_folder, env))
        worker = stack.enter_context(Worker(run_folder, env))
        database = Database(postgres.url)

        def run(count: int, rate: float) -> None:
            load = Load(web.url, world, count=count, rate=rate, seed=SEED)
            load.start()
            sent.extend(load.finish(count / rate + 60))
            assert wait_until(lambda: database.waiting() == 0, 60)

        sent: list[SentPunch] = []
        run(60, 20.0)  # Every thread of the worker has a connection now.
        postgres.kill()
        postgres.start()
        postgres.wait_ready()
        run(60, 20.0)  # What broke is noticed, and made good.
        time.sleep(6)  # Longer than the broker is suspected of what the database did.
        logged, began = len(worker.log_text()), time.time()
        run(100, 20.0)

        slow = [
            note.delay_s
            for note in recorder.requests()
            if (note.received_at or 0) >= began and note.delay_s > 1.0
        ]
        failed = worker.log_text()[logged:].count("raised unexpected")
        print(
            f"\n{failed} tasks failed, {len(slow)} of 200 pushes took longer than 1 s, the longest"
            f" {max(slow, default=0):.1f} s"
        )
        assert (
            check(sent, recorder.arrivals(), world.endpoints, database.stored(world)).faults == {}
        )
        assert failed == 0
        assert not LONG or slow == []
