"""What a customer's server is told about a punch: the standard event and the Cams form. Pure but
for the endpoint's token.

The same shape whichever door the punch came in by. Called by `services` when the outbox rows are
written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from accounts.secrets import decrypt
from attendance.claims import Terminal
from attendance.facts import Target
from attendance.times import local
from attendance.verdicts import Person
from webhooks.outbox import Message

EVENT: Final = "punch.recorded"
QUERY_LENGTH: Final = 200

CAMS_TYPES: Final = {
    "in": "CheckIn",
    "out": "CheckOut",
    "break_out": "BreakOut",
    "break_in": "BreakIn",
    "overtime_in": "OverTimeIn",
    "overtime_out": "OverTimeOut",
    None: "None",
}
# The verify modes of common terminals; 50 is what software and face clients send.
CAMS_INPUTS: Final = {
    1: "Fingerprint",
    3: "Password",
    4: "Card",
    15: "Face",
    25: "Palm",
    50: "Face",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A stored punch, with all that customers may be told about it."""

    punch_id: int
    door: str
    direction: str | None
    at: datetime
    home_zone: str
    received_at: datetime
    late: bool
    flags: tuple[str, ...]
    user_code: str
    raw_input_type: int | None
    terminal: Terminal | None
    source: str
    person: Person | None
    evidence: Mapping[str, Any]

    @property
    def lane(self) -> str:
        """Whose order this punch belongs to: the employee's, or while nobody is known, the
        source's.
        """
        return f"employee:{self.person.id}" if self.person else self.source


def message(told: Told, target: Target, now: datetime) -> Message:
    """The outbox row of one punch for one endpoint."""
    subject = f"punch:{told.punch_id}"
    if target.mode == "cams":
        serial, query = _serial(told, target)
        head, tail = _dumps(_cams(told, target, serial, now)), None
        return Message(target.id, told.lane, EVENT, subject, head, tail, query)
    # The sequence number is the database's to give: it stands first, and is filled in between head
    # and tail.
    event = _dumps({"type": EVENT, "timestamp": _utc(now)})[:-1]
    return Message(
        target.id,
        told.lane,
        EVENT,
        subject,
        f'{event},"data":{{"sequence":',
        f",{_dumps(_standard(told, target))[1:]}}}",
    )


def _standard(told: Told, target: Target) -> dict[str, Any]:
    day = local(told.at, told.home_zone)
    place = told.person.place(day.date()) if told.person else None
    return {
        "id": told.punch_id,
        "lane": told.lane,
        "door": told.door,
        "direction": told.direction,
        "occurred_at": _utc(told.at),
        "local_time": day.isoformat(timespec="seconds"),
        "timezone": told.home_zone,
        "received_at": _utc(told.received_at),
        "late": told.late,
        "flags": list(told.flags),
        "employee": told.person
        and {
            "id": str(told.person.id),
            "code": told.person.code,
            "worker_id": told.person.worker_id or None,
            "name": told.person.name,
        },
        "user_code": told.user_code,
        "site": place.site if place else told.terminal.site if told.terminal else None,
        "department": place.department if place else None,
        "device": told.terminal and {"serial": told.terminal.serial, "name": told.terminal.name},
        "location": told.evidence.get("location") if target.include_location else None,
        "health": told.evidence.get("health") if target.include_health else None,
    }


def _cams(told: Told, target: Target, serial: str, now: datetime) -> dict[str, Any]:
    log: dict[str, Any] = {
        "Type": CAMS_TYPES[told.direction],
        "InputType": CAMS_INPUTS.get(told.raw_input_type or 0, "Others"),
        "UserId": told.user_code or (told.person.code if told.person else ""),
        "LogTime": _gmt(local(told.at, told.home_zone)),
    }
    health = told.evidence.get("health") if target.include_health else None
    if health and health.get("temperature") is not None:
        log["Temperature"] = str(health["temperature"])
    if health and health.get("mask") is not None:
        log["FaceMask"] = health["mask"]
    return {
        "RealTime": {
            "OperationID": f"punch-{told.punch_id}",
            "LabelName": told.terminal.name if told.terminal and told.terminal.name else serial,
            "SerialNumber": serial,
            "PunchLog": log,
            "AuthToken": decrypt(target.auth_token_cipher) if target.auth_token_cipher else "",
            "Time": _gmt(now.astimezone(UTC)),
        }
    }


def _serial(told: Told, target: Target) -> tuple[str, str]:
    """What the customer knows the device by, and the query that says so: the endpoint's serial
    where none fits an address.
    """
    claimed = told.terminal.serial if told.terminal else str(told.evidence.get("device_id") or "")
    query = urlencode({"stgid": claimed})
    if claimed and len(query) <= QUERY_LENGTH:
        return claimed, query
    return target.virtual_serial, urlencode({"stgid": target.virtual_serial})


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _gmt(at: datetime) -> str:
    """`2026-06-21 09:30:00 GMT +0530`: receivers split on " GMT ", so the spaces are single and the
    offset has four digits.
    """
    return at.strftime("%Y-%m-%d %H:%M:%S GMT %z")[:29]
