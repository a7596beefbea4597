"""What browsers are told they may do with our answers: Content-Security-Policy and its neighbours.

An answer that is data lets a page do nothing at all. Our pages load from here only, with no inline
script. The console is the exception, as far as it must: Unfold's Alpine.js evaluates attributes
(`unsafe-eval`), and sets its theme in a style element.
"""

from __future__ import annotations

from typing import Any, Final

from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

CONSOLE_PATH: Final = "/admin/"
# For every page of ours.
CONTENT_SECURITY_POLICY: Final[dict[str, Any]] = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    },
}
DATA_POLICY: Final[dict[str, list[str]]] = {"default-src": [NONE], "frame-ancestors": [NONE]}
CONSOLE_POLICY: Final[dict[str, list[str]]] = {
    "script-src": [UNSAFE_EVAL],
    "style-src": [UNSAFE_INLINE],
}
# Nothing of ours asks for a camera or a position: phones do that in their own app.
PERMISSIONS_POLICY: Final = ", ".join(
    f"{name}=()"
    for name in (
        "accelerometer",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "magnetometer",
        "microphone",
        "payment",
        "usb",
    )
)


class SecurityHeadersMiddleware(CSPMiddleware):
    """Puts the policies on every answer, failures included."""

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        """The policy by what the answer is: data, a page of the console, another page. None is for
        reports only.
        """
        parts = super().get_policy_parts(request, response, report_only)
        if report_only:
            return parts
        if not response.get("Content-Type", "").startswith("text/html"):
            parts.config = DATA_POLICY
        elif request.path_info.startswith(CONSOLE_PATH):
            parts.update = {**CONSOLE_POLICY, **(parts.update or {})}
        return parts

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """The same, and the headers that are the same everywhere."""
        response = super().process_response(request, response)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if request.method == "HEAD" and isinstance(response, HttpResponse):
            # Its length stays; a body would have to be dropped by the server, which complains each
            # time.
            response.content = b""
        return response
