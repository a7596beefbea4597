"""`manage.py demo_receiver`: run the customer's server of the demo (config/demo/receiver.py)."""

from __future__ import annotations

import signal
import sys
from argparse import ArgumentParser
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError

from config.demo.receiver import make_receiver_server
from config.demo.state import demo_addresses


class Command(BaseCommand):
    """Runs until it is told to stop."""

    help = (
        "Run the demo's customer server: it verifies what is pushed to it and lists it at"
        " /received."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, help="default: the port after Muster's")

    def handle(self, *args: Any, **options: Any) -> None:
        port: int = options["port"] or urlsplit(demo_addresses().receiver).port or 8001
        try:
            server = make_receiver_server(port)
        except OSError as error:
            raise CommandError(f"Port {port} cannot be used: {error.strerror}.") from error
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sys.exit(0))
        with server:
            server.serve_forever()
