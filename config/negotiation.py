"""Which parser reads a REST request and which renderer answers it. Named by REST_FRAMEWORK."""

from __future__ import annotations

from typing import Any, Final

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.utils.mediatypes import media_type_matches

from config.parsers import BoundedJSONParser, ContentEncodingNotSupported

# What is certainly not JSON, whatever a careless client calls its JSON.
OTHER_FORMATS: Final = (
    "multipart/*",
    "application/x-www-form-urlencoded",
    "application/xml",
    "text/xml",
    "image/*",
)


class FirstRendererNegotiation(BaseContentNegotiation):
    """A channel answers in its own words, whatever the Accept header asks for: a punch is not lost
    for a header.
    """

    def select_parser(self, request: Any, parsers: Any) -> Any:
        """The parser of the body's content type; None is answered 415. A view with
        `assumes_json` reads JSON from every type that does not name another format. Raises
        ContentEncodingNotSupported.
        """
        encoding = request.headers.get("Content-Encoding", "").strip()
        if encoding.lower() not in ("", "identity"):
            raise ContentEncodingNotSupported(encoding)
        content_type = request.content_type or ""
        for parser in parsers:
            if media_type_matches(parser.media_type, content_type):
                return parser
        view = request.parser_context.get("view")
        if getattr(view, "assumes_json", False) and not _names_other_format(content_type):
            return next((one for one in parsers if isinstance(one, BoundedJSONParser)), None)
        return None

    def select_renderer(
        self, request: Any, renderers: Any, format_suffix: str | None = None
    ) -> Any:
        """The view's first."""
        return renderers[0], renderers[0].media_type


def _names_other_format(content_type: str) -> bool:
    main = content_type.partition(";")[0].strip().lower()
    return main.endswith("+xml") or any(media_type_matches(one, main) for one in OTHER_FORMATS)
