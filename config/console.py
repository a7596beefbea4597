"""The console's first page: today at a glance, of the speaker's organization; and the clock the
console runs on.

Named in the settings: `dashboard` and `navigation` in UNFOLD, `LocalTimeMiddleware` in MIDDLEWARE.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db.models import Case, CharField, Count, Q, QuerySet, Value, When
from django.db.models.functions import ExtractHour
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from attendance.models import AttendanceException, Punch, Verdict
from attendance.punches.reconciliation import EndpointReconciliation, reconcile_organization
from config.console_settings import NAVIGATION, UNMATCHED_PUNCHES_QUERY
from core.admin_html import changelist_url
from core.tenant_visibility import visible_rows
from devices.models import Device
from devices.presence import ONLINE, SILENT, device_state
from employees.models import Organization
from webhooks.models import Delivery

ACCEPTED, UNMATCHED, REJECTED = "accepted", "unmatched", "refused"
OUTCOME_LABELS: Final[dict[str, Any]] = {
    ACCEPTED: _("Accepted"),
    UNMATCHED: _("Unmatched"),
    REJECTED: _("Rejected"),
}
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


@dataclass(frozen=True, slots=True)
class DashboardCard:
    """A number on the first page, and where it leads."""

    title: Any
    number: int
    url: str
    alarm: bool = False


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What unfold hands to templates/admin/index.html. Each part only for those who may look at its
    rows.
    """
    now = timezone.now()
    muster: dict[str, Any] = {
        "zone": timezone.get_current_timezone_name(),
        "day": timezone.localdate(),
    }
    if request.user.has_perm("attendance.view_punch"):
        muster |= _punch_section(request, now)
    if request.user.has_perm("attendance.view_attendanceexception") and "punches" in muster:
        muster["punches"].append(_open_exceptions_card(request))
    if request.user.has_perm("devices.view_device"):
        muster["devices"] = _device_cards(request, now)
    if request.user.has_perm("webhooks.view_delivery"):
        muster["pushes"] = _delivery_cards(request, now)
        muster["balances"] = _balances(request)
    return context | {"muster": muster, "title": _("Today")}


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


# --- Punches --------------------------------------------------------------------------------------
def _punch_section(request: HttpRequest, now: datetime) -> dict[str, Any]:
    """Today's punches by hour and outcome: one query."""
    start = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    outcome = Case(
        When(Q(verdict=Verdict.ACCEPTED) | Q(match__isnull=False), then=Value(ACCEPTED)),
        When(verdict=Verdict.UNMATCHED, then=Value(UNMATCHED)),
        default=Value(REJECTED),
        output_field=CharField(),
    )
    rows = (
        visible_rows(
            request,
            Punch.objects.filter(occurred_at__gte=start, occurred_at__lt=_midnight_after(start)),
        )
        .annotate(hour=ExtractHour("occurred_at"), outcome=outcome)
        .order_by()
        .values_list("hour", "outcome")
        .annotate(number=Count("id"))
    )
    by_hour: Counter[tuple[int, str]] = Counter(
        {(hour, kind): number for hour, kind, number in rows}
    )
    totals = {kind: sum(by_hour[hour, kind] for hour in range(24)) for kind in OUTCOME_LABELS}
    today = (
        f"occurred_at__year={start.year}&occurred_at__month={start.month}"
        f"&occurred_at__day={start.day}"
    )
    address = f"{changelist_url(Punch)}?{today}"
    refusals = ",".join(
        verdict.value for verdict in Verdict if verdict not in (Verdict.ACCEPTED, Verdict.UNMATCHED)
    )
    return {
        "punches": [
            DashboardCard(_("Accepted today"), totals[ACCEPTED], address),
            DashboardCard(
                _("Rejected today"),
                totals[REJECTED],
                f"{address}&verdict__in={refusals}",
                totals[REJECTED] > 0,
            ),
            DashboardCard(
                _("Unmatched today"),
                totals[UNMATCHED],
                f"{address}&{UNMATCHED_PUNCHES_QUERY}",
                totals[UNMATCHED] > 0,
            ),
        ],
        "chart": punch_chart(by_hour, timezone.localtime(now).hour),
    }


def _open_exceptions_card(request: HttpRequest) -> DashboardCard:
    """How much somebody should look at: one query."""
    number = (
        visible_rows(
            request, AttendanceException.objects.filter(state=AttendanceException.State.OPEN)
        )
        .order_by()
        .count()
    )
    return DashboardCard(_("Exceptions"), number, changelist_url(AttendanceException), number > 0)


def _midnight_after(midnight: datetime) -> datetime:
    """The next one on the wall clock: a day with a change of the clocks has 23 or 25 hours."""
    return midnight + timedelta(days=1)


