"""The biometric door: `POST /api/biometric/attendance` for scanners and the systems behind them,
one event or up to 100.

An API key with the scope `biometric:write`. Each event succeeds or fails by itself; a batch is
stored in one transaction. The door reads events into claims, calls `record_punches`, and answers in
the vendor's words; it decides nothing.
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

from accounts.authentication import ApiKeyAuthentication, KeyHolder
from accounts.keys import BIOMETRIC_WRITE
from accounts.limits import BIOMETRIC_WINDOWS, Limit, caller
from attendance.claims import Claim, Terminal, bounded_key
from attendance.doors.fields import Flag, Number, Real, Text, Word, unfit
from attendance.doors.nowhere import Nowhere
from attendance.facts import Known
from attendance.models import Door
from attendance.services import Outcome, known_people, record_punches
from attendance.times import Instant, local, read_time
from devices.models import Device

AT_ONCE: Final = 100
NUMBER_DIGITS: Final = 300
DIRECTIONS: Final = {"check_in": "in", "check_out": "out"}
# °C. What is measured outside of it is kept and flagged: the thermometer is wrong, not the person.
PLAUSIBLE: Final = (25.0, 45.0)
ODD_TEMPERATURE: Final = "temperature_out_of_range"
LIMITS: Final = Limit(
    "biometric", lambda request: request.auth.windows or BIOMETRIC_WINDOWS, key=caller
)

RECORDED: Final = "Attendance recorded successfully"
NOT_MATCHED: Final = "Attendance recorded; worker not matched yet"
TAKEN: Final = "scanId already used for another event"
_MESSAGES: Final = {
    401: "Invalid or missing API key",
    405: "Only POST requests are accepted",
    415: "Only application/json is accepted",
    422: TAKEN,
}
_TIMES: Final = {
    "ahead_of_server": "ahead of the server's clock",
    "before_2000": "before the year 2000",
}


def envelope(
    status: int, code: str, message: str, fields: Mapping[str, list[str]]
) -> dict[str, Any]:
    """A failure in this door's words."""
    text = _MESSAGES.get(status, message)
    return {"success": False, "message": f"Processing failed: {text}" if status == 400 else text}


class ScanTaken(APIException):
    """A lone event whose scanId belongs to another one; the first stays as it was."""

    status_code = 422
    default_detail = TAKEN
    default_code = "conflict"


class EventBody(serializers.Serializer[dict[str, Any]]):
    """One event, as the scanner saw it."""

    scanId = Text(256)
    employeeId = Text(64)
    eventType = Word(*DIRECTIONS)
    timestamp = Text(64)
    statusCode = Number(required=False, allow_null=True)
    temperature = Real(required=False, allow_null=True)
    maskDetected = Flag(required=False, allow_null=True)
    confidenceScore = Real(0, 100, required=False, allow_null=True)


class DeviceInfo(serializers.Serializer[dict[str, Any]]):
    """What holds for all events of a batch. Everything else in it is evidence, whatever it is."""

    temperature = Real(required=False, allow_null=True)
    mask_detected = Flag(required=False, allow_null=True)


class Scanned(DeviceInfo):
    """The scanner as it calls itself; anything else may stand beside it, and is kept as
    evidence.
    """

    device_id = serializers.JSONField(
        required=False, help_text="Text: linked to the device of that serial, if there is one."
    )
    device_name = serializers.JSONField(required=False)
    location = serializers.JSONField(required=False)


class BatchBody(serializers.Serializer[dict[str, Any]]):
    """Up to a hundred events of one scanner."""

    device_info = Scanned(required=False, allow_null=True)
    events = serializers.ListField(child=EventBody(), min_length=1, max_length=AT_ONCE)


class Result(serializers.Serializer[dict[str, Any]]):
    """What became of one event. `scanId` stands only with one that failed; who it was is null while
    nobody is matched.
    """

    success = serializers.BooleanField()
    message = serializers.CharField()
    worker_id = serializers.CharField(required=False, allow_null=True)
    worker_name = serializers.CharField(required=False, allow_null=True)
    assignment_id = serializers.IntegerField(required=False, allow_null=True)
    event_type = serializers.ChoiceField(choices=list(DIRECTIONS), required=False)
    scanId = serializers.CharField(required=False, allow_null=True)


