"""Processes the change log: what changed in the apps below is followed by those that depend on it,
leave first and then days.

A thread of the scheduler runs `run_change_loop`; it needs only the database. A consumer's mark is
set within the transaction of its effect, so a change is neither lost nor processed by two workers.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final, NamedTuple

from django.db import DatabaseError, InterfaceError, transaction
from django.utils import timezone

from attendance.days.changes import mark_changed_days_stale
from attendance.exceptions.code_scan import last_match_id, scan_new_matches
from attendance.punches import matching
from core.background_loop import pause_after_transaction, run_background_loop
from core.raw_sql import sqlite_full_sync
from devices.models import DeviceUser
from employees.models import Change, Employee, Organization
from leaves.changes import settle_changed_accounts

log = logging.getLogger(__name__)

POLL_INTERVAL_S: Final = 0.3
# A punch whose transaction was open while the number was entered saw nobody, and the change saw no
# punch. This look back, longer than any such transaction may last, finds it.
REMATCH_INTERVAL: Final = timedelta(seconds=20)
REMATCH_LOOKBACK: Final = timedelta(minutes=5)


class Consumer(NamedTuple):
    """Who follows changes: the column of its mark, and the verb."""

    mark: str
    process: Callable[[Change], None]


def process_changes(limit: int = 100, *, stop: threading.Event | None = None) -> int:
    """Process changes that wait; returns how many. With `stop` others get the database between two
    of them.
    """
    done = 0
    for change_id in list(
        Change.objects.unprocessed().order_by("id").values_list("id", flat=True)[:limit]
    ):
        started_at = time.monotonic()
        done += max([_process_change(change_id, consumer) for consumer in CONSUMERS])
        if stop is not None and stop.wait(pause_after_transaction(started_at)):
            break
    return done


def _process_change(change_id: int, consumer: Consumer) -> int:
    """Let one consumer follow a change; 1 if it did so now. One that fails is logged and tried
    again in the next round, and holds up neither the other consumer nor other changes.
    """
    try:
        # It may match punches, whose events are sent right after the commit.
        with sqlite_full_sync(), transaction.atomic():
            # The conditional UPDATE decides who processes a change; it also holds the row until the
            # work is committed.
            mine = Change.objects.filter(pk=change_id, **{f"{consumer.mark}__isnull": True})
            if not mine.update(**{consumer.mark: timezone.now()}):
                return 0
            rows = Change.objects.select_related("employee__organization")
            consumer.process(rows.get(pk=change_id))
    except (DatabaseError, InterfaceError):
        raise
    except Exception:
        log.exception("Change %d could not be processed (%s)", change_id, consumer.mark)
        return 0
    return 1


def follow_change(change: Change) -> None:
    """What attendance does about a change: match punches that waited for a number, and mark days
    stale.
    """
    if change.kind == Change.Kind.IDENTITY and change.employee is not None:
        codes, before = _user_codes(change.employee), last_match_id()
        while matching.match_unmatched_punches(change.organization_id, codes=codes):
            pass
        scan_new_matches(before, timezone.now())
    mark_changed_days_stale(change)


# In this order: what leave changes, days must see.
CONSUMERS: Final = (
    Consumer("leave_processed_at", settle_changed_accounts),
    Consumer("days_processed_at", follow_change),
)


def _user_codes(employee: Employee) -> list[str]:
    mapped = (
        DeviceUser.objects.of(employee.organization_id)
        .filter(employee=employee)
        .values_list("user_code", flat=True)
    )
    return sorted({employee.code, *mapped, *([employee.worker_id] if employee.worker_id else [])})


def rematch_recent_punches() -> int:
    """Match recent punches that crossed with the entry of their number; returns how many."""
    since = timezone.now() - REMATCH_LOOKBACK
    return sum(
        matching.match_unmatched_punches(organization_id, received_since=since)
        for organization_id in Organization.objects.filter(
            punch__verdict="unmatched", punch__match__isnull=True, punch__received_at__gte=since
        )
        .distinct()
        .values_list("id", flat=True)
    )


def run_change_loop(stop: threading.Event) -> None:
    """Process the change log until `stop`; match recent punches again every REMATCH_INTERVAL."""
    swept = timezone.now()

    def look() -> float:
        nonlocal swept
        process_changes(stop=stop)
        if timezone.now() - swept > REMATCH_INTERVAL:
            swept = timezone.now()
            rematch_recent_punches()
        return POLL_INTERVAL_S

    run_background_loop(look, stop)
