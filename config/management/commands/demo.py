"""`manage.py demo`: make the demo organization if needed and print how to try it."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from config import demo


def curl(credentials: dict[str, Any]) -> str:
    """One punch at the device door, ready to paste. The time is now: a time sent before would be a duplicate, and silent."""
    device, now = credentials["device"], datetime.now(ZoneInfo("Asia/Kolkata"))
    body = {"user_id": "1001", "att_time": f"{now:%Y-%m-%d %H:%M:%S}", "att_state": 1, "input_type": 50}
    return " \\\n  ".join(
        (
            f"curl {credentials['base_url']}/api/attendance/v1/punch",
            f'-H "sn: {device["sn"]}"',
            f'-H "auth-token: {device["auth_token"]}"',
            '-H "Content-Type: application/json"',
            f"-d '{json.dumps(body)}'",
        )
    )


def text(credentials: dict[str, Any]) -> str:
    """How to try the demo, for a person."""
    base, admin = credentials["base_url"], credentials["admin"]
    return "\n".join(
        (
            f"Console:    {base}/admin/",
            f"Sign in:    {admin['username']} / {admin['password']}",
            "",
            "Send a punch:",
            "",
            curl(credentials),
            "",
            "Watch it arrive at the customer's server, signed:",
            f"  {credentials['receiver']['url']}/           (as a page)",
            f"  {credentials['receiver']['received']}   (as JSON)",
            f"and in the console: {base}/admin/attendance/punch/",
            f"                    {base}/admin/webhooks/delivery/",
        )
    )


class Command(BaseCommand):
    """Prints fresh credentials at every call; nothing else changes after the first."""

    help = "Make the demo organization if it is missing, mint fresh credentials and print them."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object on the last line, for programs")
        parser.add_argument("--base-url", help="where Muster answers, such as http://127.0.0.1:8000")
        parser.add_argument("--force", action="store_true", help="also in an installation that is not the demo")

    def handle(self, *args: Any, **options: Any) -> None:
        if reason := demo.refusal(force=options["force"]):
            raise CommandError(reason)
        try:
            state = demo.load(demo.addresses(options["base_url"]))
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        credentials = demo.credentials(state)
        self.stdout.write(json.dumps(credentials) if options["json"] else text(credentials))
