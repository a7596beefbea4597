"""The channels' rate limits, and the throttle that holds REST views to theirs.

A REST view names its limits; nothing else is needed, because `RateLimitThrottle` is in
DEFAULT_THROTTLE_CLASSES:

    class PunchView(APIView):
        limits = (V1_PUNCH_LIMIT,)

    # A limit of one's own. The key says who is counted; None counts nobody.
    limits = (RateLimit("hr-clock", (Window(600, MINUTE),), key=lambda request:
    request.auth.client_id),)

    # Windows that the caller brings along: a function instead of a tuple. No windows, no limit.
    # A client's own window replaces the one of the same length only.
    limits = (RateLimit("biometric", lambda request: override_windows(BIOMETRIC_WINDOWS,
    request.auth.windows), key=caller_key),)

`caller_key` asks what authentication left in `request.auth` for its `limit_key`: a text that stays
the same over rotation (token family, API client) and differs between kinds (`token:7`,
`endpoint:7`). Another ready key: `client_network_key`. The limits on passwords and client secrets
are in `accounts.sign_in_limits`. A view set gives different limits per action with a property
`limits`, or with `as_view({…}, limits=(…))`. A plain Django view calls
`accounts.rate_limits.count_request` itself, as `accounts.views.throttled` does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.client_ip import get_client_network
from accounts.rate_limits import DAY, HOUR, MINUTE, REFUSE, RateLimit, Window, count_request

if TYPE_CHECKING:
    from rest_framework.views import APIView  # It imports this module, by its setting.


def caller_key(request: Any) -> object:
    """Key: whoever authentication found, by `request.auth.limit_key`."""
    return request.auth.limit_key


def client_network_key(request: Any) -> str:
    """Key: the client's address, or its /64."""
    return get_client_network(request)


# The limits that the channels' contracts name.
V1_LIMIT: Final = RateLimit("v1", (Window(60, MINUTE),), caller_key)
V1_PUNCH_LIMIT: Final = replace(V1_LIMIT, name="v1-punch", windows=(Window(30, MINUTE),))
# A terminal that stores what it could not send may send a day in a minute: off unless an operator
# knows his terminals.
DEVICE_LIMIT: Final = RateLimit(
    "device",
    lambda _: (
        (Window(settings.DEVICE_LIMIT_PER_MINUTE, MINUTE),)
        if settings.DEVICE_LIMIT_PER_MINUTE
        else ()
    ),
    key=lambda request: request.user.id,
)
BIOMETRIC_WINDOWS: Final = (Window(1000, HOUR), Window(10_000, DAY))
SSO_LIMIT: Final = RateLimit("sso", (Window(30, MINUTE),), client_network_key, REFUSE)
# Nobody guesses a refresh token, and a whole site may stand behind one address.
REFRESH_LIMIT: Final = RateLimit("refresh", (Window(600, MINUTE),), client_network_key, REFUSE)


class RateLimitThrottle(BaseThrottle):
    """Holds a view to its `limits`, and puts what is left of them onto its answers."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count the request. Raises RateLimitUnavailable."""
        self._bill = count_request(request, getattr(view, "limits", ()))
        # REST framework copies these onto every answer of the view, failures included.
        view.headers.update(self._bill.headers)
        return self._bill.retry_after is None

    def wait(self) -> float | None:
        """Seconds until it is worth trying again."""
        return self._bill.retry_after
