"""The push, against a real server: what is sent, in which order, and what becomes of failures."""

from __future__ import annotations

import json
import time
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from standardwebhooks import Webhook

from accounts.credentials import decrypt
from core.outbound.response_reader import OutboundResponse
from tests import people
from tests.webhooks.conftest import dispatch_round, make_trusted, queue_events
from tests.webhooks.receiver import Receiver
from webhooks import adoption, delivery, lanes, retry_policy, services
from webhooks.adoption import adopt_deliveries
from webhooks.jobs import next_jobs
from webhooks.lane_claims import claim_lanes
from webhooks.models import Attempt, Delivery, Endpoint, Lane


def _later(**how: float) -> Any:
    return time_machine.travel(timezone.now() + timedelta(**how), tick=True)


def test_an_event_arrives_once_signed_for_the_official_library(
    endpoint: Endpoint, receiver: Receiver
) -> None:
    queue_events(endpoint)
    assert dispatch_round() == 1
    assert dispatch_round() == 0
    (request,) = receiver.received
    Webhook(decrypt(endpoint.secret_cipher)).verify(request.body, request.headers)
    assert json.loads(request.body) == {"data": {"sequence": 1, "x": 1}}
    assert Delivery.objects.get().state == Delivery.State.DELIVERED
    assert Attempt.objects.get().status == 200


def test_a_lane_is_worked_off_in_its_order(endpoint: Endpoint, receiver: Receiver) -> None:
    queue_events(endpoint, count=5)
    queue_events(endpoint, count=3)
    dispatch_round()
    assert [json.loads(request.body)["data"]["sequence"] for request in receiver.received] == list(
        range(1, 9)
    )
    assert [request.headers["muster-sequence"] for request in receiver.received] == [
        str(n) for n in range(1, 9)
    ]


def test_a_refused_message_waits_and_holds_only_its_own_lane(
    endpoint: Endpoint, receiver: Receiver
) -> None:
    receiver.answer = lambda request: (
        (400, b"no") if request.headers["muster-lane"] == "a" else (200, b"")
    )
    queue_events(endpoint, "a", count=2)
    queue_events(endpoint, "b", count=2)
    dispatch_round()
    dispatch_round()
    assert [request.headers["muster-lane"] for request in receiver.received].count("a") == 1
    assert Delivery.objects.filter(lane_key="b", state="delivered").count() == 2
    assert Endpoint.objects.get().failures == 0


def test_a_refused_message_comes_again_with_the_same_id_and_bytes(
    endpoint: Endpoint, receiver: Receiver
) -> None:
    receiver.answer = lambda request: (422, b"\x00later")
    queue_events(endpoint)
    dispatch_round()
    receiver.answer = lambda request: (204, b"")
    with _later(seconds=retry_policy.MESSAGE_DELAYS[0] * 1.3):
        assert dispatch_round() == 1
    first, second = receiver.received
    assert (first.id, first.body) == (second.id, second.body)
    assert list(Attempt.objects.order_by("id").values_list("number", "verdict", "reply")) == [
        (1, "message_fault", "�later"),
        (2, "delivered", ""),
    ]


def test_a_message_is_given_up_after_its_budget_and_the_lane_goes_on(
    endpoint: Endpoint, receiver: Receiver
) -> None:
    receiver.answer = lambda request: (
        (400, b"") if request.headers["muster-sequence"] == "1" else (200, b"")
    )
    queue_events(endpoint, count=2)
    Delivery.objects.filter(sequence=1).update(refusals=len(retry_policy.MESSAGE_DELAYS))
    dispatch_round()
    dispatch_round()
    assert dict(Delivery.objects.values_list("sequence", "state")) == {1: "dead", 2: "delivered"}


@pytest.mark.parametrize("status", [500, 502, 503, 408, 425, 429])
def test_an_endpoint_fault_backs_the_endpoint_off_and_costs_no_message(
    endpoint: Endpoint, receiver: Receiver, status: int
) -> None:
    receiver.answer = lambda request: (status, b"")
    queue_events(endpoint, "a")
    queue_events(endpoint, "b")
    dispatch_round(1)
    assert dispatch_round() == 0
    row = Endpoint.objects.get()
    assert (row.failures, row.retry_at > timezone.now()) == (1, True)
    assert set(Delivery.objects.values_list("state", "refusals")) == {("waiting", 0)}


