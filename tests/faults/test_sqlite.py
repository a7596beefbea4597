"""The embedded default, SQLite and memory://: kill -9 of web and worker at random loses nothing."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from tests.faults.conftest import LONG, SEED
from tests.faults.test_kill import kill_and_start
from tests.rig.check import SendResult, check, unbalanced
from tests.rig.load import Chaos, Load, wait_until
from tests.rig.processes import Web, Worker, environment
from tests.rig.recorder import Recorder
from tests.rig.world import Database, make_rig_world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900 if LONG else 150)]

COUNT, RATE, KILLING_S = (5000, 20.0, 230.0) if LONG else (300, 14.0, 10.0)


def test_nothing_is_lost_on_the_embedded_engine(run_folder: Path) -> None:
    with contextlib.ExitStack() as stack:
        recorder = stack.enter_context(Recorder(run_folder))
        env = environment(run_folder)
        world = make_rig_world(env, recorder.url)
        recorder.secrets(world.secrets)
        web = stack.enter_context(Web(run_folder, env, workers=1))
        worker = stack.enter_context(Worker(run_folder, env))
        database = Database(env["DATABASE_URL"])

        load = Load(web.url, world, count=COUNT, rate=RATE, seed=SEED)
        chaos = Chaos(
            {"web": kill_and_start(web), "worker": kill_and_start(worker, wait=False)},
            seed=SEED,
            seconds=KILLING_S,
            every_s=(0.5, 3.0),
        )
        load.start()
        chaos.start()
        killed = chaos.finish(KILLING_S + 60)
        sent = load.finish(COUNT / RATE + 120)
        drained = wait_until(lambda: database.waiting() == 0, 120)

        findings = check(sent, recorder.arrivals(), world.endpoints, database.stored(world))
        print(f"\nkilled: {killed}\n{findings}\n{database.counts()}")
        assert findings.faults == {}
        assert drained
        acknowledged = sum(one.result is SendResult.ACKNOWLEDGED for one in sent)
        assert acknowledged > 0.9 * COUNT
        assert unbalanced(database.counts(), database.punches(), acknowledged) == []
