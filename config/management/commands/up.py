"""`manage.py up`: the whole of Muster on one machine, web and worker, and with MUSTER_DEMO the demo
and its receiver.

It prepares (migrations, static files, demo), starts each part in a process group of its own, says
how to use it, and stops everything on Ctrl-C. A part gets one TERM, sent to its first process only:
Celery's and gunicorn's children are told by their parents, and a second TERM would cut short what
they are finishing.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import socketserver
import subprocess
import sys
import threading
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import urllib3
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from config.demo import organization as demo_organization
from config.demo import single_sign_on as demo_sso
from config.management.commands.demo import demo_instructions
from config.schema import unknown_migrations

HEALTH_TIMEOUT_S: Final = 60
READINESS_TIMEOUT_S: Final = 15
KILL_AFTER_S: Final = 8
# Longer than a proxy or a terminal keeps an idle connection: who closes first cuts off the other's
# next request.
KEEP_ALIVE_S: Final = "75"
# Said in a container, for a demo: noise.
ROOT_WARNING_FILTER: Final = "ignore:You're running the worker with superuser privileges"
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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


class Command(BaseCommand):
    """The supervisor behind `make run`."""

    requires_system_checks: list[str] = []  # Checked after the migrations: some checks read tables.
    help = "Prepare and run web and worker (and the demo, with MUSTER_DEMO=1) until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=int(os.environ.get("PORT") or 8000))

    def handle(self, *args: Any, **options: Any) -> None:
        port: int = options["port"]
        os.environ["PORT"] = str(port)
        make = os.getppid() if "MAKELEVEL" in os.environ else None
        if make:
            detach_from_make()
        stop = threading.Event()
        for number in STOP_SIGNALS:
            signal.signal(number, lambda *_: stop.set())
        for taken in (port, port + 1) if settings.DEMO else (port,):
            check_port_is_free(taken)
        state = self.prepare()
        if stop.is_set():
            return
        family, guest = ProcessSet(child_environment(port)), demo_sso.ProviderProcess()
        try:
            self.start(family, port)
            if state:
                guest.start(state, on_ready=enable_demo_sso)
            self.wait(family, stop, port, state)
            if not stop.is_set():
                self.stdout.write(self.greeting(state, port))
                self.stdout.flush()
            self.watch(family, stop, make)
        finally:
            guest.stop()
            family.stop_all()

    def prepare(self) -> dict[str, Any]:
        """Bring database and static files up to date, and in the demo its organization; returns the
        demo's state.
        """
        check_schema_version()
        call_command("migrate", interactive=False, verbosity=0)
        self.check()
        collect_static_if_changed()
        try:
            if not settings.DEMO:
                return {}
            state = demo_organization.load_demo(demo_organization.demo_addresses())
            demo_sso.set_demo_sso_enabled(demo_organization.DEMO_SLUG, on=False)
            return state  # noqa: TRY300
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        finally:
            close_database_connections()

    def start(self, processes: ProcessSet, port: int) -> None:
        """Start the parts. One web process on SQLite, where rate limits are counted in its
        memory.
        """
        workers = str(settings.WEB_WORKERS)
        threads = os.environ.get("MUSTER_WEB_THREADS") or "8"
        hands = os.environ.get("MUSTER_WORKER_THREADS") or "32"
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
            hands,
            "--without-mingle",
            "--without-gossip",
            "-l",
            "WARNING",
        )
        if settings.DEMO:
            processes.start(
                "demo receiver", "-m", "django", "demo_receiver", "--port", str(port + 1)
            )

    def wait(
        self, processes: ProcessSet, stop: threading.Event, port: int, state: dict[str, Any]
    ) -> None:
        """Return when everything answers. Not ready yet, with old pushes to make up for, is said
        and no reason to stop.
        """
        for url in (
            f"http://127.0.0.1:{port}/api/healthz",
            *([f"{state['receiver']}/healthz"] if state else []),
        ):
            if problem := wait_for_healthy_url(url, processes, stop, HEALTH_TIMEOUT_S):
                raise CommandError(
                    f"Not healthy within {HEALTH_TIMEOUT_S} s: {problem}. Everything was stopped."
                )
        if problem := wait_for_healthy_url(
            f"http://127.0.0.1:{port}/api/readyz", processes, stop, READINESS_TIMEOUT_S
        ):
            self.stderr.write(f"Running, but not ready yet: {problem}")

    def watch(self, processes: ProcessSet, stop: threading.Event, make: int | None) -> None:
        """Return when it is time to stop; raise CommandError when a part was lost."""
        minded = make and handles_sigint(make)
        while not stop.wait(0.2):
            if reason := processes.ended_process():
                raise CommandError(f"{reason} Everything was stopped.")
            if make and handles_sigint(make) != minded:
                return

    def greeting(self, state: dict[str, Any], port: int) -> str:
        """What to do next."""
        if state:
            credentials = demo_organization.demo_credentials(state)
            close_database_connections()
            said = demo_instructions(credentials)
        else:
            said = f"Console:    http://127.0.0.1:{port}/admin/"
        return f"\nMuster is running. Ctrl-C stops it.\n\n{said}\n"


def check_schema_version() -> None:
    """Raise CommandError for a database that another version of Muster made."""
    if unknown := unknown_migrations():
        place = (
            "The database of DATABASE_URL"
            if "DATABASE_URL" in os.environ
            else f"The data folder {settings.DATA_DIR}"
        )
        raise CommandError(
            f"{place} was made by another version of Muster, which knows {unknown[0]}. Nothing was"
            " changed. Start that version again, or begin with an empty one: move the folder away,"
            " or name another, as in MUSTER_DATA=/another/folder make run."
        )


def child_environment(port: int) -> dict[str, str]:
    """What the parts are told: the same installation, wherever they stand."""
    mine = {"PORT": str(port), "MUSTER_DATA": str(settings.DATA_DIR)}
    return {"MUSTER_BASE_URL": f"http://127.0.0.1:{port}", **os.environ, **mine}


def enable_demo_sso() -> None:
    """The demo's provider listens: single sign-on is offered from now on."""
    try:
        demo_sso.set_demo_sso_enabled(demo_organization.DEMO_SLUG, on=True)
    finally:
        close_database_connections()


