"""JSON that keeps the text of its numbers, for what was signed by somebody: `8.50` stays `8.50`.
Pure; used by the phone channel.

Python's own decoder does the reading. What it lets pass and a signed message must not have is
refused here, with the place named: a key given twice (which of the two was signed?), control
characters (a line break would forge a line), halves of surrogate pairs (they have no UTF-8), and
nesting nobody needs.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

MAX_DEPTH: Final = 16
# C0 and C1 controls with DEL, and lone surrogates: pairs have become one character by now.
_DISALLOWED_CHARACTERS: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

DUPLICATE_FIELD: Final = "This field is given twice."
CONTROL_CHARACTERS: Final = "Control characters are not allowed."
TOO_DEEP: Final = "This is nested too deeply."


@dataclass(frozen=True, slots=True)
class JsonNumber:
    """A JSON number: its text as it was sent."""

    text: str

    @property
    def value(self) -> float:
        """The number; infinite when no float is as large."""
        return float(self.text)


class InvalidJson(ValueError):
    """The text is not JSON."""


class DisallowedJson(ValueError):
    """It is JSON, but not to be signed: `field` says where (dots between the keys, empty for the
    whole), `reason` why.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field, self.reason = field, reason


class _ObjectPairs(list[tuple[str, Any]]):
    """The members of an object as they came, repeated ones too."""


def decode_strict_json(text: str) -> Any:
    """The value of a JSON text: dict, list, str, bool, None, and `JsonNumber` for every number.

    Raises InvalidJson, also for NaN, Infinity and raw control characters within strings;
    DisallowedJson for JSON that must not be signed.
    """
    try:
        value = json.loads(
            text,
            parse_int=JsonNumber,
            parse_float=JsonNumber,
            parse_constant=_reject_constant,
            object_pairs_hook=_ObjectPairs,
        )
    except (ValueError, RecursionError) as error:
        raise InvalidJson("The body is not JSON.") from error
    return _validated(value, "", 0)


def _reject_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _validated(value: Any, field: str, depth: int) -> Any:
    """`value` with objects as dicts, once nothing is wrong with it."""
    if depth > MAX_DEPTH:
        raise DisallowedJson(field, TOO_DEEP)
    if isinstance(value, _ObjectPairs):
        return _validated_object(value, field, depth)
    if isinstance(value, list):
        return [
            _validated(item, _field_path(field, str(index)), depth + 1)
            for index, item in enumerate(value)
        ]
    if isinstance(value, str) and _DISALLOWED_CHARACTERS.search(value):
        raise DisallowedJson(field, CONTROL_CHARACTERS)
    return value


def _validated_object(pairs: _ObjectPairs, field: str, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if _DISALLOWED_CHARACTERS.search(key):
            raise DisallowedJson(field, CONTROL_CHARACTERS)
        place = _field_path(field, key)
        if key in found:
            raise DisallowedJson(place, DUPLICATE_FIELD)
        found[key] = _validated(value, place, depth + 1)
    return found


def _field_path(field: str, name: str) -> str:
    return f"{field}.{name}" if field else name
