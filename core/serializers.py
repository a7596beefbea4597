"""Bodies under /api/v1: their bases, in which text is text, true and false are no words, and a
field that nobody knows refuses; and how a body is read.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request

# A body of nothing but unknown fields is not said back whole.
MAX_UNKNOWN_FIELDS_NAMED: Final = 20

_FieldErrors = dict[str, list[str]]


class ClosedSerializer(serializers.Serializer[dict[str, Any]]):
    """Fields of a body. Another one refuses: what its sender meant by it would be left undone."""

    # True where the sender may say more than Muster knows, as in OAuth; each says why.
    ignores_unknown_fields: ClassVar[bool] = False

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Refuses what is wrong with the form of the body, before what is wrong with its values."""
        if isinstance(data, dict) and (wrong := self._form_errors(data)):
            raise serializers.ValidationError(wrong)
        fields: dict[str, Any] = super().to_internal_value(data)
        return fields

    def _form_errors(self, data: dict[str, Any]) -> _FieldErrors:
        """What is wrong by field: here those that are not known."""
        unknown = (
            []
            if self.ignores_unknown_fields
            else [name for name in data if name not in self.fields]
        )
        return {name: [_("There is no such field.")] for name in unknown[:MAX_UNKNOWN_FIELDS_NAMED]}


class StrictSerializer(ClosedSerializer):
    """Fields of a body as JSON has them: text is text, a number is none, and only true and false
    are true and false.
    """

    def _form_errors(self, data: dict[str, Any]) -> _FieldErrors:
        """Those of another type too."""
        wrong: _FieldErrors = {}
        for name, field in self.fields.items():
            value = data.get(name)
            if value is None:
                continue
            if isinstance(field, serializers.CharField) and not isinstance(value, str):
                wrong[name] = ["Text is required."]
            if isinstance(field, serializers.BooleanField) and not isinstance(value, bool):
                wrong[name] = [_("true or false is required.")]
        return wrong | super()._form_errors(data)


def validated_body(
    serializer_class: type[serializers.Serializer[Any]], request: Request
) -> dict[str, Any]:
    """The fields of a body. Raises ValidationError."""
    body = serializer_class(data=request.data)
    body.is_valid(raise_exception=True)
    fields: dict[str, Any] = body.validated_data
    return fields