def test_a_failing_endpoint_is_probed_by_one_and_then_ramps_up(
    endpoint: Endpoint, receiver: Receiver
) -> None:
    receiver.answer = lambda request: (503, b"")
    for lane in "abcdefghij":
        queue_events(endpoint, lane)
    dispatch_round()
    receiver.received.clear()
    receiver.answer = lambda request: (200, b"")
    with _later(minutes=10):
        sizes = [dispatch_round() for _ in range(5)]
    assert sizes[:2] == [1, 2]
    assert sum(sizes) == 10


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [("120", 119, 121), ("1000000000000", 21_599, 21_601), ("abc", 0.5, 2)],
)
def test_retry_after_is_honoured_within_a_cap(
    endpoint: Endpoint, receiver: Receiver, header: str, least: float, most: float
) -> None:
    receiver.answer = lambda request: (429, b"", {"Retry-After": header})
    queue_events(endpoint)
    before = timezone.now()
    dispatch_round()
    wait = (Endpoint.objects.get().retry_at - before).total_seconds()
    assert least < wait < most + 5


def test_410_pauses_the_endpoint_and_keeps_queueing(endpoint: Endpoint, receiver: Receiver) -> None:
    receiver.answer = lambda request: (410, b"")
    queue_events(endpoint, count=2)
    dispatch_round()
    queue_events(endpoint)
    assert dispatch_round() == 0
    endpoint.refresh_from_db()
    assert (endpoint.state, endpoint.pause_reason) == ("paused", "gone")
    receiver.answer = lambda request: (200, b"")
    services.resume_endpoint(endpoint)
    while dispatch_round():
        pass
    assert [request.headers["muster-sequence"] for request in receiver.received[1:]] == [
        "1",
        "2",
        "3",
    ]


def test_days_of_nothing_but_failure_pause_the_endpoint(
    endpoint: Endpoint, receiver: Receiver
) -> None:
    receiver.answer = lambda request: (500, b"")
    queue_events(endpoint)
    dispatch_round()
    with _later(seconds=retry_policy.PAUSE_ENDPOINT_AFTER_S + 60):
        dispatch_round()
    assert Endpoint.objects.get().pause_reason == "failing"


def test_a_redirect_is_a_failure_and_is_not_followed(
    endpoint: Endpoint, receiver: Receiver
) -> None:
    receiver.answer = lambda request: (302, b"", {"Location": receiver.url})
    queue_events(endpoint)
    dispatch_round()
    assert len(receiver.received) == 1
    assert Attempt.objects.get().verdict == "message_fault"


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ((200, b'{"status":"DONE"}'), "delivered"),
        ((200, b'{"status":"error"}'), "waiting"),
        ((200, b"<html>Please log in</html>"), "waiting"),
        ((200, b""), "waiting"),
        ((200, b"[" * 50_000), "waiting"),
    ],
)
def test_a_cams_server_must_say_done(
    endpoint: Endpoint, receiver: Receiver, answer: Any, state: str
) -> None:
    Endpoint.objects.update(mode="cams")
    receiver.answer = lambda request: answer
    queue_events(endpoint)
    dispatch_round()
    assert Delivery.objects.get().state == state


def test_during_a_rotation_both_secrets_verify(endpoint: Endpoint, receiver: Receiver) -> None:
    old = decrypt(endpoint.secret_cipher)
    new = services.rotate_secret(endpoint)
    queue_events(endpoint)
    dispatch_round()
    (request,) = receiver.received
    for secret in (old, new):
        Webhook(secret).verify(request.body, request.headers)


