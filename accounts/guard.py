"""What a session may do in the console: how long it lasts, whether its second factor was shown, how
fresh its proof is.

`ConsoleGuard` stands before every page of the console. The pages it sends people to are in
`accounts.pages`.
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

from accounts import factors
from accounts.models import User

# In the session: seconds since the epoch, how it began, whether the second factor was shown.
BEGAN: Final = "muster_began"
SEEN: Final = "muster_seen"
PROVED: Final = "muster_proved"
HOW: Final = "muster_how"
FACTOR: Final = "muster_factor"

PROOF_LASTS_S: Final = 600
# Writing the session at every click would be a write at every click.
SEEN_EVERY_S: Final = 60
CONSOLE: Final = "/admin/"
# What somebody may open who has not shown everything yet.
OPEN_VIEWS: Final = frozenset(
    (
        "console-sign-in",
        "admin:login",
        "admin:logout",
        "admin:jsi18n",
        "second-factor",
        "second-factor-set-up",
        "second-factor-codes",
        "second-factor-remove",
        "prove",
    )
)
# What a page asks by itself while it lies open: nobody touched the console.
UNTOUCHED_VIEWS: Final = frozenset(
    ("admin:reports_reportjob_progress", "admin:reports_screen_figures")
)


def begin(session: Any, *, how: str, proved: bool) -> None:
    """Mark a session that begins now: `console` or `sso`; `proved`, when somebody has just shown
    who they are.
    """
    now = int(time.time())
    session.update({BEGAN: now, SEEN: now, HOW: how, PROVED: now if proved else 0})


def prove(session: Any, *, factor: bool) -> None:
    """Somebody has shown who they are: by the second factor, or else by the password."""
    session[PROVED] = int(time.time())
    if factor:
        session[FACTOR] = True


def is_fresh(session: Any) -> bool:
    """Whether somebody has shown who they are a short while ago."""
    return bool(time.time() - session.get(PROVED, 0) <= PROOF_LASTS_S)


def owes_factor(request: HttpRequest, user: User) -> str | None:
    """The page somebody must see before any other, by name: for the code, or to set a factor up.
    None when nothing is owed.
    """
    session = request.session
    if session.get(FACTOR) or (session.get(HOW) == "sso" and factors.asked_elsewhere(user)):
        return None
    if factors.has_one(user):
        return "second-factor"
    return "second-factor-set-up" if factors.must_have_one(user) else None


class ConsoleGuard:
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
        if not request.path_info.startswith(CONSOLE):
            return None
        user = request.user
        if not isinstance(user, User) or not user.is_staff:
            return None
        if _ended(request.session):
            logout(request)
            return _to("admin:login", request)
        if name not in UNTOUCHED_VIEWS:
            _touch(request.session)
        if name in OPEN_VIEWS:
            return None
        if owed := owes_factor(request, user):
            return _to(owed, request)
        if name in settings.STEP_UP_VIEWS and not is_fresh(request.session):
            return _to("prove", request)
        return None


def _ended(session: Any) -> bool:
    now = time.time()
    began, seen = session.get(BEGAN, 0), session.get(SEEN, 0)
    return bool(now - began > settings.SESSION_COOKIE_AGE or now - seen > settings.SESSION_IDLE_S)


def _touch(session: Any) -> None:
    if time.time() - session.get(SEEN, 0) > SEEN_EVERY_S:
        session[SEEN] = int(time.time())


def _to(name: str, request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(f"{reverse(name)}?{urlencode({'next': request.get_full_path()})}")
