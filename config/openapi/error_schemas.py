"""The JSON schemas of failures, their headers, and what each status means.

Called by config/openapi/operations.py for each operation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from config.errors import ERROR_CODES, ErrorEnvelope

Schema = dict[str, Any]
# status → what it means, in the file
STATUS_DESCRIPTIONS: Final = {
    400: "The request cannot be read.",
    401: "Nobody is known by these credentials.",
    403: "This caller may not do this.",
    404: "There is nothing here that this caller may know of.",
    405: "There is no such method here.",
    409: "This was done before, or otherwise.",
    410: "This is gone for good.",
    413: "The body is larger than 1 MiB.",
    415: "The content type is not taken here, or the body has a Content-Encoding.",
    422: "The request can be read, and is refused.",
    429: "Too many requests: come again after the seconds of Retry-After.",
    503: ("Not now: come again after the seconds of Retry-After. Nothing was lost."),
}
_RETRY_AFTER_HEADER: Final[Schema] = {
    "schema": {"type": "integer", "minimum": 1},
    "description": "Seconds to wait.",
    "required": True,
}
_TEXT_HEADER: Final[Schema] = {"schema": {"type": "string"}, "required": True}
_RATE_LIMIT_HEADER: Final[Schema] = {
    **_TEXT_HEADER,
    "description": 'What is left: `"v1-minute";r=59;t=42`.',
}
_RATE_LIMIT_POLICY_HEADER: Final[Schema] = {
    **_TEXT_HEADER,
    "description": 'The limits: `"v1-minute";q=60;w=60`.',
}
ERROR_HEADERS: Final[dict[int, dict[str, Schema]]] = {
    401: {"WWW-Authenticate": _TEXT_HEADER},
    405: {"Allow": _TEXT_HEADER},
    503: {"Retry-After": _RETRY_AFTER_HEADER},
    429: {
        "Retry-After": _RETRY_AFTER_HEADER,
        "RateLimit": _RATE_LIMIT_HEADER,
        "RateLimit-Policy": _RATE_LIMIT_POLICY_HEADER,
    },
}


def error_schema(error_envelope: ErrorEnvelope, status: int) -> Schema:
    """The JSON schema of a dialect's failures of one status: what stays the same over two samples
    is constant.
    """
    named = {"field": ["What is wrong with it."]}
    first = error_envelope(status, "code", "message", named)
    second = error_envelope(status, "other code", "other message", {})
    found = _schema_of_samples(first, second)
    if status in ERROR_CODES:
        found["example"] = error_envelope(
            status, ERROR_CODES[status], STATUS_DESCRIPTIONS.get(status, ""), named
        )
    return found


def _schema_of_samples(one: Any, other: Any) -> Schema:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return _schema_of_objects(one, other)
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


def _schema_of_objects(one: Mapping[str, Any], other: Mapping[str, Any]) -> Schema:
    if not one and not other:
        return {"type": "object", "additionalProperties": {}}
    if not (shared := [key for key in one if key in other]):
        # Keys that come and go are names of fields.
        return {
            "type": "object",
            "additionalProperties": _schema_of_samples(*[next(iter((one or other).values()))] * 2),
        }
    properties = {key: _schema_of_samples(one[key], other[key]) for key in shared}
    properties |= {key: _schema_of_samples(one[key], one[key]) for key in one if key not in other}
    return {"type": "object", "properties": properties, "required": shared}
