"""The biometric channel: `POST /api/biometric/attendance` for scanners and the systems behind them,
one event or up to 100.

An API key with the scope `biometric:write`. Each event succeeds or fails by itself; a batch is
stored in one transaction. The channel reads events into claims, calls `record_punches`, and answers
in the vendor's words; it decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
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
from accounts.rate_limits import RateLimit, override_windows
from accounts.throttling import BIOMETRIC_WINDOWS, caller_key
from attendance.channels.biometric_bodies import (
    BIOMETRIC_BODY,
    BIOMETRIC_HEADERS,
    BIOMETRIC_SAMPLES,
    BatchReplySerializer,
    NothingStoredReplySerializer,
)
from attendance.channels.biometric_events import (
    BiometricEvent,
    build_claim,
    events_and_device_info,
    read_scanner,
    validate_event,
)
from attendance.channels.not_found import NotFoundView
from attendance.punches.record import load_punch_context, record_punches
from attendance.punches.results import RecordResult
from core.json_bodies import decode_json_body
from core.times import to_local_time

MAX_INTEGER_DIGITS: Final = 300
BIOMETRIC_LIMIT: Final = RateLimit(
    "biometric",
    lambda request: override_windows(BIOMETRIC_WINDOWS, request.auth.windows),
    key=caller_key,
)

RECORDED_MESSAGE: Final = "Attendance recorded successfully"
NOT_MATCHED_MESSAGE: Final = "Attendance recorded; worker not matched yet"
SCAN_ID_CONFLICT_MESSAGE: Final = "scanId already used for another event"
_MESSAGES: Final = {
    401: "Invalid or missing API key",
    405: "Only POST requests are accepted",
    415: "Only JSON is accepted",
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
    text = message if status == 415 and fields else _MESSAGES.get(status, message)
    return {"success": False, "message": f"Processing failed: {text}" if status == 400 else text}


class ScanIdConflict(APIException):
    """A lone event whose scanId belongs to another one; the first stays as it was."""

    status_code = 422
    default_detail = SCAN_ID_CONFLICT_MESSAGE
    default_code = "conflict"


class BiometricChannelView(APIView):
    """Record attendance events."""

    http_method_names = ("post",)
    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = ()
    limits = (BIOMETRIC_LIMIT,)
    assumes_json = True
    error_envelope = staticmethod(error_envelope)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Another method is refused before anybody is asked for a key."""
        if request.method != "POST":
            raise MethodNotAllowed(str(request.method))
        super().initial(request, *args, **kwargs)

    @staticmethod
    def loads(text: str) -> Any:
        """JSON as scanners write it: a number that is none fails its event, not its neighbours."""
        return decode_json_body(text, parse_int=_bounded_integer, parse_constant=float)

    @extend_schema(
        request=BIOMETRIC_BODY,
        parameters=list(BIOMETRIC_HEADERS),
        responses={
            200: BatchReplySerializer,
            400: OpenApiResponse(
                NothingStoredReplySerializer,
                description="The request cannot be read, or nothing in it can be stored.",
            ),
            403: None,
            422: None,
        },
        examples=list(BIOMETRIC_SAMPLES),
    )
    def post(self, request: Request) -> Response:
        """Record one attendance event or a batch of up to a hundred. 200 when at least one is
        stored.

        Each event succeeds or fails by itself. Needs the scope `biometric:write`.
        """
        holder: AuthenticatedClient = request.user  # type: ignore[assignment]
        if BIOMETRIC_WRITE_SCOPE not in holder.scopes:
            raise PermissionDenied(f"This API key does not have the scope {BIOMETRIC_WRITE_SCOPE}")
        raw, info = events_and_device_info(request.data)
        scanner = read_scanner(holder.organization_id, info)
        events = [validate_event(one) for one in raw]
        readable = [event for event in events if not event.error]
        if not readable:
            raise ValidationError(events[0].error)
        known = load_punch_context(
            holder.organization_id, codes=sorted({event.data["employeeId"] for event in readable})
        )
        for event in readable:
            build_claim(event, holder.organization_id, scanner, known)
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
        first = events[0].error
        if len(events) == 1:
            raise ScanIdConflict if first == SCAN_ID_CONFLICT_MESSAGE else ValidationError(first)
        failure = error_envelope(status.HTTP_400_BAD_REQUEST, "", first, {})
        return Response(failure | _counts_and_results(events), status=status.HTTP_400_BAD_REQUEST)
    headers = {"Muster-Punch-Id": ", ".join(str(outcome.punch_id) for outcome in fine)}
    if all(outcome.is_duplicate for outcome in fine):
        headers["Idempotent-Replayed"] = "true"
    body = {
        "success": True,
        "message": "Attendance data processed successfully",
        **_counts_and_results(events),
    }
    return Response(body, headers=headers)


def _counts_and_results(events: Sequence[BiometricEvent]) -> dict[str, Any]:
    results = [_result(event) for event in events]
    successful = sum(result["success"] for result in results)
    return {
        "processed": len(events),
        "successful": successful,
        "failed": len(events) - successful,
        "results": results,
    }


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
