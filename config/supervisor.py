"""The parts of Muster as processes of one machine: started, watched and stopped by `manage.py up`.

Each part is the first of a process group of its own. It gets one TERM, sent to its first process
only: Celery's and gunicorn's children are told by their parents, and a second TERM would cut short
what they are finishing.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socketserver
import subprocess
import sys
import threading
import time
from typing import Final

import urllib3
from django.conf import settings
from django.core.management.base import CommandError

KILL_AFTER_S: Final = 8
# Longer than a proxy or a terminal keeps an idle connection: who closes first cuts off the other's
# next request.
KEEP_ALIVE_S: Final = "75"
# Said in a container, for a demo: noise.
ROOT_WARNING_FILTER: Final = "ignore:You're running the worker with superuser privileges"


class ProcessSet:
    """The processes that were started, each the first of its own group."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *arguments: str) -> None:
        """Start `python arguments…` in a new session, out of reach of the terminal's Ctrl-C."""
        self._processes[name] = subprocess.Popen(  # noqa: S603
            [sys.executable, *arguments],
            env=self._environment,
            cwd=settings.BASE_DIR,
            start_new_session=True,
        )

    def ended_process(self) -> str | None:
        """Who has ended, in a sentence; None while all live."""
        for name, process in self._processes.items():
            if (status := process.poll()) is not None:
                return f"The {name} ended by itself (status {status})."
        return None

    def stop_all(self) -> None:
        """One TERM each, time to finish, then a kill for whole groups: afterwards nothing
        is left.
        """
        for process in self._processes.values():
            process.terminate()
        deadline = time.monotonic() + KILL_AFTER_S
        for process in self._processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
        for process in self._processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def start_web_server(processes: ProcessSet, port: int) -> None:
    """Start gunicorn. One web process on SQLite, where rate limits are counted in its memory."""
    workers = str(settings.WEB_WORKERS)
    threads = os.environ.get("MUSTER_WEB_THREADS") or "8"
    processes.start(
        "web server",
        "-m",
        "gunicorn",
        "config.wsgi",
        "--no-control-socket",
        "-k",
        "gthread",
        "-w",
        workers,
        "--threads",
        threads,
        "-b",
        f"{os.environ.get('MUSTER_BIND') or '127.0.0.1'}:{port}",
        "--log-level",
        "warning",
        "--keep-alive",
        KEEP_ALIVE_S,
    )


def start_worker(processes: ProcessSet) -> None:
    """Start Celery's worker, which carries everything that runs in the background."""
    threads = os.environ.get("MUSTER_WORKER_THREADS") or "32"
    quiet = ("-W", ROOT_WARNING_FILTER) if settings.DEMO else ()
    processes.start(
        "worker",
        *quiet,
        "-m",
        "celery",
        "-q",
        "-A",
        "config",
        "worker",
        "-P",
        "threads",
        "-c",
        threads,
        "--without-mingle",
        "--without-gossip",
        "-l",
        "WARNING",
    )


def child_environment(port: int) -> dict[str, str]:
    """What the parts are told: the same installation, wherever they stand."""
    mine = {"PORT": str(port), "MUSTER_DATA": str(settings.DATA_DIR)}
    return {"MUSTER_BASE_URL": f"http://127.0.0.1:{port}", **os.environ, **mine}


def check_port_is_free(port: int) -> None:
    """Raise CommandError when somebody listens on `port` already."""

    class Probe(socketserver.TCPServer):
        allow_reuse_address = True

    try:
        Probe(("127.0.0.1", port), socketserver.BaseRequestHandler).server_close()
    except OSError as error:
        raise CommandError(
            f"Port {port} cannot be used ({error.strerror}). Choose another, such as:"
            f" PORT={port + 1000} make run"
        ) from error
    except OverflowError as error:
        raise CommandError(f"{port} is not a port number.") from error


def wait_for_healthy_url(
    url: str, processes: ProcessSet, stop: threading.Event, timeout_s: float
) -> str | None:
    """None as soon as `url` answers 200, or when somebody wants to stop; else what was wrong with
    it to the end.
    """
    pool, deadline, problem = (
        urllib3.PoolManager(retries=False, timeout=5),
        time.monotonic() + timeout_s,
        "no answer",
    )
    while not stop.wait(0.1):
        if reason := processes.ended_process():
            raise CommandError(f"{reason} Everything was stopped.")
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            reply = pool.request("GET", url)
            if reply.status == 200:
                return None
            problem = f"{reply.status} {reply.data[:300].decode(errors='replace')}"
        if time.monotonic() > deadline:
            return f"{url}: {problem}"
    return None
