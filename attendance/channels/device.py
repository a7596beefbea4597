"""The device channel: `/api/attendance/v1/{punch,heartbeat,validity,config}` for terminals and
gateways.

Headers `sn` and `auth-token`. It reads the terminal's dialect into a Claim, calls `record_punch`,
and answers in the terminal's dialect; it decides nothing. Terminals repeat what they got no 200
for, so what cannot be helped by repeating (a clock in the future) is stored and answered 200.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import APIException, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts.throttling import DEVICE_LIMIT
from attendance.channels.fields import StrictFloatField, StrictTextField, TolerantIntegerField
from attendance.channels.not_found import NotFoundView
from attendance.models import Channel
from attendance.punches.claims import Claim, Terminal, bounded_key
from attendance.punches.record import record_punch
from core.times import ParsedTimestamp, parse_timestamp
from devices.authentication import AuthenticatedDevice, DeviceAuthentication
from devices.punch_states import direction_for_state
from devices.services import record_device_seen, record_rejection

IMPOSSIBLE: Final = math.inf
IMPOSSIBLE_POSITION_FLAG: Final = "impossible_position"
POSITION_FIELDS: Final = ("latitude", "longitude", "accuracy_m")


def error_envelope(
    status: int, code: str, message: str, fields: Mapping[str, list[str]]
) -> dict[str, Any]:
    """A failure in this channel's words: `{"ok": false, "error": …}`, with `detail` by field when
    the request was wrong or a Content-Encoding was used.
    """
    body: dict[str, Any] = {"ok": False, "error": "conflict" if status == 422 else code}
    if status == 400 or (status == 415 and fields):
        body["detail"] = dict(fields) or {"body": [message]}
    return body


class KeyConflict(APIException):
    """The same key came before with another content; the first punch stays as it was."""

    status_code = 422
    default_detail = "This key belongs to another punch."
    default_code = "conflict"


class PositionNumberField(StrictFloatField):
    """A number of a position. One that no place on earth has is read as IMPOSSIBLE: the position is
    dropped, not the punch.
    """

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, int | float) and not isinstance(data, bool):
            return float(data) if self.min_value <= data <= self.max_value else IMPOSSIBLE
        self.fail("invalid")


class PunchBodySerializer(serializers.Serializer[dict[str, Any]]):
    """What a terminal sends for one recognized person."""

    user_id = StrictTextField(64, allow_integer=True)
    att_time = serializers.CharField(max_length=64)
    att_state = TolerantIntegerField(required=False, allow_null=True)
    input_type = TolerantIntegerField(required=False, allow_null=True)
    latitude = PositionNumberField(-90, 90, required=False, allow_null=True)
    longitude = PositionNumberField(-180, 180, required=False, allow_null=True)
    accuracy_m = PositionNumberField(0, 1e7, required=False, allow_null=True)
    request_id = StrictTextField(100, allow_integer=True, required=False, allow_null=True)

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


class OkReplySerializer(serializers.Serializer[dict[str, Any]]):
    """It is stored, or was before."""

    ok = serializers.ChoiceField(choices=(True,))


class HeartbeatBodySerializer(serializers.Serializer[dict[str, Any]]):
    """What a terminal may say about itself."""

    firmware = serializers.JSONField(required=False, help_text="Text; anything else is not heard.")


class HeartbeatReplySerializer(OkReplySerializer):
    """The time here, in UTC."""

    server_time = serializers.DateTimeField()


class ValidityReplySerializer(OkReplySerializer):
    """Whether punches would be taken, and until when the subscription runs; null is without end."""

    valid = serializers.BooleanField()
    expires_at = serializers.DateTimeField(allow_null=True)


class TerminalConfigSerializer(serializers.Serializer[dict[str, Any]]):
    """A terminal's settings as they are kept here."""

    zone = serializers.CharField()
    state_map = serializers.DictField(child=serializers.CharField())
    heartbeat_s = serializers.IntegerField()


class ConfigReplySerializer(OkReplySerializer):
    """What the terminal needs to know."""

    config = TerminalConfigSerializer()


