"""The console's first page: today at a glance, of the user's organization.

`dashboard` is named in the settings (UNFOLD, DASHBOARD_CALLBACK); templates/admin/index.html shows
what it returns.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, CharField, Count, Q, Value, When
from django.db.models.functions import ExtractHour
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from attendance.models import AttendanceException, Punch, Verdict
from attendance.punches.reconciliation import EndpointReconciliation, reconcile_organization
from config.console_settings import UNMATCHED_PUNCHES_QUERY
from config.punch_chart import ACCEPTED, OUTCOME_LABELS, REJECTED, UNMATCHED, punch_chart
from core.admin_html import changelist_url
from core.tenant_visibility import visible_rows
from devices.models import Device
from devices.presence import ONLINE, SILENT, device_state
from employees.models import Organization
from webhooks.models import Delivery


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


def _midnight_after(midnight: datetime) -> datetime:
    """The next one on the wall clock: a day with a change of the clocks has 23 or 25 hours."""
    return midnight + timedelta(days=1)


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
