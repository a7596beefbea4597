"""The evidence for an exception: its punches, or its day. Shown on the page of the exception."""

from __future__ import annotations

from typing import Any, Final

from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from attendance.days import charts as day_charts
from attendance.models import AttendanceException, Day, Punch, Verdict
from core.admin_html import change_url, link_html, table_html
from core.times import to_local_time

ExceptionKind = AttendanceException.Kind
MAX_PUNCHES_SHOWN: Final = 100


def render_evidence(row: AttendanceException) -> Any:
    """What the exception was found by, such as a table of its punches; a dash if there is none."""
    if row.kind == ExceptionKind.UNMATCHED:
        waiting = (
            Punch.objects.of(row.organization_id)
            .unmatched()
            .filter(
                channel=row.details["channel"],
                device=row.device_id,
                user_code=row.details["code"],
            )
        )
        return _punch_table(waiting, _("All of them are matched now."))
    if row.kind == ExceptionKind.CLOCK_SKEW and "refused" in row.details:
        refused = Punch.objects.of(row.organization_id).filter(
            device=row.device_id, verdict=Verdict.REJECTED_TIME, pk__lte=row.details["last_id"]
        )
        return _punch_table(refused, "")
    if row.kind == ExceptionKind.TRAVEL:
        both = (row.details["from_punch"], row.punch_id or 0)
        return _punch_table(Punch.objects.of(row.organization_id).filter(pk__in=both), "")
    day = (
        Day.objects.of(row.organization_id).filter(pk=row.day_id).first()  # type: ignore[attr-defined]
        if row.day_id  # type: ignore[attr-defined]
        else None
    )
    return day_charts.day_timeline(day) if day is not None and day.why else "–"


def _punch_table(rows: Any, empty: Any) -> SafeString:
    shown = rows.select_related("employee").order_by("-pk")[:MAX_PUNCHES_SHOWN]
    cells = (
        (
            link_html(change_url(one), f"#{one.pk}"),
            one.user_code or "–",
            one.employee or "–",
            f"{to_local_time(one.occurred_at, one.zone):%Y-%m-%d %H:%M}",
            f"{to_local_time(one.received_at, one.zone):%Y-%m-%d %H:%M}",
        )
        for one in shown
    )
    return table_html(
        (_("Punch"), _("Number"), _("Employee"), _("Punch time"), _("Received")), cells, empty
    )
