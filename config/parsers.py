"""How the body of a REST request is read: strict JSON, within a size. REST_FRAMEWORK names the
parser; no app imports it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework import exceptions, status
from rest_framework.parsers import BaseParser


class BodyTooLarge(exceptions.APIException):
    """The body is larger than any channel takes."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The body is larger than 1 MiB."
    default_code = "too_large"


class BoundedJSONParser(BaseParser):
    """Strict JSON of at most 1 MiB: UTF-8, no NaN. The text as received is left at `request.text`
    for the evidence.

    A view that has to read JSON in its own way says so by an attribute `loads`: text → value,
    ValueError when it is none.
    """

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """The decoded body. Raises ParseError or BodyTooLarge."""
        raw = read_limited_body(stream, parser_context["request"] if parser_context else None)
        loads = getattr(parser_context.get("view"), "loads", _loads) if parser_context else _loads
        try:
            text = raw.decode()
            value = loads(text)
        except (ValueError, RecursionError) as error:
            raise exceptions.ParseError("The body is not JSON.") from error
        if parser_context:
            parser_context["request"].text = text
        return value


def read_limited_body(stream: IO[Any], request: Any) -> bytes:
    """The body's bytes, never more than one beyond the limit. Raises BodyTooLarge."""
    declared = request.META.get("CONTENT_LENGTH") if request is not None else None
    if declared and declared.isdigit() and int(declared) > settings.MAX_BODY_BYTES:
        raise BodyTooLarge
    raw: bytes = stream.read(settings.MAX_BODY_BYTES + 1)
    if len(raw) > settings.MAX_BODY_BYTES:
        raise BodyTooLarge
    return raw


def _loads(text: str) -> Any:
    return json.loads(text, parse_constant=_reject_constant)


def _reject_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
