"""Who does the work: Celery while its broker takes messages, our own threads while it does not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections

from tests import people
from tests.webhooks.conftest import dispatch_round, make_trusted, queue_events
from tests.webhooks.receiver import Receiver
from webhooks import adoption, broker_handover, delivery, dispatcher, lanes
from webhooks.adoption import adopt_deliveries
from webhooks.broker_handover import BrokerHandover
from webhooks.dispatcher import DispatchPool, run_dispatch_loop
from webhooks.lane_claims import claim_lanes
from webhooks.lanes import LaneLease
from webhooks.models import Delivery, Endpoint, Lane

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def endpoint(transactional_db: None, receiver: Receiver) -> Endpoint:
    return people.make_endpoint(people.make_organization("acme"), receiver.url)


@pytest.fixture
def watching() -> Iterator[Callable[[Callable[..., object]], None]]:
    stop, threads, hands = threading.Event(), [], []

    def start(publish_: Callable[..., object]) -> None:
        hands.append(DispatchPool(publish_, 4))
        threads.append(threading.Thread(target=_watch, args=(hands[-1], stop)))
        threads[-1].start()

    yield start
    stop.set()
    for thread in threads:
        thread.join()
    for one in hands:
        one.close()


def _watch(hands: DispatchPool, stop: threading.Event) -> None:
    try:
        run_dispatch_loop(hands, stop)
    finally:
        connections.close_all()


def _delivered(count: int, within_s: float = 10) -> bool:
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if Delivery.objects.filter(state="delivered").count() == count:
            return True
        time.sleep(0.05)
    return False


def _raise(*_: Any) -> None:
    raise ConnectionError("the broker is gone")


def test_a_healthy_broker_gets_the_work(
    endpoint: Endpoint, receiver: Receiver, watching: Any
) -> None:
    handed: list[tuple[int, int]] = []

    def publish_(lanes_: list[tuple[int, int]]) -> None:
        handed.extend(lanes_)
        for lane_id, token in lanes_:
            delivery.run_lane(lane_id, token)

    watching(publish_)
    queue_events(endpoint)
    assert _delivered(1)
    assert len(handed) == len(receiver.received) == 1


@pytest.mark.parametrize(
    "broker",
    [_raise, lambda *_: None, lambda *_: time.sleep(4)],
    ids=["refuses", "forgets", "hangs"],
)
def test_a_broken_broker_delays_a_push_and_never_stops_it(
    endpoint: Endpoint,
    receiver: Receiver,
    watching: Any,
    broker: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """More lanes than may be handed over at a time; and nobody waits for the lease of a hand-over
    to run out.
    """
    monkeypatch.setattr(lanes, "HANDOVER_LEASE", timedelta(seconds=29))
    for number in range(12):
        other = make_trusted(
            people.make_endpoint(people.make_organization(f"tenant-{number}"), receiver.url)
        )
        queue_events(other)
    watching(broker)
    assert _delivered(12)
    assert len(receiver.received) == 12


def test_a_broker_that_comes_back_is_tried_with_one_lane_and_then_trusted(
    endpoint: Endpoint, receiver: Receiver, watching: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_handover, "BROKER_SUSPECT_S", 0.2)
    monkeypatch.setattr(lanes, "HANDOVER_LEASE", timedelta(seconds=29))
    handed: list[tuple[int, int]] = []
    well = threading.Event()

    def publish_(lanes_: list[tuple[int, int]]) -> None:
        handed.extend(lanes_)
        if well.is_set():
            for lane_id, token in lanes_:
                delivery.run_lane(lane_id, token)

    watching(publish_)
    make_trusted(endpoint)
    for number in range(6):
        queue_events(endpoint, f"employee:{number}")
    assert _delivered(6)
    at_first = len(handed)
    for number in range(6, 12):
        queue_events(endpoint, f"employee:{number}")
    assert _delivered(12)
    assert len(handed) < at_first + 6, "on trial it gets one lane at a time"
    well.set()
    for number in range(12, 40):
        queue_events(endpoint, f"employee:{number}")
        time.sleep(0.05)
    assert _delivered(40)
    assert len(handed) > at_first + 5


def test_a_broker_that_hangs_for_ever_does_not_keep_the_worker_from_ending(db: None) -> None:
    hangs = threading.Event()
    broker = BrokerHandover(lambda *_: hangs.wait())
    broker.hand_over([LaneLease(1, 1, lapsed=False)])
    broker.close()
    threads = [
        thread
        for thread in threading.enumerate()
        if thread.name == "muster-publisher" and not thread.daemon
    ]
    hangs.set()
    assert threads == []


@pytest.mark.skipif(
    connection.vendor == "sqlite", reason="SQLite has one writer: a stopped one stops the others"
)
@pytest.mark.parametrize(
    ("module", "where"),
    [(adoption, "_assign_positions"), (lanes, "renew_or_release_lane")],
    ids=["adopting", "recording"],
)
def test_a_worker_stopped_within_a_transaction_does_not_stop_the_others(
    endpoint: Endpoint, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, module: Any, where: str
) -> None:
    """SIGSTOP in the middle: the database takes its locks away, its changes with them, and another
    one does the work.
    """
    original, go_on, stopped = getattr(module, where), threading.Event(), threading.Event()

    def stop_here(*args: Any, **kwargs: Any) -> Any:
        if threading.current_thread().name == "stopped":
            stopped.set()
            go_on.wait()
        return original(*args, **kwargs)

    monkeypatch.setattr(module, where, stop_here)
    make_trusted(endpoint)
    queue_events(endpoint)
    thread = threading.Thread(target=_push_in_a_thread, name="stopped")
    thread.start()
    assert stopped.wait(10)
    queue_events(endpoint)  # Into the same lane, which the stopped one may have locked.
    deadline = time.monotonic() + 20
    while Delivery.objects.filter(state="new").exists() and time.monotonic() < deadline:
        _tolerantly(adopt_deliveries)
        time.sleep(0.05)
    go_on.set()
    thread.join()
    assert not Delivery.objects.filter(state="new").exists()
    Lane.objects.update(leased_until=None)
    dispatch_round()
    assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}
    assert {request.headers["muster-sequence"] for request in receiver.received} == {"1", "2"}


def _push_in_a_thread() -> None:
    try:
        _tolerantly(dispatch_round)
    finally:
        connections.close_all()


def _tolerantly(work: Callable[[], object]) -> None:
    try:
        work()
    except DatabaseError:
        connection.close()


def test_lanes_of_one_task_are_worked_off_beside_each_other_and_once(
    endpoint: Endpoint, receiver: Receiver
) -> None:
    """Each waits at the customer's server for the other: one after the other they would never end
    well.
    """
    meet = threading.Barrier(2, timeout=10)
    receiver.answer = lambda request: (meet.wait(), (200, b""))[1]
    make_trusted(endpoint)
    queue_events(endpoint, "employee:a")
    queue_events(endpoint, "employee:b")
    adopt_deliveries()
    handed = [(one.lane_id, one.token) for one in claim_lanes(8)]
    hands = DispatchPool(None, 4)
    hands.run_handover(handed)
    hands.run_handover(handed)
    hands.close()
    assert Delivery.objects.filter(state="delivered").count() == 2
    assert len(receiver.received) == 2


def test_a_lane_that_could_not_be_begun_in_time_is_given_back(
    endpoint: Endpoint, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All hands were busy for so long that its lease could end while it is being sent, and another
    worker send it too.
    """
    monkeypatch.setattr(dispatcher, "START_TIMEOUT_S", -1.0)
    monkeypatch.setattr(delivery, "MAX_TURN_S", 0.0)
    make_trusted(endpoint)
    for lane in "ab":
        queue_events(endpoint, lane)
    adopt_deliveries()
    hands = DispatchPool(None, 2)
    hands.run_handover([(one.lane_id, one.token) for one in claim_lanes(2)])
    hands.close()
    assert len(receiver.received) == 1
    assert Lane.objects.filter(due_at__isnull=False, leased_until__isnull=True).count() == 1
    assert not Lane.objects.filter(leased_until__isnull=False).exists()
