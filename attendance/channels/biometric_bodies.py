"""The bodies of the biometric channel: the events that a scanner sends, alone or in a batch, the
reply, its headers, and the samples of the OpenAPI file.

`biometric.py` and `biometric_events.py` use this module. The bodies are in a file of their own
because of their length; a small channel has them in its one file, as `device.py` has.
"""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, PolymorphicProxySerializer
from rest_framework import serializers

from attendance.channels.fields import (
    StrictBooleanField,
    StrictChoiceField,
    StrictFloatField,
    StrictIntegerField,
    StrictTextField,
)

MAX_EVENTS: Final = 100
EVENT_TYPE_DIRECTIONS: Final = {"check_in": "in", "check_out": "out"}


class EventBodySerializer(serializers.Serializer[dict[str, Any]]):
    """One event, as the scanner saw it."""

    scanId = StrictTextField(256)
    employeeId = StrictTextField(64)
    eventType = StrictChoiceField(*EVENT_TYPE_DIRECTIONS)
    timestamp = StrictTextField(64)
    statusCode = StrictIntegerField(required=False, allow_null=True)
    temperature = StrictFloatField(required=False, allow_null=True)
    maskDetected = StrictBooleanField(required=False, allow_null=True)
    confidenceScore = StrictFloatField(0, 100, required=False, allow_null=True)


class DeviceInfoSerializer(serializers.Serializer[dict[str, Any]]):
    """What holds for all events of a batch. Everything else in it is evidence, whatever it is."""

    temperature = StrictFloatField(required=False, allow_null=True)
    mask_detected = StrictBooleanField(required=False, allow_null=True)


class ScannedSerializer(DeviceInfoSerializer):
    """The scanner as it calls itself; anything else may stand beside it, and is kept as
    evidence.
    """

    device_id = serializers.JSONField(
        required=False, help_text="Text: linked to the device of that serial, if there is one."
    )
    device_name = serializers.JSONField(required=False)
    location = serializers.JSONField(required=False)


class BatchBodySerializer(serializers.Serializer[dict[str, Any]]):
    """Up to a hundred events of one scanner."""

    device_info = ScannedSerializer(required=False, allow_null=True)
    events = serializers.ListField(child=EventBodySerializer(), min_length=1, max_length=MAX_EVENTS)


class ResultSerializer(serializers.Serializer[dict[str, Any]]):
    """What became of one event. `scanId` stands only with one that failed; who it was is null while
    nobody is matched.
    """

    success = serializers.BooleanField()
    message = serializers.CharField()
    worker_id = serializers.CharField(required=False, allow_null=True)
    worker_name = serializers.CharField(required=False, allow_null=True)
    assignment_id = serializers.IntegerField(required=False, allow_null=True)
    event_type = serializers.ChoiceField(choices=list(EVENT_TYPE_DIRECTIONS), required=False)
    scanId = serializers.CharField(required=False, allow_null=True)


class BatchReplySerializer(serializers.Serializer[dict[str, Any]]):
    """At least one event is stored, or was before; one result per event, in their order."""

    success = serializers.ChoiceField(choices=(True,))
    message = serializers.CharField()
    processed = serializers.IntegerField()
    successful = serializers.IntegerField()
    failed = serializers.IntegerField()
    results = ResultSerializer(many=True)


class NothingStoredReplySerializer(serializers.Serializer[dict[str, Any]]):
    """Nothing is stored. The message is about the request or its first event; where several events
    could be read, there is one result per event too, in their order.
    """

    success = serializers.ChoiceField(choices=(False,))
    message = serializers.CharField()
    processed = serializers.IntegerField(required=False)
    successful = serializers.IntegerField(required=False)
    failed = serializers.IntegerField(required=False)
    results = ResultSerializer(many=True, required=False)


BIOMETRIC_BODY: Final = PolymorphicProxySerializer(
    "BiometricBody", [EventBodySerializer, BatchBodySerializer], resource_type_field_name=None
)
BIOMETRIC_HEADERS: Final = (
    OpenApiParameter(
        "Muster-Punch-Id",
        str,
        "header",
        response=[200],
        required=True,
        description="The rows, comma separated.",
    ),
    OpenApiParameter(
        "Idempotent-Replayed",
        str,
        "header",
        response=[200],
        enum=("true",),
        description="All of these events came before.",
    ),
)
_EVENT: Final = {
    "scanId": "SCAN_001",
    "employeeId": "EMP001",
    "eventType": "check_in",
    "timestamp": "2026-06-21T09:30:00+05:30",
    "temperature": 36.5,
    "maskDetected": True,
    "confidenceScore": 98.5,
}
BIOMETRIC_SAMPLES: Final = (
    OpenApiExample("One event", _EVENT, request_only=True),
    OpenApiExample(
        "A batch",
        {"device_info": {"device_id": "SCANNER-1"}, "events": [_EVENT]},
        request_only=True,
    ),
)
