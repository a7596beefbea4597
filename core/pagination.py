"""Lists of the API, a page at a time: newest first, by a cursor that stays true while rows are
added.
"""

from __future__ import annotations

import re
from typing import Any, Final

from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.response import Response

_ID: Final = re.compile(r"[0-9]{1,19}")


class NewestFirstPagination(CursorPagination):
    """`{"data": […], "next": null|url}`, 50 rows a page, newest id first."""

    page_size = 50
    ordering = "-id"

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None) -> Any:
        """A page of rows. Raises ValidationError for a cursor that is not ours."""
        try:
            return super().paginate_queryset(queryset, request, view)
        except NotFound as error:
            raise ValidationError({"cursor": ["This is not a cursor."]}) from error

    def decode_cursor(self, request: Any) -> Any:
        """What the cursor says. Raises NotFound when it does not stand at an id."""
        cursor = super().decode_cursor(request)
        if (
            cursor is not None
            and cursor.position is not None
            and not _ID.fullmatch(str(cursor.position))
        ):
            raise NotFound
        return cursor

    def get_paginated_response(self, data: Any) -> Response:
        """The contract's envelope of a list."""
        return Response({"data": data, "next": self.get_next_link()})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The same, for the OpenAPI file."""
        return {
            "type": "object",
            "required": ["data", "next"],
            "properties": {
                "data": schema,
                "next": {"type": "string", "format": "uri", "nullable": True},
            },
        }
