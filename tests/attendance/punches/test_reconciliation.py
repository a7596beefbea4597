"""What went out agrees with what came in."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from attendance.background.changes import process_changes
from attendance.punches.reconciliation import reconcile_endpoint, reconcile_organization
from tests import people
from tests.attendance.channels.test_device import Terminal
from webhooks.models import Delivery


@pytest.fixture
def terminal(world: people.World) -> Terminal:
    return Terminal(*people.make_device(world.acme, "SN-1"))


def _today(endpoint: Any) -> Any:
    from zoneinfo import ZoneInfo

    return timezone.now().astimezone(ZoneInfo(endpoint.organization.timezone)).date()


def test_every_accepted_punch_is_accounted_for(terminal: Terminal, world: people.World) -> None:
    terminal.punch(request_id="before the endpoint")
    endpoint = people.make_endpoint(world.acme, "https://hooks.example.com/a")
    for number in range(4):
        terminal.punch(request_id=str(number))
    terminal.punch(request_id="late", user_id="7777")
    terminal.punch(request_id="refused", att_time="2099-01-01 00:00:00")
    people.make_employee(world.acme, "7777", "Dev")
    process_changes()
    states = dict(
        zip(
            Delivery.objects.order_by("id").values_list("id", flat=True),
            ("delivered", "dead", "new"),
            strict=False,
        )
    )
    for key, state in states.items():
        Delivery.objects.filter(pk=key).update(state=state)
    found = reconcile_endpoint(endpoint, _today(endpoint))
    assert (found.accepted, found.missing, found.delivered, found.waiting, found.dead) == (
        5,
        0,
        1,
        3,
        1,
    )
    assert found.is_balanced


def test_a_delivery_that_is_not_there_is_missed(terminal: Terminal, world: people.World) -> None:
    endpoint = people.make_endpoint(world.acme, "https://hooks.example.com/a")
    terminal.punch()
    Delivery.objects.all().delete()
    (found,) = reconcile_organization(world.acme, _today(endpoint))
    assert (found.missing, found.is_balanced) == (1, False)
    with pytest.raises(CommandError):
        call_command("reconcile", day=_today(endpoint), organization="acme")


def test_others_punches_are_not_owed(terminal: Terminal, world: people.World) -> None:
    endpoint = people.make_endpoint(world.zenith, "https://hooks.example.com/a")
    terminal.punch()
    assert reconcile_endpoint(endpoint, _today(endpoint)).accepted == 0
