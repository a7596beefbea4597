"""Lines that break: between Muster and its database, and between Muster and a customer's server."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.conftest import LONG, SEED, with_servers
from tests.rig.check import SendResult, check, unbalanced
from tests.rig.load import Chaos, Load, wait_until
from tests.rig.processes import Postgres, Redis, Web, Worker, environment
from tests.rig.proxy import Mode, Proxy
from tests.rig.recorder import Recorder
from tests.rig.world import Database, make_rig_world

pytestmark = [pytest.mark.slow, with_servers, pytest.mark.timeout(600 if LONG else 150)]

COUNT, RATE, BREAKING_S = (3000, 20.0, 140.0) if LONG else (240, 16.0, 13.0)


def test_nothing_is_lost_or_reordered_on_lines_that_hang_drip_and_break(run_folder: Path) -> None:
    with contextlib.ExitStack() as stack:
        recorder = stack.enter_context(Recorder(run_folder))
        postgres = stack.enter_context(Postgres(run_folder))
        redis = stack.enter_context(Redis(run_folder))
        lines = {
            "database": stack.enter_context(Proxy(("127.0.0.1", postgres.port), drip_s=0.05)),
            "customer": stack.enter_context(Proxy(("127.0.0.1", recorder.port), drip_s=0.05)),
        }
        url = postgres.url.replace(f":{postgres.port}/", f":{lines['database'].port}/")
        env = environment(run_folder, url, redis.url)
        world = make_rig_world(env, f"http://127.0.0.1:{lines['customer'].port}")
        recorder.secrets(world.secrets)
        web = stack.enter_context(Web(run_folder, env))
        stack.enter_context(Worker(run_folder, env))
        database = Database(postgres.url)
        dice = random.Random(SEED)

        def broken(line: Proxy, mode: Mode) -> Callable[[], None]:
            def deed() -> None:
                line.switch(mode)
                time.sleep(dice.uniform(0.3, 1.5))
                line.switch(Mode.PASS)

            return deed

        modes = [mode for mode in Mode if mode is not Mode.PASS]
        deeds = {
            f"{name} {mode}": broken(line, mode) for name, line in lines.items() for mode in modes
        }
        load = Load(web.url, world, count=COUNT, rate=RATE, seed=SEED)
        chaos = Chaos(deeds, seed=SEED, seconds=BREAKING_S, every_s=(0.2, 0.6))
        load.start()
        chaos.start()
        broke = chaos.finish(BREAKING_S + 60)
        sent = load.finish(COUNT / RATE + 120)
        # An endpoint that failed again and again is probed within half a minute or so.
        drained = wait_until(lambda: database.waiting() == 0, 120)

        findings = check(sent, recorder.arrivals(), world.endpoints, database.stored(world))
        print(f"\nbroken: {broke}\n{findings}\n{database.counts()}")
        assert findings.faults == {}
        assert drained
        acknowledged = sum(one.result is SendResult.ACKNOWLEDGED for one in sent)
        assert acknowledged > 0.9 * COUNT
        assert unbalanced(database.counts(), database.punches(), acknowledged) == []
