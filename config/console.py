"""What is on every page of the console: the clock that its times are shown on, and the sidebar with
its counts.

Named in the settings: `navigation` in UNFOLD, `LocalTimeMiddleware` in MIDDLEWARE.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from attendance.models import AttendanceException, Punch
from config.console_settings import NAVIGATION
from core.tenant_visibility import visible_rows

# The badge in the sidebar is on every page: it stops counting here.
MAX_BADGE_COUNT: Final = 100


class LocalTimeMiddleware:
    """Show the console's times on the clock of the speaker's organization; operators see UTC. Goes
    after authentication.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith("/admin/"):
            return self.get_response(request)
        organization = getattr(request.user, "organization", None)
        with timezone.override(ZoneInfo(organization.timezone) if organization else None):
            return self.get_response(request)


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar; beside the punches without a person, and the inbox, stands how many there are,
    if any.
    """
    numbers = {name: number for name, count in _BADGES.items() if (number := count(request))}
    if not numbers:
        return NAVIGATION
    return [
        group | {"items": [_with_badge(line, numbers) for line in group["items"]]}
        for group in NAVIGATION
    ]


def _with_badge(item: dict[str, Any], numbers: dict[str, str]) -> dict[str, Any]:
    number = numbers.get(item.get("counts", ""))
    return item | {"badge": number} if number else item


def _unmatched_badge(request: HttpRequest) -> str:
    """How many punches wait for a person, in words for the badge; empty when none does."""
    return _badge_text(request, "attendance.view_punch", Punch.objects.unmatched())


def _open_exceptions_badge(request: HttpRequest) -> str:
    """How many exceptions are open."""
    return _badge_text(
        request,
        "attendance.view_attendanceexception",
        AttendanceException.objects.filter(state=AttendanceException.State.OPEN),
    )


def _badge_text(request: HttpRequest, permission: str, rows: QuerySet[Any]) -> str:
    if not request.user.has_perm(permission):
        return ""
    found = visible_rows(request, rows).order_by()[:MAX_BADGE_COUNT].count()
    return f"{MAX_BADGE_COUNT - 1}+" if found == MAX_BADGE_COUNT else str(found or "")


_BADGES: Final[dict[str, Callable[[HttpRequest], str]]] = {
    "unmatched": _unmatched_badge,
    "exceptions": _open_exceptions_badge,
}
