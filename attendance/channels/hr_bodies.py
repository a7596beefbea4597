"""The bodies of the HR clock channel: the clock event that an HR system sends, the reply, and the
headers of both.

`hr.py` uses this module. The bodies are in a file of their own because of their length; a small
channel has them in its one file, as `device.py` has.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from attendance.channels.fields import (
    StrictBooleanField,
    StrictChoiceField,
    StrictFloatField,
    StrictTextField,
    StrictUUIDField,
)
from attendance.punches.results import RecordResult

KIND_DIRECTIONS: Final = {"CLOCK_IN": "in", "CLOCK_OUT": "out"}
DIRECTION_KINDS: Final = {direction: kind for kind, direction in KIND_DIRECTIONS.items()}
SOURCES: Final = ("WEB", "MOBILE", "KIOSK", "SYSTEM")
IDEMPOTENCY_HEADER: Final = "idempotency-key"
MAX_IDEMPOTENCY_KEY_LENGTH: Final = 128


class ClockBodySerializer(serializers.Serializer[dict[str, Any]]):
    """One clock event."""

    hrEmployeeId = StrictUUIDField()
    kind = StrictChoiceField(*KIND_DIRECTIONS)
    clientRequestId = StrictTextField(MAX_IDEMPOTENCY_KEY_LENGTH, required=False, allow_null=True)
    occurredAt = StrictTextField(64, required=False, allow_null=True)
    source = StrictChoiceField(*SOURCES, required=False, allow_null=True)  # type: ignore[assignment]
    note = StrictTextField(
        500, allow_line_breaks=True, allow_blank=True, required=False, allow_null=True
    )
    latitude = StrictFloatField(-90, 90, required=False, allow_null=True)
    longitude = StrictFloatField(-180, 180, required=False, allow_null=True)
    geofenceId = StrictTextField(100, required=False, allow_null=True)
    deviceId = StrictTextField(128, required=False, allow_null=True)
    deviceAttestation = StrictTextField(
        4000, allow_line_breaks=True, allow_blank=True, required=False, allow_null=True
    )
    biometricVendor = StrictTextField(64, allow_blank=True, required=False, allow_null=True)
    skipPairValidation = StrictBooleanField(required=False, allow_null=True)


class ClockedSerializer(serializers.Serializer[dict[str, Any]]):
    """A clock event as it is stored. What came with it as evidence is null once that was erased."""

    id = serializers.IntegerField()
    hrEmployeeId = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=list(KIND_DIRECTIONS))
    occurredAt = serializers.DateTimeField()
    recordedAt = serializers.DateTimeField()
    verdict = serializers.ChoiceField(choices=("accepted",))
    source = serializers.ChoiceField(choices=SOURCES, allow_null=True)  # type: ignore[assignment]
    note = serializers.CharField(allow_null=True)
    clientRequestId = serializers.CharField()
    geofenceId = serializers.CharField(allow_null=True)
    deviceId = serializers.CharField(allow_null=True)


class ClockReplySerializer(serializers.Serializer[dict[str, Any]]):
    """It is stored, or was before."""

    success = serializers.ChoiceField(choices=(True,))
    message = serializers.CharField()
    data = ClockedSerializer()  # type: ignore[assignment]


CLOCK_HEADERS: Final = (
    OpenApiParameter(
        "Idempotency-Key",
        str,
        "header",
        description="Or `clientRequestId`; one of them is needed.",
    ),
    OpenApiParameter(
        "Accept-Language", str, "header", description="The language of `message`: en, hi."
    ),
    OpenApiParameter(
        "Muster-Punch-Id",
        int,
        "header",
        response=[201],
        required=True,
        description="The row.",
    ),
    OpenApiParameter(
        "Idempotent-Replayed",
        str,
        "header",
        response=[201],
        enum=("true",),
        description="This clock event came before.",
    ),
)


def clock_reply(result: RecordResult, key: str) -> dict[str, Any]:
    evidence = result.evidence
    data = {
        "id": result.punch_id,
        "hrEmployeeId": str(result.employee.id) if result.employee else None,
        "kind": DIRECTION_KINDS[result.direction or ""],
        "occurredAt": _utc(result.at),
        "recordedAt": _utc(result.received_at),
        "verdict": result.verdict,
        "source": evidence.get("source"),
        "note": evidence.get("note"),
        "clientRequestId": key,
        "geofenceId": evidence.get("geofenceId"),
        "deviceId": evidence.get("deviceId"),
    }
    return {"success": True, "message": _("Operation completed successfully"), "data": data}


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
