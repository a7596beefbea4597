"""The device door: `/api/attendance/v1/{punch,heartbeat,validity,config}` for terminals and
gateways.

Headers `sn` and `auth-token`. It reads the terminal's dialect into a Claim, calls `record_punch`,
and answers in the terminal's dialect; it decides nothing. Terminals repeat what they got no 200
for, so what cannot be helped by repeating (a clock in the future) is stored and answered 200.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import APIException, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts.limits import DEVICE
from attendance.claims import Claim, Terminal, bounded_key
from attendance.doors.fields import Number, Real, Text
from attendance.doors.nowhere import Nowhere
from attendance.models import Door
from attendance.services import record_punch
from attendance.times import Instant, read_time
from devices.authentication import DeviceAuthentication, Speaker
from devices.services import note_seen, note_turned_away
from devices.states import direction_of


def envelope(
    status: int, code: str, message: str, fields: Mapping[str, list[str]]
) -> dict[str, Any]:
    """A failure in this door's words: `{"ok": false, "error": …}`, with `detail` by field when the
    request was wrong.
    """
    body: dict[str, Any] = {"ok": False, "error": "conflict" if status == 422 else code}
    if status == 400:
        body["detail"] = dict(fields) or {"body": [message]}
    return body


class KeyConflict(APIException):
    """The same key came before with another content; the first punch stays as it was."""

    status_code = 422
    default_detail = "This key belongs to another punch."
    default_code = "conflict"


class PunchBody(serializers.Serializer[dict[str, Any]]):
    """What a terminal sends for one recognized person."""

    user_id = Text(64, numbers=True)
    att_time = serializers.CharField(max_length=64)
    att_state = Number(required=False, allow_null=True)
    input_type = Number(required=False, allow_null=True)
    latitude = Real(-90, 90, required=False, allow_null=True)
    longitude = Real(-180, 180, required=False, allow_null=True)
    accuracy_m = Real(0, 1e7, required=False, allow_null=True)
    request_id = Text(100, numbers=True, required=False, allow_null=True)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Text is text: a number is not a time."""
        if (
            isinstance(data, Mapping)
            and "att_time" in data
            and not isinstance(data["att_time"], str)
        ):
            raise serializers.ValidationError(
                {"att_time": ["Text such as 2026-06-21 09:30:00 is required."]}
            )
        fields: dict[str, Any] = super().to_internal_value(data)
        return fields


class OkReply(serializers.Serializer[dict[str, Any]]):
    """It is stored, or was before."""

    ok = serializers.ChoiceField(choices=(True,))


class HeartbeatBody(serializers.Serializer[dict[str, Any]]):
    """What a terminal may say about itself."""

    firmware = serializers.JSONField(required=False, help_text="Text; anything else is not heard.")


class HeartbeatReply(OkReply):
    """The time here, in UTC."""

    server_time = serializers.DateTimeField()


class ValidityReply(OkReply):
    """Whether punches would be taken, and until when the subscription runs; null is without end."""

    valid = serializers.BooleanField()
    expires_at = serializers.DateTimeField(allow_null=True)


class TerminalConfig(serializers.Serializer[dict[str, Any]]):
    """A terminal's settings as they are kept here."""

    zone = serializers.CharField()
    state_map = serializers.DictField(child=serializers.CharField())
    heartbeat_s = serializers.IntegerField()


class ConfigReply(OkReply):
    """What the terminal needs to know."""

    config = TerminalConfig()


_PUNCH_ID = OpenApiParameter(
    "Muster-Punch-Id", int, "header", response=[200], required=True, description="The row."
)
_REPLAYED = OpenApiParameter(
    "Idempotent-Replayed",
    str,
    "header",
    response=[200],
    enum=("true",),
    description="This punch came before.",
)
_SAMPLE = OpenApiExample(
    "A check-in",
    {"user_id": "1001", "att_time": "2026-06-21 09:30:00", "att_state": 1, "input_type": 50},
    request_only=True,
)


