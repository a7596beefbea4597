"""Whether a geofence is in force now, with the label and colour of its badge.

Called by the page of geofences and its map.
"""

from __future__ import annotations

from typing import Any, Final

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from geofences.models import Geofence

ON, OFF, NOT_STARTED, ENDED = "on", "off", "early", "over"
STATUS_LABELS: Final[dict[str, Any]] = {
    ON: _("In force"),
    NOT_STARTED: _("Not yet in force"),
    ENDED: _("Ended"),
    OFF: _("Switched off"),
}
STATUS_COLOURS: Final = {ON: "success", NOT_STARTED: "info", ENDED: "warning", OFF: "warning"}


def geofence_status(fence: Geofence) -> str:
    """Whether a fence holds now."""
    now = timezone.now()
    if not fence.active:
        return OFF
    if fence.starts_at is not None and now < fence.starts_at:
        return NOT_STARTED
    return ENDED if fence.ends_at is not None and fence.ends_at <= now else ON
