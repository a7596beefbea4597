"""The biometric channel: `POST /api/biometric/attendance` for scanners and the systems behind them,
one event or up to 100.

An API key with the scope `biometric:write`. Each event succeeds or fails by itself; a batch is
stored in one transaction. The channel reads events into claims, calls `record_punches`, and answers
in the vendor's words; it decides nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    PolymorphicProxySerializer,
    extend_schema,
)
from rest_framework import serializers
from rest_framework.exceptions import (
    APIException,
    MethodNotAllowed,
    PermissionDenied,
    ValidationError,
)
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api_keys import BIOMETRIC_WRITE_SCOPE
from accounts.authentication import ApiKeyAuthentication, AuthenticatedClient
from accounts.rate_limits import RateLimit
from accounts.throttling import BIOMETRIC_WINDOWS, caller_key
from attendance.channels.fields import (
    StrictBooleanField,
    StrictChoiceField,
    StrictFloatField,
    StrictIntegerField,
    StrictTextField,
    is_disallowed_character,
)
from attendance.channels.not_found import NotFoundView
from attendance.models import Channel
from attendance.punches.claims import Claim, Terminal, bounded_key
from attendance.punches.context import PunchContext
from attendance.punches.record import RecordResult, load_punch_context, record_punches
from core.times import ParsedTimestamp, parse_timestamp, to_local_time
from devices.models import Device

MAX_EVENTS: Final = 100
MAX_INTEGER_DIGITS: Final = 300
EVENT_TYPE_DIRECTIONS: Final = {"check_in": "in", "check_out": "out"}
# °C. What is measured outside of it is kept and flagged: the thermometer is wrong, not the person.
PLAUSIBLE_TEMPERATURE: Final = (25.0, 45.0)
IMPLAUSIBLE_TEMPERATURE_FLAG: Final = "temperature_out_of_range"
BIOMETRIC_LIMIT: Final = RateLimit(
    "biometric", lambda request: request.auth.windows or BIOMETRIC_WINDOWS, key=caller_key
)

RECORDED_MESSAGE: Final = "Attendance recorded successfully"
NOT_MATCHED_MESSAGE: Final = "Attendance recorded; worker not matched yet"
SCAN_ID_CONFLICT_MESSAGE: Final = "scanId already used for another event"
_MESSAGES: Final = {
    401: "Invalid or missing API key",
    405: "Only POST requests are accepted",
    415: "Only application/json is accepted",
    422: SCAN_ID_CONFLICT_MESSAGE,
}
_TIME_MESSAGES: Final = {
    "ahead_of_server": "ahead of the server's clock",
    "before_2000": "before the year 2000",
}


def error_envelope(
    status: int, code: str, message: str, fields: Mapping[str, list[str]]
) -> dict[str, Any]:
    """A failure in this channel's words."""
    text = _MESSAGES.get(status, message)
    return {"success": False, "message": f"Processing failed: {text}" if status == 400 else text}


class ScanIdConflict(APIException):
    """A lone event whose scanId belongs to another one; the first stays as it was."""

    status_code = 422
    default_detail = SCAN_ID_CONFLICT_MESSAGE
    default_code = "conflict"


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


