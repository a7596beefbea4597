"""How the OpenAPI file describes one operation: what drf-spectacular reads from the view, and every
failure.

A view annotates its requests and its successes with `extend_schema`. Its failures follow from what
it is anyway: its authentication, permissions, parsers, limits and address say which there are, and
the function `error_envelope` of its dialect, asked with samples, says how they look. A failure that
only the view knows of (409, say) is named without a body: `responses={200: Row, 409: None}`. Apps
do not import this module; DEFAULT_SCHEMA_CLASS names it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import uritemplate
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent, is_list_serializer
from rest_framework.permissions import AllowAny, IsAuthenticated

from config.errors import ErrorEnvelope, common_error_envelope
from config.openapi.error_schemas import ERROR_HEADERS, STATUS_DESCRIPTIONS, Schema, error_schema
from core.serializers import ClosedSerializer

METHODS_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})


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

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Schema:
        """A body in which a field that is not known refuses says so."""
        schema: Schema = super()._map_basic_serializer(serializer, direction)
        if isinstance(serializer, ClosedSerializer) and not serializer.ignores_unknown_fields:
            schema["additionalProperties"] = False
        return schema

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
