"""The evidence of a punch as rows of a table: what came with it, the phone's own statements, and
the rest as text. The page of a punch shows it to users who may see evidence.
"""

from __future__ import annotations

import json
from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from attendance.punches.admin.labels import REASON_LABELS
from core.admin_html import link_html

# What comes with a punch, by its name in the evidence, in the order to show it.
EVIDENCE_LABELS: dict[str, Any] = {
    "source": _("source"),
    "note": _("note"),
    "geofenceId": _("geofence id from the client"),
    "deviceId": _("device id from the client"),
    "device_id": _("scanner"),
    "status_code": _("status code"),
    "confidence": _("confidence (%)"),
    "device_uuid": _("phone"),
    "ssid_seen": _("Wi-Fi seen"),
}


def evidence_rows(body: str) -> tuple[list[tuple[Any, Any]], str]:
    """Evidence as rows of name and value, and the rest, with what was sent, as text."""
    try:
        evidence = json.loads(body)
    except ValueError:
        evidence = None
    if not isinstance(evidence, dict):
        return [], body
    rows = [
        (label, evidence.pop(name))
        for name, label in EVIDENCE_LABELS.items()
        if evidence.get(name) is not None
    ]
    if health := evidence.pop("health", None):
        rows += [
            (_("temperature (°C)"), health.get("temperature")),
            (_("mask"), _yes_or_no(health.get("mask"))),
        ]
    if place := evidence.pop("location", None):
        rows.append((_("location"), _location_text(place)))
    rows += _phone_evidence_rows(evidence)
    if attestation := evidence.pop("attestation", None):
        rows.append((_("attestation, recorded and not verified"), attestation.get("vendor") or "–"))
        evidence["attestation"] = attestation.get("blob")
    left = {name: value for name, value in evidence.items() if value is not None}
    return [(label, "–" if value is None else value) for label, value in rows], _readable_json(left)


def _phone_evidence_rows(evidence: dict[str, Any]) -> list[tuple[Any, Any]]:
    """What a phone said of itself, and how its place was judged; taken out of the evidence."""
    rows: list[tuple[Any, Any]] = []
    if (spoof := evidence.pop("anti_spoof", None)) is not None:
        said = [str(REASON_LABELS.get(name, name)) for name, holds in spoof.items() if holds]
        rows.append((_("reported by the phone"), ", ".join(said) or _("nothing unusual")))
    if judged := evidence.pop("judged", None):
        why, fence, outside_m = (
            REASON_LABELS.get(judged["why"], judged["why"]),
            judged.get("fence"),
            judged.get("outside_m"),
        )
        seen = (
            link_html(reverse("admin:geofences_geofence_change", args=(fence,)), f"#{fence}")
            if fence
            else ""
        )
        far = _("%(metres)d m outside") % {"metres": outside_m} if outside_m else ""
        rows.append((_("geofence result"), format_html("{} {} {}", why, seen, far)))
    return rows


def _location_text(location: dict[str, Any]) -> str:
    accuracy = location.get("accuracy_m")
    return f"{location.get('latitude')}, {location.get('longitude')}" + (
        f" ± {accuracy} m" if accuracy is not None else ""
    )


def _yes_or_no(value: Any) -> Any:
    return None if value is None else _("yes") if value else _("no")


def _readable_json(left: dict[str, Any]) -> str:
    """What was sent, readable: text that is JSON itself is opened up."""
    opened = {}
    for name, value in left.items():
        try:
            opened[name] = json.loads(value) if isinstance(value, str) else value
        except ValueError:
            opened[name] = value
    return json.dumps(opened, indent=2, ensure_ascii=False)
