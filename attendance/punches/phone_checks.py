"""What a phone's punch is asked for beside its time: the phone, the signature, the phone's word
about itself, the place.

Called by the phone channel before it makes its claim. Every question fails closed: what cannot be
answered refuses the punch. A database that does not answer refuses nothing: the caller is told to
come again, as the same punch may be good then.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from django.db import InterfaceError, OperationalError

from attendance.punches.claims import Finding, SigningPhone
from attendance.punches.signatures import ANTI_SPOOF_FLAGS, is_valid_signature
from attendance.punches.verdicts import (
    REJECTED_DEVICE,
    REJECTED_GEOFENCE,
    REJECTED_INTEGRITY,
    REJECTED_SIGNATURE,
    EmployeeSnapshot,
    WorkAssignment,
)
from devices.models import DeviceKey
from devices.phones import get_phone_policy, phone_keys_at
from geofences.evaluation import PositionEvaluation
from geofences.services import evaluate_position
from tours.services.coverage import approved_tour_at

log = logging.getLogger(__name__)

UNCHECKED: Final = "unchecked"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedPunch:
    """A punch as a phone sent it: whose, from where they work then, when (UTC), and what was
    signed. Degrees and metres.
    """

    organization_id: int
    employee: EmployeeSnapshot
    assignment: WorkAssignment | None
    at: datetime
    device_uuid: UUID
    signed_bytes: bytes
    signature: str
    lat: float
    lng: float
    accuracy_m: float
    ssid: str
    anti_spoof: Mapping[str, bool]


class PhonePunchChecks:
    """The questions about one punch, each asked once."""

    def __init__(self, punch: SignedPunch) -> None:
        self.punch = punch
        self.policy = get_phone_policy(punch.organization_id)
        self._keys: list[DeviceKey] = []
        self._signing_key: DeviceKey | None = None
        self._place_judgement: PositionEvaluation | None = None

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What was found, in the order of the questions; a waiver is a finding that refuses
        nothing.
        """
        questions: tuple[tuple[str, str, Callable[[], Iterable[Finding]]], ...] = (
            ("device", REJECTED_DEVICE, self._check_device),
            ("signature", REJECTED_SIGNATURE, self._check_signature),
            ("integrity", REJECTED_INTEGRITY, self._check_integrity),
            ("geofence", REJECTED_GEOFENCE, self._check_geofence),
        )
        return tuple(finding for question in questions for finding in _fail_closed(*question))

    @property
    def signing_phone(self) -> SigningPhone | None:
        """The phone, and the key of it that signed; None when none did."""
        return (
            SigningPhone(self._signing_key.phone_id, self._signing_key.pk)
            if self._signing_key
            else None
        )

    @property
    def flags(self) -> tuple[str, ...]:
        """What the phone says of itself that deserves a second look, whether it refuses or not."""
        return tuple(name for name in ANTI_SPOOF_FLAGS if self.punch.anti_spoof[name])

    @property
    def evidence(self) -> dict[str, Any]:
        """What was judged, and by which rows, for whoever looks into it later."""
        judged = self._place_judgement
        return {
            "location": {
                "latitude": self.punch.lat,
                "longitude": self.punch.lng,
                "accuracy_m": self.punch.accuracy_m,
            },
            "ssid_seen": self.punch.ssid or None,
            "anti_spoof": {name: self.punch.anti_spoof[name] for name in ANTI_SPOOF_FLAGS},
            "device_uuid": str(self.punch.device_uuid),
            "key": self._signing_key.pk if self._signing_key else None,
            "judged": judged
            and {
                "why": judged.outcome,
                "fence": judged.fence_id,
                "outside_m": judged.outside_m,
                "network": judged.network_id,
            },
        }

    def _check_device(self) -> Iterator[Finding]:
        punch = self.punch
        self._keys = phone_keys_at(
            punch.organization_id, punch.employee.id, punch.device_uuid, punch.at
        )
        phone = self._keys[0].phone if self._keys else None
        if phone is None:
            yield Finding("device", "unregistered", REJECTED_DEVICE)
        elif phone.revoked_by_staff or phone.deactivated_at is not None:
            yield Finding(
                "device", "revoked" if phone.revoked_by_staff else "deactivated", REJECTED_DEVICE
            )

    def _check_signature(self) -> Iterator[Finding]:
        """Without a phone there is no key to ask; that there is none refuses the punch already."""
        punch = self.punch
        signed = (
            key
            for key in self._keys
            if is_valid_signature(bytes(key.spki), punch.signed_bytes, punch.signature)
        )
        self._signing_key = next(signed, None)
        if self._signing_key is None and self._keys:
            yield Finding("signature", "invalid", REJECTED_SIGNATURE)

    def _check_integrity(self) -> Iterator[Finding]:
        if held := [name for name in self.flags if name in self.policy.rejected_flags]:
            yield Finding("integrity", ", ".join(held), REJECTED_INTEGRITY)

    def _check_geofence(self) -> Iterator[Finding]:
        punch, workplace = self.punch, self.punch.assignment
        self._place_judgement = evaluate_position(
            organization_id=punch.organization_id,
            employee_id=punch.employee.id,
            site_id=workplace.site_id if workplace else None,
            department_id=workplace.department_id if workplace else None,
            at=punch.at,
            lat=punch.lat,
            lng=punch.lng,
            accuracy_m=punch.accuracy_m,
            ssid=punch.ssid,
        )
        if self._place_judgement.is_accepted:
            return
        if tour := approved_tour_at(punch.organization_id, punch.employee.id, punch.at):
            yield Finding("geofence", f"waived: tour {tour.pk}")
        else:
            yield Finding("geofence", str(self._place_judgement.outcome), REJECTED_GEOFENCE)


def _fail_closed(topic: str, verdict: str, check: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """The findings of a question; when it fails, one that refuses."""
    try:
        return list(check())
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("the check of a phone's %s failed; the punch is refused", topic)
        return [Finding(topic, UNCHECKED, verdict)]
