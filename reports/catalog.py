"""Every report there is, in the order in which the console lists them. A further one is a class in
`kinds` and a line here.
"""

from __future__ import annotations

from typing import Final

from reports.frame import Report
from reports.kinds.attendance import AttendanceReport
from reports.kinds.days import LateReport, OvertimeReport, PresenceReport
from reports.kinds.deliveries import DeliveriesReport
from reports.kinds.devices import DevicesReport
from reports.kinds.exceptions import ExceptionsReport
from reports.kinds.leave_balances import LeaveBalancesReport
from reports.kinds.muster import MusterReport

REPORTS: Final[dict[str, type[Report]]] = {
    one.name: one
    for one in (
        MusterReport,
        PresenceReport,
        LateReport,
        OvertimeReport,
        AttendanceReport,
        ExceptionsReport,
        LeaveBalancesReport,
        DevicesReport,
        DeliveriesReport,
    )
}
