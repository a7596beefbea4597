"""Looks for user codes that nobody has: for each of them an exception is open as long as punches
wait.

Called by `exceptions.scan`, and by whoever has just matched punches. Within the caller's
transaction where it says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Count, Max, Min

from attendance.exceptions import services as exception_services
from attendance.exceptions.rules import (
    UNMATCHED,
    UnmatchedCode,
    build_unmatched_exception,
    unmatched_code_subject,
)
from attendance.models import (
    AttendanceException,
    Punch,
    PunchMatch,
)
from attendance.punches.matching import UserCodeKey
from core.batches import BATCH_SIZE, batches_by_id
from core.times import to_local_time
from employees.models import Organization

# Numbers of one look at everything: nobody goes through more of them.
MAX_CODES: Final = 10_000
# What came longer ago is not asked about by itself.
RECENT_WINDOW: Final = timedelta(days=35)


def code_key(punch: Punch) -> UserCodeKey:
    """Whose punch it would be: its number at its channel and device."""
    return UserCodeKey(punch.channel, punch.device_id, punch.user_code)


def code_subject(code: UserCodeKey) -> str:
    """The subject of the exception about a number."""
    return unmatched_code_subject(code.channel, code.device_id, code.user_code)


def scan_codes(organization_id: int, codes: Collection[UserCodeKey], now: datetime) -> int:
    """Ask about numbers for which punches wait, and close what is known by now. Within a
    transaction.
    """
    if not codes:
        return 0
    rows = AttendanceException.objects.of(organization_id).filter(
        kind=UNMATCHED,
        state=exception_services.OPEN,
        subject__in=[code_subject(one) for one in codes],
    )
    return exception_services.sync_exceptions(
        organization_id,
        rows,
        [build_unmatched_exception(one) for one in _unmatched_codes(organization_id, codes)],
        now,
    )


def _unmatched_codes(
    organization_id: int, codes: Collection[UserCodeKey]
) -> Iterator[UnmatchedCode]:
    unmatched = (
        Punch.objects.of(organization_id)
        .unmatched()
        .filter(user_code__in={one.user_code for one in codes})
    )
    groups = (
        unmatched.order_by()
        .values("channel", "device_id", "user_code")
        .annotate(
            count=Count("pk"),
            first=Min("occurred_at"),
            last=Max("occurred_at"),
            received=Max("received_at"),
            latest=Max("pk"),
        )
    )
    mine = [
        one
        for one in groups
        if UserCodeKey(one["channel"], one["device_id"], one["user_code"]) in codes
    ]
    latest = (
        Punch.objects.of(organization_id)
        .select_related("device__site")
        .in_bulk([one["latest"] for one in mine])
    )
    for one in mine:
        punch = latest[one["latest"]]
        yield UnmatchedCode(
            one["channel"],
            one["device_id"],
            one["user_code"],
            one["count"],
            one["first"],
            one["last"],
            one["received"],
            punch.pk,
            punch.reasons.get("employee", "unknown"),
            punch.zone,
            to_local_time(one["last"], punch.zone).date(),
            punch.device.site_id if punch.device else None,
        )


def scan_all_codes(organization: Organization, now: datetime) -> int:
    """As `scan_codes`, for all numbers of late and for all that are open; in parts."""
    lately = (
        Punch.objects.of(organization)
        .unmatched()
        .filter(received_at__gte=now - RECENT_WINDOW)
        .order_by()
    )
    groups = lately.values_list("channel", "device_id", "user_code").distinct()[:MAX_CODES]
    codes = [UserCodeKey(*one) for one in groups]
    changed = 0
    for start in range(0, len(codes), BATCH_SIZE):
        part = codes[start : start + BATCH_SIZE]
        with transaction.atomic():
            changed += scan_codes(organization.pk, part, now)
    return changed + scan_open_codes(organization.pk, now)


def scan_open_codes(organization_id: int, now: datetime) -> int:
    """Close what is known by now among the numbers that are asked about."""
    changed = 0
    for part in batches_by_id(
        AttendanceException.objects.of(organization_id).filter(
            kind=UNMATCHED, state=exception_services.OPEN
        )
    ):
        codes = {
            UserCodeKey(row.details["channel"], row.device_id, row.details["code"]) for row in part
        }
        with transaction.atomic():
            changed += scan_codes(organization_id, codes, now)
    return changed


def last_match_id() -> int:
    """Where to begin to look at matches: what was matched before is found by the full scan."""
    return PunchMatch.objects.aggregate(last=Max("pk"))["last"] or 0


def scan_new_matches(after_id: int, now: datetime) -> int:
    """Close what matches with an id above `after_id` have answered; returns the highest of these
    ids.
    """
    rows = list(
        PunchMatch.objects.filter(pk__gt=after_id)
        .order_by("pk")
        .select_related("punch")[:BATCH_SIZE]
    )
    by_tenant: dict[int, set[UserCodeKey]] = defaultdict(set)
    for match in rows:
        by_tenant[match.organization_id].add(code_key(match.punch))
    for organization_id, codes in sorted(by_tenant.items()):
        with transaction.atomic():
            scan_codes(organization_id, codes, now)
    return rows[-1].pk if rows else after_id
