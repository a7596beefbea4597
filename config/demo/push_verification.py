"""What the demo's receiver checks of a push: its signature and its shape.

Signatures are verified by the official `standardwebhooks` library, with nothing of Muster's own in
between: what passes here passes at a customer's.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

from standardwebhooks import Webhook, WebhookVerificationError

from config.demo.state import demo_state_file, read_demo_state

CAMS_TYPES: Final = frozenset(
    {"CheckIn", "CheckOut", "BreakOut", "BreakIn", "OverTimeIn", "OverTimeOut", "None"}
)


class EndpointSecrets:
    """The endpoints' secrets, read again whenever the demo has written them again."""

    def __init__(self) -> None:
        self._read_at = 0
        self._endpoints: dict[str, dict[str, str]] = {}

    def for_path(self, path: str) -> list[dict[str, str]]:
        """The secrets a push to `path` may be signed with: its own, or any if the path is
        nobody's.
        """
        try:
            written_at = demo_state_file().stat().st_mtime_ns
        except FileNotFoundError:
            return []
        if written_at != self._read_at:
            self._endpoints = read_demo_state()["endpoints"]
            self._read_at = written_at
        return (
            [self._endpoints[path]] if path in self._endpoints else list(self._endpoints.values())
        )


def is_signature_valid(body: bytes, headers: dict[str, str], secrets: list[dict[str, str]]) -> bool:
    """Whether the official library accepts the signature under one of the secrets."""
    for secret in secrets:
        try:
            Webhook(secret["secret"]).verify(body, headers, json_parse=False)
        except (WebhookVerificationError, ValueError):
            continue
        return True
    return False


def parse_push_body(body: bytes) -> Any:
    """The body as data; None when it is not JSON."""
    try:
        return json.loads(body)
    except ValueError:
        return None


def is_test_push(event: Any) -> bool:
    """Whether this is the console's test push, which looks the same in both formats."""
    return isinstance(event, dict) and event.get("type") == "endpoint.test"


def cams_problems(event: Any, stgid: str | None, tokens: set[str]) -> list[str]:
    """What is wrong with a push in the Cams format, in words; empty when it is as it must be."""
    realtime = event.get("RealTime") if isinstance(event, dict) else None
    log = realtime.get("PunchLog") if isinstance(realtime, dict) else None
    if not isinstance(realtime, dict) or not isinstance(log, dict):
        return ["RealTime.PunchLog is missing"]
    wrong = [
        f"{name} is missing"
        for name in ("OperationID", "SerialNumber", "Time")
        if not realtime.get(name)
    ]
    wrong += [
        f"PunchLog.{name} is missing"
        for name in ("Type", "InputType", "UserId", "LogTime")
        if name not in log
    ]
    if realtime.get("SerialNumber") != stgid:
        wrong.append("stgid is not the SerialNumber")
    if realtime.get("AuthToken") not in tokens:
        wrong.append("AuthToken is not this endpoint's")
    if log.get("Type") not in CAMS_TYPES:
        wrong.append("PunchLog.Type is unknown")
    for name, text in (("LogTime", log.get("LogTime")), ("Time", realtime.get("Time"))):
        if parse_cams_time(text) is None:
            wrong.append(f"{name} is not like 2026-06-21 09:30:00 GMT +0530")
    return wrong


def parse_cams_time(text: Any) -> datetime | None:
    """Read `2026-06-21 09:30:00 GMT +0530`; None when it is anything else."""
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S GMT %z")
    except (TypeError, ValueError):
        return None


def accepted_at(event: Any) -> datetime | None:
    """When Muster accepted the punch, as the body says: to the millisecond in the standard event
    only.
    """
    try:
        return datetime.fromisoformat(event["data"]["received_at"])
    except (KeyError, TypeError, ValueError):
        return None
