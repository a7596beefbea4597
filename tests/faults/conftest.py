"""What the fault tests share. Short by default; MUSTER_VERIFY=1 makes them long, MUSTER_SEED chooses another run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rig.processes import Postgres, folder

LONG = os.environ.get("MUSTER_VERIFY") == "1"
SEED = int(os.environ.get("MUSTER_SEED", "20260621"))


def on(engine: str) -> pytest.MarkDecorator:
    """Skip where the suite is run for the other engine: these tests bring their own, and once is enough."""
    told = os.environ.get("DATABASE_URL", "")
    part_of_a_suite = "PYTEST_XDIST_WORKER" in os.environ
    if engine == "postgres":
        missing = not Postgres.installed()
        elsewhere = part_of_a_suite and not told.startswith("postgres")
        return pytest.mark.skipif(missing or elsewhere, reason="runs with PostgreSQL's pass, where it is installed")
    return pytest.mark.skipif(told.startswith("postgres"), reason="runs with SQLite's pass")


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder for one run."""
    with folder() as made:
        yield made


@pytest.fixture(scope="module")
def shared_place() -> Iterator[Path]:
    """A folder for the runs of a module."""
    with folder() as made:
        yield made
