"""The phone door: `POST /api/v1/punch` for an app on an employee's own phone, and what they
punched: today, in a month.

An employee's bearer token says who punches, the phone's signature that they did. Numbers count as
the text they were sent as, because that is what was signed (`attendance.source_json`). A punch that
came before is refused as a duplicate, with the first one's id; this door's contract wants it so.
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

from accounts.abilities import IsEmployee
from accounts.authentication import BearerAuthentication
from accounts.limits import V1, V1_PUNCH
from accounts.models import User
from attendance.claims import Claim
from attendance.doors.fields import Flag, Real, Text, Uuid, Word
from attendance.facts import Known
from attendance.models import Door, Punch, Verdict
from attendance.scrutiny import UNCHECKED, Scrutiny, SignedPunch
from attendance.services import Outcome, known_people, record_punch
from attendance.signatures import signed_text
from attendance.source_json import Number, Unfit, decode
from attendance.times import Instant, local, read_time
from attendance.verdicts import Person
from geofences.places import REFUSAL

DIRECTIONS: Final = {"IN": "in", "OUT": "out"}
TYPES: Final = {direction: punch_type for punch_type, direction in DIRECTIONS.items()}
DUPLICATE: Final = "duplicate"
MONTH: Final = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])")
# What stands in the rows, by topic → what people are told. What is not here is told as it stands,
# such as a waiver.
SENTENCES: Final[dict[tuple[str, str], Any]] = {
    ("device", "unregistered"): _("This phone is not registered to you."),
    ("device", "revoked"): _("This phone was revoked by your organization."),
    ("device", "deactivated"): _("This phone is not in service any more. Register it again."),
    ("signature", "invalid"): _(
        "The signature was not made over this punch with a key of this phone."
    ),
    ("time", "ahead_of_server"): _("This is ahead of the server's clock."),
    ("time", "before_2000"): _("This is before the year 2000."),
    ("time", "too_old"): _("This is too long ago for a punch made offline."),
    ("employee", "not_employed"): _("You were not in service then."),
    ("employee", "unknown"): _("Nobody had this number then."),
    ("sequence", "already_in"): _("You were clocked in already."),
    ("sequence", "already_out"): _("You were clocked out already."),
    ("sequence", "not_in"): _("You were not clocked in."),
    # The words of the contract, in every language.
    **{("geofence", why): REFUSAL for why in ("outside", "inaccurate", "unfenced", "unreadable")},
    **{
        (topic, UNCHECKED): _("This could not be checked.")
        for topic in ("device", "signature", "integrity", "geofence")
    },
}


def envelope(status: int, code: str, message: Any, fields: Mapping[str, Any]) -> dict[str, Any]:
    """A failure of the punch, as the seed of this door words it."""
    if status == 401:
        return {"message": "Unauthenticated."}
    if status == 422:
        return {"message": message, "errors": dict(fields)}
    return {"message": message, "code": code}


class Unreadable(ValidationError):
    """JSON that is no punch: nothing is stored, and nothing is used up."""

    status_code = 422


def loads(text: str) -> Any:
    """The body, its numbers as they were written. Raises NotJson, answered 400, and Unreadable."""
    try:
        return decode(text)
    except Unfit as error:
        raise Unreadable({error.field or "body": [error.reason]}) from error


class Written(Real):
    """A number within bounds, kept as it was written."""

    def to_internal_value(self, data: Any) -> Any:
        super().to_internal_value(data.value if isinstance(data, Number) else None)
        return data


class AntiSpoof(serializers.Serializer[dict[str, Any]]):
    """What the phone says of itself."""

    mock_location = Flag()
    rooted = Flag()
    emulator = Flag()
    vpn = Flag()


class SignedPunchBody(serializers.Serializer[dict[str, Any]]):
    """A signed punch. What is signed stands in docs/doors/phone.md."""

    device_uuid = Uuid()
    punch_type = Word(*DIRECTIONS)
    punched_at = Text(64)
    lat = Written(-90, 90)
    lng = Written(-180, 180)
    accuracy_m = Written(0, 1e9)
    ssid_seen = serializers.CharField(
        required=False, allow_null=True, allow_blank=True, trim_whitespace=False, max_length=200
    )
    nonce = serializers.RegexField(r"^[0-9a-f]{32}$", trim_whitespace=False)
    signature = serializers.CharField(
        allow_blank=True, trim_whitespace=False, help_text="r and s, 64 bytes, in base64."
    )
    anti_spoof = AntiSpoof()


_NOTHING: Final = {"type": "array", "items": {}, "maxItems": 0}
_TEXTS: Final = {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1}


@extend_schema_field({"oneOf": [_NOTHING, _TEXTS]})
class Reason(serializers.Field[Any, Any, Any, Any]):
    """Texts by what they are about; an empty list when there are none."""


class PunchAccepted(serializers.Serializer[dict[str, Any]]):
    """The punch counts."""

    punch_id = serializers.IntegerField()
    verdict = serializers.ChoiceField(choices=("accepted",))
    reason = Reason(help_text="Such as a waiver; mostly empty.")
    recorded = serializers.ChoiceField(choices=(True,))


class PunchRejected(serializers.Serializer[dict[str, Any]]):
    """The punch does not count; it is stored with the reasons."""

    verdict = serializers.ChoiceField(
        choices=[one for one in Verdict.values if one.startswith("rejected")]
    )
    reason = Reason()
    punch_id = serializers.IntegerField()
    recorded = serializers.ChoiceField(choices=(True,))


class PunchDuplicate(serializers.Serializer[dict[str, Any]]):
    """It came before, or its nonce was used: nothing is stored."""

    verdict = serializers.ChoiceField(choices=(DUPLICATE,))
    reason = Reason()
    punch_id = serializers.IntegerField(help_text="The first one's.")
    first_verdict = serializers.ChoiceField(choices=Verdict.values)


class PunchUnreadable(serializers.Serializer[dict[str, Any]]):
    """It is no punch: nothing is stored."""

    message = serializers.CharField()
    errors = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))  # type: ignore[assignment]


class PunchRow(serializers.Serializer[dict[str, Any]]):
    """A punch as the employee sees it."""

    punch_id = serializers.IntegerField()
    punch_type = serializers.ChoiceField(choices=list(DIRECTIONS), allow_null=True)
    punched_at = serializers.DateTimeField()
    received_at = serializers.DateTimeField()
    verdict = serializers.ChoiceField(choices=Verdict.values)
    reason = Reason()
    door = serializers.ChoiceField(choices=Door.values)
    late = serializers.BooleanField()


class PunchesToday(serializers.Serializer[dict[str, Any]]):
    """A day's punches, in the zone of the employee's place."""

    date = serializers.DateField()
    timezone = serializers.CharField()
    data = PunchRow(many=True)  # type: ignore[assignment]


class PunchesOfMonth(serializers.Serializer[dict[str, Any]]):
    """A month's punches, in the zone of the employee's place."""

    month = serializers.RegexField(f"^{MONTH.pattern}$")
    timezone = serializers.CharField()
    data = PunchRow(many=True)  # type: ignore[assignment]


_ID: Final = OpenApiParameter(
    "Muster-Punch-Id", int, "header", response=[201], required=True, description="The row."
)
_REFUSALS: Final = PolymorphicProxySerializer(
    component_name="PunchRefusal",
    serializers=[PunchRejected, PunchDuplicate, PunchUnreadable],
    resource_type_field_name=None,
)


class PhoneDoor(APIView):
    """Record a signed punch of the caller."""

    http_method_names = ("post",)
    authentication_classes = (BearerAuthentication,)
    permission_classes = (IsAuthenticated, IsEmployee)
    limits = (V1_PUNCH,)
    envelope = staticmethod(envelope)
    loads = staticmethod(loads)

    @extend_schema(
        request=SignedPunchBody, parameters=[_ID], responses={201: PunchAccepted, 422: _REFUSALS}
    )
    def post(self, request: Request) -> Response:
        """Record a signed punch. 201 when it counts; 422 when it was refused (and stored), came
        before, or is no punch.

        Position, Wi-Fi and anti-spoof flags are the phone's own word.
        """
        user: User = request.user  # type: ignore[assignment]
        read = _read(request)
        organization_id, employee_id = _whose(user)
        known = known_people(organization_id, ids=[employee_id])
        outcome = record_punch(
            organization_id,
            _claim(request, organization_id, read, known, known.named[employee_id]),
            known,
        )
        status, body = _reply(outcome)
        return Response(body, status=status, headers={"Muster-Punch-Id": str(outcome.punch_id)})


class PunchesViewSet(ViewSet):
    """The caller's own punches, by whichever door they came."""

    authentication_classes = (BearerAuthentication,)
    permission_classes = (IsAuthenticated, IsEmployee)
    limits = (V1,)

    @extend_schema(responses=PunchesToday)
    def today(self, request: Request) -> Response:
        """Today's punches, oldest first, refused ones included."""
        organization_id, employee_id = _whose(request.user)
        day, zone = _today(organization_id, employee_id)
        data = _rows(organization_id, employee_id, day, day + timedelta(days=1), zone)
        return Response({"date": day.isoformat(), "timezone": zone, "data": data})

    @extend_schema(
        parameters=[OpenApiParameter("month", str, "path", description="Such as 2026-04.")],
        responses={200: PunchesOfMonth, 422: None},
    )
    def month(self, request: Request, month: str) -> Response:
        """All punches of a month, oldest first, refused ones included."""
        organization_id, employee_id = _whose(request.user)
        _day, zone = _today(organization_id, employee_id)
        try:
            first, end = _days_of(month)
            data = _rows(organization_id, employee_id, first, end, zone)
        except (ValueError, OverflowError) as error:
            raise ValidationError({"month": [_("A month such as 2026-04 is required.")]}) from error
        return Response({"month": month, "timezone": zone, "data": data})


