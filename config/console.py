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

from attendance.models import DayException, Punch, Verdict
from attendance.reconciliation import Balance, balances
from config.console_settings import NAVIGATION, UNMATCHED_QUERY
from devices.admin import ONLINE, SILENT, state_of
from devices.models import Device
from employees.console import list_url, within
from employees.models import Organization
from webhooks.models import Delivery

ACCEPTED, UNMATCHED, REFUSED = "accepted", "unmatched", "refused"
OUTCOMES: Final[dict[str, Any]] = {
    ACCEPTED: _("Accepted"),
    UNMATCHED: _("Nobody known"),
    REFUSED: _("Refused"),
}
# The badge in the sidebar is on every page: it stops counting here.
BADGE_COUNTS_TO: Final = 100


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
class Card:
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
        muster |= _punches(request, now)
    if request.user.has_perm("attendance.view_dayexception") and "punches" in muster:
        muster["punches"].append(_inbox(request))
    if request.user.has_perm("devices.view_device"):
        muster["devices"] = _devices(request, now)
    if request.user.has_perm("webhooks.view_delivery"):
        muster["pushes"] = _pushes(request, now)
        muster["balances"] = _balances(request)
    return context | {"muster": muster, "title": _("Today")}


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar; beside the punches without a person, and the inbox, stands how many there are,
    if any.
    """
    numbers = {name: number for name, count in _COUNTS.items() if (number := count(request))}
    if not numbers:
        return NAVIGATION
    return [
        group | {"items": [_counted(line, numbers) for line in group["items"]]}
        for group in NAVIGATION
    ]


def _counted(line: dict[str, Any], numbers: dict[str, str]) -> dict[str, Any]:
    number = numbers.get(line.get("counts", ""))
    return line | {"badge": number} if number else line


def _waiting(request: HttpRequest) -> str:
    """How many punches wait for a person, in words for the badge; empty when none does."""
    return _number(request, "attendance.view_punch", Punch.objects.unmatched())


def _to_look_at(request: HttpRequest) -> str:
    """How many exceptions are open."""
    return _number(
        request,
        "attendance.view_dayexception",
        DayException.objects.filter(state=DayException.State.OPEN),
    )


def _number(request: HttpRequest, permission: str, rows: QuerySet[Any]) -> str:
    if not request.user.has_perm(permission):
        return ""
    found = within(request, rows).order_by()[:BADGE_COUNTS_TO].count()
    return f"{BADGE_COUNTS_TO - 1}+" if found == BADGE_COUNTS_TO else str(found or "")


_COUNTS: Final[dict[str, Callable[[HttpRequest], str]]] = {
    "unmatched": _waiting,
    "inbox": _to_look_at,
}


# --- Punches --------------------------------------------------------------------------------------
def _punches(request: HttpRequest, now: datetime) -> dict[str, Any]:
    """Today's punches by hour and outcome: one query."""
    start = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    outcome = Case(
        When(Q(verdict=Verdict.ACCEPTED) | Q(match__isnull=False), then=Value(ACCEPTED)),
        When(verdict=Verdict.UNMATCHED, then=Value(UNMATCHED)),
        default=Value(REFUSED),
        output_field=CharField(),
    )
    rows = (
        within(
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
    totals = {kind: sum(by_hour[hour, kind] for hour in range(24)) for kind in OUTCOMES}
    today = (
        f"occurred_at__year={start.year}&occurred_at__month={start.month}"
        f"&occurred_at__day={start.day}"
    )
    address = f"{list_url(Punch)}?{today}"
    refusals = ",".join(
        verdict.value for verdict in Verdict if verdict not in (Verdict.ACCEPTED, Verdict.UNMATCHED)
    )
    return {
        "punches": [
            Card(_("Accepted today"), totals[ACCEPTED], address),
            Card(
                _("Refused today"),
                totals[REFUSED],
                f"{address}&verdict__in={refusals}",
                totals[REFUSED] > 0,
            ),
            Card(
                _("Nobody known today"),
                totals[UNMATCHED],
                f"{address}&{UNMATCHED_QUERY}",
                totals[UNMATCHED] > 0,
            ),
        ],
        "chart": chart(by_hour, timezone.localtime(now).hour),
    }


def _inbox(request: HttpRequest) -> Card:
    """How much somebody should look at: one query."""
    number = (
        within(request, DayException.objects.filter(state=DayException.State.OPEN))
        .order_by()
        .count()
    )
    return Card(_("To look at"), number, list_url(DayException), number > 0)


def _midnight_after(midnight: datetime) -> datetime:
    """The next one on the wall clock: a day with a change of the clocks has 23 or 25 hours."""
    return midnight + timedelta(days=1)


# --- The chart: plain SVG, drawn here, so that the page asks nobody outside for anything ----------
WIDTH, HEIGHT, LEFT, BOTTOM = 960, 200, 34, 22
_STEP: Final = (WIDTH - LEFT) / 24


@dataclass(frozen=True, slots=True)
class Bar:
    """One coloured piece of an hour's column."""

    x: float
    y: float
    height: float
    kind: str
    title: str


def chart(by_hour: Counter[tuple[int, str]], hour_now: int) -> dict[str, Any]:
    """Columns of a day by hour, stacked by outcome, in the coordinates of a WIDTH by HEIGHT
    drawing.
    """
    highest = max((sum(by_hour[hour, kind] for kind in OUTCOMES) for hour in range(24)), default=0)
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
        "legend": list(OUTCOMES.items()),
        "empty": highest == 0,
    }


def _bars(by_hour: Counter[tuple[int, str]], scale: float) -> Iterable[Bar]:
    for hour in range(24):
        y = float(HEIGHT - BOTTOM)
        for kind, name in OUTCOMES.items():
            if number := by_hour[hour, kind]:
                y -= number * scale
                yield Bar(
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
def _devices(request: HttpRequest, now: datetime) -> list[Card]:
    """Devices by their state now: one query."""
    rows = within(
        request, Device.objects.only("blocked", "subscription_until", "last_seen_at", "heartbeat_s")
    ).order_by()
    states = Counter(state_of(device, now) for device in rows.iterator())
    devices = list_url(Device)
    return [
        Card(_("Devices online"), states[ONLINE], f"{devices}?state={ONLINE}"),
        Card(_("Devices silent"), states[SILENT], f"{devices}?state={SILENT}", states[SILENT] > 0),
    ]


def _balances(request: HttpRequest) -> list[Balance]:
    """Whether today's pushes agree with today's punches, for each endpoint of the user's
    organization: one query each.
    """
    organization: Organization | None = getattr(request.user, "organization", None)
    return balances(organization, timezone.localdate()) if organization else []


def _pushes(request: HttpRequest, now: datetime) -> list[Card]:
    """What waits, what went through in the last hour, and what was given up: two queries."""
    hour_ago = now - timedelta(hours=1)
    done = within(request, Delivery.objects.filter(finished_at__isnull=False)).aggregate(
        delivered=Count("id", filter=Q(state=Delivery.State.DELIVERED, finished_at__gte=hour_ago)),
        dead=Count("id", filter=Q(state=Delivery.State.DEAD)),
    )
    deliveries = list_url(Delivery)
    return [
        Card(
            _("Pushes waiting"),
            within(request, Delivery.objects.waiting()).order_by().count(),
            f"{deliveries}?state__exact={Delivery.State.WAITING}",
        ),
        Card(
            _("Delivered in the last hour"),
            done["delivered"],
            f"{deliveries}?state__exact={Delivery.State.DELIVERED}",
        ),
        Card(
            _("Given up"),
            done["dead"],
            f"{deliveries}?state__exact={Delivery.State.DEAD}",
            done["dead"] > 0,
        ),
    ]
