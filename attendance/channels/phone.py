"""The phone channel: `POST /api/v1/punch` for an app on an employee's own phone, and what they
punched: today, in a month.

An employee's bearer token says who punches, the phone's signature that they did. Numbers count as
the text they were sent as, because that is what was signed (`attendance.punches.strict_json`). A
punch that came before is refused as a duplicate, with the first one's id; this channel's contract
wants it so.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import (
    OpenApiParameter,
    PolymorphicProxySerializer,
    extend_schema,
    extend_schema_field,
)
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from accounts.authentication import BearerAuthentication
from accounts.models import User
from accounts.permissions import IsEmployee
from accounts.throttling import V1_LIMIT, V1_PUNCH_LIMIT
from attendance.channels.fields import (
    StrictBooleanField,
    StrictChoiceField,
    StrictFloatField,
    StrictTextField,
    StrictUUIDField,
)
from attendance.models import Channel, Punch, Verdict
from attendance.punches.claims import Claim
from attendance.punches.context import PunchContext
from attendance.punches.phone_checks import UNCHECKED, PhonePunchChecks, SignedPunch
from attendance.punches.record import RecordResult, load_punch_context, record_punch
from attendance.punches.signatures import signed_text
from attendance.punches.strict_json import DisallowedJson, JsonNumber, decode_strict_json
from attendance.punches.verdicts import EmployeeSnapshot
from core.times import ParsedTimestamp, parse_timestamp, to_local_time
from geofences.evaluation import REFUSAL_TEXT

PUNCH_TYPE_DIRECTIONS: Final = {"IN": "in", "OUT": "out"}
DIRECTION_PUNCH_TYPES: Final = {
    direction: punch_type for punch_type, direction in PUNCH_TYPE_DIRECTIONS.items()
}
DUPLICATE: Final = "duplicate"
MONTH_PATTERN: Final = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])")
# What stands in the rows, by topic → what people are told. What is not here is told as it stands,
# such as a waiver.
REASON_MESSAGES: Final[dict[tuple[str, str], Any]] = {
    ("device", "unregistered"): _("This phone is not registered to you."),
    ("device", "revoked"): _("This phone was revoked by your organization."),
    ("device", "deactivated"): _("This phone is no longer active. Register it again."),
    ("signature", "invalid"): _(
        "The signature was not made over this punch with a key of this phone."
    ),
    ("time", "ahead_of_server"): _("This is ahead of the server's clock."),
    ("time", "before_2000"): _("This is before the year 2000."),
    ("time", "too_old"): _("This is too old for an offline punch."),
    ("employee", "not_employed"): _("You were not in service then."),
    ("employee", "unknown"): _("No employee had this code then."),
    ("sequence", "already_in"): _("You were clocked in already."),
    ("sequence", "already_out"): _("You were clocked out already."),
    ("sequence", "not_in"): _("You were not clocked in."),
    # The words of the contract, in every language.
    **{
        ("geofence", why): REFUSAL_TEXT
        for why in ("outside", "inaccurate", "unfenced", "unreadable")
    },
    **{
        (topic, UNCHECKED): _("This could not be checked.")
        for topic in ("device", "signature", "integrity", "geofence")
    },
}


def error_envelope(
    status: int, code: str, message: Any, fields: Mapping[str, Any]
) -> dict[str, Any]:
    """A failure of the punch, as the seed of this channel words it."""
    if status == 401:
        return {"message": "Unauthenticated."}
    if status == 422:
        return {"message": message, "errors": dict(fields)}
    return {"message": message, "code": code}


class UnreadablePunch(ValidationError):
    """JSON that is no punch: nothing is stored, and nothing is used up."""

    status_code = 422


def load_signed_json(text: str) -> Any:
    """The body, its numbers as they were written. Raises NotJson, answered 400, and Unreadable."""
    try:
        return decode_strict_json(text)
    except DisallowedJson as error:
        raise UnreadablePunch({error.field or "body": [error.reason]}) from error


class SourceNumberField(StrictFloatField):
    """A number within bounds, kept as it was written."""

    def to_internal_value(self, data: Any) -> Any:
        super().to_internal_value(data.value if isinstance(data, JsonNumber) else None)
        return data


class AntiSpoofSerializer(serializers.Serializer[dict[str, Any]]):
    """What the phone says of itself."""

    mock_location = StrictBooleanField()
    rooted = StrictBooleanField()
    emulator = StrictBooleanField()
    vpn = StrictBooleanField()


class SignedPunchBodySerializer(serializers.Serializer[dict[str, Any]]):
    """A signed punch. What is signed stands in docs/channels/phone.md."""

    device_uuid = StrictUUIDField()
    punch_type = StrictChoiceField(*PUNCH_TYPE_DIRECTIONS)
    punched_at = StrictTextField(64)
    lat = SourceNumberField(-90, 90)
    lng = SourceNumberField(-180, 180)
    accuracy_m = SourceNumberField(0, 1e9)
    ssid_seen = serializers.CharField(
        required=False, allow_null=True, allow_blank=True, trim_whitespace=False, max_length=200
    )
    nonce = serializers.RegexField(r"^[0-9a-f]{32}$", trim_whitespace=False)
    signature = serializers.CharField(
        allow_blank=True, trim_whitespace=False, help_text="r and s, 64 bytes, in base64."
    )
    anti_spoof = AntiSpoofSerializer()


_NOTHING: Final = {"type": "array", "items": {}, "maxItems": 0}
_TEXTS: Final = {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1}


@extend_schema_field({"oneOf": [_NOTHING, _TEXTS]})
class ReasonsField(serializers.Field[Any, Any, Any, Any]):
    """Texts by what they are about; an empty list when there are none."""


class PunchAcceptedSerializer(serializers.Serializer[dict[str, Any]]):
    """The punch counts."""

    punch_id = serializers.IntegerField()
    verdict = serializers.ChoiceField(choices=("accepted",))
    reason = ReasonsField(help_text="Such as a waiver; mostly empty.")
    recorded = serializers.ChoiceField(choices=(True,))


class PunchRejectedSerializer(serializers.Serializer[dict[str, Any]]):
    """The punch does not count; it is stored with the reasons."""

    verdict = serializers.ChoiceField(
        choices=[one for one in Verdict.values if one.startswith("rejected")]
    )
    reason = ReasonsField()
    punch_id = serializers.IntegerField()
    recorded = serializers.ChoiceField(choices=(True,))


class PunchDuplicateSerializer(serializers.Serializer[dict[str, Any]]):
    """It came before, or its nonce was used: nothing is stored."""

    verdict = serializers.ChoiceField(choices=(DUPLICATE,))
    reason = ReasonsField()
    punch_id = serializers.IntegerField(help_text="The first one's.")
    first_verdict = serializers.ChoiceField(choices=Verdict.values)


class PunchUnreadableSerializer(serializers.Serializer[dict[str, Any]]):
    """It is no punch: nothing is stored."""

    message = serializers.CharField()
    errors = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))  # type: ignore[assignment]


class PunchRowSerializer(serializers.Serializer[dict[str, Any]]):
    """A punch as the employee sees it."""

    punch_id = serializers.IntegerField()
    punch_type = serializers.ChoiceField(choices=list(PUNCH_TYPE_DIRECTIONS), allow_null=True)
    punched_at = serializers.DateTimeField()
    received_at = serializers.DateTimeField()
    verdict = serializers.ChoiceField(choices=Verdict.values)
    reason = ReasonsField()
    channel = serializers.ChoiceField(choices=Channel.values)
    received_late = serializers.BooleanField()


class PunchesTodaySerializer(serializers.Serializer[dict[str, Any]]):
    """A day's punches, in the zone of the employee's place."""

    date = serializers.DateField()
    timezone = serializers.CharField()
    data = PunchRowSerializer(many=True)  # type: ignore[assignment]


class PunchesOfMonthSerializer(serializers.Serializer[dict[str, Any]]):
    """A month's punches, in the zone of the employee's place."""

    month = serializers.RegexField(f"^{MONTH_PATTERN.pattern}$")
    timezone = serializers.CharField()
    data = PunchRowSerializer(many=True)  # type: ignore[assignment]


_ID: Final = OpenApiParameter(
    "Muster-Punch-Id",
    int,
    "header",
    response=[201],
    required=True,
    description="The row.",
)
_REFUSALS: Final = PolymorphicProxySerializer(
    component_name="PunchRefusal",
    serializers=[PunchRejectedSerializer, PunchDuplicateSerializer, PunchUnreadableSerializer],
    resource_type_field_name=None,
)


class PhoneChannelView(APIView):
    """Record a signed punch of the caller."""

    http_method_names = ("post",)
    authentication_classes = (BearerAuthentication,)
    permission_classes = (IsAuthenticated, IsEmployee)
    limits = (V1_PUNCH_LIMIT,)
    error_envelope = staticmethod(error_envelope)
    loads = staticmethod(load_signed_json)

    @extend_schema(
        request=SignedPunchBodySerializer,
        parameters=[_ID],
        responses={201: PunchAcceptedSerializer, 422: _REFUSALS},
    )
    def post(self, request: Request) -> Response:
        """Record a signed punch. 201 when it counts; 422 when it was refused (and stored), came
        before, or is no punch.

        Position, Wi-Fi and anti-spoof flags are the phone's own word.
        """
        user: User = request.user  # type: ignore[assignment]
        read = _validate_request(request)
        organization_id, employee_id = _caller_ids(user)
        known = load_punch_context(organization_id, ids=[employee_id])
        outcome = record_punch(
            organization_id,
            _build_claim(request, organization_id, read, known, known.employees_by_id[employee_id]),
            known,
        )
        status, body = _status_and_body(outcome)
        return Response(body, status=status, headers={"Muster-Punch-Id": str(outcome.punch_id)})


class PunchesViewSet(ViewSet):
    """The caller's own punches, by whichever channel they came."""

    authentication_classes = (BearerAuthentication,)
    permission_classes = (IsAuthenticated, IsEmployee)
    limits = (V1_LIMIT,)

    @extend_schema(responses=PunchesTodaySerializer)
    def today(self, request: Request) -> Response:
        """Today's punches, oldest first, refused ones included."""
        organization_id, employee_id = _caller_ids(request.user)
        day, zone = _local_today(organization_id, employee_id)
        data = _punch_rows(organization_id, employee_id, day, day + timedelta(days=1), zone)
        return Response({"date": day.isoformat(), "timezone": zone, "data": data})

    @extend_schema(
        parameters=[OpenApiParameter("month", str, "path", description="Such as 2026-04.")],
        responses={200: PunchesOfMonthSerializer, 422: None},
    )
    def month(self, request: Request, month: str) -> Response:
        """All punches of a month, oldest first, refused ones included."""
        organization_id, employee_id = _caller_ids(request.user)
        _day, zone = _local_today(organization_id, employee_id)
        try:
            first, end = _month_bounds(month)
            data = _punch_rows(organization_id, employee_id, first, end, zone)
        except (ValueError, OverflowError) as error:
            raise ValidationError({"month": [_("A month such as 2026-04 is required.")]}) from error
        return Response({"month": month, "timezone": zone, "data": data})


