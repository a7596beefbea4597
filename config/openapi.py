"""What the OpenAPI file says beyond what drf-spectacular reads from the views: every failure, and
who may speak.

A view annotates its requests and its successes with `extend_schema`. Its failures follow from what
it is anyway: its authentication, permissions, parsers, limits and address say which there are, and
the function `error_envelope` of its dialect, asked with samples, says how they look. A failure that
only the view knows of (409, say) is named without a body: `responses={200: Row, 409: None}`. Apps
do not import this module; DEFAULT_SCHEMA_CLASS names it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

import uritemplate
from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerFieldExtension,
)
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent, is_list_serializer
from drf_spectacular.renderers import OpenApiJsonRenderer
from rest_framework.permissions import AllowAny, IsAuthenticated

from config.rest import ERROR_CODES, ErrorEnvelope, common_error_envelope

Schema = dict[str, Any]

# One line break alone; two make a paragraph.
_LINE_BREAK: Final = re.compile(r"(?<!\n)\n(?!\n)")
METHODS_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
# status → what it means, in the file
STATUS_DESCRIPTIONS: Final = {
    400: "The request cannot be read.",
    401: "Nobody is known by these credentials.",
    403: "This caller may not do this.",
    404: "There is nothing here that this caller may know of.",
    405: "There is no such method here.",
    409: "This was done before, or otherwise.",
    410: "This is gone for good.",
    413: "The body is larger than 1 MiB.",
    415: "The body is of a content type that is not taken here.",
    422: "The request can be read, and is refused.",
    429: "Too many requests: come again after the seconds of Retry-After.",
    503: ("Not now: come again after the seconds of Retry-After. Nothing was lost."),
}
_RETRY_AFTER_HEADER: Final[Schema] = {
    "schema": {"type": "integer", "minimum": 1},
    "description": "Seconds to wait.",
    "required": True,
}
_TEXT_HEADER: Final[Schema] = {"schema": {"type": "string"}, "required": True}
_RATE_LIMIT_HEADER: Final[Schema] = {
    **_TEXT_HEADER,
    "description": 'What is left: `"v1-minute";r=59;t=42`.',
}
_RATE_LIMIT_POLICY_HEADER: Final[Schema] = {
    **_TEXT_HEADER,
    "description": 'The limits: `"v1-minute";q=60;w=60`.',
}
ERROR_HEADERS: Final[dict[int, dict[str, Schema]]] = {
    401: {"WWW-Authenticate": _TEXT_HEADER},
    405: {"Allow": _TEXT_HEADER},
    503: {"Retry-After": _RETRY_AFTER_HEADER},
    429: {
        "Retry-After": _RETRY_AFTER_HEADER,
        "RateLimit": _RATE_LIMIT_HEADER,
        "RateLimit-Policy": _RATE_LIMIT_POLICY_HEADER,
    },
}


class ChannelAutoSchema(AutoSchema):
    """The description of one operation, with all its failures in the words of its channel."""

    @property
    def error_envelope(self) -> ErrorEnvelope:
        """How the view words its failures."""
        found: ErrorEnvelope = getattr(self.view, "error_envelope", common_error_envelope)
        return found

    def get_summary(self) -> str | None:
        """The first sentence of the docstring."""
        first, _sep, _rest = super().get_description().partition(". ")
        return super().get_summary() or first.rstrip(".") or None

    def get_description(self) -> str:  # type: ignore[override]
        """The rest of the docstring."""
        return super().get_description().partition(". ")[2]

    def _is_list_view(self, serializer: Any = None) -> bool:
        """A page of rows is what says so (`many=True`), whatever the method is called."""
        told = self.get_response_serializers() if serializer is None else serializer
        if isinstance(told, dict) and told:
            told = told[min(told, key=str)]
        return bool(is_list_serializer(told))

    def _get_response_bodies(self, direction: Any = "response") -> Schema:
        bodies: Schema = super()._get_response_bodies(direction)
        if direction != "response":
            return bodies
        named = {
            int(code) for code, body in bodies.items() if int(code) >= 400 and "content" not in body
        }
        for status in sorted(named | set(self._error_statuses())):
            told = bodies.get(str(status), {})
            if "content" not in told:
                description = told.get("description", "")
                meaning = (
                    STATUS_DESCRIPTIONS.get(status, "")
                    if description in ("", "No response body")
                    else description
                )
                bodies[str(status)] = self._error_response(status, meaning)
        return dict(sorted(bodies.items()))

    def _error_statuses(self) -> Iterator[int]:
        """The failures that follow from what the view is."""
        yield from (405, 503)
        if self.view.get_authenticators():
            yield 401
        if not all(
            isinstance(one, (IsAuthenticated, AllowAny)) for one in self.view.get_permissions()
        ):
            yield 403
        if uritemplate.variables(self.path):
            yield 404
        if getattr(self.view, "limits", ()):
            yield 429
        reads = self.method in METHODS_WITH_BODY and self._get_request_body() is not None
        if reads:
            yield from (400, 413, 415)
        if self.error_envelope is common_error_envelope and (
            reads or any(one["in"] == "query" for one in self._get_parameters())
        ):
            yield 422

    def _error_response(self, status: int, meaning: str) -> Schema:
        module = getattr(self.error_envelope, "__module__", "")
        dialect = (
            ""
            if self.error_envelope is common_error_envelope
            else module.rpartition(".")[2].title()
        )
        component = ResolvedComponent(
            name=f"{dialect}Error{status}",
            type=ResolvedComponent.SCHEMA,
            object=(module, status),
            schema=error_schema(self.error_envelope, status),
        )
        self.registry.register_on_missing(component)
        body: Schema = {
            "description": meaning,
            "content": {"application/json": {"schema": component.ref}},
        }
        return body | ({"headers": ERROR_HEADERS[status]} if status in ERROR_HEADERS else {})


def error_schema(error_envelope: ErrorEnvelope, status: int) -> Schema:
    """The JSON schema of a dialect's failures of one status: what stays the same over two samples
    is constant.
    """
    named = {"field": ["What is wrong with it."]}
    first = error_envelope(status, "code", "message", named)
    second = error_envelope(status, "other code", "other message", {})
    found = _schema_of_samples(first, second)
    if status in ERROR_CODES:
        found["example"] = error_envelope(
            status, ERROR_CODES[status], STATUS_DESCRIPTIONS.get(status, ""), named
        )
    return found


def _schema_of_samples(one: Any, other: Any) -> Schema:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return _schema_of_objects(one, other)
    if isinstance(one, list):
        return {"type": "array", "items": {"type": "string"}}
    if one is None:
        return {"type": "string", "nullable": True}
    kind: Schema = {
        "type": (
            "boolean" if isinstance(one, bool) else "integer" if isinstance(one, int) else "string"
        )
    }
    return kind | ({"enum": [one]} if one == other else {})


def _schema_of_objects(one: Mapping[str, Any], other: Mapping[str, Any]) -> Schema:
    if not one and not other:
        return {"type": "object", "additionalProperties": {}}
    if not (shared := [key for key in one if key in other]):
        # Keys that come and go are names of fields.
        return {
            "type": "object",
            "additionalProperties": _schema_of_samples(*[next(iter((one or other).values()))] * 2),
        }
    properties = {key: _schema_of_samples(one[key], other[key]) for key in shared}
    properties |= {key: _schema_of_samples(one[key], one[key]) for key in one if key not in other}
    return {"type": "object", "properties": properties, "required": shared}


def remove_enum_ids(result: Any, **_: Any) -> Any:
    """Postprocessing: take away what drf-spectacular leaves in choices to recognize them by."""
    if isinstance(result, dict):
        return {
            key: remove_enum_ids(value) for key, value in result.items() if key != "x-spec-enum-id"
        }
    return [remove_enum_ids(one) for one in result] if isinstance(result, list) else result


def join_description_lines(result: Any, **_: Any) -> Any:
    """Postprocessing: texts come from docstrings, and where the source wraps a line is not part of
    what it says. Empty lines stay: they divide paragraphs.
    """
    if isinstance(result, dict):
        return {
            key: (
                _LINE_BREAK.sub(" ", value)
                if key in {"summary", "description"} and isinstance(value, str)
                else join_description_lines(value)
            )
            for key, value in result.items()
        }
    return [join_description_lines(one) for one in result] if isinstance(result, list) else result


@cache
def openapi_document() -> bytes:
    """The OpenAPI file as JSON, worked out once per process. `manage.py spectacular` writes the
    same bytes.
    """
    return bytes(
        OpenApiJsonRenderer().render(
            SchemaGenerator().get_schema(request=None, public=True), renderer_context={}
        )
    )


# --- Who may speak --------------------------------------------------------------------------------
def _header(name: str, description: str) -> Schema:
    return {"type": "apiKey", "in": "header", "name": name, "description": description}


class BearerScheme(OpenApiAuthenticationExtension):
    """People."""

    target_class = "accounts.authentication.BearerAuthentication"
    name = "person"

    def get_security_definition(self, auto_schema: AutoSchema) -> Schema:
        """RFC 6750."""
        about = (
            "An access token of `POST /api/auth/token` or of mobile SSO, or a personal access token"
            " (`mst_…`)."
        )
        return {"type": "http", "scheme": "bearer", "description": about}


class ApiKeyScheme(OpenApiAuthenticationExtension):
    """API clients: the header, or the query."""

    target_class = "accounts.authentication.ApiKeyAuthentication"
    name = ["apiKeyHeader", "apiKeyQuery"]

    def get_security_requirement(self, auto_schema: AutoSchema) -> list[dict[str, list[Any]]]:
        """Either will do."""
        return [{name: []} for name in self.name]

    def get_security_definition(self, auto_schema: AutoSchema) -> list[Schema]:
        """One key, two places; the header beats the query."""
        query = {
            "type": "apiKey",
            "in": "query",
            "name": "api_key",
            "description": "The same, for who cannot send headers.",
        }
        return [
            _header("X-API-Key", "An API client's key (`fl_dev_…`), issued in the console."),
            query,
        ]


class MachineScheme(OpenApiAuthenticationExtension):
    """The HR channel's three, all of them."""

    target_class = "accounts.authentication.MachineAuthentication"
    name = ["machineToken", "machineKey", "machineClient"]

    def get_security_definition(self, auto_schema: AutoSchema) -> list[Schema]:
        """They must belong together."""
        token = {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "From `POST /api/v1/oauth/token`.",
        }
        key = _header("X-Fluide-Api-Key", "The API client's key (`fl_dev_…`).")
        return [
            token,
            key,
            _header(
                "X-Fluide-Client-Id", "The client's audience label, `fluide-developer` by default."
            ),
        ]