def _whose(user: Any) -> tuple[int, UUID]:
    """The organization and the employee of the caller; permissions have seen to it that there is
    one.
    """
    return user.organization_id, user.employee_id


def _read(request: Request) -> Mapping[str, Any]:
    """The fields. Raises Unreadable naming every field that is wrong."""
    if not isinstance(request.data, Mapping):
        raise Unreadable({"body": [_("A JSON object is required.")]})
    body = SignedPunchBody(data=request.data)
    if not body.is_valid():
        raise Unreadable(body.errors)
    read: Mapping[str, Any] = body.validated_data
    return read


def _claim(
    request: Request, organization_id: int, read: Mapping[str, Any], known: Known, person: Person
) -> Claim:
    instant, home_zone = _instant(read["punched_at"], known, person)
    text = _signed(request.data)  # type: ignore[arg-type]
    digest = hashlib.sha256(text).hexdigest()
    scrutiny = Scrutiny(
        SignedPunch(
            organization_id=organization_id,
            person=person,
            at=instant.at,
            device_uuid=read["device_uuid"],
            text=text,
            workplace=person.place(local(instant.at, home_zone).date()),
            signature=read["signature"],
            lat=read["lat"].value,
            lng=read["lng"].value,
            accuracy_m=read["accuracy_m"].value,
            ssid=read.get("ssid_seen") or "",
            anti_spoof=read["anti_spoof"],
        )
    )
    return Claim(
        door=Door.PHONE,
        source=f"employee:{person.id}",
        key=f"n:{read['nonce']}",
        other_keys=(f"t:{digest}",),
        refused_key=f"t:{digest}",
        loose_key=f"x:{secrets.token_hex(16)}",
        content=digest,
        employee_id=person.id,
        at=instant.at,
        at_text=read["punched_at"],
        zone=instant.zone,
        home_zone=home_zone,
        direction=DIRECTIONS[read["punch_type"]],
        findings=scrutiny.findings,
        handset=scrutiny.handset,
        flags=(*instant.flags, *scrutiny.flags),
        evidence={"raw": getattr(request, "text", ""), **scrutiny.evidence},
        max_age=timedelta(hours=scrutiny.policy.offline_hours),
    )