def _caller_ids(user: Any) -> tuple[int, UUID]:
    """The organization and the employee of the caller; permissions have seen to it that there is
    one.
    """
    return user.organization_id, user.employee_id


def _validate_request(request: Request) -> Mapping[str, Any]:
    """The fields. Raises Unreadable naming every field that is wrong."""
    if not isinstance(request.data, Mapping):
        raise UnreadablePunch({"body": [_("A JSON object is required.")]})
    body = SignedPunchBodySerializer(data=request.data)
    if not body.is_valid():
        raise UnreadablePunch(body.errors)
    read: Mapping[str, Any] = body.validated_data
    return read


def _build_claim(
    request: Request,
    organization_id: int,
    data: Mapping[str, Any],
    context: PunchContext,
    employee: EmployeeSnapshot,
) -> Claim:
    instant, home_zone = _parse_instant(data["punched_at"], context, employee)
    text = _signed_bytes(request.data)  # type: ignore[arg-type]
    digest = hashlib.sha256(text).hexdigest()
    scrutiny = PhonePunchChecks(
        SignedPunch(
            organization_id=organization_id,
            employee=employee,
            at=instant.at,
            device_uuid=data["device_uuid"],
            signed_bytes=text,
            assignment=employee.assignment_on(to_local_time(instant.at, home_zone).date()),
            signature=data["signature"],
            lat=data["lat"].value,
            lng=data["lng"].value,
            accuracy_m=data["accuracy_m"].value,
            ssid=data.get("ssid_seen") or "",
            anti_spoof=data["anti_spoof"],
        )
    )
    return Claim(
        channel=Channel.PHONE,
        source=f"employee:{employee.id}",
        key=f"n:{data['nonce']}",
        other_keys=(f"t:{digest}",),
        rejected_key=f"t:{digest}",
        unauthenticated_key=f"x:{secrets.token_hex(16)}",
        content_digest=digest,
        employee_id=employee.id,
        at=instant.at,
        at_text=data["punched_at"],
        zone=instant.zone,
        home_zone=home_zone,
        direction=PUNCH_TYPE_DIRECTIONS[data["punch_type"]],
        findings=scrutiny.findings,
        signing_phone=scrutiny.signing_phone,
        flags=(*instant.flags, *scrutiny.flags),
        evidence={"raw": getattr(request, "text", ""), **scrutiny.evidence},
        max_age=timedelta(hours=scrutiny.policy.offline_hours),
    )


