"""The feed that customers fetch, and replays."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from tests import people
from tests.webhooks.conftest import dispatch_round, queue_events
from tests.webhooks.receiver import Receiver
from webhooks import services
from webhooks.adoption import adopt_deliveries
from webhooks.lanes import WAITING_IN_LANE_SQL
from webhooks.models import Delivery, Endpoint

FEED, REPLAY = "/api/v1/events", "/api/v1/events/replay"


@pytest.fixture
def customer(endpoint: Endpoint) -> Any:
    headers = {"Authorization": f"Bearer {services.issue_feed_key(endpoint)}"}
    return Client(headers=headers)


def _post(customer: Any, **body: Any) -> Any:
    return customer.post(REPLAY, json.dumps(body), content_type="application/json")


def test_the_feed_gives_events_in_order_and_goes_on_after_a_position(
    customer: Any, endpoint: Endpoint
) -> None:
    for lane in "ab":
        queue_events(endpoint, lane, count=3)
        adopt_deliveries()
    first = customer.get(FEED, {"limit": 4}).json()
    assert [row["position"] for row in first["data"]] == [1, 2, 3, 4]
    second = customer.get(first["next"]).json()
    assert ([row["position"] for row in second["data"]], second["next"]) == ([5, 6], None)
    assert second["data"][0]["event"]["data"]["sequence"] == 2


def test_what_is_not_in_its_place_yet_is_not_shown(customer: Any, endpoint: Endpoint) -> None:
    queue_events(endpoint)
    assert customer.get(FEED).json()["data"] == []


def test_a_place_is_kept_over_a_replay(
    customer: Any, endpoint: Endpoint, receiver: Receiver
) -> None:
    queue_events(endpoint)
    dispatch_round()
    assert _post(customer, since="2000-01-01T00:00:00Z").json() == {"count": 1, "queued": True}
    dispatch_round()
    assert len(receiver.received) == 2
    assert [row["position"] for row in customer.get(FEED).json()["data"]] == [1]


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "Basic x", "Bearer \xff"])
def test_a_wrong_key_is_unauthenticated(db: None, header: str) -> None:
    reply = Client(headers={"Authorization": header}).get(FEED)
    assert (reply.status_code, reply.json()) == (401, {"message": "Unauthenticated."})


def test_a_revoked_key_is_refused_at_once(customer: Any, endpoint: Endpoint) -> None:
    assert customer.get(FEED).status_code == 200
    services.revoke_feed_keys(endpoint)
    assert customer.get(FEED).status_code == 401


def test_a_key_opens_its_own_endpoint_only(
    customer: Any, endpoint: Endpoint, receiver: Receiver
) -> None:
    other = people.make_endpoint(people.make_organization("zenith"), receiver.url)
    queue_events(other)
    adopt_deliveries()
    theirs = Delivery.objects.get(endpoint=other)
    Delivery.objects.update(state="dead")
    assert customer.get(FEED).json()["data"] == []
    assert _post(customer, id=theirs.message_id).json()["count"] == 0


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"after": "x"}, "after"),
        ({"after": -1}, "after"),
        ({"limit": 0}, "limit"),
        ({"limit": 501}, "limit"),
    ],
)
def test_a_bad_query_names_the_field(customer: Any, query: Any, field: str) -> None:
    reply = customer.get(FEED, query)
    assert (reply.status_code, list(reply.json()["errors"])) == (422, [field])


@pytest.mark.parametrize(
    "body", [{}, {"since": "never"}, {"dead": "perhaps"}, {"id": 5 * "x" * 20}]
)
def test_a_bad_replay_is_refused(customer: Any, body: Any) -> None:
    assert _post(customer, **body).status_code == 422


def test_a_replay_is_counted_first(customer: Any, endpoint: Endpoint, receiver: Receiver) -> None:
    receiver.answer = lambda request: (200, b"")
    queue_events(endpoint, count=3)
    dispatch_round()
    assert _post(customer, since="2000-01-01T00:00:00Z", dry_run=True).json() == {
        "count": 3,
        "queued": False,
    }
    assert dispatch_round() == 0


def test_only_what_was_given_up_is_replayed_on_request(
    customer: Any, endpoint: Endpoint, receiver: Receiver
) -> None:
    queue_events(endpoint, count=2)
    dispatch_round()
    Delivery.objects.filter(sequence=2).update(state="dead")
    assert _post(customer, dead=True).json()["count"] == 1
    dispatch_round()
    assert [request.headers["muster-sequence"] for request in receiver.received] == ["1", "2", "2"]


def test_a_time_range_is_about_acceptance(endpoint: Endpoint, receiver: Receiver) -> None:
    queue_events(endpoint)
    dispatch_round()
    now = timezone.now()
    assert (
        services.replayable_deliveries(
            endpoint, since=now - timedelta(minutes=1), until=now
        ).count()
        == 1
    )
    assert services.replayable_deliveries(endpoint, since=now).count() == 0


def test_the_receiver_sees_which_number_came_before(endpoint: Endpoint, receiver: Receiver) -> None:
    queue_events(endpoint, count=3)
    adopt_deliveries()
    Delivery.objects.filter(sequence=2).update(state="dead")
    dispatch_round()
    assert [
        (request.headers["muster-previous-sequence"], request.headers["muster-sequence"])
        for request in receiver.received
    ] == [("0", "1"), ("1", "3")]


@pytest.mark.usefixtures("frozen_clock")
def test_an_endpoint_with_a_pace_gets_no_more_than_that(
    endpoint: Endpoint, receiver: Receiver
) -> None:
    Endpoint.objects.update(max_per_second=50, max_in_flight=50, allowance=50)
    # After a rest one and a tenth of a second's worth; a tenant alone gets half of the hands, which
    # is more.
    for lane in range(30):
        queue_events(endpoint, str(lane))
    assert [dispatch_round(50), dispatch_round(50)] == [6, 0]


def test_the_next_delivery_of_a_lane_is_found_by_its_index_however_long_the_lane_is(
    db: None,
) -> None:
    from core.raw_sql import run_sql

    statement = (
        f"SELECT 1 FROM webhooks_lane l JOIN webhooks_delivery d ON {WAITING_IN_LANE_SQL}"
        " WHERE l.id = 1 LIMIT 1"
    )
    if connection.vendor == "sqlite":
        assert any("delivery_next" in row[3] for row in run_sql(f"EXPLAIN QUERY PLAN {statement}"))


@pytest.mark.usefixtures("frozen_clock")
def test_the_feed_is_limited_for_all_keys_of_an_endpoint_together(
    customer: Any, endpoint: Endpoint
) -> None:
    other = Client(headers={"Authorization": f"Bearer {services.issue_feed_key(endpoint)}"})
    replies = [(customer, other)[turn % 2].get(FEED) for turn in range(61)]
    assert [reply.status_code for reply in replies] == [200] * 60 + [429]
    assert replies[0]["RateLimit"].startswith('"v1-minute";r=59;t=')
    assert 1 <= int(replies[-1]["Retry-After"]) <= 60


def test_a_replay_in_slices_puts_every_lane_back_whole(
    endpoint: Endpoint, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "REPLAY_BATCH_SIZE", 3)
    for lane in "abcde":
        queue_events(endpoint, lane, count=4)
    while dispatch_round():
        pass
    receiver.received.clear()
    assert services.replay_deliveries(services.replayable_deliveries(endpoint)) == 20
    while dispatch_round():
        pass
    arrived = [
        (request.headers["muster-lane"], int(request.headers["muster-sequence"]))
        for request in receiver.received
    ]
    assert sorted(arrived, key=lambda one: one[0]) == [
        (lane, number) for lane in "abcde" for number in range(1, 5)
    ]
