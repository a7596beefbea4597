"""Django's views for failures outside any REST view: an unknown address, a bad request, a crash.

The root address list (config/urls.py) names them.
"""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import resolve

from config.errors import ApiError, ErrorEnvelope, common_error_envelope, unavailable


def _error_response(request: HttpRequest, failure: ApiError) -> HttpResponse:
    """A failure outside any REST view: a page for people, else the dialect of the view that the
    address leads to.
    """
    if request.path_info.startswith("/admin"):
        return render(request, "error.html", {"failure": failure}, status=failure.status)
    try:
        view = getattr(resolve(request.path_info).func, "cls", None)
    except Http404:
        view = None
    envelope: ErrorEnvelope = getattr(view, "error_envelope", common_error_envelope)
    body = envelope(failure.status, failure.code, failure.message, failure.fields)
    return JsonResponse(body, status=failure.status, headers=failure.headers)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler400."""
    return _error_response(request, ApiError(400, "invalid_request", "Bad request."))


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler403."""
    return _error_response(request, ApiError(403, "forbidden", "Forbidden."))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler404."""
    return _error_response(request, ApiError(404, "not_found", "Not found."))


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500: it asks to come again, as a sender of punches should."""
    return _error_response(request, unavailable("Something went wrong on the server."))
