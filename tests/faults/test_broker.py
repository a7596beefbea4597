"""The broker dead at the start, refused, hung or wiped: punches are taken as before, and pushes go
on without a restart.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.conftest import LONG, SEED, long_only, with_servers
from tests.rig.check import check
from tests.rig.load import Load, PunchResult, wait_until
from tests.rig.processes import Postgres, Redis, Web, Worker, environment
from tests.rig.proxy import Mode, Proxy
from tests.rig.recorder import RecordedRequest, Recorder
from tests.rig.world import Database, RigWorld, make_rig_world

pytestmark = [pytest.mark.slow, with_servers, pytest.mark.timeout(600 if LONG else 120)]

RATE = 20.0
BEFORE_S, FAULT_S, AFTER_S = (30.0, 60.0, 30.0) if LONG else (4.0, 7.0, 11.0)
# The last part of `AFTER_S`: by then the worker has its broker again.
AGAIN_S = 3.0
# The promise: what is pushed while the broker is away comes at most this much later than it would
# have.
SLOWER_S = 2.0
# The promise: answers to terminals take at most this much longer. The machine's own noise is
# allowed for; an answer that waited for a broker would be slower by far more.
LONGER, NOISE_S, P99_NOISE_S = 1.2, 0.02, 0.4
RABBIT = "amqp://guest:guest@127.0.0.1:5672//"


@dataclass(frozen=True)
class Site:
    """What the scenarios share: everything but the worker."""

    folder: Path
    postgres: Postgres
    redis: Redis
    proxy: Proxy
    recorder: Recorder
    web: Web
    world: RigWorld

    @property
    def through_proxy(self) -> str:
        """The broker, seen through the proxy."""
        return f"redis://127.0.0.1:{self.proxy.port}/0"

    def worker(self, broker: str, name: str) -> Worker:
        """A worker of its own for a scenario."""
        return Worker(self.folder, environment(self.folder, self.postgres.url, broker), name=name)


@pytest.fixture(scope="module")
def site(shared_run_folder: Path) -> Iterator[Site]:
    with contextlib.ExitStack() as stack:
        recorder = stack.enter_context(Recorder(shared_run_folder))
        postgres = stack.enter_context(Postgres(shared_run_folder))
        redis = stack.enter_context(Redis(shared_run_folder))
        proxy = stack.enter_context(Proxy(("127.0.0.1", redis.port)))
        # The web is told the same broker as the worker: had it any business with it, its answers
        # would show.
        env = environment(shared_run_folder, postgres.url, f"redis://127.0.0.1:{proxy.port}/0")
        world = make_rig_world(env, recorder.url)
        recorder.secrets(world.secrets)
        web = stack.enter_context(Web(shared_run_folder, env))
        warm = Load(
            web.url, world, count=80, rate=40.0
        )  # Every thread has its connection, every statement its plan.
        warm.start()
        warm.finish(30)
        yield Site(shared_run_folder, postgres, redis, proxy, recorder, web, world)


@contextlib.contextmanager
def refused(site: Site) -> Iterator[None]:
    site.proxy.switch(Mode.REFUSE)
    yield
    site.proxy.switch(Mode.PASS)


@contextlib.contextmanager
def silent(site: Site) -> Iterator[None]:
    """It accepts and never answers, to connections old and new."""
    site.proxy.switch(Mode.HANG)
    yield
    site.proxy.switch(Mode.PASS)


@contextlib.contextmanager
def dripping(site: Site) -> Iterator[None]:
    """A byte a second, in both directions."""
    site.proxy.switch(Mode.DRIP)
    yield
    site.proxy.switch(Mode.PASS)


@contextlib.contextmanager
def cut(site: Site) -> Iterator[None]:
    """It accepts, and hangs up at once."""
    site.proxy.switch(Mode.CUT)
    yield
    site.proxy.switch(Mode.PASS)


@contextlib.contextmanager
def stopped(site: Site) -> Iterator[None]:
    """SIGSTOP of Redis itself."""
    site.redis.pause()
    yield
    site.redis.resume()


@contextlib.contextmanager
def wiped(site: Site) -> Iterator[None]:
    """FLUSHALL, four times a second."""
    stop = threading.Event()

    def loop() -> None:
        while not stop.wait(0.25):
            site.redis.flush()

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    yield
    stop.set()
    thread.join()


@contextlib.contextmanager
def spoilt(site: Site) -> Iterator[None]:
    """It answers every command with an error, as a replica after a fail-over or a server without
    memory does.
    """
    site.redis.corrupt_key("muster")
    yield
    site.redis.flush()


@contextlib.contextmanager
def killed(site: Site) -> Iterator[None]:
    site.redis.kill()
    yield
    site.redis.start()
    site.redis.wait_ready()


@pytest.mark.parametrize(
    "fault",
    [
        spoilt,
        *(
            pytest.param(one, marks=long_only)
            for one in (silent, refused, dripping, cut, stopped, wiped, killed)
        ),
    ],
)
def test_pushes_go_on_while_the_broker_does_not(
    site: Site, fault: Callable[[Site], AbstractContextManager[None]]
) -> None:
    with site.worker(site.through_proxy, f"worker-{fault.__name__}") as worker:
        seconds = BEFORE_S + FAULT_S + AFTER_S
        load = Load(site.web.url, site.world, count=int(RATE * seconds), rate=RATE, seed=SEED)
        load.start()
        time.sleep(BEFORE_S)
        began = time.time()
        with fault(site):
            time.sleep(FAULT_S)
        ended = time.time()
        time.sleep(AFTER_S - AGAIN_S)
        again, taken = time.time(), worker.tasks_received()
        sent = load.finish(seconds + 30)
        judge(site, load)
        notes = [
            note
            for note in site.recorder.requests()
            if note.arrival.name in {one.name for one in sent}
        ]
        report(fault.__name__, load.results, notes, began, ended)
        late = delay(notes, again, math.inf)
        print(
            f"{worker.tasks_received() - taken} tasks taken up in the last {AGAIN_S:.0f} s; slowest"
            f" then {late * 1000:.0f} ms"
        )
        assert worker.alive
        slower = delay(notes, began, math.inf) - delay(notes, 0, began)
        print(f"slowest push {slower:.2f} s slower than before the fault")
        # A few seconds on a machine that may do something else say little about time: the long run
        # holds it to the promises.
        assert not LONG or slower < SLOWER_S
        for part, noise in ((0.5, NOISE_S), (0.99, P99_NOISE_S)):
            before, during = (
                answers_in(load.results, part, 0, began),
                answers_in(load.results, part, began, ended),
            )
            print(f"answers to terminals, p{part * 100:.0f}: {during / before:.2f} of what it was")
            assert not LONG or during < LONGER * before + noise
        # In use again: otherwise some pushes would wait for a lease that nobody takes up, for ever.
        assert worker.tasks_received() - taken > RATE * AGAIN_S / 6
        assert not LONG or late < 1.4


@long_only
def test_a_worker_that_starts_without_its_broker_pushes_and_finds_it_later(site: Site) -> None:
    site.proxy.switch(Mode.REFUSE)
    load = Load(site.web.url, site.world, count=200, rate=RATE, seed=SEED)
    worker = site.worker(site.through_proxy, "worker-without")
    try:
        worker.start()
        load.start()
        began = time.time()
        load.finish(60)
        judge(site, load)
        notes = [note for note in site.recorder.requests() if (note.received_at or 0) >= began]
        report("dead at the start", load.results, notes, began, time.time())
        site.proxy.switch(Mode.PASS)
        worker.wait_ready(60)
        taken = worker.tasks_received()
        time.sleep(6)
        load = Load(site.web.url, site.world, count=100, rate=RATE, seed=SEED)
        load.start()
        load.finish(60)
        judge(site, load)
        assert worker.tasks_received() > taken
    finally:
        site.proxy.switch(Mode.PASS)
        worker.kill()


@long_only
@pytest.mark.parametrize("broker", ["memory://", RABBIT])
def test_other_brokers(site: Site, broker: str) -> None:
    """RabbitMQ is the machine's own if there is one; its queue `muster` is shared with whoever else
    uses that name.
    """
    if broker == RABBIT and not answers(RABBIT):
        pytest.skip("no RabbitMQ at 127.0.0.1:5672")
    kind = broker.partition(":")[0]
    with site.worker(broker, f"worker-{kind}") as worker:
        load = Load(site.web.url, site.world, count=200, rate=RATE, seed=SEED)
        began = time.time()
        load.start()
        load.finish(60)
        judge(site, load)
        notes = [note for note in site.recorder.requests() if (note.received_at or 0) >= began]
        report(kind, load.results, notes, began, time.time())
        # Within one process the worker's own threads need no broker between them.
        assert worker.tasks_received() > 0 or broker == "memory://"
        assert worker.stop() == 0


def judge(site: Site, load: Load) -> None:
    """Drain, and nothing is lost, invented or out of order in all that came so far."""
    database = Database(site.postgres.url)
    drained = wait_until(lambda: database.waiting() == 0, 60)
    stored = database.stored(site.world)
    sent = [one.sent for one in load.results]
    names = {one.name for one in sent}
    arrivals = site.recorder.arrivals()
    findings = check(sent, [one for one in arrivals if one.name in names], site.world.endpoints)
    # Order is judged over all scenarios together: the lanes are the same.
    findings.disordered = check([], arrivals, [], []).disordered
    findings.unrecovered = check([], arrivals, [], stored).unrecovered
    assert findings.faults == {}
    assert drained


def report(
    name: str,
    told: Sequence[PunchResult],
    notes: Sequence[RecordedRequest],
    began: float,
    ended: float,
) -> None:
    """The figures of one scenario."""
    before = [note.delay_s for note in notes if (note.received_at or 0) < began]
    during = [note.delay_s for note in notes if began <= (note.received_at or 0) <= ended]
    answers_before = [one.took_s for one in told if one.at < began]
    answers_during = [one.took_s for one in told if began <= one.at <= ended]
    first = min(
        (note for note in notes if (note.received_at or 0) >= began), key=lambda note: note.at
    )
    print(
        f"\n{name}: first arrival {first.at - began:.2f} s after the fault; accept → received"
        f" p50/p99/max before {figures(before)}, during {figures(during)}; answers before"
        f" {figures(answers_before)}, during {figures(answers_during)}"
    )


def figures(seconds: Sequence[float]) -> str:
    """p50/p99/max in milliseconds."""
    return "/".join(f"{point(seconds, part) * 1000:.0f}" for part in (0.5, 0.99, 1.0)) + " ms"


def delay(notes: Sequence[RecordedRequest], began: float, ended: float) -> float:
    """The longest way from accepted to received, of what was accepted in that time."""
    return max(
        (note.delay_s for note in notes if began <= (note.received_at or 0) <= ended), default=0.0
    )


def answers_in(told: Sequence[PunchResult], part: float, began: float, ended: float) -> float:
    """How long answers to terminals took in that time, as a percentile."""
    return point([one.took_s for one in told if began <= one.at <= ended], part)


def point(values: Sequence[float], part: float) -> float:
    """A percentile, by nearest rank."""
    return sorted(values)[max(0, math.ceil(len(values) * part) - 1)] if values else 0.0


def answers(url: str) -> bool:
    """Whether an AMQP broker lets us in."""
    from kombu import Connection

    try:
        with Connection(url, connect_timeout=2) as connection:
            connection.connect()
    except Exception:  # noqa: BLE001
        return False
    return True
