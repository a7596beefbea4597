"""The HR clock channel: `POST /api/v1/hr/attendance/clock` for HR systems that clock people in and
out by their id.

Machine token, API key and client id together (`accounts.authentication.MachineAuthentication`).
People take turns, in and out, decided under the lock on the employee's row; a repeat by its
idempotency key gets the first answer again. The channel translates; it decides nothing. Position
and attestation are recorded as evidence, and verified by nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api_keys import HR_CLOCK_SCOPE, HR_WRITE_SCOPE
from accounts.authentication import AuthenticatedClient, MachineAuthentication
from accounts.rate_limits import MINUTE, RateLimit, Window, override_windows
from accounts.throttling import caller_key
from attendance.channels.fields import is_disallowed_character
from attendance.channels.hr_bodies import (
    CLOCK_HEADERS,
    IDEMPOTENCY_HEADER,
    KIND_DIRECTIONS,
    MAX_IDEMPOTENCY_KEY_LENGTH,
    ClockBodySerializer,
    ClockReplySerializer,
    clock_reply,
)
from attendance.channels.not_found import NotFoundView
from attendance.models import Channel
from attendance.punches.claims import Claim, bounded_key
from attendance.punches.context import PunchContext
from attendance.punches.record import load_punch_context, record_punch
from attendance.punches.results import RecordResult
from attendance.punches.verdicts import EmployeeSnapshot
from core.times import ParsedTimestamp, parse_timestamp, to_local_time
from geofences.models import Geofence
from geofences.services import geofence_by_external_id

UNKNOWN_GEOFENCE_FLAG: Final = "unknown_geofence"
SEQUENCE_CHECK_SKIPPED_FLAG: Final = "pair_validation_skipped"
HR_CLOCK_LIMIT: Final = RateLimit(
    "hr-clock",
    lambda request: override_windows(
        (Window(settings.HR_LIMIT_PER_MINUTE, MINUTE),), request.auth.windows
    ),
    key=caller_key,
)
# reason → (field, text), for what is stored as refused.
REJECTION_MESSAGES: Final = {
    "already_in": ("kind", _("This employee is clocked in already.")),
    "already_out": ("kind", _("This employee is clocked out already.")),
    "not_in": ("kind", _("This employee is not clocked in.")),
    "ahead_of_server": ("occurredAt", _("This is ahead of the server's clock.")),
    "before_2000": ("occurredAt", _("This is before the year 2000.")),
    "not_employed": ("occurredAt", _("The employee was not in service then.")),
}


def error_envelope(
    status: int, code: str, message: Any, fields: Mapping[str, Any]
) -> dict[str, Any]:
    """A failure in this channel's words, in the caller's language."""
    if status == 400:
        fields = fields if fields and "non_field_errors" not in fields else {"body": [message]}
        name, texts = next(iter(fields.items()))
        message = f"{name}: {texts[0]}"
    return {"success": False, "message": message, "data": {"errors": dict(fields)}}


class ClockRequestRejected(ValidationError):
    """The request was understood and is refused, with a status of its own and the field named."""

    def __init__(self, status: int, field_name: str, text: Any) -> None:
        self.status_code = status
        super().__init__({field_name: [text]})


class HrClockChannelView(APIView):
    """Clock an employee in or out."""

    http_method_names = ("post",)
    authentication_classes = (MachineAuthentication,)
    permission_classes = ()
    limits = (HR_CLOCK_LIMIT,)
    error_envelope = staticmethod(error_envelope)

    @extend_schema(
        request=ClockBodySerializer,
        parameters=list(CLOCK_HEADERS),
        responses={201: ClockReplySerializer, 403: None, 404: None, 422: None},
    )
    def post(self, request: Request) -> Response:
        """Clock an employee in or out. 201 once it is stored, and for every repeat of it.

        Position and device attestation are recorded as evidence; they are not judged and not
        verified.
        """
        holder: AuthenticatedClient = request.user  # type: ignore[assignment]
        if HR_CLOCK_SCOPE not in holder.scopes:
            raise PermissionDenied(
                _("The scope %(scope)s is required.") % {"scope": HR_CLOCK_SCOPE}
            )
        read, key = _validate_request(request)
        if read.get("skipPairValidation") and HR_WRITE_SCOPE not in holder.scopes:
            raise ClockRequestRejected(
                403,
                "skipPairValidation",
                _("The scope %(scope)s is required.") % {"scope": HR_WRITE_SCOPE},
            )
        known, person = _find_employee(holder, read["hrEmployeeId"])
        outcome = record_punch(
            holder.organization_id, _build_claim(request, holder, read, key, known, person), known
        )
        headers = {"Muster-Punch-Id": str(outcome.punch_id)}
        if outcome.is_conflict:
            raise ClockRequestRejected(
                422, IDEMPOTENCY_HEADER, _("This idempotency key belongs to another clock event.")
            )
        if outcome.is_duplicate:
            headers["Idempotent-Replayed"] = "true"
        if not outcome.is_accepted:
            return Response(_rejection_body(outcome), status=422, headers=headers)
        return Response(clock_reply(outcome, key), status=201, headers=headers)


class HrNotFoundView(NotFoundView):
    """Every other address below the channel."""

    error_envelope = staticmethod(error_envelope)


def _validate_request(request: Request) -> tuple[Mapping[str, Any], str]:
    """The fields and the idempotency key. Raises ValidationError naming every field that is
    wrong.
    """
    body = ClockBodySerializer(data=request.data)
    if not isinstance(request.data, Mapping):
        raise ValidationError(_("A JSON object is required."))
    body.is_valid()
    errors = {name: list(texts) for name, texts in body.errors.items()}
    given = _read_as_utf8(request.headers.get(IDEMPOTENCY_HEADER, "")).strip()
    said = request.data.get("clientRequestId")
    if not given and said is None:
        errors[IDEMPOTENCY_HEADER] = [_("Send the header Idempotency-Key, or clientRequestId.")]
    elif len(given) > MAX_IDEMPOTENCY_KEY_LENGTH or any(
        is_disallowed_character(char) for char in given
    ):
        errors[IDEMPOTENCY_HEADER] = [
            _("At most %(most)s characters, none of them control characters.")
            % {"most": MAX_IDEMPOTENCY_KEY_LENGTH}
        ]
    if errors:
        raise ValidationError(errors)
    named: str | None = body.validated_data.get("clientRequestId")
    if given and named is not None and given != named:
        raise ClockRequestRejected(
            422,
            IDEMPOTENCY_HEADER,
            _("The header Idempotency-Key and clientRequestId are not the same."),
        )
    return body.validated_data, given or named or ""


def _read_as_utf8(header: str) -> str:
    """A header that WSGI decoded as Latin-1, as the UTF-8 that it is; as it was when it is none."""
    try:
        return header.encode("latin-1").decode()
    except UnicodeError:
        return header


def _find_employee(
    holder: AuthenticatedClient, employee_id: UUID
) -> tuple[PunchContext, EmployeeSnapshot]:
    """The employee, if the organization has one of that id and this client may clock for them.
    Raises ClockRequestRejected.
    """
    known = load_punch_context(holder.organization_id, ids=[employee_id])
    person = known.employees_by_id.get(employee_id)
    if person is None:
        raise ClockRequestRejected(404, "hrEmployeeId", _("There is no such employee."))
    if HR_WRITE_SCOPE not in holder.scopes and employee_id != holder.employee_id:
        raise ClockRequestRejected(
            403, "hrEmployeeId", _("This client may clock only for the employee it is bound to.")
        )
    return known, person


def _build_claim(
    request: Request,
    holder: AuthenticatedClient,
    data: Mapping[str, Any],
    key: str,
    context: PunchContext,
    employee: EmployeeSnapshot,
) -> Claim:
    instant, home_zone = _parse_instant(data.get("occurredAt"), context, employee)
    fence = data.get("geofenceId")
    unpaired = bool(data.get("skipPairValidation"))
    linked = geofence_by_external_id(holder.organization_id, fence) if fence is not None else None
    remarks = {
        UNKNOWN_GEOFENCE_FLAG: fence is not None and linked is None,
        SEQUENCE_CHECK_SKIPPED_FLAG: unpaired,
    }
    return Claim(
        channel=Channel.HR,
        source=f"client:{holder.client_pk}",
        key=bounded_key("i", key),
        employee_id=employee.id,
        at=instant.at,
        at_text=data.get("occurredAt") or "",
        zone=instant.zone,
        home_zone=home_zone,
        direction=KIND_DIRECTIONS[data["kind"]],
        flags=(*instant.flags, *(flag for flag, holds in remarks.items() if holds)),
        evidence=_evidence(data, getattr(request, "text", ""), linked),
        sequence_window=None if unpaired else timedelta(hours=settings.HR_PAIRING_HOURS),
    )


def _parse_instant(
    text: str | None, context: PunchContext, employee: EmployeeSnapshot
) -> tuple[ParsedTimestamp, str]:
    """When it was, and the zone of the employee's place then. Raises ValidationError."""
    try:
        rough = (
            parse_timestamp(text, context.zone)
            if text
            else ParsedTimestamp(context.read_at, context.zone)
        )
        zone = context.home_zone(employee, to_local_time(rough.at, context.zone).date())
        return (parse_timestamp(text, zone) if text else ParsedTimestamp(rough.at, zone)), zone
    except ValueError as error:
        raise ValidationError({"occurredAt": [_("An ISO 8601 instant is required.")]}) from error


def _evidence(data: Mapping[str, Any], text: str, fence: Geofence | None) -> dict[str, Any]:
    evidence: dict[str, Any] = {"raw": text}
    if fence is not None:
        evidence["geofence"] = {"id": fence.pk, "name": fence.name}
    for name in ("source", "note", "geofenceId", "deviceId"):
        evidence[name] = data.get(name)
    attestation, vendor = data.get("deviceAttestation"), data.get("biometricVendor")
    if attestation is not None or vendor is not None:
        evidence["attestation"] = {"vendor": vendor, "blob": attestation, "verified": False}
    latitude, longitude = data.get("latitude"), data.get("longitude")
    if latitude is not None and longitude is not None:
        evidence["location"] = {"latitude": latitude, "longitude": longitude, "accuracy_m": None}
    return evidence


def _rejection_body(result: RecordResult) -> dict[str, Any]:
    """Why it was refused, by field; the row is stored all the same."""
    errors: dict[str, list[Any]] = {}
    for reason in result.reasons.values():
        name, text = REJECTION_MESSAGES.get(reason, ("kind", reason))
        errors.setdefault(name, []).append(text)
    return error_envelope(422, "refused", next(iter(errors.values()))[0], errors)
