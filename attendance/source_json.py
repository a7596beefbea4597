"""JSON that keeps the text of its numbers, for what was signed by somebody: `8.50` stays `8.50`.
Pure; used by the phone door.

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

DEEPEST: Final = 16
# C0 and C1 controls with DEL, and lone surrogates: pairs have become one character by now.
_UNFIT: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

TWICE: Final = "This field is given twice."
CONTROL: Final = "Control characters are not allowed."
TOO_DEEP: Final = "This is nested too deeply."


@dataclass(frozen=True, slots=True)
class Number:
    """A JSON number: its text as it was sent."""

    text: str

    @property
    def value(self) -> float:
        """The number; infinite when no float is as large."""
        return float(self.text)


class NotJson(ValueError):
    """The text is not JSON."""


class Unfit(ValueError):
    """It is JSON, but not to be signed: `field` says where (dots between the keys, empty for the
    whole), `reason` why.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field, self.reason = field, reason


class _Pairs(list[tuple[str, Any]]):
    """The members of an object as they came, repeated ones too."""


def decode(text: str) -> Any:
    """The value of a JSON text: dict, list, str, bool, None, and `Number` for every number.

    Raises NotJson, also for NaN, Infinity and raw control characters within strings; Unfit for what
    is JSON all the same.
    """
    try:
        value = json.loads(
            text,
            parse_int=Number,
            parse_float=Number,
            parse_constant=_refuse,
            object_pairs_hook=_Pairs,
        )
    except (ValueError, RecursionError) as error:
        raise NotJson("The body is not JSON.") from error
    return _checked(value, "", 0)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _checked(value: Any, field: str, depth: int) -> Any:
    """`value` with objects as dicts, once nothing is wrong with it."""
    if depth > DEEPEST:
        raise Unfit(field, TOO_DEEP)
    if isinstance(value, _Pairs):
        return _object(value, field, depth)
    if isinstance(value, list):
        return [
            _checked(item, _place(field, str(index)), depth + 1) for index, item in enumerate(value)
        ]
    if isinstance(value, str) and _UNFIT.search(value):
        raise Unfit(field, CONTROL)
    return value


def _object(pairs: _Pairs, field: str, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if _UNFIT.search(key):
            raise Unfit(field, CONTROL)
        place = _place(field, key)
        if key in found:
            raise Unfit(place, TWICE)
        found[key] = _checked(value, place, depth + 1)
    return found


def _place(field: str, name: str) -> str:
    return f"{field}.{name}" if field else name