def test_a_task_that_runs_twice_sends_once(endpoint: Endpoint, receiver: Receiver) -> None:
    queue_events(endpoint)
    adopt_deliveries()
    (claimed,) = claim_lanes(5)
    assert [delivery.run_lane(claimed.lane_id, claimed.token) for _ in range(2)] == [1, 0]
    assert len(receiver.received) == 1


def test_a_late_result_is_refused_by_the_token_and_kept_as_an_attempt(
    endpoint: Endpoint, receiver: Receiver
) -> None:
    queue_events(endpoint)
    adopt_deliveries()
    (claimed,) = claim_lanes(5)
    (job,) = next_jobs(lanes.accept_handovers([(claimed.lane_id, claimed.token)]))
    with _later(minutes=1):
        assert dispatch_round() == 1
        reply = OutboundResponse(500, b"", "", "", "127.0.0.1", 5, None)
        assert delivery.record_attempt(job, timezone.now(), reply) is None
    assert Delivery.objects.get().state == "delivered"
    assert Endpoint.objects.get().failures == 0
    assert list(Attempt.objects.order_by("id").values_list("verdict", flat=True)) == [
        "delivered",
        "stale",
    ]


def test_a_lane_that_was_handed_over_in_vain_is_claimed_again_as_late(endpoint: Endpoint) -> None:
    queue_events(endpoint)
    adopt_deliveries()
    (first,) = claim_lanes(5)
    assert claim_lanes(5) == []
    with _later(seconds=2):
        (second,) = claim_lanes(5)
    assert (first.lapsed, second.lapsed, second.token != first.token) == (False, True, True)


def test_what_is_queued_while_a_lane_is_worked_on_is_not_forgotten(
    endpoint: Endpoint, receiver: Receiver
) -> None:
    def answer(request: Any) -> Any:
        return (200, b"")

    receiver.answer = answer
    queue_events(endpoint)
    adopt_deliveries()
    (claimed,) = claim_lanes(5)
    (job,) = next_jobs(lanes.accept_handovers([(claimed.lane_id, claimed.token)]))
    queue_events(endpoint)
    adopt_deliveries()
    started = timezone.now()
    assert (
        delivery.record_attempt(job, started, delivery.send_attempt(job, started), keep_lane=False)
        is None
    )
    assert Lane.objects.get().due_at is not None
    assert dispatch_round() == 1
    assert Lane.objects.get().due_at is None


def test_slow_endpoints_that_could_get_nothing_are_not_even_looked_at(
    endpoint: Endpoint, receiver: Receiver
) -> None:
    """Of one organization first, and of all once all slow ones together hold what they may; the
    quick ones are served.
    """
    for name in ("globex", "initech", "umbrella"):
        organization = people.make_organization(name)
        for number in range(4):
            queue_events(
                people.make_endpoint(organization, receiver.url, name=f"pit {number}"),
                f"employee:{number}",
            )
    adopt_deliveries()
    while claim_lanes(8, lanes.SENDING_LEASE, total_slots=8):
        pass
    assert Lane.objects.filter(leased_until__isnull=False).count() == 3
    queue_events(endpoint, "quick")
    adopt_deliveries()
    with CaptureQueriesContext(connection) as queries:
        (claimed,) = claim_lanes(1, lanes.SENDING_LEASE, total_slots=8)
    assert Lane.objects.get(pk=claimed.lane_id).endpoint == endpoint
    assert any(
        "NOT (e.slow OR e.failures > 0)" in query["sql"] for query in queries.captured_queries
    )


def test_slow_endpoints_of_another_organization_are_looked_at(
    endpoint: Endpoint, receiver: Receiver
) -> None:
    for name in ("globex", "initech"):
        organization = people.make_organization(name)
        for number in range(3):
            queue_events(
                people.make_endpoint(organization, receiver.url, name=f"pit {number}"),
                f"employee:{number}",
            )
    adopt_deliveries()
    held = [one for _ in range(4) for one in claim_lanes(8, lanes.SENDING_LEASE, total_slots=8)]
    by_name = Counter(Lane.objects.get(pk=one.lane_id).organization.slug for one in held)
    assert sorted(by_name.values()) == [1, 2]


