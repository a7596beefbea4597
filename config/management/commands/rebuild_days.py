"""`manage.py rebuild_days acme 2026-06-01 2026-06-30`: work a period out again, and watch it."""

from __future__ import annotations

import argparse
import time
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from attendance import recalculation_queue
from attendance.background import changes, recalculation
from attendance.models import Recalculation, StaleDayRange
from employees.models import Organization

SHOW_PROGRESS_EVERY_S = 1.0


class Command(BaseCommand):
    """Ask for a rebuild as the console does, and take part in the work until it is done."""

    help = "Recalculate the days of a period and show the progress. A running worker helps."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("organization", help="its short name, such as acme")
        parser.add_argument("first", type=date.fromisoformat, help="first day, such as 2026-06-01")
        parser.add_argument("last", type=date.fromisoformat, help="last day, included")

    def handle(
        self, *args: Any, organization: str, first: date, last: date, **options: Any
    ) -> None:
        tenant = Organization.objects.filter(slug=organization).first()
        if tenant is None:
            raise CommandError(f"There is no organization {organization}.")
        if last < first:
            raise CommandError("The last day is before the first.")
        began = time.monotonic()
        changes.process_changes()
        with transaction.atomic():
            asked = recalculation_queue.request_recalculation(tenant.pk, first, last)
        shown = 0.0
        while (left := StaleDayRange.objects.filter(recalculation=asked, failures=0).count()) > 0:
            if time.monotonic() - shown > SHOW_PROGRESS_EVERY_S:
                shown = time.monotonic()
                self.stdout.write(f"{asked.total - left} of {asked.total} person-months")
            if not recalculation.recalculate_next_batch():
                time.sleep(SHOW_PROGRESS_EVERY_S)  # Somebody else is at it.
        changed = Recalculation.objects.get(pk=asked.pk).changed
        failed = StaleDayRange.objects.filter(recalculation=asked).count()
        self.stdout.write(
            f"{asked.total} person-months in {time.monotonic() - began:.1f} s, {changed} days"
            " changed"
        )
        if failed:
            raise CommandError(
                f"{failed} of them could not be worked out; the log says why, and they are tried"
                " again."
            )
