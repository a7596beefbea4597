"""What the fault tests share. Short and seeded; MUSTER_VERIFY=1 makes them long, MUSTER_SEED
chooses another run.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rig.processes import Postgres, folder

LONG = os.environ.get("MUSTER_VERIFY") == "1"
SEED = int(os.environ.get("MUSTER_SEED", "20260621"))

long_only = pytest.mark.skipif(not LONG, reason="part of make verify")


def missing_tools() -> str:
    """What these tests need and this machine has not; empty when all is there."""
    tools = {
        "PostgreSQL's binaries": Postgres.installed(),
        "redis-server": shutil.which("redis-server") is not None,
    }
    return " and ".join(name for name, there in tools.items() if not there)


with_servers = pytest.mark.skipif(bool(missing_tools()), reason=f"not installed: {missing_tools()}")


@pytest.fixture
def run_folder() -> Iterator[Path]:
    """A folder for one run."""
    with folder() as made:
        yield made


@pytest.fixture(scope="module")
def shared_run_folder() -> Iterator[Path]:
    """A folder for the runs of a module."""
    with folder() as made:
        yield made
