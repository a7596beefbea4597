"""What a customer's server is sent about a punch: the standard event and the Cams form. Pure but
for the endpoint's token.

The shape is the same for all channels. Called by `punches.events` when a punch is stored, and by
`punches.matching` when an unmatched punch is matched.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from accounts.credentials import decrypt
from attendance.punches.claims import Terminal
from attendance.punches.context import EndpointConfig
from attendance.punches.verdicts import EmployeeSnapshot
from core.times import to_local_time
from webhooks.outbox import OutboxMessage

EVENT_TYPE: Final = "punch.recorded"
MAX_QUERY_LENGTH: Final = 200

CAMS_PUNCH_TYPES: Final = {
    "in": "CheckIn",
    "out": "CheckOut",
    "break_out": "BreakOut",
    "break_in": "BreakIn",
    "overtime_in": "OverTimeIn",
    "overtime_out": "OverTimeOut",
    None: "None",
}
# The verify modes of common terminals; 50 is what software and face clients send.
CAMS_INPUT_TYPES: Final = {
    1: "Fingerprint",
    3: "Password",
    4: "Card",
    15: "Face",
    25: "Palm",
    50: "Face",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PunchEvent:
    """A stored punch, with all that may be sent to customers about it."""

    punch_id: int
    channel: str
    direction: str | None
    at: datetime
    home_zone: str
    received_at: datetime
    received_late: bool
    flags: tuple[str, ...]
    user_code: str
    raw_input_type: int | None
    terminal: Terminal | None
    source: str
    employee: EmployeeSnapshot | None
    evidence: Mapping[str, Any]

    @property
    def lane(self) -> str:
        """Whose order this punch belongs to: the employee's, or while nobody is known, the
        source's.
        """
        return f"employee:{self.employee.id}" if self.employee else self.source


def build_outbox_message(
    punch_event: PunchEvent, endpoint: EndpointConfig, now: datetime
) -> OutboxMessage:
    """The outbox row of one punch for one endpoint."""
    subject = f"punch:{punch_event.punch_id}"
    if endpoint.mode == "cams":
        serial, query = _device_serial_and_query(punch_event, endpoint)
        head, tail = _dumps(_cams_body(punch_event, endpoint, serial, now)), None
        return OutboxMessage(endpoint.id, punch_event.lane, EVENT_TYPE, subject, head, tail, query)
    # The sequence number is the database's to give: it stands first, and is filled in between head
    # and tail.
    event = _dumps({"type": EVENT_TYPE, "timestamp": _utc(now)})[:-1]
    return OutboxMessage(
        endpoint.id,
        punch_event.lane,
        EVENT_TYPE,
        subject,
        f'{event},"data":{{"sequence":',
        f",{_dumps(_standard_data(punch_event, endpoint))[1:]}}}",
    )


def _standard_data(punch_event: PunchEvent, endpoint: EndpointConfig) -> dict[str, Any]:
    day = to_local_time(punch_event.at, punch_event.home_zone)
    place = punch_event.employee.assignment_on(day.date()) if punch_event.employee else None
    return {
        "id": punch_event.punch_id,
        "lane": punch_event.lane,
        "channel": punch_event.channel,
        "direction": punch_event.direction,
        "occurred_at": _utc(punch_event.at),
        "local_time": day.isoformat(timespec="seconds"),
        "timezone": punch_event.home_zone,
        "received_at": _utc(punch_event.received_at),
        "received_late": punch_event.received_late,
        "flags": list(punch_event.flags),
        "employee": punch_event.employee
        and {
            "id": str(punch_event.employee.id),
            "code": punch_event.employee.code,
            "worker_id": punch_event.employee.worker_id or None,
            "name": punch_event.employee.name,
        },
        "user_code": punch_event.user_code,
        "site": place.site
        if place
        else punch_event.terminal.site
        if punch_event.terminal
        else None,
        "department": place.department if place else None,
        "device": punch_event.terminal
        and {"serial": punch_event.terminal.serial, "name": punch_event.terminal.name},
        "location": punch_event.evidence.get("location") if endpoint.include_location else None,
        "health": punch_event.evidence.get("health") if endpoint.include_health else None,
    }


def _cams_body(
    punch_event: PunchEvent, endpoint: EndpointConfig, serial: str, now: datetime
) -> dict[str, Any]:
    log: dict[str, Any] = {
        "Type": CAMS_PUNCH_TYPES[punch_event.direction],
        "InputType": CAMS_INPUT_TYPES.get(punch_event.raw_input_type or 0, "Others"),
        "UserId": punch_event.user_code
        or (punch_event.employee.code if punch_event.employee else ""),
        "LogTime": _gmt(to_local_time(punch_event.at, punch_event.home_zone)),
    }
    health = punch_event.evidence.get("health") if endpoint.include_health else None
    if health and health.get("temperature") is not None:
        log["Temperature"] = str(health["temperature"])
    if health and health.get("mask") is not None:
        log["FaceMask"] = health["mask"]
    return {
        "RealTime": {
            "OperationID": f"punch-{punch_event.punch_id}",
            "LabelName": punch_event.terminal.name
            if punch_event.terminal and punch_event.terminal.name
            else serial,
            "SerialNumber": serial,
            "PunchLog": log,
            "AuthToken": decrypt(endpoint.auth_token_cipher) if endpoint.auth_token_cipher else "",
            "Time": _gmt(now.astimezone(UTC)),
        }
    }


def _device_serial_and_query(punch_event: PunchEvent, endpoint: EndpointConfig) -> tuple[str, str]:
    """What the customer knows the device by, and the query that says so: the endpoint's serial
    where none fits an address.
    """
    claimed = (
        punch_event.terminal.serial
        if punch_event.terminal
        else str(punch_event.evidence.get("device_id") or "")
    )
    query = urlencode({"stgid": claimed})
    if claimed and len(query) <= MAX_QUERY_LENGTH:
        return claimed, query
    return endpoint.virtual_serial, urlencode({"stgid": endpoint.virtual_serial})


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _gmt(at: datetime) -> str:
    """`2026-06-21 09:30:00 GMT +0530`: receivers split on " GMT ", so the spaces are single and the
    offset has four digits.
    """
    return at.strftime("%Y-%m-%d %H:%M:%S GMT %z")[:29]
