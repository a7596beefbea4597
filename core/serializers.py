"""Bodies under /api/v1: their base, in which text is text and a number is none, and how one
is read.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request


class StrictSerializer(serializers.Serializer[dict[str, Any]]):
    """Fields of a body; text is text, a number is none."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Refuses anything but text in text fields."""
        if isinstance(data, dict):
            wrong = {
                name: ["Text is required."]
                for name, field in self.fields.items()
                if isinstance(field, serializers.CharField)
                and data.get(name) is not None
                and not isinstance(data[name], str)
            }
            if wrong:
                raise serializers.ValidationError(wrong)
        fields: dict[str, Any] = super().to_internal_value(data)
        return fields


def validated_body(
    serializer_class: type[serializers.Serializer[Any]], request: Request
) -> dict[str, Any]:
    """The fields of a body. Raises ValidationError."""
    body = serializer_class(data=request.data)
    body.is_valid(raise_exception=True)
    fields: dict[str, Any] = body.validated_data
    return fields
