"""A worker whose clock was an hour ahead: after the clock is put right, pushes go on at once."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connections
from django.utils import timezone

from tests.webhooks.conftest import dispatch_round, make_trusted, queue_events
from tests.webhooks.receiver import Receiver
from webhooks import retry_policy
from webhooks.adoption import adopt_deliveries
from webhooks.dispatcher import DispatchPool, run_dispatch_loop
from webhooks.impossible_times import reset_impossible_times
from webhooks.lane_claims import claim_lanes
from webhooks.lanes import SENDING_LEASE
from webhooks.models import Delivery, Endpoint, Lane
from webhooks.outbox import oldest_waiting_age


def _clock_ahead(**how: float) -> Any:
    return time_machine.travel(timezone.now() + timedelta(**how), tick=True)


def _sequences(receiver: Receiver, lane: str) -> list[int]:
    return [
        int(one.headers["muster-sequence"])
        for one in receiver.received
        if one.headers["muster-lane"] == lane
    ]


@pytest.mark.parametrize("lease", [SENDING_LEASE, timedelta(seconds=1.5)], ids=["held", "handed"])
def test_lanes_of_a_killed_worker_with_a_clock_ahead_are_sent_in_order(
    endpoint: Endpoint, receiver: Receiver, lease: timedelta
) -> None:
    with _clock_ahead(hours=1):
        queue_events(endpoint, "a", count=3)
        queue_events(endpoint, "b", count=3)
        queue_events(endpoint, "c", count=1)
        adopt_deliveries()
        assert len(claim_lanes(2, lease, 40)) == 2  # And is killed.
    queue_events(endpoint, "a")
    assert dispatch_round() == 0
    assert reset_impossible_times() == 3
    dispatch_round()
    assert _sequences(receiver, "a") == [1, 2, 3, 4]
    assert _sequences(receiver, "b") == [1, 2, 3]
    assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}
    assert not Lane.objects.exclude(due_at=None, leased_until=None).exists()


def test_a_message_that_was_refused_under_a_clock_ahead_is_tried_again(
    endpoint: Endpoint, receiver: Receiver
) -> None:
    receiver.answer = lambda request: (422, b"")
    with _clock_ahead(hours=1):
        queue_events(endpoint, "a", count=2)
        dispatch_round()
    receiver.answer = lambda request: (200, b"")
    assert dispatch_round() == 0
    assert reset_impossible_times() == 1
    dispatch_round()
    assert _sequences(receiver, "a") == [1, 1, 2]


@pytest.mark.parametrize("failed_before", [False, True])
def test_an_endpoint_that_failed_under_a_clock_ahead_is_tried_again(
    endpoint: Endpoint, receiver: Receiver, *, failed_before: bool
) -> None:
    receiver.answer = lambda request: (503, b"")
    if failed_before:
        queue_events(endpoint, "a")
        dispatch_round()
    with _clock_ahead(hours=1):
        queue_events(endpoint, "a")
        assert dispatch_round() == 1
    receiver.answer = lambda request: (200, b"")
    assert dispatch_round() == 0
    reset_impossible_times()
    assert dispatch_round() >= 1
    row = Endpoint.objects.get()
    assert (row.failures, row.failing_since, row.retry_at) == (0, None, None)


def test_the_pace_of_an_endpoint_is_not_used_up_by_a_clock_ahead(
    endpoint: Endpoint, receiver: Receiver
) -> None:
    Endpoint.objects.update(max_per_second=5)
    with _clock_ahead(hours=1):
        queue_events(endpoint, "a")
        assert dispatch_round() == 1
    queue_events(endpoint, "a")
    assert dispatch_round() == 0
    reset_impossible_times()
    assert dispatch_round() == 1


def test_times_that_can_be_stay_as_they_are(endpoint: Endpoint, receiver: Receiver) -> None:
    """Refusals, a lease, a pace and a Retry-After of six hours, all by a right clock."""
    receiver.answer = lambda request: (422, b"")
    queue_events(endpoint, "refused")
    queue_events(endpoint, "often", count=2)
    Delivery.objects.filter(lane_key="often", sequence=1).update(
        refusals=len(retry_policy.MESSAGE_DELAYS) - 1
    )
    Endpoint.objects.update(max_per_second=100)
    dispatch_round()
    receiver.answer = lambda request: (503, b"", {"Retry-After": "21600"})
    queue_events(endpoint, "held")
    adopt_deliveries()
    claim_lanes(1, SENDING_LEASE)
    make_trusted(endpoint)
    queue_events(endpoint, "failed")
    dispatch_round()
    assert Endpoint.objects.get().retry_at > timezone.now() + timedelta(hours=5)
    assert Lane.objects.filter(due_at__gt=timezone.now() + timedelta(hours=23)).count() == 1
    before = [list(Lane.objects.order_by("id").values()), list(Endpoint.objects.values())]
    assert reset_impossible_times() == 0
    assert [list(Lane.objects.order_by("id").values()), list(Endpoint.objects.values())] == before


def test_clocks_that_differ_by_seconds_take_no_lane_from_each_other(
    endpoint: Endpoint, receiver: Receiver
) -> None:
    with _clock_ahead(seconds=20):
        queue_events(endpoint)
        adopt_deliveries()
        assert len(claim_lanes(1, SENDING_LEASE)) == 1
    assert reset_impossible_times() == 0
    assert claim_lanes(1) == []


def test_readiness_sees_deliveries_in_lanes_that_are_due_in_an_hour(
    endpoint: Endpoint, receiver: Receiver
) -> None:
    queue_events(endpoint, "a")
    with _clock_ahead(hours=1):
        adopt_deliveries()
    Delivery.objects.update(created_at=timezone.now() - timedelta(minutes=3))
    assert timedelta(minutes=3) <= oldest_waiting_age() < timedelta(minutes=4)


def test_readiness_sees_deliveries_in_lanes_that_are_leased_for_an_hour(
    endpoint: Endpoint, receiver: Receiver
) -> None:
    queue_events(endpoint, "a")
    adopt_deliveries()
    Lane.objects.update(
        due_at=timezone.now() - timedelta(minutes=3),
        leased_until=timezone.now() + timedelta(hours=1),
    )
    assert timedelta(minutes=3) <= oldest_waiting_age() < timedelta(minutes=4)


def test_a_refused_message_that_waits_for_its_next_attempt_is_not_old(
    endpoint: Endpoint, receiver: Receiver
) -> None:
    receiver.answer = lambda request: (422, b"")
    queue_events(endpoint, "a", count=2)
    Delivery.objects.update(created_at=timezone.now() - timedelta(minutes=3))
    Delivery.objects.filter(sequence=1).update(refusals=5)
    dispatch_round()
    assert oldest_waiting_age() == timedelta()


@pytest.mark.django_db(transaction=True)
def test_a_dispatcher_that_starts_sends_what_a_clock_ahead_left(
    endpoint: Endpoint, receiver: Receiver
) -> None:
    with _clock_ahead(hours=1):
        queue_events(endpoint, "a", count=3)
        adopt_deliveries()
        claim_lanes(1, SENDING_LEASE)
    pool, stop = DispatchPool(None, 2), threading.Event()
    thread = threading.Thread(target=_run_dispatcher, args=(pool, stop))
    thread.start()
    deadline = time.monotonic() + 10
    while len(receiver.received) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    stop.set()
    thread.join()
    pool.close()
    assert _sequences(receiver, "a") == [1, 2, 3]


def _run_dispatcher(pool: DispatchPool, stop: threading.Event) -> None:
    try:
        run_dispatch_loop(pool, stop)
    finally:
        connections.close_all()
