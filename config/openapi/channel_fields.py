"""How the OpenAPI file describes the serializer fields that the channels have of their own.

drf-spectacular finds these by `target_class` once this module is imported.
"""

from __future__ import annotations

import math
from typing import Any

from drf_spectacular.extensions import (
    OpenApiSerializerFieldExtension,
)
from drf_spectacular.openapi import AutoSchema


class TextFieldExtension(OpenApiSerializerFieldExtension):
    """Text, or with `numbers` a whole number too."""

    target_class = "attendance.channels.fields.StrictTextField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        """Trimmed before it is measured, so that the pattern asks only for something to be
        there.
        """
        text: dict[str, Any] = {"type": "string", "maxLength": self.target.max_length}
        text |= {} if self.target.allow_blank else {"pattern": r"\S"}
        return {"oneOf": [text, {"type": "integer"}]} if self.target.allow_integer else text


class NumberFieldExtension(OpenApiSerializerFieldExtension):
    """A whole number of 64 bits."""

    target_class = "attendance.channels.fields.StrictIntegerField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        """Its range."""
        return {"type": "integer", "format": "int64", "minimum": -(2**63), "maximum": 2**63 - 1}


class TolerantNumberFieldExtension(OpenApiSerializerFieldExtension):
    """A whole number of 64 bits, or its digits as text."""

    target_class = "attendance.channels.fields.TolerantIntegerField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        """Its two forms."""
        number = {"type": "integer", "format": "int64", "minimum": -(2**63), "maximum": 2**63 - 1}
        return {"oneOf": [number, {"type": "string", "pattern": "^[+-]?[0-9]{1,18}$"}]}


class PositionNumberFieldExtension(OpenApiSerializerFieldExtension):
    """A number of a position, also an impossible one."""

    target_class = "attendance.channels.device.PositionNumberField"
    priority = 1

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        """The bounds are in the description, because a number beyond them refuses nothing."""
        low, high = self.target.min_value, self.target.max_value
        bounds = f"From {low:.0f} to {high:.0f}; with another number the position is dropped."
        return {"type": "number", "description": bounds}


class RealFieldExtension(OpenApiSerializerFieldExtension):
    """A number within bounds."""

    target_class = "attendance.channels.fields.StrictFloatField"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        """Its bounds, where there are any."""
        bounds = {"minimum": self.target.min_value, "maximum": self.target.max_value}
        return {"type": "number"} | {
            name: bound for name, bound in bounds.items() if not math.isinf(bound)
        }


class FlagFieldExtension(OpenApiSerializerFieldExtension):
    """true or false."""

    target_class = "attendance.channels.fields.StrictBooleanField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        """Nothing else will do."""
        return {"type": "boolean"}


class WordFieldExtension(OpenApiSerializerFieldExtension):
    """One of a few words."""

    target_class = "attendance.channels.fields.StrictChoiceField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        """Which ones."""
        return {"type": "string", "enum": list(self.target.allowed_values)}


class UuidFieldExtension(OpenApiSerializerFieldExtension):
    """A UUID."""

    target_class = "attendance.channels.fields.StrictUUIDField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        """In its usual spelling."""
        return {"type": "string", "format": "uuid"}
