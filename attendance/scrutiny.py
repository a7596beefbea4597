"""What a phone's punch is asked for beside its time: the phone, the signature, the phone's word
about itself, the place.

Called by the phone door before it makes its claim. Every question fails closed: what cannot be
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

from attendance.claims import Finding, Handset
from attendance.signatures import ANTI_SPOOF, verifies
from attendance.verdicts import (
    REJECTED_DEVICE,
    REJECTED_GEOFENCE,
    REJECTED_INTEGRITY,
    REJECTED_SIGNATURE,
    Person,
    Place,
)
from devices.models import DeviceKey
from devices.phones import known_keys, policy_of
from geofences.places import PlaceJudgement
from geofences.services import place as judge_place
from tours.services import covering

log = logging.getLogger(__name__)

UNCHECKED: Final = "unchecked"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedPunch:
    """A punch as a phone sent it: whose, from where they work then, when (UTC), and what was
    signed. Degrees and metres.
    """

    organization_id: int
    person: Person
    workplace: Place | None
    at: datetime
    device_uuid: UUID
    text: bytes
    signature: str
    lat: float
    lng: float
    accuracy_m: float
    ssid: str
    anti_spoof: Mapping[str, bool]


class Scrutiny:
    """The questions about one punch, each asked once."""

    def __init__(self, punch: SignedPunch) -> None:
        self.punch = punch
        self.policy = policy_of(punch.organization_id)
        self._keys: list[DeviceKey] = []
        self._signer: DeviceKey | None = None
        self._place: PlaceJudgement | None = None

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What was found, in the order of the questions; a waiver is a finding that refuses
        nothing.
        """
        questions: tuple[tuple[str, str, Callable[[], Iterable[Finding]]], ...] = (
            ("device", REJECTED_DEVICE, self._device),
            ("signature", REJECTED_SIGNATURE, self._signature),
            ("integrity", REJECTED_INTEGRITY, self._integrity),
            ("geofence", REJECTED_GEOFENCE, self._geofence),
        )
        return tuple(finding for question in questions for finding in _closed(*question))

    @property
    def handset(self) -> Handset | None:
        """The phone, and the key of it that signed; None when none did."""
        return Handset(self._signer.phone_id, self._signer.pk) if self._signer else None

    @property
    def flags(self) -> tuple[str, ...]:
        """What the phone says of itself that deserves a second look, whether it refuses or not."""
        return tuple(name for name in ANTI_SPOOF if self.punch.anti_spoof[name])

    @property
    def evidence(self) -> dict[str, Any]:
        """What was judged, and by which rows, for whoever looks into it later."""
        judged = self._place
        return {
            "location": {
                "latitude": self.punch.lat,
                "longitude": self.punch.lng,
                "accuracy_m": self.punch.accuracy_m,
            },
            "ssid_seen": self.punch.ssid or None,
            "anti_spoof": {name: self.punch.anti_spoof[name] for name in ANTI_SPOOF},
            "device_uuid": str(self.punch.device_uuid),
            "key": self._signer.pk if self._signer else None,
            "judged": judged
            and {
                "why": judged.why,
                "fence": judged.fence_id,
                "outside_m": judged.outside_m,
                "network": judged.network_id,
            },
        }

    def _device(self) -> Iterator[Finding]:
        punch = self.punch
        self._keys = known_keys(punch.organization_id, punch.person.id, punch.device_uuid, punch.at)
        phone = self._keys[0].phone if self._keys else None
        if phone is None:
            yield Finding("device", "unregistered", REJECTED_DEVICE)
        elif phone.revoked_by_staff or phone.deactivated_at is not None:
            yield Finding(
                "device", "revoked" if phone.revoked_by_staff else "deactivated", REJECTED_DEVICE
            )

    def _signature(self) -> Iterator[Finding]:
        """Without a phone there is no key to ask; that there is none refuses the punch already."""
        punch = self.punch
        signed = (
            key for key in self._keys if verifies(bytes(key.spki), punch.text, punch.signature)
        )
        self._signer = next(signed, None)
        if self._signer is None and self._keys:
            yield Finding("signature", "invalid", REJECTED_SIGNATURE)

    def _integrity(self) -> Iterator[Finding]:
        if held := [name for name in self.flags if name in self.policy.refused]:
            yield Finding("integrity", ", ".join(held), REJECTED_INTEGRITY)

    def _geofence(self) -> Iterator[Finding]:
        punch, workplace = self.punch, self.punch.workplace
        self._place = judge_place(
            organization_id=punch.organization_id,
            employee_id=punch.person.id,
            site_id=workplace.site_id if workplace else None,
            department_id=workplace.department_id if workplace else None,
            at=punch.at,
            lat=punch.lat,
            lng=punch.lng,
            accuracy_m=punch.accuracy_m,
            ssid=punch.ssid,
        )
        if self._place.accepted:
            return
        if tour := covering(punch.organization_id, punch.person.id, punch.at):
            yield Finding("geofence", f"waived: tour {tour.pk}")
        else:
            yield Finding("geofence", str(self._place.why), REJECTED_GEOFENCE)


def _closed(topic: str, verdict: str, question: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """The findings of a question; when it fails, one that refuses."""
    try:
        return list(question())
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("the check of a phone's %s failed; the punch is refused", topic)
        return [Finding(topic, UNCHECKED, verdict)]
