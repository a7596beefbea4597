"""The worker's other process: there while the worker is, and never after it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.conf import settings

from config import celery, scheduler
from tests.rig.load import wait_until
from tests.rig.processes import Child, environment
from tests.run import ROOT

COMMAND = [sys.executable, "-m", "django", "scheduler"]

# Writes down what it is told, as the scheduler would do it, and ends with its standard input.
STANDIN = """
import os, sys
def say(text):
    with open(sys.argv[1], "a") as file:
        file.write(f"{text} {os.getpid()}\\n")
say("began")
while heard := os.read(0, 1):
    say("heard")
say("ended")
"""


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """Where the stand-in writes."""
    (made := tmp_path / "told").touch()
    return made


@pytest.fixture
def kept(told: Path, monkeypatch: pytest.MonkeyPatch) -> scheduler.SchedulerProcess:
    """A scheduler whose process is the stand-in, already begun."""
    monkeypatch.setattr(scheduler, "RESTART_AFTER_S", 0.05)
    made = scheduler.SchedulerProcess(sys.executable, "-c", STANDIN, str(told))
    made.start()
    assert wait_until(lambda: words(told) == ["began"], 20)
    return made


def words(told: Path) -> list[str]:
    return [line.split()[0] for line in told.read_text().splitlines()]


def process_of(told: Path) -> int:
    return int(told.read_text().split()[-1])


def test_it_ends_when_the_worker_lets_go(kept: scheduler.SchedulerProcess, told: Path) -> None:
    kept.stop()
    assert words(told) == ["began", "ended"]
    with pytest.raises(ProcessLookupError):
        os.kill(process_of(told), 0)


def test_it_is_started_again_when_it_was_killed(
    kept: scheduler.SchedulerProcess, told: Path
) -> None:
    first = process_of(told)
    os.kill(first, signal.SIGKILL)
    assert wait_until(lambda: words(told) == ["began", "began"], 20)
    assert process_of(told) != first
    kept.stop()
    assert words(told)[-1] == "ended"


def test_the_word_that_a_report_waits_comes_through_and_a_lost_one_hurts_nobody(
    kept: scheduler.SchedulerProcess, told: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(celery, "_schedulers", [kept])
    celery.app.tasks["reports.wake_scheduler"]()
    assert wait_until(lambda: words(told) == ["began", "heard"], 20)
    kept.stop()
    kept.notify_report_waiting()


def test_who_does_not_come_to_an_end_is_killed(told: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "STOP_TIMEOUT_S", -0.5)
    stubborn = STANDIN + "\nimport time\nwhile True: time.sleep(1)\n"
    kept = scheduler.SchedulerProcess(sys.executable, "-c", stubborn, str(told))
    kept.start()
    assert wait_until(lambda: words(told) == ["began"], 20)
    kept.stop()
    assert wait_until(lambda: not Path(f"/proc/{process_of(told)}").exists(), 20)


def test_it_is_tried_again_when_it_could_not_be_started(
    told: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "RESTART_AFTER_S", 0.05)
    python = tmp_path / "python"
    kept = scheduler.SchedulerProcess(str(python), "-c", STANDIN, str(told))
    kept.start()
    assert not wait_until(lambda: words(told), 0.3)
    python.symlink_to(sys.executable)
    assert wait_until(lambda: words(told) == ["began"], 20)
    kept.stop()


def test_everything_that_is_not_a_push_is_done_there() -> None:
    assert list(scheduler.background_loops()) == [
        "changes",
        "days",
        "exceptions",
        "leave",
        "reports",
    ]
    assert settings.SCHEDULER_IN_WORKER


def test_by_itself_it_runs_until_term(tmp_path: Path) -> None:
    with Child("scheduler", COMMAND, tmp_path, environment(tmp_path)) as running:
        assert wait_until(
            lambda: (
                "looking again" in running.log_text() or "database is away" in running.log_text()
            ),
            60,
        )
        assert running.stop() == 0


def test_tied_it_ends_with_its_input_and_not_by_term(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "--tied"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(tmp_path),
        cwd=ROOT,
    ) as tied:
        assert tied.stdin is not None
        assert tied.stderr is not None
        assert (
            tied.stderr.readline()
        )  # It looks, and finds no tables: its signals are in place by then.
        tied.terminate()
        with pytest.raises(subprocess.TimeoutExpired):
            tied.wait(1)
        threading.Thread(target=tied.stderr.read, daemon=True).start()
        tied.stdin.close()
        assert tied.wait(60) == 0