def _signed(data: Mapping[str, Any]) -> bytes:
    """What the phone signed, made of what it sent: nothing trimmed, nothing written anew."""
    names = ("device_uuid", "punch_type", "punched_at", "nonce", "anti_spoof")
    numbers = {name: data[name].text for name in ("lat", "lng", "accuracy_m")}
    return signed_text(
        **{name: data[name] for name in names}, **numbers, ssid_seen=data.get("ssid_seen")
    )


def _instant(text: str, known: Known, person: Person) -> tuple[Instant, str]:
    """When it was, and the zone of the employee's place then. Raises Unreadable."""
    try:
        rough = read_time(text, known.zone)
        zone = known.home_zone(person, local(rough.at, known.zone).date())
        return read_time(text, zone), zone
    except ValueError as error:
        raise Unreadable({"punched_at": [_("An ISO 8601 instant is required.")]}) from error


def _reply(outcome: Outcome) -> tuple[int, dict[str, Any]]:
    """The status and the body. A first punch that is refused, and one that came before, are 422
    both.
    """
    if outcome.repeat:
        reason = {"nonce": _("This nonce was used before.")}
        return 422, {
            "verdict": DUPLICATE,
            "reason": reason,
            "punch_id": outcome.punch_id,
            "first_verdict": outcome.verdict,
        }
    reason = in_words(outcome.reasons)
    if outcome.accepted:
        return 201, {
            "punch_id": outcome.punch_id,
            "verdict": outcome.verdict,
            "reason": reason,
            "recorded": True,
        }
    return 422, {
        "verdict": outcome.verdict,
        "reason": reason,
        "punch_id": outcome.punch_id,
        "recorded": True,
    }


