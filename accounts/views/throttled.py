"""Rate limits on plain Django pages: the page for somebody who tries too often."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.rate_limits import RateLimit, RateLimitUnavailable, count_request


def throttled_response(request: HttpRequest, limits: tuple[RateLimit, ...]) -> HttpResponse | None:
    """The answer to somebody who tries too often, or cannot be counted now; None to go on."""
    try:
        bill = count_request(request, limits)
    except RateLimitUnavailable as error:
        page = render(
            request, "throttled.html", {"seconds": error.wait, "unavailable": True}, status=503
        )
        page["Retry-After"] = str(error.wait)
        return page
    if bill.retry_after is None:
        return None
    page = render(request, "throttled.html", {"seconds": bill.retry_after}, status=429)
    for name, value in bill.headers.items():
        page[name] = value
    return page
