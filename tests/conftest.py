"""Fixtures every test may use, and the one licence tests have: to flush tables that otherwise only
grow.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.core.cache import caches
from django.db import connections
from django.test import TransactionTestCase, override_settings

from accounts import rate_limits
from accounts.circuit_breaker import circuit_breaker
from accounts.models import User
from attendance.days import locking
from core.append_only import triggers_disabled
from devices.models import Device
from employees.models import Employee, Organization
from tests import people


@pytest.fixture(autouse=True, scope="session")
def _allow_table_flush() -> Iterator[None]:
    """Let `django_db(transaction=True)` tests flush: the triggers are off during Django's own
    teardown, and only then.
    """
    teardown = TransactionTestCase._fixture_teardown

    def flush_without_triggers(self: Any) -> None:
        with ExitStack() as stack:
            for alias in self._databases_names(include_mirrors=False):
                stack.enter_context(triggers_disabled(connections[alias]))
            teardown(self)

    TransactionTestCase._fixture_teardown = flush_without_triggers
    yield
    TransactionTestCase._fixture_teardown = teardown


@pytest.fixture(autouse=True, scope="session")
def _fast_password_hashing() -> Iterator[None]:
    """The product's hash is slow on purpose, and nearly every test makes people."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What never asks the database, or asks it for pages only, says the same on every engine: once
    is enough, on SQLite.
    """
    if not os.environ.get("DATABASE_URL", "").startswith("postgres"):
        return
    again = [
        item
        for item in items
        if _uses_database(item) and item.get_closest_marker("any_engine") is None
    ]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(again)])
    items[:] = again


def _uses_database(item: pytest.Item) -> bool:
    asked = {"db", "transactional_db", "live_server"} & set(getattr(item, "fixturenames", ()))
    return bool(asked) or item.get_closest_marker("django_db") is not None


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Tests with threads leave pooled connections behind for a moment; PostgreSQL drops no database
    that has one.
    """
    yield
    with django_db_blocker.unblock():
        for connection in connections.all():
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                connection.close()
                connection.close_pool()


@pytest.fixture(autouse=True)
def _reset_rate_limits() -> None:
    """Ids repeat from test to test, and so do the keys that are counted by."""
    for name in (rate_limits.SHARED_CACHE, rate_limits.LOCAL_CACHE):
        caches[name].clear()
    circuit_breaker.reset()


@pytest.fixture(autouse=True)
def _allow_idle_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Working out days lets the database end a transaction that stands still; a test is one
    transaction, and may be slow.
    """
    monkeypatch.setattr(locking, "IDLE_IN_TRANSACTION_TIMEOUT_MS", "60000")


@pytest.fixture
def frozen_clock() -> Iterator[None]:
    """Time stands still: a test that counts up to a limit must not meet the end of a window."""
    with time_machine.travel(datetime.now(UTC), tick=False):
        yield


@pytest.fixture
def world(db: None) -> people.World:
    """Asha, Bala and Chitra, and their organizations."""
    return people.make_world()


@pytest.fixture
def acme(world: people.World) -> Organization:
    """The organization of Asha and Bala."""
    return world.acme


@pytest.fixture
def zenith(world: people.World) -> Organization:
    """The other organization, with the same codes and serials."""
    return world.zenith


@pytest.fixture
def asha(world: people.World) -> Employee:
    """An employee of acme with code 1001."""
    return world.asha


@pytest.fixture
def bala(world: people.World) -> Employee:
    """Asha's manager, code 1002."""
    return world.bala


@pytest.fixture
def chitra(world: people.World) -> Employee:
    """An employee of zenith with Asha's code."""
    return world.chitra


@pytest.fixture
def device(acme: Organization) -> Device:
    """Acme's terminal, whose serial zenith uses too. `people.make_device` gives the token
    as well.
    """
    return people.make_device(acme, "GATE-1")[0]


@pytest.fixture
def acme_staff(acme: Organization) -> User:
    """Asha's HR: the role admin at acme."""
    return people.make_staff(acme, "acme-hr")


@pytest.fixture
def operator(db: None) -> User:
    """A superuser."""
    return people.make_operator()