def in_words(reasons: Mapping[str, Any]) -> Any:
    """Reasons as they are stored, as people are told them; an empty list when there are none."""
    return {topic: _sentence(topic, str(text)) for topic, text in reasons.items()} or []


def _sentence(topic: str, text: str) -> Any:
    if topic == "integrity" and text != UNCHECKED:
        return _("The phone says of itself: %(what)s.") % {"what": text}
    return SENTENCES.get((topic, text), text)


def _today(organization_id: int, employee_id: UUID) -> tuple[date, str]:
    """The date now where the employee works, and the zone of that place."""
    known, now = known_people(organization_id, ids=[employee_id]), timezone.now()
    zone = known.home_zone(known.named[employee_id], local(now, known.zone).date())
    return local(now, zone).date(), zone


def _days_of(month: str) -> tuple[date, date]:
    """The first day of a month and that of the next. Raises ValueError, and OverflowError for the
    last of the calendar.
    """
    if MONTH.fullmatch(month) is None:
        raise ValueError("no month")
    first = date.fromisoformat(f"{month}-01")
    return first, (first + timedelta(days=31)).replace(day=1)


def _rows(
    organization_id: int, employee_id: UUID, first: date, end: date, zone: str
) -> list[dict[str, Any]]:
    """The employee's punches from `first` on and before `end`, days of `zone`. One query."""
    since, until = (
        datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC) for day in (first, end)
    )
    punches = (
        Punch.objects.of(organization_id)
        .of_person(employee_id)
        .filter(occurred_at__gte=since, occurred_at__lt=until)
    )
    return [_row(punch) for punch in punches.select_related("match").order_by("occurred_at", "id")]


def _row(punch: Punch) -> dict[str, Any]:
    matched = hasattr(punch, "match")
    return {
        "punch_id": punch.pk,
        "punch_type": TYPES.get(punch.direction or ""),
        "punched_at": punch.occurred_at,
        "received_at": punch.received_at,
        "verdict": Verdict.ACCEPTED if matched else punch.verdict,
        "reason": [] if matched else in_words(punch.reasons),
        "door": punch.door,
        "late": punch.late,
    }
