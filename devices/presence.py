"""Whether a device is heard from: the one thing to know about it at a glance. Used by the console,
the first page and the report on devices.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from devices.models import Device

# Three heartbeats may go missing on a bad line; the fourth is news.
MAX_MISSED_HEARTBEATS: Final = 3

BLOCKED, ENDED, NEVER, SILENT, ONLINE = "blocked", "ended", "never", "silent", "online"
DEVICE_STATES: Final[dict[str, Any]] = {
    ONLINE: _("Online"),
    SILENT: _("Silent"),
    NEVER: _("Never seen"),
    BLOCKED: _("Blocked"),
    ENDED: _("Subscription ended"),
}


def device_state(device: Device, now: datetime) -> str:
    """The one thing to know about a device now. What refuses punches comes before what is merely
    quiet.
    """
    if device.blocked:
        return BLOCKED
    if not device.is_subscribed(now):
        return ENDED
    if device.last_seen_at is None:
        return NEVER
    return (
        ONLINE
        if now - device.last_seen_at < timedelta(seconds=MAX_MISSED_HEARTBEATS * device.heartbeat_s)
        else SILENT
    )


def devices_in_state(devices: QuerySet[Device], state: str, now: datetime) -> QuerySet[Device]:
    """The devices for which `device_state` says `state`, found by the database."""
    if state == BLOCKED:
        return devices.filter(blocked=True)
    ended = Q(subscription_until__lte=now)
    if state == ENDED:
        return devices.filter(ended, blocked=False)
    working = devices.filter(blocked=False).exclude(ended)
    if state == NEVER:
        return working.filter(last_seen_at__isnull=True)
    # Heartbeats are per device, and dates cannot be multiplied in SQLite: one condition for each of
    # the few that are in use.
    recent = Q(pk__in=[])
    for seconds in set(devices.order_by().values_list("heartbeat_s", flat=True)):
        recent |= Q(
            heartbeat_s=seconds,
            last_seen_at__gt=now - timedelta(seconds=MAX_MISSED_HEARTBEATS * seconds),
        )
    return (
        working.filter(recent)
        if state == ONLINE
        else working.filter(last_seen_at__isnull=False).exclude(recent)
    )
