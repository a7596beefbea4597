"""How every failure of a REST view is answered: from the exception to the words of its channel.

A view says its dialect by an attribute `error_envelope`, a function of `ApiError`-like parts;
everything else gets the common error_envelope. REST_FRAMEWORK names the exception handler; the
OpenAPI file and the pages for failures outside any view (config/error_views.py) ask the same
functions. No app imports this module.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    ValidationError,
)
from django.db import InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response

from config.parsers import BodyTooLarge

log = logging.getLogger(__name__)

RETRY_AFTER_S = 5
ErrorEnvelope = Callable[[int, str, str, Mapping[str, list[str]]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class ApiError:
    """What went wrong, before it is put into a channel's own words."""

    status: int
    code: str
    message: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    # What a rule says beyond its sentence (core.errors.Refused): in the common envelope's
    # 422 only.
    rule: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


ERROR_CODES = {
    400: "invalid_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid",
    429: "rate_limited",
    503: "unavailable",
}


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Answer every failure of a REST view in its channel's words. What nobody foresaw is logged,
    and answered 503: come again.
    """
    failure = api_error_of(exc)
    if failure.status >= 500 and not isinstance(exc, exceptions.APIException):
        log.error("%s at %s", type(exc).__name__, context["request"].path, exc_info=exc)
    envelope: ErrorEnvelope = getattr(context.get("view"), "error_envelope", common_error_envelope)
    if (
        envelope is common_error_envelope
        and isinstance(exc, exceptions.ValidationError)
        and failure.status == status.HTTP_400_BAD_REQUEST
    ):
        # In the common envelope a field that is wrong is 422; a channel with words of its own says
        # which it is.
        failure = replace(failure, status=status.HTTP_422_UNPROCESSABLE_ENTITY, code="invalid")
    body = envelope(failure.status, failure.code, failure.message, failure.fields)
    if envelope is common_error_envelope and failure.rule is not None and "rule" in body:
        body |= {"rule": failure.rule, "details": dict(failure.details)}
    return Response(body, status=failure.status, headers=failure.headers)


def api_error_of(exc: Exception) -> ApiError:
    """The failure an exception stands for, in words that can be sent: they may repeat half a
    surrogate pair from a body.
    """
    failure = _api_error_of(exc)
    fields = {
        _encodable(name): [_encodable(text) for text in texts]
        for name, texts in failure.fields.items()
    }
    return replace(failure, message=_encodable(failure.message), fields=fields)


def _encodable(text: object) -> str:
    return str(text).encode(errors="replace").decode()


def _api_error_of(exc: Exception) -> ApiError:
    if isinstance(exc, RequestDataTooBig):
        return _of_api_exception(BodyTooLarge())
    if isinstance(exc, SuspiciousOperation):  # Such as more fields in a form than Django reads.
        return ApiError(400, "invalid_request", "Bad request.")
    if isinstance(exc, Http404):
        return ApiError(404, "not_found", "Not found.")
    if isinstance(exc, PermissionDenied):
        return ApiError(403, "forbidden", str(exc) or "Forbidden.")
    if isinstance(exc, ValidationError):
        fields = (
            exc.message_dict if hasattr(exc, "error_dict") else {"non_field_errors": exc.messages}
        )
        return ApiError(
            getattr(exc, "status", 422),
            getattr(exc, "code", None) or "invalid",
            "; ".join(exc.messages),
            fields,
            rule=getattr(exc, "rule", None),
            details=getattr(exc, "details", {}),
        )
    if isinstance(exc, exceptions.APIException):
        return _of_api_exception(exc)
    if isinstance(exc, OperationalError | InterfaceError):
        return unavailable("The server is busy.")
    return unavailable("Something went wrong on the server.")


def unavailable(message: str) -> ApiError:
    """Answered 503: come again."""
    return ApiError(503, "unavailable", message, headers={"Retry-After": str(RETRY_AFTER_S)})


def _of_api_exception(exc: exceptions.APIException) -> ApiError:
    code = ERROR_CODES.get(exc.status_code, "error")
    headers = {}
    if (
        wait := getattr(exc, "wait", None)
    ) is not None or exc.status_code == status.HTTP_503_SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(max(1, math.ceil(RETRY_AFTER_S if wait is None else wait)))
    if header := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = header
    if isinstance(exc, exceptions.ValidationError):
        fields = flatten_errors(exc.detail)
        return ApiError(
            exc.status_code, code, next(iter(fields.values()), [""])[0], fields, headers
        )
    text = str(exc.detail)
    specific = exc.get_codes()
    if isinstance(specific, str) and exc.status_code == 403 and specific != "permission_denied":
        code = specific
    return ApiError(exc.status_code, code, text, headers=headers)


def flatten_errors(detail: Any, prefix: str = "") -> dict[str, list[str]]:
    """DRF's nested errors as field → texts, nested fields with dots."""
    if isinstance(detail, Mapping):
        found: dict[str, list[str]] = {}
        for name, inner in detail.items():
            found |= flatten_errors(inner, f"{prefix}.{name}" if prefix else str(name))
        return found
    if isinstance(detail, list) and any(isinstance(item, Mapping) for item in detail):
        found = {}
        for index, inner in enumerate(detail):
            if inner:
                found |= flatten_errors(inner, f"{prefix}.{index}")
        return found
    texts = [str(item) for item in detail] if isinstance(detail, list) else [str(detail)]
    return {prefix or "non_field_errors": texts}


def common_error_envelope(
    status_code: int, code: str, message: str, fields: Mapping[str, list[str]]
) -> dict[str, Any]:
    """The error_envelope of `/api/v1` and everything that has no dialect of its own."""
    if status_code == status.HTTP_401_UNAUTHORIZED:
        return {"message": "Unauthenticated."}
    if status_code == status.HTTP_422_UNPROCESSABLE_ENTITY:
        return {
            "message": message,
            "errors": dict(fields),
            "code": code,
            "rule": None,
            "details": {},
        }
    return {"message": message, "code": code}
