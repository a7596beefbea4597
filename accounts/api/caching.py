"""Answers that carry credentials are kept by no cache. Used by every view of this package."""

from __future__ import annotations

from rest_framework.response import Response


def no_store(response: Response) -> Response:
    response["Cache-Control"] = "no-store"
    return response