def _signed_bytes(data: Mapping[str, Any]) -> bytes:
    """What the phone signed, made of what it sent: nothing trimmed, nothing written anew."""
    names = ("device_uuid", "punch_type", "punched_at", "nonce", "anti_spoof")
    numbers = {name: data[name].text for name in ("lat", "lng", "accuracy_m")}
    return signed_text(
        **{name: data[name] for name in names}, **numbers, ssid_seen=data.get("ssid_seen")
    )


def _parse_instant(
    text: str, context: PunchContext, employee: EmployeeSnapshot
) -> tuple[ParsedTimestamp, str]:
    """When it was, and the zone of the employee's place then. Raises Unreadable."""
    try:
        rough = parse_timestamp(text, context.zone)
        zone = context.home_zone(employee, to_local_time(rough.at, context.zone).date())
        return parse_timestamp(text, zone), zone
    except ValueError as error:
        raise UnreadablePunch({"punched_at": [_("An ISO 8601 instant is required.")]}) from error


def _status_and_body(result: RecordResult) -> tuple[int, dict[str, Any]]:
    """The status and the body. A first punch that is refused, and one that came before, are 422
    both.
    """
    if result.is_duplicate:
        reason = {"nonce": _("This nonce was used before.")}
        return 422, {
            "verdict": DUPLICATE,
            "reason": reason,
            "punch_id": result.punch_id,
            "first_verdict": result.verdict,
        }
    reason = reason_messages(result.reasons)
    if result.is_accepted:
        return 201, {
            "punch_id": result.punch_id,
            "verdict": result.verdict,
            "reason": reason,
            "recorded": True,
        }
    return 422, {
        "verdict": result.verdict,
        "reason": reason,
        "punch_id": result.punch_id,
        "recorded": True,
    }


