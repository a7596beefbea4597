"""Lists of the API, a page at a time: newest first, by a cursor that stays true while rows are added."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.response import Response


class NewestFirst(CursorPagination):
    """`{"data": […], "next": null|url}`, 50 rows a page, newest id first."""

    page_size = 50
    ordering = "-id"

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None) -> Any:
        """A page of rows. Raises ValidationError for a cursor that is not ours."""
        try:
            return super().paginate_queryset(queryset, request, view)
        except NotFound as error:
            raise ValidationError({"cursor": ["This is not a cursor."]}) from error

    def get_paginated_response(self, data: Any) -> Response:
        """The contract's envelope of a list."""
        return Response({"data": data, "next": self.get_next_link()})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The same, for the OpenAPI file."""
        return {
            "type": "object",
            "required": ["data", "next"],
            "properties": {"data": schema, "next": {"type": "string", "format": "uri", "nullable": True}},
        }
