"""The base of the bodies under /api/v1: text is text, and a number is none."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


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
