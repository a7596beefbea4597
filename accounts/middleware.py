"""What a session may do in the console: how long it lasts, whether its second factor was shown, how
fresh its proof is.

`ConsoleSessionMiddleware` stands before every page of the console. The pages it sends people to are
in `accounts.views`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from accounts import two_factor
from accounts.models import User

# In the session: seconds since the epoch, how it began, whether the second factor was shown.
SESSION_STARTED_AT: Final = "muster_started_at"
SESSION_LAST_SEEN_AT: Final = "muster_last_seen_at"
SESSION_REAUTHENTICATED_AT: Final = "muster_reauthenticated_at"
SESSION_LOGIN_METHOD: Final = "muster_login_method"
SESSION_SECOND_FACTOR: Final = "muster_second_factor"

REAUTHENTICATION_MAX_AGE_S: Final = 600
# Writing the session at every click would be a write at every click.
LAST_SEEN_RESOLUTION_S: Final = 60
CONSOLE_PATH: Final = "/admin/"
# Pages outside the console whose session ends as the console's does.
SESSION_VIEWS: Final = frozenset(("root", "home"))
# What somebody may open who has not shown everything yet.
PARTIAL_SESSION_VIEWS: Final = frozenset(
    (
        "console-sign-in",
        "admin:login",
        "admin:logout",
        "admin:jsi18n",
        "second-factor",
        "second-factor-set-up",
        "second-factor-codes",
        "second-factor-remove",
        "reauthenticate",
    )
)
# What a page asks by itself while it lies open: nobody touched the console.
POLLING_VIEWS: Final = frozenset(
    ("admin:reports_reportjob_progress", "admin:reports_screen_figures")
)


def start_console_session(session: Any, *, login_method: str, reauthenticated: bool) -> None:
    """Mark a session that begins now: `console` or `sso`; `reauthenticated`, when somebody has just
    shown who they are.
    """
    now = int(time.time())
    session.update(
        {
            SESSION_STARTED_AT: now,
            SESSION_LAST_SEEN_AT: now,
            SESSION_LOGIN_METHOD: login_method,
            SESSION_REAUTHENTICATED_AT: now if reauthenticated else 0,
        }
    )


def path_after_sign_in(user: User, page: str = CONSOLE_PATH) -> str:
    """Where a user who has signed in is led: to `page`, or without the console to the home page."""
    return page if user.is_staff else reverse("home")


def mark_reauthenticated(session: Any, *, second_factor: bool) -> None:
    """Somebody has shown who they are: by the second factor, or else by the password."""
    session[SESSION_REAUTHENTICATED_AT] = int(time.time())
    if second_factor:
        session[SESSION_SECOND_FACTOR] = True


def is_recently_authenticated(session: Any) -> bool:
    """Whether somebody has shown who they are a short while ago."""
    return bool(
        time.time() - session.get(SESSION_REAUTHENTICATED_AT, 0) <= REAUTHENTICATION_MAX_AGE_S
    )


def required_second_factor_view(request: HttpRequest, user: User) -> str | None:
    """The page somebody must see before any other, by name: for the code, or to set a factor up.
    None when nothing is owed.
    """
    session = request.session
    if session.get(SESSION_SECOND_FACTOR) or (
        session.get(SESSION_LOGIN_METHOD) == "sso" and two_factor.is_second_factor_at_provider(user)
    ):
        return None
    if two_factor.has_second_factor(user):
        return "second-factor"
    return "second-factor-set-up" if two_factor.is_second_factor_required(user) else None


class ConsoleSessionMiddleware:
    """Goes after authentication. Ends sessions that are old or idle, and asks for what is owed
    before a page is shown.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """A redirect to what must be done first, or None."""
        name = request.resolver_match.view_name if request.resolver_match else ""
        if not request.path_info.startswith(CONSOLE_PATH) and name not in SESSION_VIEWS:
            return None
        user = request.user
        if not isinstance(user, User):
            return None
        if _is_expired(request.session):
            logout(request)
            return _redirect_with_next("admin:login", request)
        if name not in POLLING_VIEWS:
            _update_last_seen(request.session)
        if name in PARTIAL_SESSION_VIEWS | SESSION_VIEWS or not user.is_staff:
            return None
        if owed := required_second_factor_view(request, user):
            return _redirect_with_next(owed, request)
        if name in settings.STEP_UP_VIEWS and not is_recently_authenticated(request.session):
            return _redirect_with_next("reauthenticate", request)
        return None


def _is_expired(session: Any) -> bool:
    now = time.time()
    began, seen = session.get(SESSION_STARTED_AT, 0), session.get(SESSION_LAST_SEEN_AT, 0)
    return bool(now - began > settings.SESSION_COOKIE_AGE or now - seen > settings.SESSION_IDLE_S)


def _update_last_seen(session: Any) -> None:
    if time.time() - session.get(SESSION_LAST_SEEN_AT, 0) > LAST_SEEN_RESOLUTION_S:
        session[SESSION_LAST_SEEN_AT] = int(time.time())


def _redirect_with_next(name: str, request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(f"{reverse(name)}?{urlencode({'next': request.get_full_path()})}")
