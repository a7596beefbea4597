"""The links from an exception to the pages where it is put right. Shown in the list and on the page
of an exception.
"""

from __future__ import annotations

from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from attendance.models import AttendanceException
from core.admin_html import change_url, changelist_url, link_html
from shifts.models import ShiftType

ExceptionKind, ExceptionState = AttendanceException.Kind, AttendanceException.State


def day_correction_url(day_id: int) -> str:
    """Where a day is put right: its own page for that, else the day."""
    try:
        return reverse("admin:attendance_day_correct", args=(day_id,))
    except NoReverseMatch:
        return reverse("admin:attendance_day_change", args=(day_id,))


def is_open(row: AttendanceException) -> bool:
    """Whether nobody has resolved it and it has not closed automatically."""
    return row.state == ExceptionState.OPEN


def exception_links(row: AttendanceException) -> list[tuple[str, Any]]:
    """Where it is put right: addresses and what is done there, the most likely first."""
    found: list[tuple[str, Any]] = []
    day_id, leave = getattr(row, "day_id", None), getattr(row, "leave", None)
    if row.kind == ExceptionKind.UNMATCHED and is_open(row):
        found.append(
            (
                reverse("admin:attendance_attendanceexception_match", args=(row.pk,)),
                _("Match to an employee"),
            )
        )
    if row.kind == ExceptionKind.CONFLICT and leave:
        address = reverse(
            "admin:leaves_leaveapplication_change", args=(int(leave.partition(":")[2]),)
        )
        found.append((address, _("Cancel or cut short the leave")))
    if day_id is not None:
        found.append((day_correction_url(day_id), _("Correct this day")))
    if row.kind == ExceptionKind.OUTSIDE_WINDOW:
        found.append((changelist_url(ShiftType), _("Shifts")))
    if row.device is not None:
        found.append((change_url(row.device), _("Open the device")))
    if row.punch_id is not None:
        found.append(
            (reverse("admin:attendance_punch_change", args=(row.punch_id,)), _("Open the punch"))
        )
    return found


def render_links(links: list[tuple[str, Any]]) -> SafeString:
    """The links beside each other, as HTML."""
    return format_html_join(" · ", "{}", ((link_html(url, text),) for url, text in links))
