"""JSON as bodies of requests contain it: strict about what two readers could read in two ways.
Pure.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


class DuplicateJsonKey(ValueError):
    """An object has a key twice: which of the two values is meant cannot be known."""

    def __init__(self, key: str) -> None:
        super().__init__(f"The key {key[:64]} is given twice.")


def decode_json_body(
    text: str,
    *,
    parse_int: Callable[[str], Any] = int,
    parse_constant: Callable[[str], Any] | None = None,
) -> Any:
    """The value of a JSON text. NaN and Infinity are no JSON unless `parse_constant` reads them.

    Raises ValueError, for a key given twice DuplicateJsonKey; RecursionError for deep nesting.
    """
    return json.loads(
        text,
        parse_int=parse_int,
        parse_constant=parse_constant or _reject_constant,
        object_pairs_hook=_object_of_pairs,
    )


def _object_of_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for key, _value in pairs:
            if key in seen:
                raise DuplicateJsonKey(key)
            seen.add(key)
    return found


def _reject_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
