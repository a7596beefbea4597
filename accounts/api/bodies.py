"""Bodies that carry credentials: checked as they come in, and kept by no cache on their way out.
Used by every view of this package.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response


def validated_body(
    serializer_class: type[serializers.Serializer[Any]], request: Request
) -> dict[str, Any]:
    body = serializer_class(data=request.data)
    body.is_valid(raise_exception=True)
    found: dict[str, Any] = body.validated_data
    return found


def no_store(response: Response) -> Response:
    response["Cache-Control"] = "no-store"
    return response