def reason_messages(reasons: Mapping[str, Any]) -> Any:
    """Reasons as they are stored, as people are told them; an empty list when there are none."""
    return {topic: _reason_message(topic, str(text)) for topic, text in reasons.items()} or []


def _reason_message(topic: str, text: str) -> Any:
    if topic == "integrity" and text != UNCHECKED:
        return _("Reported by the phone: %(what)s.") % {"what": text}
    return REASON_MESSAGES.get((topic, text), text)


def _local_today(organization_id: int, employee_id: UUID) -> tuple[date, str]:
    """The date now where the employee works, and the zone of that place."""
    known, now = load_punch_context(organization_id, ids=[employee_id]), timezone.now()
    zone = known.home_zone(
        known.employees_by_id[employee_id], to_local_time(now, known.zone).date()
    )
    return to_local_time(now, zone).date(), zone


def _month_bounds(month: str) -> tuple[date, date]:
    """The first day of a month and that of the next. Raises ValueError, and OverflowError for the
    last of the calendar.
    """
    if MONTH_PATTERN.fullmatch(month) is None:
        raise ValueError("no month")
    first = date.fromisoformat(f"{month}-01")
    return first, (first + timedelta(days=31)).replace(day=1)


def _punch_rows(
    organization_id: int, employee_id: UUID, first: date, end: date, zone: str
) -> list[dict[str, Any]]:
    """The employee's punches from `first` on and before `end`, days of `zone`. One query."""
    since, until = (
        datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC) for day in (first, end)
    )
    punches = (
        Punch.objects.of(organization_id)
        .of_employee(employee_id)
        .filter(occurred_at__gte=since, occurred_at__lt=until)
    )
    return [
        _punch_row(punch) for punch in punches.select_related("match").order_by("occurred_at", "id")
    ]


def _punch_row(punch: Punch) -> dict[str, Any]:
    matched = hasattr(punch, "match")
    return {
        "punch_id": punch.pk,
        "punch_type": DIRECTION_PUNCH_TYPES.get(punch.direction or ""),
        "punched_at": punch.occurred_at,
        "received_at": punch.received_at,
        "verdict": Verdict.ACCEPTED if matched else punch.verdict,
        "reason": [] if matched else reason_messages(punch.reasons),
        "channel": punch.channel,
        "received_late": punch.received_late,
    }
