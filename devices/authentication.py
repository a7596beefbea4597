"""Who is speaking at the device channel: a terminal, by its serial and its token."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.credentials import constant_time_equal, hash_token
from core.raw_sql import from_db_datetime, run_sql, to_db_datetime
from devices.models import Device
from devices.punch_states import STATE_MAP_PRESETS


@dataclass(frozen=True, slots=True)
class AuthenticatedDevice:
    """The device that speaks, as far as a channel needs it: read in one statement for every
    call.
    """

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

    def is_subscribed(self, now: datetime) -> bool:
        """Whether the attendance subscription runs at this instant."""
        return self.subscription_until is None or now < self.subscription_until


# Serials repeat over organizations: the token picks among them.
_DEVICE_BY_TOKEN_SQL = """
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
"""  # noqa: S105


class DeviceAuthentication(BaseAuthentication):
    """Headers `sn` and `auth-token`. One answer for everything that is wrong with them; one query
    when they are there.
    """

    def authenticate(self, request: Request) -> tuple[AuthenticatedDevice, None]:
        """The device that speaks. Raises AuthenticationFailed."""
        serial, token = (
            request.headers.get("sn", "").strip(),
            request.headers.get("auth-token", "").strip(),
        )
        if not serial or not token or "\x00" in serial:
            raise AuthenticationFailed
        digest = hash_token(token)
        for stored, *facts in run_sql(
            _DEVICE_BY_TOKEN_SQL, digest, serial, to_db_datetime(timezone.now())
        ):
            if constant_time_equal(stored, digest):
                return _to_authenticated_device(*facts), None
        raise AuthenticationFailed

    def authenticate_header(self, request: Request) -> str:
        """Makes a failure a 401."""
        return "Device"


def _to_authenticated_device(
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
) -> AuthenticatedDevice:
    own = json.loads(own) if isinstance(own, str) else own
    states = own if preset == Device.StateMap.OWN else STATE_MAP_PRESETS[preset]
    until, seen = from_db_datetime(until), from_db_datetime(seen)
    return AuthenticatedDevice(
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
