"""The live board as pages: for screens in public, by their secret address. The console's page is in
`reports.board_admin`.
"""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.http import require_safe

from reports import screens
from reports.board import STATES, TITLES
from reports.models import Screen


def _screen(token: str) -> Screen:
    found = screens.screen_of(token)
    if found is None:
        raise Http404
    return found


@require_safe
def screen(request: HttpRequest, token: str) -> HttpResponse:
    """The page a screen shows; it asks for fresh numbers by itself."""
    found = _screen(token)
    with translation.override(found.language):
        shown = {
            "screen": found,
            "token": token,
            "language": found.language,
            **on_page(screens.figures(found)),
        }
        return _public(render(request, "reports/screen.html", shown))


@require_safe
def figures(request: HttpRequest, token: str) -> HttpResponse:
    """The numbers of a screen."""
    found = _screen(token)
    with translation.override(found.language):
        return _public(JsonResponse(screens.figures(found)))


def on_page(found: dict[str, Any]) -> dict[str, Any]:
    """Figures as the pages show them before their script has run."""
    return {
        "board": found,
        "titles": {name: str(title) for name, title in TITLES.items()},
        "states": list(STATES),
    }


def _public(response: HttpResponse) -> HttpResponse:
    """For whoever has the address, for a moment, and for no index; the address is told to
    nobody.
    """
    response.headers["Cache-Control"] = f"private, max-age={screens.FRESH_S}"
    response.headers["Content-Language"] = translation.get_language() or ""
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
