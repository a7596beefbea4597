"""The supervisor's parts that need no whole Muster: ports, process groups, percentiles of the load
it is measured with.
"""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest
from django.core.management import CommandError

from config.demo.load_summary import percentiles
from config.supervisor import ProcessSet, check_port_is_free


def test_a_taken_port_is_said_in_a_sentence() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(
            CommandError, match=r"Port \d+ cannot be used \(Address already in use\)"
        ):
            check_port_is_free(other.getsockname()[1])


def test_a_number_that_is_no_port_is_said_too() -> None:
    with pytest.raises(CommandError, match="70000 is not a port number"):
        check_port_is_free(70_000)


@pytest.fixture
def family() -> ProcessSet:
    return ProcessSet(dict(os.environ))


def test_a_child_that_ends_is_named(family: ProcessSet) -> None:
    family.start("worker", "-c", "raise SystemExit(3)")
    deadline = time.monotonic() + 10
    while family.ended_process() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert family.ended_process() == "The worker ended by itself (status 3)."
    family.stop_all()


def test_grandchildren_do_not_outlive_the_end(family: ProcessSet, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    code = f"""
import pathlib, subprocess, time
child = subprocess.Popen(["sleep", "60"])
pathlib.Path({str(note)!r}).write_text(str(child.pid))
time.sleep(60)
"""
    family.start("web server", "-c", code)
    deadline = time.monotonic() + 10
    while not (note.exists() and note.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    family.stop_all()
    assert gone(int(note.read_text()))


def gone(pid: int) -> bool:
    """Whether a process has ended; a zombie nobody has buried yet counts as ended."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False


def test_percentiles_are_of_the_nearest_rank() -> None:
    assert percentiles([*map(float, range(1, 101))]) == {
        "p50": 50.0,
        "p95": 95.0,
        "p99": 99.0,
        "max": 100.0,
    }
    assert percentiles([7.0]) == {"p50": 7.0, "p95": 7.0, "p99": 7.0, "max": 7.0}
    assert percentiles([])["max"] is None
