"""The events of the biometric channel on their way from JSON to claims: what a scanner sent, what
is wrong with it, and what is kept as evidence.

`biometric.py` calls this module, and renders what became of the events. An event that cannot be
read keeps its error; the others of its batch go on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from attendance.channels.biometric_bodies import (
    EVENT_TYPE_DIRECTIONS,
    MAX_EVENTS,
    DeviceInfoSerializer,
    EventBodySerializer,
)
from attendance.channels.fields import is_disallowed_character
from attendance.models import Channel
from attendance.punches.claims import Claim, Terminal, bounded_key
from attendance.punches.context import PunchContext
from attendance.punches.results import RecordResult
from core.times import ParsedTimestamp, parse_timestamp, to_local_time
from devices.models import Device

# °C. What is measured outside of it is kept and flagged: the thermometer is wrong, not the person.
PLAUSIBLE_TEMPERATURE: Final = (25.0, 45.0)
IMPLAUSIBLE_TEMPERATURE_FLAG: Final = "temperature_out_of_range"


@dataclass(slots=True)
class BiometricEvent:
    """One event on its way through: as it came, what was read, or why it fails."""

    raw: Any
    data: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    claim: Claim | None = None
    result: RecordResult | None = None


@dataclass(frozen=True, slots=True)
class Scanner:
    """Where the events of a request come from: `info` as it came, and the device of that serial, if
    there is one.
    """

    info: Mapping[str, Any]
    temperature: float | None = None
    mask: bool | None = None
    device_id: str = ""
    terminal: Terminal | None = None
    zone: str = ""


def events_and_device_info(data: Any) -> tuple[list[Any], Mapping[str, Any]]:
    """The events and what is said of their scanner. Raises ValidationError for what is neither one
    event nor a batch.
    """
    if not isinstance(data, Mapping):
        raise ValidationError("A JSON object is required")
    info = data.get("device_info")
    if info is not None and not isinstance(info, Mapping):
        raise ValidationError("Invalid field device_info: an object is required")
    if "events" not in data:
        return [{name: value for name, value in data.items() if name != "device_info"}], info or {}
    events = data["events"]
    if not isinstance(events, list) or not events:
        raise ValidationError("Invalid field events: a list of 1 to 100 events is required")
    if len(events) > MAX_EVENTS:
        raise ValidationError(f"Too many events: {len(events)}, at most {MAX_EVENTS} per request")
    return events, info or {}


def read_scanner(organization_id: int, info: Mapping[str, Any]) -> Scanner:
    body = DeviceInfoSerializer(data=info)
    if not body.is_valid():
        raise ValidationError(_first_error(body, "device_info."))
    said, serial = body.validated_data, info.get("device_id")
    if isinstance(serial, int) and not isinstance(serial, bool):
        serial = str(serial)
    # Evidence is never a reason to refuse: what can be no serial is kept in the raw text only.
    fine = (
        isinstance(serial, str)
        and 0 < len(serial) <= 64
        and not any(is_disallowed_character(char) for char in serial)
    )
    device_id = serial.strip() if fine and isinstance(serial, str) else ""
    terminal, zone = _find_terminal(organization_id, device_id)
    return Scanner(
        info, said.get("temperature"), said.get("mask_detected"), device_id, terminal, zone
    )


def _find_terminal(organization_id: int, serial: str) -> tuple[Terminal | None, str]:
    """The organization's own device of that serial and its zone; None and no zone when there is
    none.
    """
    if not serial:
        return None, ""
    device = Device.objects.of(organization_id).select_related("site").filter(serial=serial).first()
    if device is None:
        return None, ""
    site = device.site
    terminal = Terminal(device.pk, device.serial, device.name, site.name if site else None)
    return terminal, device.timezone or (site.timezone if site else "")


def validate_event(raw: Any) -> BiometricEvent:
    if not isinstance(raw, Mapping):
        return BiometricEvent(raw, error="An event must be a JSON object")
    body = EventBodySerializer(data=raw)
    return (
        BiometricEvent(raw, body.validated_data)
        if body.is_valid()
        else BiometricEvent(raw, error=_first_error(body))
    )


def _first_error(body: serializers.Serializer[Any], prefix: str = "") -> str:
    """The first thing that is wrong, in the order of the documented fields."""
    name = next(name for name in body.fields if name in body.errors)
    error = body.errors[name][0]
    if error.code in ("required", "null"):
        return f"Missing required field: {prefix}{name}"
    return f"Invalid field {prefix}{name}: {error}"


def build_claim(
    event: BiometricEvent, organization_id: int, scanner: Scanner, context: PunchContext
) -> None:
    """Fill in the event's claim, or what is wrong with its time."""
    read = event.data
    try:
        instant, home_zone = _parse_instant(read["timestamp"], read["employeeId"], scanner, context)
    except ValueError as error:
        event.error = f"Invalid field timestamp: {error}"
        return
    temperature = read.get("temperature")
    temperature = scanner.temperature if temperature is None else temperature
    odd = (
        temperature is not None
        and not PLAUSIBLE_TEMPERATURE[0] <= temperature <= PLAUSIBLE_TEMPERATURE[1]
    )
    event.claim = Claim(
        channel=Channel.BIOMETRIC,
        source=f"organization:{organization_id}",
        key=bounded_key("s", read["scanId"]),
        user_code=read["employeeId"],
        at=instant.at,
        at_text=read["timestamp"],
        zone=instant.zone,
        home_zone=home_zone,
        direction=EVENT_TYPE_DIRECTIONS[read["eventType"]],
        flags=(*instant.flags, IMPLAUSIBLE_TEMPERATURE_FLAG) if odd else instant.flags,
        terminal=scanner.terminal,
        include_worker_ids=True,
        evidence=_evidence(event, scanner, temperature),
    )


def _parse_instant(
    text: str, code: str, scanner: Scanner, context: PunchContext
) -> tuple[ParsedTimestamp, str]:
    """The instant and the zone of the place: the scanner's, else that of the worker's site, else
    the organization's.
    """
    instant = parse_timestamp(text, scanner.zone or context.zone)
    if scanner.zone:
        return instant, scanner.zone
    day = to_local_time(instant.at, context.zone).date()
    zone = context.home_zone(context.employee_by_code(code, day), day)
    return parse_timestamp(text, zone), zone


def _evidence(event: BiometricEvent, scanner: Scanner, temperature: float | None) -> dict[str, Any]:
    read = event.data
    mask = read.get("maskDetected")
    mask = scanner.mask if mask is None else mask
    evidence: dict[str, Any] = {"raw": json.dumps(event.raw, ensure_ascii=False)}
    if scanner.info:
        evidence["device_info"] = json.dumps(scanner.info, ensure_ascii=False)
    if scanner.device_id:
        evidence["device_id"] = scanner.device_id
    if temperature is not None or mask is not None:
        evidence["health"] = {"temperature": temperature, "mask": mask}
    for name, key in (("statusCode", "status_code"), ("confidenceScore", "confidence")):
        if read.get(name) is not None:
            evidence[key] = read[name]
    return evidence
