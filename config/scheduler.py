"""Everything a worker does beside pushing, in a process of its own: matching, days, the exceptions,
leave, reports.

That work comes in heaps and can wait a second; a push cannot. So it shares no interpreter lock with
the worker's hands, and the system lets it have only the processor time that they leave. The worker
starts it (`SchedulerProcess`), starts it again when it was lost, and tells it over a pipe that a
report waits; when the pipe closes the worker is gone, and it ends. What it does is claimed in the
database: any number of them may run, or none for a while.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from django.conf import settings

log = logging.getLogger(__name__)

# 19 would let a busy machine starve it; at 10 it still gets about a tenth.
NICENESS: Final = 10
RESTART_AFTER_S: Final = 1.0
STOP_TIMEOUT_S: Final = 5.0

BackgroundLoop = Callable[[threading.Event], None]


def use_asynchronous_commit(database: dict[str, Any]) -> None:
    """Let this process commit without waiting for the disk. For the worker and its scheduler: all
    they write can be done again.

    A result that a power cut takes back is a delivery made once more, with the same id. What sends
    a new event waits for the disk: punches in the web process, matches by `durable_transaction`.
    """
    options = database["OPTIONS"]
    if "init_command" in options:
        options["init_command"] = options["init_command"].replace(
            "synchronous=FULL", "synchronous=NORMAL"
        )
    else:
        options["options"] += " -c synchronous_commit=off"


# --- In the process -------------------------------------------------------------------------------
def background_loops() -> dict[str, BackgroundLoop]:
    """What it does, each in a thread of its own that looks again and again."""
    # Imported here: the worker, which only starts the process, has no use for them.
    from attendance.background.changes import run_change_loop  # noqa: PLC0415
    from attendance.background.recalculation import (  # noqa: PLC0415
        run_recalculation_loop,
    )
    from attendance.exceptions.scan import run_exception_scan_loop  # noqa: PLC0415
    from leaves.due_postings import run_settlement_loop  # noqa: PLC0415
    from reports.jobs.runner import run_report_loop  # noqa: PLC0415

    return {
        "changes": run_change_loop,
        "days": run_recalculation_loop,
        "exceptions": run_exception_scan_loop,
        "leave": run_settlement_loop,
        "reports": run_report_loop,
    }


def run_scheduler(pipe: int | None) -> None:
    """Run all loops until `pipe` closes, or without one until TERM; a byte that comes through it
    says that a report waits.
    """
    from reports.jobs.runner import wake_report_loop  # noqa: PLC0415

    if not settings.DATABASES["default"]["ENGINE"].startswith("config.sqlite"):
        # On SQLite everybody would wait for a writer that does not get the processor.
        os.nice(NICENESS)
    use_asynchronous_commit(settings.DATABASES["default"])
    stop = threading.Event()
    # A Ctrl-C at the terminal, or a TERM for the whole group, is for the worker if there is one:
    # the pipe says when to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN if pipe is not None else lambda *_: stop.set())
    signal.signal(signal.SIGTERM, signal.SIG_IGN if pipe is not None else lambda *_: stop.set())
    threads = [
        threading.Thread(target=loop, args=(stop,), name=f"muster-{name}", daemon=True)
        for name, loop in background_loops().items()
    ]
    for thread in threads:
        thread.start()
    while not stop.is_set():
        if pipe is None:
            stop.wait(1)
        elif select.select([pipe], [], [], 1)[0]:
            if os.read(pipe, 1024):
                wake_report_loop()
            else:
                stop.set()
    deadline = time.monotonic() + STOP_TIMEOUT_S
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    logging.shutdown()
    # Whatever a thread still waits for: its transaction is taken back, its lease runs out.
    os._exit(0)


# --- In the worker --------------------------------------------------------------------------------
class SchedulerProcess:
    """The process as the worker sees it. `start` returns at once; from then on it is there until
    `stop`.
    """

    def __init__(self, *command: str) -> None:
        self._command = command or (sys.executable, "-m", "django", "scheduler", "--tied")
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(
            target=self._supervise, name="muster-scheduler", daemon=True
        )

    def start(self) -> None:
        """Start it, and keep it."""
        self._thread.start()

    def notify_report_waiting(self) -> None:
        """Tell it that a report waits. It looks by itself every second: a word that is lost is no
        harm.
        """
        process = self._process
        if process is not None and process.stdin is not None:
            with contextlib.suppress(OSError, ValueError):
                os.write(process.stdin.fileno(), b"r")

    def request_stop(self) -> None:
        """Ask it to finish what it has in hand; returns at once."""
        self._stopping.set()
        _close_stdin(self._process)

    def stop(self) -> None:
        """Wait until it has finished, for `STOP_TIMEOUT_S` and a little; then it is killed."""
        self.request_stop()
        self._thread.join(STOP_TIMEOUT_S + 1)
        if self._process is not None and self._process.poll() is None:
            self._process.kill()

    def _supervise(self) -> None:
        while not self._stopping.is_set():
            try:
                self._process = subprocess.Popen(  # noqa: S603
                    self._command, stdin=subprocess.PIPE, env=_environment()
                )
            except OSError:  # No memory for it at this moment, say.
                log.exception("The scheduler could not be started; trying again")
                self._stopping.wait(RESTART_AFTER_S)
                continue
            if self._stopping.is_set():
                _close_stdin(self._process)
            status = self._process.wait()
            if not self._stopping.wait(RESTART_AFTER_S):
                log.error("The scheduler ended by itself (status %d); starting it again", status)


def _environment() -> dict[str, str]:
    """The worker's own, and where Muster is: in the same folder, so that what settings say relative
    to it stays the same.
    """
    path = [str(settings.BASE_DIR), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path)}


def _close_stdin(process: subprocess.Popen[bytes] | None) -> None:
    if process is not None and process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
