"""Liveness touches nothing; readiness asks the database and the queue."""

from __future__ import annotations

from datetime import timedelta

import time_machine
from django.test import Client
from django.utils import timezone

from employees.models import Organization
from tests import people
from tests.webhooks.conftest import queue_events


def test_liveness_needs_no_database() -> None:
    reply = Client().get("/api/healthz")
    assert (reply.status_code, reply.json()) == (200, {"status": "ok"})


def test_readiness_is_ok_on_a_migrated_database(db: None) -> None:
    assert Client().get("/api/readyz").status_code == 200


def test_readiness_ends_when_a_push_waits_for_over_a_minute(acme: Organization) -> None:
    queue_events(people.make_endpoint(acme, "https://hooks.example.com/a"))
    with time_machine.travel(timezone.now() + timedelta(seconds=61), tick=True):
        reply = Client().get("/api/readyz")
    assert (reply.status_code, reply.headers["Retry-After"]) == (503, "5")


def test_an_unknown_address_is_json(db: None) -> None:
    reply = Client().get("/api/nothing")
    assert (reply.status_code, reply.headers["Content-Type"]) == (404, "application/json")