def close_database_connections() -> None:
    """Let go of the database: the supervisor has no use for it while it waits."""
    connections.close_all()
    if close_pool := getattr(connections["default"], "close_pool", None):
        close_pool()


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


def collect_static_if_changed() -> None:
    """Collect the static files unless the same ones were collected before: compressing them takes
    seconds.
    """
    stamp = Path(settings.DATA_DIR) / "static.stamp"
    digest = hashlib.sha256("\n".join(_static_file_stats()).encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    stamp.write_text(digest)


def _static_file_stats() -> Iterator[str]:
    for finder in get_finders():
        for path, storage in finder.list([]):
            facts = Path(storage.path(path)).stat()
            yield f"{path} {facts.st_size} {facts.st_mtime_ns}"


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


def handles_sigint(pid: int) -> bool | None:
    """Whether a process has a handler for SIGINT; None when it is gone, or this system does not
    tell.

    make that is interrupted alone takes its handler away and waits for us without a word; make that
    is killed just goes.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    handled = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(handled & 1 << signal.SIGINT - 1)


def detach_from_make() -> None:
    """At a terminal, go on in a child that has the terminal, and its Ctrl-C, to itself.

    make dies of an interrupt that reaches it, however well its recipe ends; this way the interrupt
    does not reach it and `make run` ends with 0. The process that make started waits, passes on the
    signals it gets, and ends as the child does.
    """
    if (terminal := _controlling_terminal()) is None:
        return
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(terminal, os.getpgrp())
        signal.signal(
            signal.SIGTSTP, signal.SIG_IGN
        )  # make would wait for a stopped child, and the shell for make.
        return
    for number in STOP_SIGNALS:
        signal.signal(number, lambda received, _: os.kill(child, received))
    _pid, status = os.waitpid(child, 0)
    with contextlib.suppress(OSError):
        os.tcsetpgrp(terminal, os.getpgrp())
    os._exit(abs(os.waitstatus_to_exitcode(status)))


def _controlling_terminal() -> int | None:
    """The terminal whose foreground we are; None without one."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR)
        return terminal if os.tcgetpgrp(terminal) == os.getpgrp() else None
    except OSError:
        return None
