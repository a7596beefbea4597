"""One punch of one employee by each channel: only the channel and what came with it differ."""

from __future__ import annotations

import json
from typing import Any

from django.forms.models import model_to_dict

from attendance.models import Punch
from devices.models import PhonePolicy
from tests import people
from tests.attendance.channels.clients import HrSystem, PhoneApp, Scanner, event
from tests.attendance.channels.test_device import Terminal
from webhooks.models import Delivery

# What a channel has of its own: who said it, its key, its words for the time, its raw numbers.
OF_THE_CHANNEL = {
    "id",
    "channel",
    "source",
    "key",
    "fingerprint",
    "device",
    "occurred_text",
    "zone",
    "received_at",
    "raw_state",
    "raw_input_type",
    "commitment",
}


def shape(value: Any) -> Any:
    """The keys of an event and the kinds of its values, but those that say which channel and device
    it was.
    """
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    return type(value).__name__


def test_one_punch_by_each_channel_is_the_same_row_and_the_same_event(world: people.World) -> None:
    people.make_endpoint(world.acme, "https://hooks.example.com/a", include_location=True)
    Terminal(*people.make_device(world.acme, "GATE-9")).punch(latitude=28.6, longitude=77.2)
    Scanner(world.acme).call(event(employeeId="1001", timestamp="2026-06-21T09:30:00+05:30"))
    HrSystem(world.acme).clock(
        world.asha, occurredAt="2026-06-21T04:00:00Z", latitude=28.6, longitude=77.2
    )
    PhonePolicy.objects.create(organization=world.acme, offline_hours=30_000)
    people.make_geofence(world.acme, 28.6, 77.2)
    PhoneApp(world.asha).punch(punched_at="2026-06-21T04:00:00Z", lat=28.6, lng=77.2)
    rows = list(Punch.objects.order_by("id"))
    assert [row.channel for row in rows] == ["device", "biometric", "hr", "phone"]
    told = [
        {k: v for k, v in model_to_dict(row).items() if k not in OF_THE_CHANNEL} for row in rows
    ]
    assert told[0] == told[1] == told[2] == told[3]
    bodies = [
        json.loads(body)
        for body in Delivery.objects.order_by("sequence").values_list("body", flat=True)
    ]
    assert [body["data"]["sequence"] for body in bodies] == [1, 2, 3, 4]
    for body in bodies:
        data = body["data"]
        data["device"], data["location"] = bool(data["device"]), bool(data["location"])
    assert shape(bodies[0]) == shape(bodies[1]) == shape(bodies[2]) == shape(bodies[3])
    same = [
        {
            k: v
            for k, v in body["data"].items()
            if k not in ("id", "sequence", "channel", "device", "received_at", "location")
        }
        for body in bodies
    ]
    assert same[0] == same[1] == same[2] == same[3]
