"""The console's texts for the reasons and remarks of a punch. The list, the page of a punch and its
evidence show them.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

# Reasons and remarks as they are stored → as people say them. What is not here is shown as it is
# stored.
REASON_LABELS: dict[str, Any] = {
    "unknown": _("no employee has this code"),
    "not_employed": _("not in service on that day"),
    "ahead_of_server": _("the clock was ahead of the server"),
    "before_2000": _("before the year 2000"),
    "too_old": _("too old"),
    "already_in": _("clocked in already"),
    "already_out": _("clocked out already"),
    "not_in": _("was not clocked in"),
    "ambiguous_time": _("ambiguous time: the clocks went back"),
    "nonexistent_time": _("nonexistent time: the clocks went forward"),
    "leap_second": _("leap second"),
    "impossible_position": _("impossible position"),
    "temperature_out_of_range": _("implausible temperature"),
    "unknown_geofence": _("unknown geofence"),
    "pair_validation_skipped": _("correction: in/out sequence not checked"),
    "received_late": _("received later"),
    "unregistered": _("not registered to this employee"),
    "deactivated": _("the phone was not active"),
    "revoked": _("the phone was revoked"),
    "invalid": _("signature not made with a key of this phone"),
    "unchecked": _("could not be checked"),
    "outside": _("outside all geofences, and no allowed Wi-Fi"),
    "inaccurate": _("the position was not accurate enough"),
    "unfenced": _("no geofence applies"),
    "unreadable": _("not a valid position"),
    "inside": _("inside the geofence"),
    "near": _("within the tolerance of the geofence"),
    "network": _("an allowed Wi-Fi"),
    "unfenced_accepted": _("no geofence applies, and the policy allows that"),
    "mock_location": _("mock location"),
    "rooted": _("rooted phone"),
    "emulator": _("emulator"),
    "vpn": _("VPN"),
}


def reason_labels(reasons: str) -> str:
    """One reason, or several with commas between them, as people say them."""
    return ", ".join(
        dict.fromkeys(str(REASON_LABELS.get(why, why)) for why in reasons.split(", ") if why)
    )
