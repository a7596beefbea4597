"""A rolling restart under load, as an upgrade does it: not one punch fails, and nothing is lost or
reordered.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.conftest import LONG, SEED, with_servers
from tests.rig.check import SendResult, check
from tests.rig.load import Chaos, Load, wait_until
from tests.rig.processes import Postgres, Redis, Web, Worker, environment
from tests.rig.recorder import Recorder
from tests.rig.world import Database, make_rig_world

pytestmark = [pytest.mark.slow, with_servers, pytest.mark.timeout(300 if LONG else 120)]

COUNT, RATE, RESTARTING_S = (2400, 20.0, 100.0) if LONG else (300, 20.0, 12.0)


def test_a_rolling_restart_fails_no_punch(run_folder: Path) -> None:
    """HUP for the web (new processes take over), TERM and a new start for one worker after the
    other.
    """
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
        statuses: list[int] = []

        def reload() -> None:
            web.reload()
            time.sleep(3)  # As long as new processes need to start.

        def replace(worker: Worker) -> Callable[[], None]:
            def deed() -> None:
                statuses.append(worker.stop())
                worker.start()
                worker.wait_ready()

            return deed

        deeds = {"web": reload, "worker": replace(workers[0]), "other worker": replace(workers[1])}
        load = Load(web.url, world, count=COUNT, rate=RATE, seed=SEED)
        chaos = Chaos(deeds, seed=SEED, seconds=RESTARTING_S, every_s=(0.2, 1.0))
        load.start()
        chaos.start()
        done = chaos.finish(RESTARTING_S + 60)
        sent = load.finish(COUNT / RATE + 60)
        assert wait_until(lambda: database.waiting() == 0, 60)

        findings = check(sent, recorder.arrivals(), world.endpoints, database.stored(world))
        again = [one for one in load.results if one.tries > 1]
        print(f"\nrestarted: {done}; {len(again)} punches needed a second try\n{findings}")
        assert findings.faults == {}
        assert [one for one in sent if one.result is not SendResult.ACKNOWLEDGED] == []
        assert again == []
        assert set(statuses) == {0}
