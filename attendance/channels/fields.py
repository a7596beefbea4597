"""Fields of the channels' bodies: JSON is taken at its word, and nothing gets in that no database
takes.
"""

from __future__ import annotations

import math
import re
import sys
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

INT64_LIMIT: Final = 2**63
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_INTEGER_TEXT = re.compile(r"[+-]?[0-9]{1,19}")
FLOAT_MAX: Final = sys.float_info.max


def is_disallowed_character(char: str) -> bool:
    """Whether a character has no place in what is stored: a control character, or half of a
    surrogate pair.
    """
    return ord(char) < 32 or ord(char) == 127 or 0xD800 <= ord(char) <= 0xDFFF


class StrictIntegerField(serializers.Field[int, Any, int, Any]):
    """A JSON integer of 64 bits: no text, no fraction, no boolean."""

    default_error_messages = {"invalid": _("A whole number is required.")}

    def to_internal_value(self, data: Any) -> int:
        if (
            isinstance(data, bool)
            or not isinstance(data, int)
            or not -INT64_LIMIT <= data < INT64_LIMIT
        ):
            self.fail("invalid")
        return data

    def to_representation(self, value: int) -> int:
        return value


class TolerantIntegerField(StrictIntegerField):
    """A whole number of 64 bits as simple gateways write it: `1`, `1.0` or `"1"`."""

    def to_internal_value(self, data: Any) -> int:
        is_whole_float = isinstance(data, float) and data.is_integer()
        if is_whole_float or (isinstance(data, str) and _INTEGER_TEXT.fullmatch(data.strip())):
            data = int(data)
        return super().to_internal_value(data)


class StrictFloatField(serializers.Field[float, Any, float, Any]):
    """A finite JSON number, within bounds where there are any."""

    default_error_messages = {
        "invalid": _("A number is required."),
        "outside": _("A number from {low} to {high} is required."),
    }

    def __init__(
        self, min_value: float = -math.inf, max_value: float = math.inf, **kwargs: Any
    ) -> None:
        self.min_value, self.max_value = min_value, max_value
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> float:
        number = data if isinstance(data, int | float) and not isinstance(data, bool) else math.nan
        # Finite as a float: a whole number of 400 digits is no number for anybody who reads this.
        if not self.min_value <= number <= self.max_value or not -FLOAT_MAX <= number <= FLOAT_MAX:
            self.fail(
                "invalid" if math.isinf(self.min_value) else "outside",
                low=self.min_value,
                high=self.max_value,
            )
        return float(number)

    def to_representation(self, value: float) -> float:
        return value


class StrictTextField(serializers.Field[str, Any, str, Any]):
    """Text, trimmed, of at most `most` characters; no control characters, but line ends and tabs in
    `allow_line_breaks`.

    With `allow_integer` a whole number is taken too, and kept as its text; with `allow_blank` there
    may be nothing in it.
    """

    default_error_messages = {
        "invalid": _("Text is required."),
        "neither": _("Text or a whole number is required."),
        "blank": _("This field may not be blank."),
        "long": _("At most {most} characters."),
        "control": _("Control characters are not allowed."),
    }

    def __init__(
        self,
        max_length: int,
        *,
        allow_integer: bool = False,
        allow_line_breaks: bool = False,
        allow_blank: bool = False,
        **kwargs: Any,
    ) -> None:
        self.max_length, self.allow_integer, self.allow_line_breaks, self.allow_blank = (
            max_length,
            allow_integer,
            allow_line_breaks,
            allow_blank,
        )
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        if isinstance(data, bool) or not isinstance(data, str | int if self.allow_integer else str):
            self.fail("neither" if self.allow_integer else "invalid")
        text = str(data).strip()
        if not text and not self.allow_blank:
            self.fail("blank")
        if len(text) > self.max_length:
            self.fail("long", most=self.max_length)
        # Lone surrogates are no characters at all: no database takes them.
        if any(
            is_disallowed_character(char) and not (self.allow_line_breaks and char in "\n\r\t")
            for char in text
        ):
            self.fail("control")
        return text

    def to_representation(self, value: str) -> str:
        return value


class StrictBooleanField(serializers.Field[bool, Any, bool, Any]):
    """JSON's true or false: no number, no text."""

    default_error_messages = {"invalid": _("true or false is required.")}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return data

    def to_representation(self, value: bool) -> bool:
        return value


class StrictChoiceField(serializers.Field[str, Any, str, Any]):
    """One of a few words, spelled exactly so."""

    default_error_messages = {"invalid": _("One of these is required: {words}.")}

    def __init__(self, *allowed_values: str, **kwargs: Any) -> None:
        self.allowed_values = allowed_values
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or data not in self.allowed_values:
            self.fail("invalid", words=", ".join(self.allowed_values))
        return data

    def to_representation(self, value: str) -> str:
        return value


class StrictUUIDField(serializers.Field[UUID, Any, str, Any]):
    """A UUID in its usual spelling."""

    default_error_messages = {"invalid": _("A UUID is required.")}

    def to_internal_value(self, data: Any) -> UUID:
        if not isinstance(data, str) or not _UUID.fullmatch(data):
            self.fail("invalid")
        return UUID(data)

    def to_representation(self, value: UUID) -> str:
        return str(value)
