"""Two organizations, each with a live credential of every kind."""

from __future__ import annotations

import pytest
from django.conf import LazySettings

from employees.models import Organization
from tests import people
from tests.access.actors import TenantActor, make_tenant_actor


@pytest.fixture(autouse=True)
def _allow_local_push(settings: LazySettings) -> None:
    settings.PUSH_ALLOW_HTTP, settings.PUSH_ALLOWED_NETWORKS = True, ["127.0.0.0/8"]


@pytest.fixture
def ours(world: people.World) -> TenantActor:
    """Somebody of acme."""
    return make_tenant_actor(world.acme, "acmemark", world.asha)


@pytest.fixture
def theirs(world: people.World) -> TenantActor:
    """Somebody of zenith: every name has the word zenithmark in it."""
    world.chitra.name = "zenithmark Chitra"
    world.chitra.save()
    Organization.objects.filter(pk=world.zenith.pk).update(name="zenithmark org")
    world.zenith.refresh_from_db()
    return make_tenant_actor(world.zenith, "zenithmark", world.chitra)
