"""A worker that is stopped after its claim and continued after another delivered: its late result
changes nothing.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.faults.conftest import LONG, SEED, with_servers
from tests.rig.check import check
from tests.rig.load import Load, wait_until
from tests.rig.processes import Postgres, Web, Worker, environment
from tests.rig.recorder import Recorder
from tests.rig.world import Database, RigWorld, make_rig_world

pytestmark = [pytest.mark.slow, with_servers, pytest.mark.timeout(240 if LONG else 120)]

DELIVERY = (
    "SELECT d.state, d.attempts, d.refusals, d.finished_at, l.due_at, l.leased_until FROM"
    " webhooks_delivery d JOIN webhooks_lane l ON l.endpoint_id = d.endpoint_id AND l.key ="
    " d.lane_key WHERE d.endpoint_id = %s"
)


def test_a_worker_that_wakes_up_late_changes_nothing(run_folder: Path) -> None:
    """At /one the other worker has delivered when the first goes on; at /two it is still waiting
    for the answer.
    """
    with contextlib.ExitStack() as stack:
        recorder = stack.enter_context(Recorder(run_folder))
        postgres = stack.enter_context(Postgres(run_folder))
        env = environment(run_folder, postgres.url)
        world = make_rig_world(env, recorder.url, devices=1, employees=1)
        recorder.secrets(world.secrets)
        web = stack.enter_context(Web(run_folder, env))
        database = Database(postgres.url)
        first = stack.enter_context(Worker(run_folder, env, name="first"))

        recorder.rules(one={"delay_s": 5}, two={"delay_s": 5})
        load = Load(web.url, world, count=1, rate=1, seed=SEED)
        load.start()
        sent = load.finish(20)
        assert wait_until(lambda: recorder.count() == 2, 20)
        first.pause()

        # Its answers have come by now, and lie unread in its sockets.
        recorder.rules(two={"delay_s": 8})
        second = stack.enter_context(Worker(run_folder, env, name="second"))
        let_leases_run_out(database)
        assert wait_until(lambda: recorder.count() == 4, 60)
        assert wait_until(lambda: state(database, world, "/one")["state"] == "delivered", 10)
        before = state(database, world, "/one")
        assert state(database, world, "/two")["state"] == "waiting"

        first.resume()
        assert wait_until(lambda: verdicts(database).count("stale") == 2, 20), verdicts(database)
        assert state(database, world, "/one") == before
        assert state(database, world, "/two")["leased_until"] is not None
        assert wait_until(lambda: state(database, world, "/two")["state"] == "delivered", 20)
        assert state(database, world, "/two")["attempts"] == 1
        assert sorted(verdicts(database)) == ["delivered", "delivered", "stale", "stale"]

        # Both live, and the lanes go on in order.
        recorder.rules()
        load = Load(web.url, world, count=20, rate=10, seed=SEED)
        load.start()
        sent += load.finish(30)
        assert wait_until(lambda: database.waiting() == 0, 40)
        time.sleep(1)
        assert first.alive
        assert second.alive
        findings = check(sent, recorder.arrivals(), world.endpoints, database.stored(world))
        print(f"\n{findings}; {verdicts(database).count('stale')} stale")
        assert findings.faults == {}


def test_the_scheduler_lives_and_dies_with_its_worker(run_folder: Path) -> None:
    """Days are worked out in a process beside the worker: started again when killed, gone when the
    worker is killed.
    """
    with contextlib.ExitStack() as stack:
        postgres = stack.enter_context(Postgres(run_folder))
        env = environment(run_folder, postgres.url)
        world = make_rig_world(env, "http://127.0.0.1:9", devices=1, employees=1, paths=["/nobody"])
        web = stack.enter_context(Web(run_folder, env))
        database = Database(postgres.url)
        worker = stack.enter_context(Worker(run_folder, env))

        def worked_out() -> int:
            return int(database.rows("SELECT COUNT(*) FROM attendance_day")[0][0])

        def come() -> None:
            load = Load(web.url, world, count=1, rate=1, seed=SEED)
            load.start()
            load.finish(20)

        come()
        assert wait_until(worked_out, 40), worker.log_text()[-2000:]
        (first,) = schedulers(worker.pid)
        assert os.getpriority(os.PRIO_PROCESS, first) > os.getpriority(os.PRIO_PROCESS, worker.pid)
        os.kill(first, signal.SIGKILL)
        assert wait_until(lambda: schedulers(worker.pid) not in ([], [first]), 20)
        database.rows("DELETE FROM attendance_day")
        come()
        assert wait_until(worked_out, 40), worker.log_text()[-2000:]
        (second,) = schedulers(worker.pid)
        os.kill(
            worker.pid, signal.SIGKILL
        )  # Only the first process: as when it alone was out of memory.
        assert wait_until(lambda: gone(second), 20)


def gone(pid: int) -> bool:
    """Whether a process has ended, be it that nobody asked for its status yet."""
    try:
        return not Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return True


def schedulers(worker: int) -> list[int]:
    """The live children of a worker that are its scheduler."""
    children = Path(f"/proc/{worker}/task").glob("*/children")
    pids = [int(pid) for one in children for pid in one.read_text().split()]
    return [pid for pid in pids if b"scheduler" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def let_leases_run_out(database: Database) -> None:
    """Wait for it in the long run; in the short one, let them end now."""
    if not LONG:
        database.rows(
            "UPDATE webhooks_lane SET leased_until = now() WHERE leased_until IS NOT NULL"
        )


def state(database: Database, world: RigWorld, path: str) -> dict[str, Any]:
    """The one delivery of an endpoint, and its lane."""
    names = ("state", "attempts", "refusals", "finished_at", "due_at", "leased_until")
    return dict(zip(names, database.rows(DELIVERY, world.endpoints[path])[0], strict=True))


def verdicts(database: Database) -> list[str]:
    """How the attempts ended."""
    return [
        str(row[0]) for row in database.rows("SELECT verdict FROM webhooks_attempt ORDER BY id")
    ]
