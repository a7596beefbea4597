"""The phone channel: `POST /api/v1/punch` for an app on an employee's own phone. The bodies and
their texts are in `phone_bodies.py`, the lists of the employee's punches in `employee_punches.py`.

An employee's bearer token says who punches, the phone's signature that they did. Numbers count as
the text they were sent as, because that is what was signed (`attendance.punches.strict_json`). A
punch that came before is refused as a duplicate, with the first one's id; this channel's contract
wants it so.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import BearerAuthentication
from accounts.permissions import IsEmployee
from accounts.throttling import V1_PUNCH_LIMIT
from attendance.channels.phone_bodies import (
    PUNCH_ID_HEADER,
    PUNCH_REFUSALS,
    PUNCH_TYPE_DIRECTIONS,
    PunchAcceptedSerializer,
    SignedPunchBodySerializer,
    status_and_body,
)
from attendance.models import Channel
from attendance.punches.claims import Claim
from attendance.punches.context import PunchContext
from attendance.punches.phone_checks import PhonePunchChecks, SignedPunch
from attendance.punches.record import load_punch_context, record_punch
from attendance.punches.signatures import signed_text
from attendance.punches.strict_json import DisallowedJson, decode_strict_json
from attendance.punches.verdicts import EmployeeSnapshot
from core.times import ParsedTimestamp, parse_timestamp, to_local_time


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
    """The body, its numbers as they were written. Raises InvalidJson, answered 400, and
    UnreadablePunch.
    """
    try:
        return decode_strict_json(text)
    except DisallowedJson as error:
        raise UnreadablePunch({error.field or "body": [error.reason]}) from error


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
        parameters=[PUNCH_ID_HEADER],
        responses={201: PunchAcceptedSerializer, 422: PUNCH_REFUSALS},
    )
    def post(self, request: Request) -> Response:
        """Record a signed punch. 201 when it counts; 422 when it was refused (and stored), came
        before, or is no punch.

        Position, Wi-Fi and anti-spoof flags are the phone's own word.
        """
        user: Any = request.user
        read = _validate_request(request)
        organization_id, employee_id = user.organization_id, user.employee_id
        known = load_punch_context(organization_id, ids=[employee_id])
        outcome = record_punch(
            organization_id,
            _build_claim(request, organization_id, read, known, known.employees_by_id[employee_id]),
            known,
        )
        status, body = status_and_body(outcome)
        return Response(body, status=status, headers={"Muster-Punch-Id": str(outcome.punch_id)})


def _validate_request(request: Request) -> Mapping[str, Any]:
    """The fields. Raises UnreadablePunch naming every field that is wrong."""
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
    """What the phone signed, made of what it sent: nothing trimmed, nothing reformatted."""
    names = ("device_uuid", "punch_type", "punched_at", "nonce", "anti_spoof")
    numbers = {name: data[name].text for name in ("lat", "lng", "accuracy_m")}
    return signed_text(
        **{name: data[name] for name in names}, **numbers, ssid_seen=data.get("ssid_seen")
    )


def _parse_instant(
    text: str, context: PunchContext, employee: EmployeeSnapshot
) -> tuple[ParsedTimestamp, str]:
    """When it was, and the zone of the employee's place then. Raises UnreadablePunch."""
    try:
        rough = parse_timestamp(text, context.zone)
        zone = context.home_zone(employee, to_local_time(rough.at, context.zone).date())
        return parse_timestamp(text, zone), zone
    except ValueError as error:
        raise UnreadablePunch({"punched_at": [_("An ISO 8601 instant is required.")]}) from error
