"""The HR clock door: `POST /api/v1/hr/attendance/clock` for HR systems that clock people in and out
by their id.

Machine token, API key and client id together (`accounts.authentication.MachineAuthentication`).
People take turns, in and out, decided under the lock on the employee's row; a repeat by its
idempotency key gets the first answer again. The door translates; it decides nothing. Position and
attestation are recorded as evidence, and verified by nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import KeyHolder, MachineAuthentication
from accounts.keys import HR_CLOCK, HR_WRITE
from accounts.limits import MINUTE, Limit, Window, caller
from attendance.claims import Claim, bounded_key
from attendance.doors.fields import Flag, Real, Text, Uuid, Word, unfit
from attendance.doors.nowhere import Nowhere
from attendance.facts import Known
from attendance.models import Door
from attendance.services import Outcome, known_people, record_punch
from attendance.times import Instant, local, read_time
from attendance.verdicts import Person
from geofences.models import Fence
from geofences.services import by_external_id

DIRECTIONS: Final = {"CLOCK_IN": "in", "CLOCK_OUT": "out"}
KINDS: Final = {direction: kind for kind, direction in DIRECTIONS.items()}
SOURCES: Final = ("WEB", "MOBILE", "KIOSK", "SYSTEM")
KEY_HEADER: Final = "idempotency-key"
KEY_LENGTH: Final = 128
UNKNOWN_FENCE: Final = "unknown_geofence"
UNPAIRED: Final = "pair_validation_skipped"
LIMITS: Final = Limit(
    "hr-clock",
    lambda request: request.auth.windows or (Window(settings.HR_LIMIT_PER_MINUTE, MINUTE),),
    key=caller,
)
# reason → (field, text), for what is stored as refused.
REFUSALS: Final = {
    "already_in": ("kind", _("This employee is clocked in already.")),
    "already_out": ("kind", _("This employee is clocked out already.")),
    "not_in": ("kind", _("This employee is not clocked in.")),
    "ahead_of_server": ("occurredAt", _("This is ahead of the server's clock.")),
    "before_2000": ("occurredAt", _("This is before the year 2000.")),
    "not_employed": ("occurredAt", _("The employee was not in service then.")),
}


def envelope(status: int, code: str, message: Any, fields: Mapping[str, Any]) -> dict[str, Any]:
    """A failure in this door's words, in the caller's language."""
    if status == 400:
        fields = fields if fields and "non_field_errors" not in fields else {"body": [message]}
        name, texts = next(iter(fields.items()))
        message = f"{name}: {texts[0]}"
    return {"success": False, "message": message, "data": {"errors": dict(fields)}}


class Refused(ValidationError):
    """The request was understood and is refused, with a status of its own and the field named."""

    def __init__(self, status: int, name: str, text: Any) -> None:
        self.status_code = status
        super().__init__({name: [text]})


class ClockBody(serializers.Serializer[dict[str, Any]]):
    """One clock event."""

    hrEmployeeId = Uuid()
    kind = Word(*DIRECTIONS)
    clientRequestId = Text(KEY_LENGTH, required=False, allow_null=True)
    occurredAt = Text(64, required=False, allow_null=True)
    source = Word(*SOURCES, required=False, allow_null=True)  # type: ignore[assignment]
    note = Text(500, prose=True, blank=True, required=False, allow_null=True)
    latitude = Real(-90, 90, required=False, allow_null=True)
    longitude = Real(-180, 180, required=False, allow_null=True)
    geofenceId = Text(100, required=False, allow_null=True)
    deviceId = Text(128, required=False, allow_null=True)
    deviceAttestation = Text(4000, prose=True, blank=True, required=False, allow_null=True)
    biometricVendor = Text(64, blank=True, required=False, allow_null=True)
    skipPairValidation = Flag(required=False, allow_null=True)


class Clocked(serializers.Serializer[dict[str, Any]]):
    """A clock event as it is stored. What came with it as evidence is null once that was erased."""

    id = serializers.IntegerField()
    hrEmployeeId = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=list(DIRECTIONS))
    occurredAt = serializers.DateTimeField()
    recordedAt = serializers.DateTimeField()
    verdict = serializers.ChoiceField(choices=("accepted",))
    source = serializers.ChoiceField(choices=SOURCES, allow_null=True)  # type: ignore[assignment]
    note = serializers.CharField(allow_null=True)
    clientRequestId = serializers.CharField()
    geofenceId = serializers.CharField(allow_null=True)
    deviceId = serializers.CharField(allow_null=True)


class ClockReply(serializers.Serializer[dict[str, Any]]):
    """It is stored, or was before."""

    success = serializers.ChoiceField(choices=(True,))
    message = serializers.CharField()
    data = Clocked()  # type: ignore[assignment]


_HEADERS: Final = (
    OpenApiParameter(
        "Idempotency-Key", str, "header", description="Or `clientRequestId`; one of them is needed."
    ),
    OpenApiParameter(
        "Accept-Language", str, "header", description="The language of `message`: en, hi."
    ),
    OpenApiParameter(
        "Muster-Punch-Id", int, "header", response=[201], required=True, description="The row."
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


class HrClockDoor(APIView):
    """Clock an employee in or out."""

    http_method_names = ("post",)
    authentication_classes = (MachineAuthentication,)
    permission_classes = ()
    limits = (LIMITS,)
    envelope = staticmethod(envelope)

    @extend_schema(
        request=ClockBody,
        parameters=list(_HEADERS),
        responses={201: ClockReply, 403: None, 404: None, 422: None},
    )
    def post(self, request: Request) -> Response:
        """Clock an employee in or out. 201 once it is stored, and for every repeat of it.

        Position and device attestation are recorded as evidence; they are not judged and not
        verified.
        """
        holder: KeyHolder = request.user  # type: ignore[assignment]
        if HR_CLOCK not in holder.scopes:
            raise PermissionDenied(_("The scope %(scope)s is needed.") % {"scope": HR_CLOCK})
        read, key = _read(request)
        if read.get("skipPairValidation") and HR_WRITE not in holder.scopes:
            raise Refused(
                403, "skipPairValidation", _("The scope %(scope)s is needed.") % {"scope": HR_WRITE}
            )
        known, person = _whom(holder, read["hrEmployeeId"])
        outcome = record_punch(
            holder.organization_id, _claim(request, holder, read, key, known, person), known
        )
        headers = {"Muster-Punch-Id": str(outcome.punch_id)}
        if outcome.conflict:
            raise Refused(
                422, KEY_HEADER, _("This idempotency key belongs to another clock event.")
            )
        if outcome.repeat:
            headers["Idempotent-Replayed"] = "true"
        if not outcome.accepted:
            return Response(_refusal(outcome), status=422, headers=headers)
        return Response(_success(outcome, key), status=201, headers=headers)


class NoSuchCall(Nowhere):
    """Every other address below the door."""

    envelope = staticmethod(envelope)


def _read(request: Request) -> tuple[Mapping[str, Any], str]:
    """The fields and the idempotency key. Raises ValidationError naming every field that is
    wrong.
    """
    body = ClockBody(data=request.data)
    if not isinstance(request.data, Mapping):
        raise ValidationError(_("A JSON object is required."))
    body.is_valid()
    errors = {name: list(texts) for name, texts in body.errors.items()}
    given, said = request.headers.get(KEY_HEADER, "").strip(), request.data.get("clientRequestId")
    if not given and said is None:
        errors[KEY_HEADER] = [_("Send the header Idempotency-Key, or clientRequestId.")]
    elif len(given) > KEY_LENGTH or any(unfit(char) for char in given):
        errors[KEY_HEADER] = [
            _("At most %(most)s characters, none of them control characters.")
            % {"most": KEY_LENGTH}
        ]
    if errors:
        raise ValidationError(errors)
    named: str | None = body.validated_data.get("clientRequestId")
    if given and named is not None and given != named:
        raise Refused(
            422, KEY_HEADER, _("The header Idempotency-Key and clientRequestId are not the same.")
        )
    return body.validated_data, given or named or ""


def _whom(holder: KeyHolder, employee_id: UUID) -> tuple[Known, Person]:
    """The employee, if the organization has one of that id and this client may clock for them.
    Raises Refused.
    """
    known = known_people(holder.organization_id, ids=[employee_id])
    person = known.named.get(employee_id)
    if person is None:
        raise Refused(404, "hrEmployeeId", _("There is no such employee."))
    if HR_WRITE not in holder.scopes and employee_id != holder.employee_id:
        raise Refused(
            403, "hrEmployeeId", _("This client clocks for the employee it is bound to only.")
        )
    return known, person


def _claim(
    request: Request,
    holder: KeyHolder,
    read: Mapping[str, Any],
    key: str,
    known: Known,
    person: Person,
) -> Claim:
    instant, home_zone = _instant(read.get("occurredAt"), known, person)
    fence = read.get("geofenceId")
    unpaired = bool(read.get("skipPairValidation"))
    linked = by_external_id(holder.organization_id, fence) if fence is not None else None
    remarks = {UNKNOWN_FENCE: fence is not None and linked is None, UNPAIRED: unpaired}
    return Claim(
        door=Door.HR,
        source=f"client:{holder.client_pk}",
        key=bounded_key("i", key),
        employee_id=person.id,
        at=instant.at,
        at_text=read.get("occurredAt") or "",
        zone=instant.zone,
        home_zone=home_zone,
        direction=DIRECTIONS[read["kind"]],
        flags=(*instant.flags, *(flag for flag, holds in remarks.items() if holds)),
        evidence=_evidence(read, getattr(request, "text", ""), linked),
        pairing=None if unpaired else timedelta(hours=settings.HR_PAIRING_HOURS),
    )


def _instant(text: str | None, known: Known, person: Person) -> tuple[Instant, str]:
    """When it was, and the zone of the employee's place then. Raises ValidationError."""
    try:
        rough = read_time(text, known.zone) if text else Instant(known.asked_at, known.zone)
        zone = known.home_zone(person, local(rough.at, known.zone).date())
        return (read_time(text, zone) if text else Instant(rough.at, zone)), zone
    except ValueError as error:
        raise ValidationError({"occurredAt": [_("An ISO 8601 instant is required.")]}) from error