_PUNCH_ID = OpenApiParameter(
    "Muster-Punch-Id",
    int,
    "header",
    response=[200],
    required=True,
    description="The row.",
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


class DeviceChannelViewSet(ViewSet):
    """The four calls a terminal makes."""

    http_method_names = ("get", "post", "head")
    authentication_classes = (DeviceAuthentication,)
    permission_classes = ()
    limits = (DEVICE_LIMIT,)
    assumes_json = True
    error_envelope = staticmethod(error_envelope)

    @extend_schema(
        request=PunchBodySerializer,
        parameters=[_PUNCH_ID, _REPLAYED],
        responses={200: OkReplySerializer, 403: None, 422: None},
        examples=[_SAMPLE],
    )
    def punch(self, request: Request) -> Response:
        """One recognized attendance event; 200 once it is stored."""
        device: AuthenticatedDevice = request.user  # type: ignore[assignment]
        now = timezone.now()
        if device.blocked or not device.is_subscribed(now):
            record_rejection(device, now)
            raise PermissionDenied(
                code="device_blocked" if device.blocked else "subscription_inactive"
            )
        claim = _build_claim(device, request)
        outcome = record_punch(device.organization_id, claim)
        record_device_seen(device, now)
        if outcome.is_conflict:
            raise KeyConflict
        headers = {"Muster-Punch-Id": str(outcome.punch_id)}
        if outcome.is_duplicate:
            headers["Idempotent-Replayed"] = "true"
        return Response({"ok": True}, headers=headers)

    @extend_schema(request=HeartbeatBodySerializer, responses={200: HeartbeatReplySerializer})
    def heartbeat(self, request: Request) -> Response:
        """The terminal says that it is there; the clock comes back, so that it can set its own."""
        device: AuthenticatedDevice = request.user  # type: ignore[assignment]
        now = timezone.now()
        firmware = request.data.get("firmware") if isinstance(request.data, Mapping) else None
        record_device_seen(
            device,
            now,
            firmware=firmware if isinstance(firmware, str) and firmware.isprintable() else "",
        )
        return Response({"ok": True, "server_time": _utc(now)})

    @extend_schema(request=None, responses={200: ValidityReplySerializer})
    def validity(self, request: Request) -> Response:
        """Whether punches would be taken: the subscription runs and the device is not blocked."""
        device: AuthenticatedDevice = request.user  # type: ignore[assignment]
        now = timezone.now()
        valid = device.is_subscribed(now) and not device.blocked
        expires = device.subscription_until
        return Response(
            {"ok": True, "valid": valid, "expires_at": _utc(expires) if expires else None}
        )

    @extend_schema(request=None, responses={200: ConfigReplySerializer})
    def config(self, request: Request) -> Response:
        """What the terminal needs to know: its zone, the meaning of its states, how often to say
        that it is there.
        """
        device: AuthenticatedDevice = request.user  # type: ignore[assignment]
        config = {
            "zone": device.zone,
            "state_map": device.states,
            "heartbeat_s": device.heartbeat_s,
        }
        return Response({"ok": True, "config": config})


class DeviceNotFoundView(NotFoundView):
    """Every other address below the channel."""

    error_envelope = staticmethod(error_envelope)


def _build_claim(device: AuthenticatedDevice, request: Request) -> Claim:
    body = PunchBodySerializer(data=request.data)
    body.is_valid(raise_exception=True)
    data = body.validated_data
    instant = _parse_instant(data["att_time"], device)
    state, input_type = data.get("att_state"), data.get("input_type")
    given = data.get("request_id")
    impossible = any(data.get(name) == IMPOSSIBLE for name in POSITION_FIELDS)
    user, at = data["user_id"], instant.at.isoformat()
    return Claim(
        channel=Channel.DEVICE,
        source=f"device:{device.id}",
        key=bounded_key("r", given) if given else bounded_key("p", user, at, state, input_type),
        user_code=user,
        at=instant.at,
        at_text=data["att_time"],
        zone=instant.zone,
        home_zone=device.zone,
        direction=direction_for_state(state, device.states),
        raw_state=state,
        raw_input_type=input_type,
        flags=(*instant.flags, IMPOSSIBLE_POSITION_FLAG) if impossible else instant.flags,
        terminal=Terminal(device.id, device.serial, device.name, device.site),
        evidence=_evidence(data, getattr(request, "text", "")),
    )


def _parse_instant(text: str, device: AuthenticatedDevice) -> ParsedTimestamp:
    try:
        return parse_timestamp(text, device.zone)
    except ValueError as error:
        raise serializers.ValidationError({"att_time": [f"Unreadable time: {error}."]}) from error


def _evidence(data: Mapping[str, Any], text: str) -> dict[str, Any]:
    """What is kept beside the punch. A position counts only when all of it is possible; the text as
    received has it in any case.
    """
    evidence: dict[str, Any] = {"raw": text}
    position = {name: data.get(name) for name in POSITION_FIELDS}
    given = position["latitude"] is not None and position["longitude"] is not None
    if given and IMPOSSIBLE not in position.values():
        evidence["location"] = position
    return evidence


def _utc(at: Any) -> str:
    return str(at.isoformat(timespec="seconds")).replace("+00:00", "Z")
