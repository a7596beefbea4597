"""Print, for a day, whether what went out agrees with what came in; exit 1 when it does not."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from attendance.punches.reconciliation import reconcile_organization
from employees.models import Organization


class Command(BaseCommand):
    """`manage.py reconcile [--day 2026-06-21] [--organization acme]`."""

    help = "Per endpoint and day: accepted, delivered, waiting, dead letter, missing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--day",
            type=date.fromisoformat,
            default=None,
            help="the organization's day; default today",
        )
        parser.add_argument("--organization", help="short name; default all")

    def handle(self, *args: Any, **options: Any) -> None:
        rows = Organization.objects.all()
        if options["organization"]:
            rows = rows.filter(slug=options["organization"])
        day = options["day"] or timezone.now().date()
        found = [
            balance
            for organization in rows
            for balance in reconcile_organization(organization, day)
        ]
        line = "{:<16} {:<28} {:>9} {:>9} {:>9} {:>9} {:>9}"
        print(
            line.format(
                "organization",
                "endpoint",
                "accepted",
                "delivered",
                "waiting",
                "dead",
                "missing",
            )
        )
        for one in found:
            numbers = (one.accepted, one.delivered, one.waiting, one.dead, one.missing)
            print(line.format(one.endpoint.organization.slug, one.endpoint.name[:28], *numbers))
        if not all(one.is_balanced for one in found):
            raise CommandError("Delivered punches do not match accepted punches.")
