"""`manage.py demo`: make the demo organization if needed and print how to try it."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from config.demo.credentials import demo_credentials
from config.demo.instructions import demo_instructions
from config.demo.organization import load_demo
from config.demo.state import demo_addresses, not_demo_reason


class Command(BaseCommand):
    """Prints fresh credentials at every call; nothing else changes after the first."""

    help = "Make the demo organization if it is missing, mint fresh credentials and print them."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--json", action="store_true", help="one JSON object on the last line, for programs"
        )
        parser.add_argument(
            "--base-url", help="where Muster answers, such as http://127.0.0.1:8000"
        )
        parser.add_argument(
            "--force", action="store_true", help="also in an installation that is not the demo"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if reason := not_demo_reason(force=options["force"]):
            raise CommandError(reason)
        try:
            state = load_demo(demo_addresses(options["base_url"]))
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        credentials = demo_credentials(state)
        self.stdout.write(
            json.dumps(credentials) if options["json"] else demo_instructions(credentials)
        )