class BatchReply(serializers.Serializer[dict[str, Any]]):
    """At least one event is stored, or was before; one result per event, in their order."""

    success = serializers.ChoiceField(choices=(True,))
    message = serializers.CharField()
    processed = serializers.IntegerField()
    successful = serializers.IntegerField()
    failed = serializers.IntegerField()
    results = Result(many=True)


_BODY: Final = PolymorphicProxySerializer(
    "BiometricBody", [EventBody, BatchBody], resource_type_field_name=None
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
class Event:
    """One event on its way through: as it came, what was read, or why it fails."""

    raw: Any
    read: Mapping[str, Any] = field(default_factory=dict)
    wrong: str = ""
    claim: Claim | None = None
    outcome: Outcome | None = None


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


class BiometricDoor(APIView):
    """Record attendance events."""

    http_method_names = ("post",)
    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = ()
    limits = (LIMITS,)
    envelope = staticmethod(envelope)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Another method is refused before anybody is asked for a key."""
        if request.method != "POST":
            raise MethodNotAllowed(str(request.method))
        super().initial(request, *args, **kwargs)

    @staticmethod
    def loads(text: str) -> Any:
        """JSON as scanners write it: a number that is none fails its event, not its neighbours."""
        return json.loads(text, parse_int=_whole)

    @extend_schema(
        request=_BODY,
        parameters=list(_HEADERS),
        responses={200: BatchReply, 403: None, 422: None},
        examples=list(_SAMPLES),
    )
    def post(self, request: Request) -> Response:
        """Record one attendance event or a batch of up to a hundred. 200 when at least one is
        stored.

        Each event succeeds or fails by itself. Needs the scope `biometric:write`.
        """
        holder: KeyHolder = request.user  # type: ignore[assignment]
        if BIOMETRIC_WRITE not in holder.scopes:
            raise PermissionDenied(f"This API key does not have the scope {BIOMETRIC_WRITE}")
        raw, info = _parts(request.data)
        scanner = _scanner(holder.organization_id, info)
        events = [_read(one) for one in raw]
        readable = [event for event in events if not event.wrong]
        if not readable:
            return _answer(events)
        known = known_people(
            holder.organization_id, codes=sorted({event.read["employeeId"] for event in readable})
        )
        for event in readable:
            _make_claim(event, holder.organization_id, scanner, known)
        claimed = [event for event in events if event.claim is not None]
        outcomes = record_punches(
            holder.organization_id, [event.claim for event in claimed if event.claim], known
        )
        for event, outcome in zip(claimed, outcomes, strict=True):
            event.outcome = outcome
            event.wrong = _fault(outcome)
        return _answer(events)


class NoSuchCall(Nowhere):
    """Every other address below the door."""

    envelope = staticmethod(envelope)


def _whole(text: str) -> int | float:
    """A whole number; one that no machine can mean is infinite, and so refused where it stands."""
    return int(text) if len(text) <= NUMBER_DIGITS else float("inf")


def _parts(data: Any) -> tuple[list[Any], Mapping[str, Any]]:
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
    if len(events) > AT_ONCE:
        raise ValidationError(f"Too many events: {len(events)}, at most {AT_ONCE} per request")
    return events, info or {}


def _scanner(organization_id: int, info: Mapping[str, Any]) -> Scanner:
    body = DeviceInfo(data=info)
    if not body.is_valid():
        raise ValidationError(_wrong(body, "device_info."))
    said, serial = body.validated_data, info.get("device_id")
    if isinstance(serial, int) and not isinstance(serial, bool):
        serial = str(serial)
    # Evidence is never a reason to refuse: what can be no serial is kept in the raw text only.
    fine = (
        isinstance(serial, str)
        and 0 < len(serial) <= 64
        and not any(unfit(char) for char in serial)
    )
    device_id = serial.strip() if fine and isinstance(serial, str) else ""
    terminal, zone = _terminal(organization_id, device_id)
    return Scanner(
        info, said.get("temperature"), said.get("mask_detected"), device_id, terminal, zone
    )


def _terminal(organization_id: int, serial: str) -> tuple[Terminal | None, str]:
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


def _read(raw: Any) -> Event:
    if not isinstance(raw, Mapping):
        return Event(raw, wrong="An event must be a JSON object")
    body = EventBody(data=raw)
    return Event(raw, body.validated_data) if body.is_valid() else Event(raw, wrong=_wrong(body))


def _wrong(body: serializers.Serializer[Any], prefix: str = "") -> str:
    """The first thing that is wrong, in the order of the documented fields."""
    name = next(name for name in body.fields if name in body.errors)
    error = body.errors[name][0]
    if error.code in ("required", "null"):
        return f"Missing required field: {prefix}{name}"
    return f"Invalid field {prefix}{name}: {error}"


def _make_claim(event: Event, organization_id: int, scanner: Scanner, known: Known) -> None:
    """Fill in the event's claim, or what is wrong with its time."""
    read = event.read
    try:
        instant, home_zone = _instant(read["timestamp"], read["employeeId"], scanner, known)
    except ValueError as error:
        event.wrong = f"Invalid field timestamp: {error}"
        return
    temperature = read.get("temperature")
    temperature = scanner.temperature if temperature is None else temperature
    odd = temperature is not None and not PLAUSIBLE[0] <= temperature <= PLAUSIBLE[1]
    event.claim = Claim(
        door=Door.BIOMETRIC,
        source=f"organization:{organization_id}",
        key=bounded_key("s", read["scanId"]),
        user_code=read["employeeId"],
        at=instant.at,
        at_text=read["timestamp"],
        zone=instant.zone,
        home_zone=home_zone,
        direction=DIRECTIONS[read["eventType"]],
        flags=(*instant.flags, ODD_TEMPERATURE) if odd else instant.flags,
        terminal=scanner.terminal,
        worker_ids_too=True,
        evidence=_evidence(event, scanner, temperature),
    )


def _instant(text: str, code: str, scanner: Scanner, known: Known) -> tuple[Instant, str]:
    """The instant and the zone of the place: the scanner's, else that of the worker's site, else
    the organization's.
    """
    instant = read_time(text, scanner.zone or known.zone)
    if scanner.zone:
        return instant, scanner.zone
    day = local(instant.at, known.zone).date()
    zone = known.home_zone(known.by_code(code, day), day)
    return read_time(text, zone), zone


def _evidence(event: Event, scanner: Scanner, temperature: float | None) -> dict[str, Any]:
    read = event.read
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


def _fault(outcome: Outcome) -> str:
    """Why an event that reached the store fails all the same; empty for those that do not."""
    if outcome.conflict:
        return TAKEN
    if reason := outcome.reasons.get("time"):
        return f"Invalid field timestamp: {_TIMES.get(reason, reason)}"
    return ""


def _answer(events: Sequence[Event]) -> Response:
    fine = [event.outcome for event in events if event.outcome is not None and not event.wrong]
    if not fine:
        if len(events) == 1 and events[0].wrong == TAKEN:
            raise ScanTaken
        raise ValidationError(events[0].wrong)
    headers = {"Muster-Punch-Id": ", ".join(str(outcome.punch_id) for outcome in fine)}
    if all(outcome.repeat for outcome in fine):
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


def _result(event: Event) -> dict[str, Any]:
    outcome, claim = event.outcome, event.claim
    if event.wrong or outcome is None or claim is None:
        scan = event.raw.get("scanId") if isinstance(event.raw, Mapping) else None
        # Said back to be found by, in characters that can be sent at all.
        scan = scan.encode(errors="replace").decode() if isinstance(scan, str) else None
        return {"success": False, "message": event.wrong, "scanId": scan}
    person = outcome.person
    place = person.place(local(outcome.at, claim.home_zone).date()) if person else None
    return {
        "success": True,
        "message": RECORDED if person else NOT_MATCHED,
        "worker_id": (person.worker_id or person.code) if person else None,
        "worker_name": person.name if person else None,
        "assignment_id": place.id if place else None,
        "event_type": event.read["eventType"],
    }
