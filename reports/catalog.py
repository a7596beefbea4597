"""Every report there is, in the order in which the console lists them. A further one is a class in
`kinds` and a line here.
"""

from __future__ import annotations

from typing import Final

from reports.base import Report
from reports.kinds.attendance import PunchCountReport
from reports.kinds.days import LateReport, OvertimeReport, PresenceReport
from reports.kinds.deliveries import DeliveriesReport
from reports.kinds.devices import DevicesReport
from reports.kinds.exceptions import UncountedPunchesReport
from reports.kinds.leave_balances import LeaveBalancesReport
from reports.kinds.muster import MusterRollReport

REPORTS: Final[dict[str, type[Report]]] = {
    one.name: one
    for one in (
        MusterRollReport,
        PresenceReport,
        LateReport,
        OvertimeReport,
        PunchCountReport,
        UncountedPunchesReport,
        LeaveBalancesReport,
        DevicesReport,
        DeliveriesReport,
    )
}
