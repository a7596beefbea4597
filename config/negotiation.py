"""Which parser reads a REST request and which renderer answers it. Named by REST_FRAMEWORK."""

from __future__ import annotations

from typing import Any

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.utils.mediatypes import media_type_matches


class FirstRendererNegotiation(BaseContentNegotiation):
    """A channel answers in its own words, whatever the Accept header asks for: a punch is not lost
    for a header.
    """

    def select_parser(self, request: Any, parsers: Any) -> Any:
        """The parser of the body's content type; None is answered 415."""
        return next(
            (one for one in parsers if media_type_matches(one.media_type, request.content_type)),
            None,
        )

    def select_renderer(
        self, request: Any, renderers: Any, format_suffix: str | None = None
    ) -> Any:
        """The view's first."""
        return renderers[0], renderers[0].media_type