def _evidence(read: Mapping[str, Any], text: str, fence: Fence | None) -> dict[str, Any]:
    evidence: dict[str, Any] = {"raw": text}
    if fence is not None:
        evidence["geofence"] = {"id": fence.pk, "name": fence.name}
    for name in ("source", "note", "geofenceId", "deviceId"):
        evidence[name] = read.get(name)
    attestation, vendor = read.get("deviceAttestation"), read.get("biometricVendor")
    if attestation is not None or vendor is not None:
        evidence["attestation"] = {"vendor": vendor, "blob": attestation, "verified": False}
    latitude, longitude = read.get("latitude"), read.get("longitude")
    if latitude is not None and longitude is not None:
        evidence["location"] = {"latitude": latitude, "longitude": longitude, "accuracy_m": None}
    return evidence


def _success(outcome: Outcome, key: str) -> dict[str, Any]:
    evidence = outcome.evidence
    data = {
        "id": outcome.punch_id,
        "hrEmployeeId": str(outcome.person.id) if outcome.person else None,
        "kind": KINDS[outcome.direction or ""],
        "occurredAt": _utc(outcome.at),
        "recordedAt": _utc(outcome.received_at),
        "verdict": outcome.verdict,
        "source": evidence.get("source"),
        "note": evidence.get("note"),
        "clientRequestId": key,
        "geofenceId": evidence.get("geofenceId"),
        "deviceId": evidence.get("deviceId"),
    }
    return {"success": True, "message": _("Operation completed successfully"), "data": data}


def _refusal(outcome: Outcome) -> dict[str, Any]:
    """Why it was refused, by field; the row is stored all the same."""
    errors: dict[str, list[Any]] = {}
    for reason in outcome.reasons.values():
        name, text = REFUSALS.get(reason, ("kind", reason))
        errors.setdefault(name, []).append(text)
    return envelope(422, "refused", next(iter(errors.values()))[0], errors)


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
