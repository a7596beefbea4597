"""Every report there is, in the order in which the console lists them. A further one is a class in `kinds` and a line here."""

from __future__ import annotations

from typing import Final

from reports.frame import Report
from reports.kinds.attendance import AttendanceReport

REPORTS: Final[dict[str, type[Report]]] = {
    one.name: one
    for one in (
        AttendanceReport,
    )
}  # fmt: skip
