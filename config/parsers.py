"""How the body of a REST request is read: strict JSON, within a size. REST_FRAMEWORK names the
parser; no app imports it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any, Final

from django.conf import settings
from rest_framework import exceptions, status
from rest_framework.parsers import BaseParser

from core.json_bodies import DuplicateJsonKey, decode_json_body

BYTE_ORDER_MARK: Final = "\ufeff"


class BodyTooLarge(exceptions.APIException):
    """The body is larger than any channel takes."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The body is larger than 1 MiB."
    default_code = "too_large"


class ContentEncodingNotSupported(exceptions.ValidationError):
    """The body is compressed, or encoded in another way. The answer names the encoding."""

    status_code = status.HTTP_415_UNSUPPORTED_MEDIA_TYPE

    def __init__(self, encoding: str) -> None:
        text = f"Content-Encoding {encoding[:64]} is not supported. Send the body without it."
        super().__init__({"Content-Encoding": [text]})


class BoundedJSONParser(BaseParser):
    """Strict JSON of at most 1 MiB: UTF-8, with or without a byte order mark; no NaN, and no key
    twice in one object. The text as received is left at `request.text` for the evidence.

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
        view = parser_context.get("view") if parser_context else None
        loads = getattr(view, "loads", decode_json_body)
        try:
            text = raw.decode()
            value = loads(text.removeprefix(BYTE_ORDER_MARK))
        except DuplicateJsonKey as error:
            raise exceptions.ParseError(str(error)) from error
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
