"""The live board as pages: for screens in public, by their secret address. The console's page is in
`reports.admin.screens`.
"""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.http import require_safe

from reports import screens
from reports.board import BOARD_STATES, BOARD_TITLES
from reports.models import Screen


def _screen_or_404(token: str) -> Screen:
    found = screens.screen_by_token(token)
    if found is None:
        raise Http404
    return found


@require_safe
def public_board(request: HttpRequest, token: str) -> HttpResponse:
    """The page a screen shows; it asks for fresh numbers by itself."""
    found = _screen_or_404(token)
    with translation.override(found.language):
        shown = {
            "screen": found,
            "token": token,
            "language": found.language,
            **board_context(screens.screen_figures(found)),
        }
        return _public_response(render(request, "reports/public_board.html", shown))


@require_safe
def public_board_figures(request: HttpRequest, token: str) -> HttpResponse:
    """The numbers of a screen."""
    found = _screen_or_404(token)
    with translation.override(found.language):
        return _public_response(JsonResponse(screens.screen_figures(found)))


def board_context(found: dict[str, Any]) -> dict[str, Any]:
    """Figures as the pages show them before their script has run."""
    return {
        "board": found,
        "titles": {name: str(title) for name, title in BOARD_TITLES.items()},
        "states": list(BOARD_STATES),
    }


def _public_response(response: HttpResponse) -> HttpResponse:
    """For whoever has the address, for a moment, and for no index; the address is told to
    nobody.
    """
    response.headers["Cache-Control"] = f"private, max-age={screens.FIGURES_CACHE_S}"
    response.headers["Content-Language"] = translation.get_language() or ""
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