def test_a_hand_goes_on_with_the_endpoints_other_lanes(
    endpoint: Endpoint, receiver: Receiver
) -> None:
    for lane in "abc":
        queue_events(endpoint, lane, count=2)
    assert _push_by_one_worker() == 6
    assert [request.headers["muster-lane"] for request in receiver.received] == [
        "a",
        "a",
        "b",
        "b",
        "c",
        "c",
    ]
    assert not Lane.objects.exclude(due_at=None, leased_until=None).exists()


def test_a_hand_comes_back_after_so_many_and_leaves_the_rest_due(
    endpoint: Endpoint, receiver: Receiver
) -> None:
    for number in range(delivery.MAX_DELIVERIES_PER_TURN + 5):
        queue_events(endpoint, f"employee:{number}")
    assert _push_by_one_worker() == delivery.MAX_DELIVERIES_PER_TURN
    assert Lane.objects.filter(due_at__isnull=False, leased_until__isnull=True).count() == 5
    assert Lane.objects.filter(leased_until__isnull=False).count() == 0


@pytest.mark.parametrize(
    "facts",
    [{"state": "paused"}, {"failures": 1}, {"removed_at": timezone.now()}],
    ids=["paused", "failing", "removed"],
)
def test_a_hand_takes_no_other_lane_of_an_endpoint_that_was_stopped_meanwhile(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, facts: dict[str, Any]
) -> None:
    _after_each_answer(monkeypatch, lambda: Endpoint.objects.update(**facts))
    for lane in "ab":
        queue_events(endpoint, lane)
    assert _push_by_one_worker() == 1
    assert Lane.objects.get(key="b").leased_until is None


@pytest.mark.parametrize(
    "facts",
    [{"allowance": 2}, {"max_per_second": 50}, {"slow": True, "allowance": 1}],
    ids=["ramping up", "with a pace", "slow"],
)
def test_an_endpoint_that_needs_care_gets_its_hands_one_claim_at_a_time(
    endpoint: Endpoint, receiver: Receiver, facts: dict[str, Any]
) -> None:
    Endpoint.objects.update(**facts)
    for lane in "ab":
        queue_events(endpoint, lane)
    assert _push_by_one_worker() == 1


def test_a_hand_never_goes_over_to_another_endpoint(endpoint: Endpoint, receiver: Receiver) -> None:
    other = make_trusted(people.make_endpoint(people.make_organization("globex"), receiver.url))
    queue_events(endpoint, "a")
    queue_events(other, "b")
    assert _push_by_one_worker() == 1
    assert Lane.objects.exclude(due_at=None).count() == 1


