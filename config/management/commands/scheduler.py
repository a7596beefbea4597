"""`manage.py scheduler`: what the worker does beside pushing. The worker starts it by itself
(`config.scheduler`).
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from config import scheduler


class Command(BaseCommand):
    """Runs until TERM, or tied to whoever holds the other end of its standard input."""

    requires_system_checks: list[
        str
    ] = []  # The web and the worker were checked; a second of its start is saved.
    help = (
        "Match, work out days, fill the inbox, settle leave and make reports until TERM. The worker"
        " starts one by itself."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tied", action="store_true", help="end when standard input ends")

    def handle(self, *args: Any, **options: Any) -> None:
        scheduler.run_scheduler(sys.stdin.fileno() if options["tied"] else None)