class DeviceScheme(OpenApiAuthenticationExtension):
    """Terminals: serial and token."""

    target_class = "devices.authentication.DeviceAuthentication"
    name = ["deviceSerial", "deviceToken"]

    def get_security_definition(self, auto_schema: AutoSchema) -> list[Schema]:
        """They must belong together."""
        return [
            _header("sn", "The terminal's serial."),
            _header("auth-token", "Its token, issued in the console."),
        ]


class EndpointScheme(OpenApiAuthenticationExtension):
    """Customers' servers."""

    target_class = "webhooks.authentication.FeedKeyAuthentication"
    name = "endpoint"

    def get_security_definition(self, auto_schema: AutoSchema) -> Schema:
        """RFC 6750."""
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "The endpoint's feed key (`mst_evt_…`), issued in the console.",
        }


# --- Fields that the channels have of their own ---------------------------------------------------
class TextFieldExtension(OpenApiSerializerFieldExtension):
    """Text, or with `numbers` a whole number too."""

    target_class = "attendance.channels.fields.StrictTextField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> Schema:
        """Trimmed before it is measured, so that the pattern asks only for something to be
        there.
        """
        text: Schema = {"type": "string", "maxLength": self.target.max_length}
        text |= {} if self.target.allow_blank else {"pattern": r"\S"}
        return {"oneOf": [text, {"type": "integer"}]} if self.target.allow_integer else text


