"""What days do not show: numbers nobody has, clocks that are wrong, devices that fell silent. A
thread of the scheduler looks.

Nothing here is on a punch's way in, and nothing that goes wrong here holds up days. What came last
is looked at within seconds, by a place in the table that is kept in memory only; everything of late
is looked at again now and then, so what was missed meanwhile is made up for. Looking twice, or two
workers at once, changes nothing.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from attendance.exceptions.code_scan import (
    code_key,
    last_match_id,
    scan_all_codes,
    scan_codes,
    scan_new_matches,
    scan_open_codes,
)
from attendance.exceptions.device_scan import scan_clocks, scan_rejected_times, scan_silent_devices
from attendance.models import (
    Punch,
    Verdict,
)
from core.background_loop import run_background_loop
from core.batches import BATCH_SIZE, batches_by_id
from devices.models import Device
from employees.models import Organization

SCAN_INTERVAL_S: Final = 2.0
# Ids are given before a transaction is committed: so many of the last are looked at once more.
ID_OVERLAP: Final = 200
_PUNCH_COLUMNS: Final = (
    "organization_id",
    "channel",
    "device_id",
    "user_code",
    "verdict",
    "occurred_at",
    "received_at",
)
DEVICE_SCAN_INTERVAL: Final = timedelta(seconds=60)
FULL_SCAN_INTERVAL: Final = timedelta(hours=1)


# --- What came last -------------------------------------------------------------------------------
def scan_new_punches(after_id: int, now: datetime) -> int:
    """Look at punches with an id above `after`, as many as go at once; returns the highest of these
    ids.
    """
    rows = list(
        Punch.objects.filter(pk__gt=after_id - ID_OVERLAP)
        .order_by("pk")
        .only(*_PUNCH_COLUMNS)[:BATCH_SIZE]
    )
    if not rows or rows[-1].pk <= after_id:
        return after_id
    by_tenant: dict[int, list[Punch]] = defaultdict(list)
    for punch in rows:
        by_tenant[punch.organization_id].append(punch)
    for organization_id, punches in sorted(by_tenant.items()):
        with transaction.atomic():
            scan_codes(
                organization_id,
                {code_key(one) for one in punches if one.verdict == Verdict.UNMATCHED},
                now,
            )
            refused = {
                one.device_id
                for one in punches
                if one.verdict == Verdict.REJECTED_TIME and one.device_id
            }
            scan_rejected_times(organization_id, refused, now)
            scan_clocks(organization_id, punches, now)
    return rows[-1].pk


def scan_start_id() -> int:
    """Where to begin to look: a little before the end."""
    return max((Punch.objects.aggregate(last=Max("pk"))["last"] or 0) - ID_OVERLAP, 0)


# --- The loop -------------------------------------------------------------------------------------
def run_full_scan(now: datetime) -> None:
    """What was missed: numbers and refusals of late, of all organizations."""
    for organization in Organization.objects.order_by("pk"):
        scan_all_codes(organization, now)
        for part in batches_by_id(Device.objects.of(organization)):
            with transaction.atomic():
                scan_rejected_times(organization.pk, [one.pk for one in part], now)


def run_exception_scan_loop(stop: threading.Event) -> None:
    """Look again and again until `stop`."""
    place: int | None = None
    matched = last_match_id()
    devices_at = everything_at = datetime.min.replace(tzinfo=UTC)

    def look() -> float:
        nonlocal place, matched, devices_at, everything_at
        now = timezone.now()
        seen = scan_start_id() if place is None else place
        place = scan_new_punches(seen, now)
        if place - seen >= BATCH_SIZE - ID_OVERLAP:
            return 0
        matched = scan_new_matches(matched, now)
        if now - devices_at > DEVICE_SCAN_INTERVAL:
            devices_at = now
            for organization in Organization.objects.order_by("pk"):
                scan_silent_devices(organization, now)
                scan_open_codes(organization.pk, now)
        if now - everything_at > FULL_SCAN_INTERVAL:
            everything_at = now
            run_full_scan(now)
        return SCAN_INTERVAL_S

    run_background_loop(look, stop)
