"""What customers are told, in both forms."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from accounts.credentials import decrypt
from employees.models import Assignment, Department, Site
from employees.services import save_assignment
from tests import people
from tests.attendance.channels.test_device import Terminal
from webhooks.models import Delivery


@pytest.fixture
def terminal(world: people.World) -> Terminal:
    site = Site.objects.create(organization=world.acme, name="Plant")
    department = Department.objects.create(organization=world.acme, name="Press shop")
    save_assignment(
        Assignment(
            organization=world.acme,
            employee=world.asha,
            site=site,
            department=department,
            starts_on=date(2024, 1, 1),
        )
    )
    return Terminal(*people.make_device(world.acme, "SN7A2300583", name="Main Gate"))


def _body(endpoint: Any) -> Any:
    return json.loads(Delivery.objects.get(endpoint=endpoint).body)


def test_the_standard_event_has_the_documented_shape(
    terminal: Terminal, world: people.World
) -> None:
    endpoint = people.make_endpoint(world.acme, "https://hooks.example.com/a")
    reply = terminal.punch(latitude=28.6, longitude=77.2)
    event = _body(endpoint)
    data = event["data"]
    assert (event["type"], set(event)) == ("punch.recorded", {"type", "timestamp", "data"})
    assert data.pop("received_at").endswith("Z")
    assert data == {
        "id": int(reply.headers["Muster-Punch-Id"]),
        "sequence": 1,
        "lane": f"employee:{world.asha.pk}",
        "channel": "device",
        "direction": "in",
        "occurred_at": "2026-06-21T04:00:00.000Z",
        "local_time": "2026-06-21T09:30:00+05:30",
        "timezone": "Asia/Kolkata",
        "received_late": True,
        "flags": [],
        "employee": {
            "id": str(world.asha.pk),
            "code": "1001",
            "worker_id": world.asha.worker_id or None,
            "name": world.asha.name,
        },
        "user_code": "1001",
        "site": "Plant",
        "department": "Press shop",
        "device": {"serial": "SN7A2300583", "name": "Main Gate"},
        "location": None,
        "health": None,
    }


def test_locations_are_told_only_to_those_who_asked(
    terminal: Terminal, world: people.World
) -> None:
    endpoint = people.make_endpoint(
        world.acme, "https://hooks.example.com/a", include_location=True
    )
    terminal.punch(latitude=28.6, longitude=77.2, accuracy_m=5)
    assert _body(endpoint)["data"]["location"] == {
        "latitude": 28.6,
        "longitude": 77.2,
        "accuracy_m": 5.0,
    }


def test_the_cams_form_has_the_documented_shape(terminal: Terminal, world: people.World) -> None:
    endpoint = people.make_endpoint(
        world.acme, "https://hooks.example.com/a", mode="cams", virtual_serial="V-1"
    )
    terminal.punch()
    body = _body(endpoint)["RealTime"]
    time = body.pop("Time")
    assert (time[19:], len(time)) == (" GMT +0000", 29)
    assert body == {
        "OperationID": body["OperationID"],
        "LabelName": "Main Gate",
        "SerialNumber": "SN7A2300583",
        "PunchLog": {
            "Type": "CheckIn",
            "InputType": "Face",
            "UserId": "1001",
            "LogTime": "2026-06-21 09:30:00 GMT +0530",
        },
        "AuthToken": decrypt(endpoint.auth_token_cipher),
    }
    assert Delivery.objects.get().query == "stgid=SN7A2300583"


@pytest.mark.parametrize(
    ("state", "kind"), [(1, "CheckIn"), (2, "CheckOut"), (9, "None"), (None, "None")]
)
def test_states_become_cams_types(
    terminal: Terminal, world: people.World, state: int | None, kind: str
) -> None:
    endpoint = people.make_endpoint(
        world.acme, "https://hooks.example.com/a", mode="cams", virtual_serial="V-1"
    )
    terminal.punch(att_state=state)
    assert _body(endpoint)["RealTime"]["PunchLog"]["Type"] == kind


@pytest.mark.parametrize(
    "name", ['Quote " and \\ back', "आशा वर्मा", "x" * 200, '{"sequence":', "100% %s"]
)
def test_no_name_breaks_the_body(terminal: Terminal, world: people.World, name: str) -> None:
    world.asha.name = name
    world.asha.save()
    endpoint = people.make_endpoint(world.acme, "https://hooks.example.com/a")
    terminal.punch()
    assert _body(endpoint)["data"]["employee"]["name"] == name


def test_endpoints_of_others_and_removed_ones_get_nothing(
    terminal: Terminal, world: people.World
) -> None:
    from webhooks import services

    services.remove_endpoint(people.make_endpoint(world.acme, "https://hooks.example.com/a"))
    people.make_endpoint(world.zenith, "https://hooks.example.com/b")
    terminal.punch()
    assert not Delivery.objects.exists()


def test_a_paused_endpoint_keeps_queueing(terminal: Terminal, world: people.World) -> None:
    from webhooks import services

    services.pause_endpoint(people.make_endpoint(world.acme, "https://hooks.example.com/a"))
    terminal.punch()
    assert Delivery.objects.count() == 1
