"""Events on their way into the queue."""

from __future__ import annotations

import json
from itertools import groupby

from django.utils import timezone

from tests import people
from webhooks import outbox
from webhooks.models import Delivery


def test_any_number_of_events_is_queued_in_order_and_without_a_gap(world: people.World) -> None:
    endpoints = [
        people.make_endpoint(world.acme, f"https://hooks.example.com/{number}", name=str(number))
        for number in range(3)
    ]
    lanes = ("employee:b", "employee:a")
    for _time in range(2):
        messages = [
            outbox.OutboxMessage(
                endpoint.pk, lanes[number % 2], "punch.recorded", f"punch:{number}", '{"n":', "}"
            )
            for number in range(900)
            for endpoint in endpoints
        ]
        outbox.publish(world.acme.pk, messages, timezone.now())
    rows = Delivery.objects.order_by("endpoint", "lane_key", "sequence").values_list(
        "endpoint", "lane_key", "sequence", "subject", "body"
    )
    for (_endpoint, lane), group in groupby(rows, key=lambda row: row[:2]):
        found = list(group)
        assert (
            [json.loads(body)["n"] for *_, body in found]
            == [sequence for _e, _l, sequence, *_ in found]
            == list(range(1, 901))
        )
        expected = [f"punch:{number}" for number in range(lanes.index(lane), 900, 2)]
        assert [subject for *_, subject, _body in found] == expected * 2


def test_nothing_to_queue_is_no_statement(
    world: people.World, django_assert_num_queries: object
) -> None:
    with django_assert_num_queries(0):  # type: ignore[operator]
        outbox.publish(world.acme.pk, [], timezone.now())
