"""Failures of the token endpoint: those of OAuth (RFC 6749, section 5.2) beside the common
envelope.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

# What `error_description` may have: ASCII without quotes and backslashes.
_DESCRIPTION: Final = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+")
_TEMPORARY: Final = frozenset({429, 503})


def error_envelope(
    status: int, code: str, message: Any, fields: Mapping[str, list[str]]
) -> dict[str, Any]:
    """A failure in the words of both. At 400 the code is OAuth's error."""
    if status == 401:
        return {
            "message": "Unauthenticated.",
            "error": "invalid_client",
            "error_description": "The client id or the client secret is not valid.",
        }
    error = code if status == 400 else "invalid_request"
    if status in _TEMPORARY:
        error = "temporarily_unavailable"
    body = {
        "message": message,
        "code": code,
        "error": error,
        "error_description": _description(status, message, fields),
    }
    return body | ({"errors": dict(fields)} if status == 400 else {})


def _description(status: int, message: Any, fields: Mapping[str, list[str]]) -> str:
    """One sentence for the developer of the client, always in the characters of OAuth."""
    name, texts = next(iter(fields.items()), ("", [message]))
    text = str(texts[0]).replace('"', "'")
    text = f"{name}: {text}" if name else text
    if _DESCRIPTION.fullmatch(text):
        return text
    # In another language, or about a field of another name.
    return "Try again later." if status in _TEMPORARY else "The request is not valid."