class DeviceDoor(ViewSet):
    """The four calls a terminal makes."""

    http_method_names = ("get", "post", "head")
    authentication_classes = (DeviceAuthentication,)
    permission_classes = ()
    limits = (DEVICE,)
    envelope = staticmethod(envelope)

    @extend_schema(
        request=PunchBody,
        parameters=[_PUNCH_ID, _REPLAYED],
        responses={200: OkReply, 403: None, 422: None},
        examples=[_SAMPLE],
    )
    def punch(self, request: Request) -> Response:
        """One recognized attendance event; 200 once it is stored."""
        device: Speaker = request.user  # type: ignore[assignment]
        now = timezone.now()
        if device.blocked or not device.subscribed(now):
            note_turned_away(device, now)
            raise PermissionDenied(
                code="device_blocked" if device.blocked else "subscription_inactive"
            )
        claim = _claim(device, request)
        outcome = record_punch(device.organization_id, claim)
        note_seen(device, now)
        if outcome.conflict:
            raise KeyConflict
        headers = {"Muster-Punch-Id": str(outcome.punch_id)}
        if outcome.repeat:
            headers["Idempotent-Replayed"] = "true"
        return Response({"ok": True}, headers=headers)

    @extend_schema(request=HeartbeatBody, responses={200: HeartbeatReply})
    def heartbeat(self, request: Request) -> Response:
        """The terminal says that it is there; the clock comes back, so that it can set its own."""
        device: Speaker = request.user  # type: ignore[assignment]
        now = timezone.now()
        firmware = request.data.get("firmware") if isinstance(request.data, Mapping) else None
        note_seen(
            device,
            now,
            firmware=firmware if isinstance(firmware, str) and firmware.isprintable() else "",
        )
        return Response({"ok": True, "server_time": _utc(now)})

    @extend_schema(request=None, responses={200: ValidityReply})
    def validity(self, request: Request) -> Response:
        """Whether punches would be taken: the subscription runs and the device is not blocked."""
        device: Speaker = request.user  # type: ignore[assignment]
        now = timezone.now()
        valid = device.subscribed(now) and not device.blocked
        expires = device.subscription_until
        return Response(
            {"ok": True, "valid": valid, "expires_at": _utc(expires) if expires else None}
        )

    @extend_schema(request=None, responses={200: ConfigReply})
    def config(self, request: Request) -> Response:
        """What the terminal needs to know: its zone, the meaning of its states, how often to say
        that it is there.
        """
        device: Speaker = request.user  # type: ignore[assignment]
        config = {
            "zone": device.zone,
            "state_map": device.states,
            "heartbeat_s": device.heartbeat_s,
        }
        return Response({"ok": True, "config": config})


class NoSuchCall(Nowhere):
    """Every other address below the door."""

    envelope = staticmethod(envelope)


def _claim(device: Speaker, request: Request) -> Claim:
    body = PunchBody(data=request.data)
    body.is_valid(raise_exception=True)
    data = body.validated_data
    instant = _instant(data["att_time"], device)
    state, input_type = data.get("att_state"), data.get("input_type")
    given = data.get("request_id")
    user, at = data["user_id"], instant.at.isoformat()
    return Claim(
        door=Door.DEVICE,
        source=f"device:{device.id}",
        key=bounded_key("r", given) if given else bounded_key("p", user, at, state, input_type),
        user_code=user,
        at=instant.at,
        at_text=data["att_time"],
        zone=instant.zone,
        home_zone=device.zone,
        direction=direction_of(state, device.states),
        raw_state=state,
        raw_input_type=input_type,
        flags=instant.flags,
        terminal=Terminal(device.id, device.serial, device.name, device.site),
        evidence=_evidence(data, getattr(request, "text", "")),
    )


def _instant(text: str, device: Speaker) -> Instant:
    try:
        return read_time(text, device.zone)
    except ValueError as error:
        raise serializers.ValidationError({"att_time": [f"Unreadable time: {error}."]}) from error


def _evidence(data: Mapping[str, Any], text: str) -> dict[str, Any]:
    evidence: dict[str, Any] = {"raw": text}
    if data.get("latitude") is not None and data.get("longitude") is not None:
        location = {
            "latitude": data["latitude"],
            "longitude": data["longitude"],
            "accuracy_m": data.get("accuracy_m"),
        }
        evidence["location"] = location
    return evidence


def _utc(at: Any) -> str:
    return str(at.isoformat(timespec="seconds")).replace("+00:00", "Z")
