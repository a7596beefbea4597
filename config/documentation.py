"""The API, described: `/docs` is the OpenAPI file as JSON, `/api/documentation` the same in Swagger
UI, served from here.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from config.openapi.document import openapi_document


@require_safe
@cache_control(max_age=300, public=True)
def openapi_file(request: HttpRequest) -> HttpResponse:
    """The OpenAPI file."""
    return HttpResponse(openapi_document(), content_type="application/json")


@require_safe
def swagger_ui(request: HttpRequest) -> HttpResponse:
    """Swagger UI, without a line of inline script or style."""
    return render(request, "documentation.html")