# --- The chart: plain SVG, drawn here, so that the page asks nobody outside for anything ----------
WIDTH, HEIGHT, LEFT, BOTTOM = 960, 200, 34, 22
_STEP: Final = (WIDTH - LEFT) / 24


@dataclass(frozen=True, slots=True)
class ChartBar:
    """One coloured piece of an hour's column."""

    x: float
    y: float
    height: float
    kind: str
    title: str


def punch_chart(by_hour: Counter[tuple[int, str]], hour_now: int) -> dict[str, Any]:
    """Columns of a day by hour, stacked by outcome, in the coordinates of a WIDTH by HEIGHT
    drawing.
    """
    highest = max(
        (sum(by_hour[hour, kind] for kind in OUTCOME_LABELS) for hour in range(24)), default=0
    )
    top = _round_up(highest)
    scale = (HEIGHT - BOTTOM - 10) / top
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "floor": HEIGHT - BOTTOM,
        "bar_width": round(_STEP - 8, 1),
        "bars": list(_bars(by_hour, scale)),
        "lines": [
            {"y": round(HEIGHT - BOTTOM - part * scale, 1), "label": part}
            for part in sorted({0, top // 2, top})
        ],
        "hours": [
            {
                "x": round(LEFT + hour * _STEP + _STEP / 2, 1),
                "label": f"{hour:02}",
                "now": hour == hour_now,
            }
            for hour in range(24)
        ],
        "legend": list(OUTCOME_LABELS.items()),
        "empty": highest == 0,
    }


def _bars(by_hour: Counter[tuple[int, str]], scale: float) -> Iterable[ChartBar]:
    for hour in range(24):
        y = float(HEIGHT - BOTTOM)
        for kind, name in OUTCOME_LABELS.items():
            if number := by_hour[hour, kind]:
                y -= number * scale
                yield ChartBar(
                    round(LEFT + hour * _STEP + 4, 1),
                    round(y, 1),
                    round(number * scale, 1),
                    kind,
                    f"{hour:02}:00–{hour + 1:02}:00 · {name}: {number}",
                )


def _round_up(number: int) -> int:
    """The next round number that can be halved, for the top of the scale: 2, 4, 6, 10, 20, 40, 60,
    100 …
    """
    decade = 1
    while True:
        for step in (2, 4, 6, 10):
            if number <= step * decade:
                return step * decade
        decade *= 10


# --- Devices and pushes ---------------------------------------------------------------------------
def _device_cards(request: HttpRequest, now: datetime) -> list[DashboardCard]:
    """Devices by their state now: one query."""
    rows = visible_rows(
        request, Device.objects.only("blocked", "subscription_until", "last_seen_at", "heartbeat_s")
    ).order_by()
    states = Counter(device_state(device, now) for device in rows.iterator())
    devices = changelist_url(Device)
    return [
        DashboardCard(_("Devices online"), states[ONLINE], f"{devices}?state={ONLINE}"),
        DashboardCard(
            _("Devices silent"), states[SILENT], f"{devices}?state={SILENT}", states[SILENT] > 0
        ),
    ]


def _balances(request: HttpRequest) -> list[EndpointReconciliation]:
    """Whether today's pushes agree with today's punches, for each endpoint of the user's
    organization: one query each.
    """
    organization: Organization | None = getattr(request.user, "organization", None)
    return reconcile_organization(organization, timezone.localdate()) if organization else []


def _delivery_cards(request: HttpRequest, now: datetime) -> list[DashboardCard]:
    """What waits, what went through in the last hour, and what was given up: two queries."""
    hour_ago = now - timedelta(hours=1)
    done = visible_rows(request, Delivery.objects.filter(finished_at__isnull=False)).aggregate(
        delivered=Count("id", filter=Q(state=Delivery.State.DELIVERED, finished_at__gte=hour_ago)),
        dead=Count("id", filter=Q(state=Delivery.State.DEAD)),
    )
    deliveries = changelist_url(Delivery)
    return [
        DashboardCard(
            _("Deliveries waiting"),
            visible_rows(request, Delivery.objects.waiting()).order_by().count(),
            f"{deliveries}?state__exact={Delivery.State.WAITING}",
        ),
        DashboardCard(
            _("Delivered in the last hour"),
            done["delivered"],
            f"{deliveries}?state__exact={Delivery.State.DELIVERED}",
        ),
        DashboardCard(
            _("Dead letter"),
            done["dead"],
            f"{deliveries}?state__exact={Delivery.State.DEAD}",
            done["dead"] > 0,
        ),
    ]
