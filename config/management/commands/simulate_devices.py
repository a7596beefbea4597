"""`manage.py simulate_devices`: devices at work, over real HTTP, and how long a punch takes to the
customer's server (config/demo/simulator.py).
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from config.demo.load_summary import format_load_summary, load_summary
from config.demo.simulator import LoadGenerator, ReceiverPoller, make_simulated_devices
from config.demo.state import demo_addresses, not_demo_reason


class Command(BaseCommand):
    """A measurement anybody can repeat beside a running `make run`."""

    help = "Send punches from simulated devices and measure, up to the customer's server."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--devices", type=int, default=20)
        parser.add_argument(
            "--rate", type=float, default=20, help="punches per second, all devices together"
        )
        parser.add_argument("--seconds", type=float, default=30)
        parser.add_argument("--url", help="where Muster answers; default: where the demo runs")
        parser.add_argument(
            "--receiver", help="where the demo's receiver answers; default: the port after"
        )
        parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
        parser.add_argument(
            "--force", action="store_true", help="also in an installation that is not the demo"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if reason := not_demo_reason(force=options["force"]):
            raise CommandError(reason)
        count = round(options["rate"] * options["seconds"])
        if options["devices"] < 1 or count < 1:
            raise CommandError("There must be at least one device and one punch.")
        where = demo_addresses(options["url"])
        customer = ReceiverPoller((options["receiver"] or where.receiver).rstrip("/"))
        terminals = make_simulated_devices(options["devices"])
        connections.close_all()
        self.stdout.write(
            f"{count} punches of {len(terminals)} devices at {options['rate']:g}/s to"
            f" {where.base_url}"
        )
        sent, seconds = LoadGenerator(where.base_url, terminals, options["rate"], count).run()
        accepted = {one.punch_id for one in sent if one.punch_id}
        customer.wait_for_punches(accepted)
        result = load_summary(sent, seconds, accepted, customer)
        self.stdout.write(format_load_summary(result))
        if options["json"]:
            self.stdout.write(
                json.dumps({"devices": len(terminals), "rate": options["rate"], **result})
            )
