"""`manage.py up`: the whole of Muster on one machine, web and worker, and with MUSTER_DEMO the demo
and its receiver.

It prepares (migrations, static files, demo), starts each part (config/supervisor.py), says how to
use it, and stops everything on Ctrl-C.
"""

from __future__ import annotations

import os
import signal
import threading
from argparse import ArgumentParser
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from config.demo import single_sign_on as demo_sso
from config.demo.credentials import demo_credentials
from config.demo.instructions import demo_instructions
from config.demo.organization import DEMO_SLUG, load_demo
from config.demo.state import demo_addresses
from config.schema import check_schema_version
from config.static_collection import collect_static_if_changed
from config.supervisor import (
    ProcessSet,
    check_port_is_free,
    child_environment,
    start_web_server,
    start_worker,
    wait_for_healthy_url,
)
from config.terminal import STOP_SIGNALS, detach_from_make, handles_sigint

HEALTH_TIMEOUT_S: Final = 60
READINESS_TIMEOUT_S: Final = 15


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
            state = load_demo(demo_addresses())
            demo_sso.set_demo_sso_enabled(DEMO_SLUG, on=False)
            return state  # noqa: TRY300
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        finally:
            close_database_connections()

    def start(self, processes: ProcessSet, port: int) -> None:
        """Start the parts."""
        start_web_server(processes, port)
        start_worker(processes)
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
        handled_at_start = make and handles_sigint(make)
        while not stop.wait(0.2):
            if reason := processes.ended_process():
                raise CommandError(f"{reason} Everything was stopped.")
            if make and handles_sigint(make) != handled_at_start:
                return

    def greeting(self, state: dict[str, Any], port: int) -> str:
        """What to do next."""
        if state:
            credentials = demo_credentials(state)
            close_database_connections()
            text = demo_instructions(credentials)
        else:
            text = f"Console:    http://127.0.0.1:{port}/admin/"
        return f"\nMuster is running. Ctrl-C stops it.\n\n{text}\n"


def enable_demo_sso() -> None:
    """The demo's provider listens: single sign-on is offered from now on."""
    try:
        demo_sso.set_demo_sso_enabled(DEMO_SLUG, on=True)
    finally:
        close_database_connections()


def close_database_connections() -> None:
    """Let go of the database: the supervisor has no use for it while it waits."""
    connections.close_all()
    if close_pool := getattr(connections["default"], "close_pool", None):
        close_pool()
