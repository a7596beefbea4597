"""One tenant's tar-pits must not slow another tenant's pushes. `bench/tarpits.py` has the long run
and the figures.
"""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path

import pytest

from bench.tarpits import KINDS, addresses, attempts_by_error, measure
from tests.faults.conftest import long_only, with_servers
from tests.rig.load import Load
from tests.rig.processes import Child, Postgres, Web, Worker, environment, free_port
from tests.rig.recorder import Recorder
from tests.rig.world import Database, make_rig_world

pytestmark = [pytest.mark.slow, with_servers, long_only, pytest.mark.timeout(120)]

PITS = 40


def test_forty_tar_pits_do_not_slow_another_tenant(run_folder: Path) -> None:
    with contextlib.ExitStack() as stack:
        recorder = stack.enter_context(Recorder(run_folder))
        postgres = stack.enter_context(Postgres(run_folder))
        ports = [free_port() for _ in KINDS]
        stack.enter_context(
            Child("pits", [sys.executable, "bench/tarpits.py", "--serve", *ports], run_folder)
        )
        env = environment(run_folder, postgres.url)
        healthy = make_rig_world(env, recorder.url, paths=["/healthy"], slug="healthy")
        hostile = make_rig_world(env, "", paths=addresses(ports, PITS), slug="hostile")
        web = stack.enter_context(Web(run_folder, env))
        stack.enter_context(Worker(run_folder, env))
        database = Database(postgres.url)
        poison = Load(web.url, hostile, count=40, rate=4.0)
        poison.start()
        time.sleep(2)
        beside = measure(web, healthy, recorder, database, 10.0, 15.0, patience_s=10.0)
        poison.halt()
        longest = max(
            (seconds for *_, seconds in attempts_by_error(database, hostile)), default=0.0
        )
        print(f"\n{beside}\nlongest attempt at a pit {longest:.2f} s")
        assert beside["missing"] == 0
        assert beside["p95"] < 500
        assert longest < 16
