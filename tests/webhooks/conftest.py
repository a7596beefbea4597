"""Fixtures of the push: an organization with an endpoint that leads to a real server on this
machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from employees.models import Organization
from tests import people
from tests.webhooks.receiver import Receiver, run_receiver
from webhooks import delivery, outbox
from webhooks.adoption import adopt_deliveries
from webhooks.lane_claims import claim_lanes
from webhooks.models import Endpoint


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    """A server of the customer's; the operator lets pushes reach this machine."""
    settings.PUSH_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    settings.PUSH_ALLOW_HTTP = True
    with run_receiver() as running:
        yield running


@pytest.fixture
def endpoint(db: None, receiver: Receiver) -> Endpoint:
    """An endpoint that leads to `receiver`, known to be quick."""
    return make_trusted(people.make_endpoint(people.make_organization("acme"), receiver.url))


def make_trusted(endpoint: Endpoint) -> Endpoint:
    """As an endpoint is after a few quick answers."""
    Endpoint.objects.filter(pk=endpoint.pk).update(slow=False, allowance=endpoint.max_in_flight)
    endpoint.refresh_from_db()
    return endpoint


def queue_events(endpoint: Endpoint, lane: str = "employee:a", count: int = 1) -> None:
    """Queue events as attendance does."""
    organization: Organization = endpoint.organization
    message = outbox.OutboxMessage(
        endpoint.pk, lane, "test.event", "test:1", '{"data":{"sequence":', ',"x":1}}'
    )
    outbox.publish(organization.pk, [message] * count, timezone.now())


def dispatch_round(free_slots: int = 40) -> int:
    """One round of what the watcher and a worker do: adopt, claim, run. Returns the number of
    attempts.
    """
    adopt_deliveries()
    return sum(
        delivery.run_lane(claimed.lane_id, claimed.token) for claimed in claim_lanes(free_slots)
    )
