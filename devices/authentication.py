"""Who is speaking at the device door: a terminal, by its serial and its token."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.secrets import hash_token, same
from devices.models import Device
from devices.states import PRESETS
from employees.rows import moment, read_moment, run


@dataclass(frozen=True, slots=True)
class Speaker:
    """The device that speaks, as far as a door needs it: read in one statement for every call."""

    id: int
    organization_id: int
    serial: str
    name: str
    site: str | None
    zone: str
    states: dict[str, str]
    blocked: bool
    subscription_until: datetime | None
    heartbeat_s: int
    firmware: str
    last_seen_at: datetime | None

    # What DRF asks of whoever is speaking.
    is_authenticated = True

    def subscribed(self, now: datetime) -> bool:
        """Whether the attendance subscription runs at this instant."""
        return self.subscription_until is None or now < self.subscription_until


# Serials repeat over organizations: the token picks among them.
_STATEMENT = """
SELECT t.token_hash, d.id, d.organization_id, d.serial, d.name, s.name,
       COALESCE(NULLIF(d.timezone, ''), NULLIF(s.timezone, ''), o.timezone),
       d.state_map, d.own_state_map,
       d.blocked, d.subscription_until, d.heartbeat_s, d.firmware, d.last_seen_at
FROM devices_devicetoken t
JOIN devices_device d ON d.id = t.device_id
JOIN employees_organization o ON o.id = d.organization_id
LEFT JOIN employees_site s ON s.id = d.site_id
WHERE t.token_hash = %s AND d.serial = %s AND t.revoked_at IS NULL
  AND (t.expires_at IS NULL OR t.expires_at > %s)
"""


class DeviceAuthentication(BaseAuthentication):
    """Headers `sn` and `auth-token`. One answer for everything that is wrong with them; one query
    when they are there.
    """

    def authenticate(self, request: Request) -> tuple[Speaker, None]:
        """The device that speaks. Raises AuthenticationFailed."""
        serial, token = (
            request.headers.get("sn", "").strip(),
            request.headers.get("auth-token", "").strip(),
        )
        if not serial or not token or "\x00" in serial:
            raise AuthenticationFailed
        digest = hash_token(token)
        for stored, *facts in run(_STATEMENT, digest, serial, moment(timezone.now())):
            if same(stored, digest):
                return _speaker(*facts), None
        raise AuthenticationFailed

    def authenticate_header(self, request: Request) -> str:
        """Makes a failure a 401."""
        return "Device"


def _speaker(
    pk: int,
    organization_id: int,
    serial: str,
    name: str,
    site: str | None,
    zone: str,
    preset: str,
    own: Any,
    blocked: Any,
    until: Any,
    heartbeat_s: int,
    firmware: str,
    seen: Any,
) -> Speaker:
    own = json.loads(own) if isinstance(own, str) else own
    states = own if preset == Device.StateMap.OWN else PRESETS[preset]
    until, seen = read_moment(until), read_moment(seen)
    return Speaker(
        pk,
        organization_id,
        serial,
        name,
        site,
        zone,
        states,
        bool(blocked),
        until,
        heartbeat_s,
        firmware,
        seen,
    )
