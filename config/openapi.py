"""What the OpenAPI file says beyond what drf-spectacular reads from the views: every failure, and
who may speak.

A view annotates its requests and its successes with `extend_schema`. Its failures follow from what
it is anyway: its authentication, permissions, parsers, limits and address say which there are, and
the function `envelope` of its dialect, asked with samples, says how they look. A failure that only
the view knows of (409, say) is named without a body: `responses={200: Row, 409: None}`. Apps do not
import this module; DEFAULT_SCHEMA_CLASS names it.
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

from config.api import CODES, Envelope, common_envelope

Schema = dict[str, Any]

# One line break alone; two make a paragraph.
_LINE_BREAK: Final = re.compile(r"(?<!\n)\n(?!\n)")
WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
# status → what it means, in the file
MEANINGS: Final = {
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
    503: "Not now: come again after the seconds of Retry-After. Nothing was lost.",
}
_SECONDS: Final[Schema] = {
    "schema": {"type": "integer", "minimum": 1},
    "description": "Seconds to wait.",
    "required": True,
}
_TEXT: Final[Schema] = {"schema": {"type": "string"}, "required": True}
_LEFT: Final[Schema] = {**_TEXT, "description": 'What is left: `"v1-minute";r=59;t=42`.'}
_POLICY: Final[Schema] = {**_TEXT, "description": 'The limits: `"v1-minute";q=60;w=60`.'}
HEADERS: Final[dict[int, dict[str, Schema]]] = {
    401: {"WWW-Authenticate": _TEXT},
    405: {"Allow": _TEXT},
    503: {"Retry-After": _SECONDS},
    429: {"Retry-After": _SECONDS, "RateLimit": _LEFT, "RateLimit-Policy": _POLICY},
}


class DialectSchema(AutoSchema):
    """The description of one operation, with all its failures in the words of its door."""

    @property
    def envelope(self) -> Envelope:
        """How the view words its failures."""
        found: Envelope = getattr(self.view, "envelope", common_envelope)
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
        for status in sorted(named | set(self._failures())):
            told = bodies.get(str(status), {})
            if "content" not in told:
                description = told.get("description", "")
                meaning = (
                    MEANINGS.get(status, "")
                    if description in ("", "No response body")
                    else description
                )
                bodies[str(status)] = self._failure(status, meaning)
        return dict(sorted(bodies.items()))

    def _failures(self) -> Iterator[int]:
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
        reads = self.method in WITH_BODY and self._get_request_body() is not None
        if reads:
            yield from (400, 413, 415)
        if self.envelope is common_envelope and (
            reads or any(one["in"] == "query" for one in self._get_parameters())
        ):
            yield 422

    def _failure(self, status: int, meaning: str) -> Schema:
        module = getattr(self.envelope, "__module__", "")
        dialect = "" if self.envelope is common_envelope else module.rpartition(".")[2].title()
        component = ResolvedComponent(
            name=f"{dialect}Error{status}",
            type=ResolvedComponent.SCHEMA,
            object=(module, status),
            schema=error_schema(self.envelope, status),
        )
        self.registry.register_on_missing(component)
        body: Schema = {
            "description": meaning,
            "content": {"application/json": {"schema": component.ref}},
        }
        return body | ({"headers": HEADERS[status]} if status in HEADERS else {})


def error_schema(envelope: Envelope, status: int) -> Schema:
    """The JSON schema of a dialect's failures of one status: what stays the same over two samples
    is constant.
    """
    named = {"field": ["What is wrong with it."]}
    first = envelope(status, "code", "message", named)
    second = envelope(status, "other code", "other message", {})
    found = _between(first, second)
    if status in CODES:
        found["example"] = envelope(status, CODES[status], MEANINGS.get(status, ""), named)
    return found


def _between(one: Any, other: Any) -> Schema:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return _object(one, other)
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


def _object(one: Mapping[str, Any], other: Mapping[str, Any]) -> Schema:
    if not one and not other:
        return {"type": "object", "additionalProperties": {}}
    if not (shared := [key for key in one if key in other]):
        # Keys that come and go are names of fields.
        return {
            "type": "object",
            "additionalProperties": _between(*[next(iter((one or other).values()))] * 2),
        }
    properties = {key: _between(one[key], other[key]) for key in shared}
    properties |= {key: _between(one[key], one[key]) for key in one if key not in other}
    return {"type": "object", "properties": properties, "required": shared}


def without_marks(result: Any, **_: Any) -> Any:
    """Postprocessing: take away what drf-spectacular leaves in choices to recognize them by."""
    if isinstance(result, dict):
        return {
            key: without_marks(value) for key, value in result.items() if key != "x-spec-enum-id"
        }
    return [without_marks(one) for one in result] if isinstance(result, list) else result


def joined_lines(result: Any, **_: Any) -> Any:
    """Postprocessing: texts come from docstrings, and where the source wraps a line is not part of
    what it says. Empty lines stay: they divide paragraphs.
    """
    if isinstance(result, dict):
        return {
            key: _LINE_BREAK.sub(" ", value)
            if key in {"summary", "description"} and isinstance(value, str)
            else joined_lines(value)
            for key, value in result.items()
        }
    return [joined_lines(one) for one in result] if isinstance(result, list) else result


@cache
def document() -> bytes:
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
    """The HR door's three, all of them."""

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

    target_class = "webhooks.authentication.EndpointAuthentication"
    name = "endpoint"

    def get_security_definition(self, auto_schema: AutoSchema) -> Schema:
        """RFC 6750."""
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "The endpoint's feed key (`mst_evt_…`), issued in the console.",
        }


# --- Fields that the doors have of their own ------------------------------------------------------
class TextField(OpenApiSerializerFieldExtension):
    """Text, or with `numbers` a whole number too."""

    target_class = "attendance.doors.fields.Text"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> Schema:
        """Trimmed before it is measured, so that the pattern asks only for something to be
        there.
        """
        text: Schema = {"type": "string", "maxLength": self.target.most}
        text |= {} if self.target.blank else {"pattern": r"\S"}
        return {"oneOf": [text, {"type": "integer"}]} if self.target.numbers else text


class NumberField(OpenApiSerializerFieldExtension):
    """A whole number of 64 bits."""

    target_class = "attendance.doors.fields.Number"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> Schema:
        """Its range."""
        return {"type": "integer", "format": "int64", "minimum": -(2**63), "maximum": 2**63 - 1}


class RealField(OpenApiSerializerFieldExtension):
    """A number within bounds."""

    target_class = "attendance.doors.fields.Real"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> Schema:
        """Its bounds, where there are any."""
        bounds = {"minimum": self.target.low, "maximum": self.target.high}
        return {"type": "number"} | {
            name: bound for name, bound in bounds.items() if not math.isinf(bound)
        }


class FlagField(OpenApiSerializerFieldExtension):
    """true or false."""

    target_class = "attendance.doors.fields.Flag"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> Schema:
        """Nothing else will do."""
        return {"type": "boolean"}


class WordField(OpenApiSerializerFieldExtension):
    """One of a few words."""

    target_class = "attendance.doors.fields.Word"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> Schema:
        """Which ones."""
        return {"type": "string", "enum": list(self.target.words)}


class UuidField(OpenApiSerializerFieldExtension):
    """A UUID."""

    target_class = "attendance.doors.fields.Uuid"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> Schema:
        """In its usual spelling."""
        return {"type": "string", "format": "uuid"}