class NumberFieldExtension(OpenApiSerializerFieldExtension):
    """A whole number of 64 bits."""

    target_class = "attendance.channels.fields.StrictIntegerField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> Schema:
        """Its range."""
        return {"type": "integer", "format": "int64", "minimum": -(2**63), "maximum": 2**63 - 1}


class RealFieldExtension(OpenApiSerializerFieldExtension):
    """A number within bounds."""

    target_class = "attendance.channels.fields.StrictFloatField"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> Schema:
        """Its bounds, where there are any."""
        bounds = {"minimum": self.target.min_value, "maximum": self.target.max_value}
        return {"type": "number"} | {
            name: bound for name, bound in bounds.items() if not math.isinf(bound)
        }


class FlagFieldExtension(OpenApiSerializerFieldExtension):
    """true or false."""

    target_class = "attendance.channels.fields.StrictBooleanField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> Schema:
        """Nothing else will do."""
        return {"type": "boolean"}


class WordFieldExtension(OpenApiSerializerFieldExtension):
    """One of a few words."""

    target_class = "attendance.channels.fields.StrictChoiceField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> Schema:
        """Which ones."""
        return {"type": "string", "enum": list(self.target.allowed_values)}


class UuidFieldExtension(OpenApiSerializerFieldExtension):
    """A UUID."""

    target_class = "attendance.channels.fields.StrictUUIDField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> Schema:
        """In its usual spelling."""
        return {"type": "string", "format": "uuid"}