_BODY: Final = PolymorphicProxySerializer(
    "BiometricBody", [EventBodySerializer, BatchBodySerializer], resource_type_field_name=None
)
_HEADERS: Final = (
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
_SAMPLES: Final = (
    OpenApiExample("One event", _EVENT, request_only=True),
    OpenApiExample(
        "A batch",
        {"device_info": {"device_id": "SCANNER-1"}, "events": [_EVENT]},
        request_only=True,
    ),
)


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


class BiometricChannelView(APIView):
    """Record attendance events."""

    http_method_names = ("post",)
    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = ()
    limits = (BIOMETRIC_LIMIT,)
    error_envelope = staticmethod(error_envelope)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Another method is refused before anybody is asked for a key."""
        if request.method != "POST":
            raise MethodNotAllowed(str(request.method))
        super().initial(request, *args, **kwargs)

    @staticmethod
    def loads(text: str) -> Any:
        """JSON as scanners write it: a number that is none fails its event, not its neighbours."""
        return json.loads(text, parse_int=_bounded_integer)

    @extend_schema(
        request=_BODY,
        parameters=list(_HEADERS),
        responses={200: BatchReplySerializer, 403: None, 422: None},
        examples=list(_SAMPLES),
    )
    def post(self, request: Request) -> Response:
        """Record one attendance event or a batch of up to a hundred. 200 when at least one is
        stored.

        Each event succeeds or fails by itself. Needs the scope `biometric:write`.
        """
        holder: AuthenticatedClient = request.user  # type: ignore[assignment]
        if BIOMETRIC_WRITE_SCOPE not in holder.scopes:
            raise PermissionDenied(f"This API key does not have the scope {BIOMETRIC_WRITE_SCOPE}")
        raw, info = _events_and_device_info(request.data)
        scanner = _read_scanner(holder.organization_id, info)
        events = [_validate_event(one) for one in raw]
        readable = [event for event in events if not event.error]
        if not readable:
            return _response(events)
        known = load_punch_context(
            holder.organization_id, codes=sorted({event.data["employeeId"] for event in readable})
        )
        for event in readable:
            _build_claim(event, holder.organization_id, scanner, known)
        claimed = [event for event in events if event.claim is not None]
        outcomes = record_punches(
            holder.organization_id, [event.claim for event in claimed if event.claim], known
        )
        for event, outcome in zip(claimed, outcomes, strict=True):
            event.result = outcome
            event.error = _rejection_message(outcome)
        return _response(events)


class BiometricNotFoundView(NotFoundView):
    """Every other address below the channel."""

    error_envelope = staticmethod(error_envelope)


def _bounded_integer(text: str) -> int | float:
    """A whole number; one that no machine can mean is infinite, and so refused where it stands."""
    return int(text) if len(text) <= MAX_INTEGER_DIGITS else float("inf")


def _events_and_device_info(data: Any) -> tuple[list[Any], Mapping[str, Any]]:
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


def _read_scanner(organization_id: int, info: Mapping[str, Any]) -> Scanner:
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


def _validate_event(raw: Any) -> BiometricEvent:
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


def _build_claim(
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


def _rejection_message(result: RecordResult) -> str:
    """Why an event that reached the store fails all the same; empty for those that do not."""
    if result.is_conflict:
        return SCAN_ID_CONFLICT_MESSAGE
    if reason := result.reasons.get("time"):
        return f"Invalid field timestamp: {_TIME_MESSAGES.get(reason, reason)}"
    return ""


def _response(events: Sequence[BiometricEvent]) -> Response:
    fine = [event.result for event in events if event.result is not None and not event.error]
    if not fine:
        if len(events) == 1 and events[0].error == SCAN_ID_CONFLICT_MESSAGE:
            raise ScanIdConflict
        raise ValidationError(events[0].error)
    headers = {"Muster-Punch-Id": ", ".join(str(outcome.punch_id) for outcome in fine)}
    if all(outcome.is_duplicate for outcome in fine):
        headers["Idempotent-Replayed"] = "true"
    body = {
        "success": True,
        "message": "Attendance data processed successfully",
        "processed": len(events),
        "successful": len(fine),
        "failed": len(events) - len(fine),
        "results": [_result(event) for event in events],
    }
    return Response(body, headers=headers)


def _result(event: BiometricEvent) -> dict[str, Any]:
    outcome, claim = event.result, event.claim
    if event.error or outcome is None or claim is None:
        scan = event.raw.get("scanId") if isinstance(event.raw, Mapping) else None
        # Said back to be found by, in characters that can be sent at all.
        scan = scan.encode(errors="replace").decode() if isinstance(scan, str) else None
        return {"success": False, "message": event.error, "scanId": scan}
    person = outcome.employee
    place = (
        person.assignment_on(to_local_time(outcome.at, claim.home_zone).date()) if person else None
    )
    return {
        "success": True,
        "message": RECORDED_MESSAGE if person else NOT_MATCHED_MESSAGE,
        "worker_id": (person.worker_id or person.code) if person else None,
        "worker_name": person.name if person else None,
        "assignment_id": place.id if place else None,
        "event_type": event.data["eventType"],
    }
