"""The demo's leave: rules, the calendar of 2026, balances brought forward, and applications that
wait. Made once.

Called by `config.demo.organization.load_demo` within its transaction, after its people and their
sign-ins exist.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from accounts.models import User
from accounts.permissions import local_today
from employees.models import Employee, Organization
from leaves.calendars import WeeklyOffs
from leaves.models import Child, LeaveAdjustment, LeaveLedgerEntry, LeavePolicy, LeaveProfile
from leaves.services.adjustments import decide_adjustment, propose_adjustment
from leaves.services.application_data import LeaveApplicationData
from leaves.services.applications import apply_for_leave
from leaves.services.calendar_publishing import (
    delhi_2026_days,
    draft_delhi_2026,
    publish_holiday_calendar,
)
from leaves.services.decisions import decide_leave
from leaves.services.policy_publishing import (
    ccs_1972_rules,
    draft_leave_policy,
    publish_leave_policy,
)
from leaves.services.profiles import save_leave_profile
from tours.models import Tour
from tours.services.applications import apply_for_tour

POLICY_STARTS_ON: Final = date(2026, 1, 1)
BROUGHT_FORWARD_ON: Final = date(2025, 12, 31)
# employee code → days of earned leave and of half pay leave
OPENING_BALANCES: Final = {"MGR001": (180, 120), "1001": (45, 60), "EMP001": (12, 20)}


def load_demo_leave(organization: Organization) -> None:
    """Give the demo organization its leave, unless it has rules already."""
    if LeavePolicy.objects.of(organization).exists():
        return
    admin = User.objects.get(organization=organization, username="admin")
    keeper = User.objects.get(organization=organization, username="hr")
    publish_leave_policy(
        draft_leave_policy(organization, ccs_1972_rules(), POLICY_STARTS_ON),
        actor=admin,
    )
    publish_holiday_calendar(draft_delhi_2026(organization), actor=admin)
    people = {
        one.code: one for one in Employee.objects.of(organization).select_related("organization")
    }
    for code, balances in OPENING_BALANCES.items():
        for kind, days in zip(("EL", "HPL"), balances, strict=True):
            order = LeaveAdjustment(
                organization=organization,
                employee=people[code],
                kind=kind,
                type=LeaveLedgerEntry.Type.OPENING,
                days=Decimal(days),
                effective_on=BROUGHT_FORWARD_ON,
                reason="From the service book",
            )
            decide_adjustment(propose_adjustment(order, actor=keeper), actor=admin)
    _load_child(people["1003"])
    _applications(people, User.objects.get(organization=organization, username="bala"))


def _load_child(meera: Employee) -> None:
    save_leave_profile(
        LeaveProfile(
            organization=meera.organization, employee=meera, starts_on=meera.joined_on, sex="F"
        )
    )
    Child.objects.create(
        organization=meera.organization, employee=meera, name="Anu Nair", born_on=date(2019, 8, 12)
    )


def _applications(people: dict[str, Employee], approver: User) -> None:
    """One approved, two that wait, and a tour that waits, on Tuesdays to come; leave on a holiday
    would be refused.
    """
    asha, john, farhan = people["1001"], people["EMP001"], people["1002"]
    tuesday = _tuesday_after(asha, timedelta(days=7))
    granted = apply_for_leave(
        asha,
        LeaveApplicationData("EL", tuesday, tuesday + timedelta(days=2), reason="Cousin's wedding"),
        actor=None,
    )
    decide_leave(granted, actor=approver, approve=True, remarks="Enjoy it")
    later = _tuesday_after(asha, timedelta(days=21))
    apply_for_leave(asha, LeaveApplicationData("CL", later, later, "FN", True, "Bank"), actor=None)
    apply_for_leave(
        john,
        LeaveApplicationData("EL", later, later + timedelta(days=3), reason="Visit home"),
        actor=None,
    )
    zone = ZoneInfo(farhan.organization.timezone)
    tour = Tour(
        organization=farhan.organization,
        employee=farhan,
        purpose="Stock taking at the Pune store",
        places=["Pune"],
        start_at=datetime.combine(tuesday, time(8), zone),
        end_at=datetime.combine(tuesday + timedelta(days=1), time(19), zone),
        order_no="ST/2026/14",
    )
    apply_for_tour(tour, actor=None)


def _tuesday_after(employee: Employee, wait: timedelta) -> date:
    """A Tuesday with nothing but working days until Friday, by the calendar that the demo has."""
    closed = {day for day, _mark, _name in delhi_2026_days()}
    weekend = WeeklyOffs.parse("SAT,SUN")
    day = local_today(employee) + wait
    while day.weekday() != 1 or any(
        on in closed or weekend.is_off(on)
        for on in (day + timedelta(days=number) for number in range(4))
    ):
        day += timedelta(days=1)
    return day
