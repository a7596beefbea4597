"""Two organizations, each with a live credential of every kind."""

from __future__ import annotations

import pytest
from django.conf import LazySettings

from employees.models import Organization
from tests import people
from tests.access.chairs import Chair, make_chair


@pytest.fixture(autouse=True)
def _quick(settings: LazySettings) -> None:
    settings.PUSH_ALLOW_HTTP, settings.PUSH_ALLOWED_NETWORKS = True, ["127.0.0.0/8"]


@pytest.fixture
def ours(world: people.World) -> Chair:
    """Somebody of acme."""
    return make_chair(world.acme, "acmemark", world.asha)


@pytest.fixture
def theirs(world: people.World) -> Chair:
    """Somebody of zenith: every name has the word zenithmark in it."""
    world.chitra.name = "zenithmark Chitra"
    world.chitra.save()
    Organization.objects.filter(pk=world.zenith.pk).update(name="zenithmark org")
    world.zenith.refresh_from_db()
    return make_chair(world.zenith, "zenithmark", world.chitra)