def test_a_lane_and_the_next_one_change_places_in_one_transaction(
    endpoint: Endpoint, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or somebody who counts between the two would find room for one push too many."""
    blocks: dict[str, list[Any]] = {"renew_or_release_lane": [], "claim_next_lane": []}

    def spy(name: str) -> None:
        original = getattr(lanes, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            blocks[name].append(tuple(connection.savepoint_ids))
            return original(*args, **kwargs)

        monkeypatch.setattr(lanes, name, call)

    spy("renew_or_release_lane")
    spy("claim_next_lane")
    for lane in "abc":
        queue_events(endpoint, lane)
    outside = tuple(connection.savepoint_ids)
    assert _push_by_one_worker() == 3
    assert blocks["renew_or_release_lane"] == blocks["claim_next_lane"]
    assert len(set(blocks["renew_or_release_lane"])) == 3
    assert outside not in blocks["renew_or_release_lane"]


def test_a_hand_takes_no_other_lane_once_fewer_are_allowed(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HR lowers what an endpoint gets while two hands are at it: one of them goes."""
    Endpoint.objects.update(max_in_flight=2, allowance=2)
    for lane in "abcd":
        queue_events(endpoint, lane)
    adopt_deliveries()
    first, second = claim_lanes(2, total_slots=8)
    (other,) = lanes.accept_handovers([(second.lane_id, second.token)])
    _after_each_answer(monkeypatch, lambda: Endpoint.objects.update(max_in_flight=1, allowance=1))
    assert delivery.run_lane(first.lane_id, first.token) == 1
    assert [Lane.objects.filter(leased_until__isnull=False).get().pk, other.lane_id] == [
        second.lane_id
    ] * 2


def test_a_hand_begins_nothing_new_when_it_was_away_for_long(
    endpoint: Endpoint, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "MAX_TURN_S", 0.0)
    for lane in "ab":
        queue_events(endpoint, lane, count=2)
    assert _push_by_one_worker() == 1
    assert Lane.objects.filter(due_at__isnull=False, leased_until__isnull=True).count() == 2


def _after_each_answer(monkeypatch: pytest.MonkeyPatch, act: Any) -> None:
    """Do something when the answer is there and not recorded yet."""
    original = delivery.send_attempt

    def send(*args: Any) -> Any:
        reply = original(*args)
        act()
        return reply

    monkeypatch.setattr(delivery, "send_attempt", send)


def _push_by_one_worker() -> int:
    adopt_deliveries()
    (claimed,) = claim_lanes(1)
    return delivery.run_lane(claimed.lane_id, claimed.token)


def test_hands_are_shared_so_that_a_long_queue_does_not_starve_a_short_one(
    endpoint: Endpoint, receiver: Receiver
) -> None:
    other = make_trusted(people.make_endpoint(endpoint.organization, receiver.url + "2"))
    for number in range(30):
        queue_events(endpoint, f"lane:{number}")
    queue_events(other, "only")
    adopt_deliveries()
    held = Lane.objects.in_bulk([claimed.lane_id for claimed in claim_lanes(4, total_slots=8)])
    assert {lane.endpoint_id for lane in held.values()} == {endpoint.pk, other.pk}


def test_organizations_are_adopted_in_turn(
    endpoint: Endpoint, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adoption, "ADOPT_BATCH_SIZE", 4)
    queue_events(endpoint, count=10)
    late = people.make_endpoint(people.make_organization("late"), receiver.url)
    queue_events(late)
    assert adopt_deliveries() == 4
    assert Delivery.objects.get(endpoint=late).state == "waiting"
    while adopt_deliveries():
        pass
    assert list(
        Delivery.objects.filter(endpoint=endpoint)
        .order_by("sequence")
        .values_list("position", flat=True)
    ) == [*range(1, 11)]


def test_a_new_endpoint_is_trusted_after_a_quick_answer_and_a_slow_one_is_not(
    endpoint: Endpoint, receiver: Receiver
) -> None:
    Endpoint.objects.update(slow=True, allowance=1)
    queue_events(endpoint)
    dispatch_round()
    assert (Endpoint.objects.get().slow, Endpoint.objects.get().allowance) == (False, 2)
    receiver.answer = lambda request: (time.sleep(1.05), (200, b""))[1]
    queue_events(endpoint)
    dispatch_round()
    assert Endpoint.objects.get().slow is True


def test_a_secret_that_cannot_be_read_is_an_attempt_that_failed(
    endpoint: Endpoint, receiver: Receiver
) -> None:
    Endpoint.objects.update(secret_cipher="not one of our keys")
    queue_events(endpoint)
    dispatch_round()
    assert (Attempt.objects.get().error, Endpoint.objects.get().failures, receiver.received) == (
        "secret",
        1,
        [],
    )


def test_a_replayed_delivery_has_the_same_id_and_bytes(
    endpoint: Endpoint, receiver: Receiver
) -> None:
    queue_events(endpoint)
    dispatch_round()
    assert services.replay_deliveries(Delivery.objects.all()) == 1
    dispatch_round()
    first, second = receiver.received
    assert (first.id, first.body) == (second.id, second.body)


def test_an_address_that_became_private_is_refused_when_sending(
    endpoint: Endpoint, receiver: Receiver, settings: Any
) -> None:
    settings.PUSH_ALLOWED_NETWORKS = []
    queue_events(endpoint)
    dispatch_round()
    assert receiver.received == []
    assert Attempt.objects.get().error in ("forbidden_address", "forbidden_url")
