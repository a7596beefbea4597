"""Calculates days again when something they depend on changed. The rows in `StaleDayRange` are the
queue. The scheduler runs the loop; `rebuild_days` empties the queue itself.

One worker at a time works on an organization; whatever commits while it reads leaves a stale row of
its own.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from attendance import recalculation_queue
from attendance.background.day_ranges import MARGIN_DAYS, recalculate_days
from attendance.days import locking
from attendance.days import rollover as day_rollover
from attendance.models import Recalculation, StaleDayRange
from core.background_loop import pause_after_transaction, run_background_loop

log = logging.getLogger(__name__)
# Days of one transaction, which is done again whole when its process dies. On SQLite all other
# writers wait for its end.
BATCH_DAYS: Final = {"postgresql": 500, "sqlite": 40}
QUEUE_PAGE_SIZE: Final = 200
MAX_RETRY_DELAY: Final = timedelta(hours=1)
POLL_INTERVAL_S: Final = 0.4
ROLLOVER_INTERVAL: Final = timedelta(seconds=30)


def recalculate_next_batch(now: datetime | None = None) -> int:
    """Take up what waits longest, one portion of one organization; returns how many stale rows that
    settled.
    """
    ready = StaleDayRange.objects.filter(
        Q(not_before__isnull=True) | Q(not_before__lte=now or timezone.now())
    )
    for background in (False, True):
        rows = list(ready.filter(background=background).order_by("id")[:QUEUE_PAGE_SIZE])
        for organization_id in dict.fromkeys(row.organization_id for row in rows):
            mine = _take_batch([row for row in rows if row.organization_id == organization_id])
            if done := _recalculate_or_postpone(organization_id, mine, now):
                return done
    return 0


def _take_batch(rows: Sequence[StaleDayRange]) -> list[StaleDayRange]:
    """As many of these rows as one transaction takes, at least one; what is asked for twice takes
    no room twice.
    """
    room = BATCH_DAYS[connection.vendor]
    taken: list[StaleDayRange] = []
    asked: set[tuple[UUID, date, date]] = set()
    for row in rows:
        days = (row.ends_on - row.starts_on).days + 1 + 2 * MARGIN_DAYS
        same = (row.employee_id, row.starts_on, row.ends_on)
        if same not in asked:
            if taken and days > room:
                continue
            room -= days
        asked.add(same)
        taken.append(row)
    return taken


def _recalculate_or_postpone(
    organization_id: int, rows: Sequence[StaleDayRange], now: datetime | None
) -> int:
    """Work these rows out; if that fails each alone, and the one that fails is put off."""
    try:
        return _recalculate_in_transaction(organization_id, rows, now)
    except (DatabaseError, InterfaceError):
        raise
    except Exception:
        if len(rows) > 1:
            return sum(_recalculate_or_postpone(organization_id, [row], now) for row in rows)
        log.exception("Days could not be worked out: %s", rows[0])
        _postpone(rows[0])
        return 1


def _recalculate_in_transaction(
    organization_id: int, rows: Sequence[StaleDayRange], now: datetime | None
) -> int:
    with transaction.atomic():
        if not locking.try_lock_organization(organization_id):
            return 0
        # Read again under the lock: another worker may have settled some of them meanwhile.
        mine = list(
            StaleDayRange.objects.of(organization_id).filter(pk__in=[row.pk for row in rows])
        )
        if not mine:
            return 0
        spans: dict[UUID, tuple[date, date]] = {}
        for row in mine:
            first, last = spans.get(row.employee_id, (row.starts_on, row.ends_on))
            spans[row.employee_id] = (min(first, row.starts_on), max(last, row.ends_on))
        changed = 0
        for group in _group_by_period(spans):
            changed += recalculate_days(organization_id, group, now or timezone.now())
        StaleDayRange.objects.filter(pk__in=[row.pk for row in mine]).delete()
        _update_progress(mine, changed)
    return len(mine)


def _group_by_period(spans: dict[UUID, tuple[date, date]]) -> list[dict[UUID, tuple[date, date]]]:
    """People whose periods are near each other together: what is read is read for all of them from
    the first to the last.
    """
    groups: list[dict[UUID, tuple[date, date]]] = []
    for employee_id, span in sorted(spans.items(), key=lambda item: (item[1], item[0])):
        if groups:
            begun = next(iter(groups[-1].values()))
            if (span[0] - begun[0]).days <= MARGIN_DAYS:
                groups[-1][employee_id] = span
                continue
        groups.append({employee_id: span})
    return groups


def _update_progress(rows: Sequence[StaleDayRange], changed: int) -> None:
    """Bring the rebuilds that these rows belonged to up to date."""
    for recalculation_id in {
        row.recalculation_id for row in rows if row.recalculation_id is not None
    }:
        Recalculation.objects.filter(pk=recalculation_id).update(changed=F("changed") + changed)
        if not StaleDayRange.objects.filter(recalculation=recalculation_id).exists():
            Recalculation.objects.filter(pk=recalculation_id).update(finished_at=timezone.now())


def _postpone(row: StaleDayRange) -> None:
    wait = min(timedelta(seconds=30) * 2 ** min(row.failures, 10), MAX_RETRY_DELAY)
    StaleDayRange.objects.filter(pk=row.pk).update(
        failures=F("failures") + 1, not_before=timezone.now() + wait
    )


def run_recalculation_loop(stop: threading.Event) -> None:
    """Work days out until `stop`: what changed, and with the clock what begins and what is over."""
    looked: datetime | None = None
    adopted_at = 0.0

    def look() -> float:
        nonlocal looked, adopted_at
        if time.monotonic() - adopted_at >= POLL_INTERVAL_S:
            now = timezone.now()
            if looked is None or now - looked > ROLLOVER_INTERVAL:
                day_rollover.open_days(
                    now,
                    day_rollover.LONG_LOOKBACK_DAYS
                    if looked is None or looked.hour != now.hour
                    else day_rollover.SHORT_LOOKBACK_DAYS,
                )
                looked = now
            day_rollover.close_days(now)
            # Not with every transaction: who punches twice in a moment is worked out once.
            adopted_at = (
                0.0
                if recalculation_queue.mark_days_of_new_punches_stale()
                == recalculation_queue.BATCH_SIZE
                else time.monotonic()
            )
        began = time.monotonic()
        if recalculate_next_batch():
            return pause_after_transaction(began)
        return max(adopted_at + POLL_INTERVAL_S - time.monotonic(), 0)

    run_background_loop(look, stop)
