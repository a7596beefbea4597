"""The demo's leave: rules, the calendar of 2026, balances brought forward, and applications that
wait. Made once.

Called by `config.demo.load` within its transaction, after its people and their sign-ins exist.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from accounts.models import User
from employees.models import Employee, Organization
from leaves import publishing, records, services
from leaves.calendars import WeeklyOffs
from leaves.facts import today
from leaves.models import Child, Entry, LeaveFacts, LeavePolicy, LedgerOrder
from leaves.services import Wish
from tours.models import Tour
from tours.services import apply as apply_for_tour

RULES_FROM: Final = date(2026, 1, 1)
BROUGHT_FORWARD: Final = date(2025, 12, 31)
# employee code → days of earned leave and of half pay leave
BALANCES: Final = {"MGR001": (180, 120), "1001": (45, 60), "EMP001": (12, 20)}


def load_leave(organization: Organization) -> None:
    """Give the demo organization its leave, unless it has rules already."""
    if LeavePolicy.objects.of(organization).exists():
        return
    admin = User.objects.get(organization=organization, username="admin")
    keeper = User.objects.get(organization=organization, username="hr")
    publishing.publish_policy(
        publishing.draft_policy(organization, publishing.ccs_1972(), RULES_FROM), actor=admin
    )
    publishing.publish_calendar(publishing.draft_delhi_2026(organization), actor=admin)
    people = {
        one.code: one for one in Employee.objects.of(organization).select_related("organization")
    }
    for code, balances in BALANCES.items():
        for kind, days in zip(("EL", "HPL"), balances, strict=True):
            order = LedgerOrder(
                organization=organization,
                employee=people[code],
                kind=kind,
                type=Entry.Type.OPENING,
                days=Decimal(days),
                effective_on=BROUGHT_FORWARD,
                reason="From the service book",
            )
            records.confirm_order(records.propose_order(order, actor=keeper), actor=admin)
    _mother(people["1003"])
    _applications(people, User.objects.get(organization=organization, username="bala"))


def _mother(meera: Employee) -> None:
    records.save_facts(
        LeaveFacts(
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
    granted = services.apply(
        asha,
        Wish("EL", tuesday, tuesday + timedelta(days=2), reason="Cousin's wedding"),
        actor=None,
    )
    services.decide(granted, actor=approver, approve=True, remarks="Enjoy it")
    later = _tuesday_after(asha, timedelta(days=21))
    services.apply(asha, Wish("CL", later, later, "FN", True, "Bank"), actor=None)
    services.apply(
        john, Wish("EL", later, later + timedelta(days=3), reason="Visit home"), actor=None
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
    closed = {day for day, _mark, _name in publishing.delhi_2026_days()}
    weekend = WeeklyOffs.parse("SAT,SUN")
    day = today(employee) + wait
    while day.weekday() != 1 or any(
        on in closed or weekend.is_off(on)
        for on in (day + timedelta(days=number) for number in range(4))
    ):
        day += timedelta(days=1)
    return day
