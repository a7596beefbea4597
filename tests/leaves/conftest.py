"""An office in Delhi under the central government's rules: five-day week, the list of 2026, from 1
January 2026 on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError

from accounts.models import User
from core.errors import RuleViolation
from employees.models import Employee, Organization
from leaves import statements
from leaves.models import (
    HolidayCalendar,
    LeaveAdjustment,
    LeaveApplication,
    LeaveLedgerEntry,
    LeavePolicy,
)
from leaves.services import policy_publishing
from leaves.services.adjustments import decide_adjustment, propose_adjustment
from leaves.services.application_data import LeaveApplicationData
from leaves.services.applications import apply_for_leave
from leaves.services.calendar_publishing import (
    add_calendar_days,
    draft_holiday_calendar,
    publish_holiday_calendar,
)
from leaves.services.decisions import decide_leave
from leaves.services.policy_publishing import ccs_1972_rules, draft_leave_policy
from leaves.statements import bulk_leave_statements
from leaves.year_balances import LeaveBalance
from tests import people
from tests.leaves.test_rules import CLOSED, RESTRICTED, on

# Monday, noon in Delhi, before most of the examples.
TODAY = "2026-02-02T06:30:00+00:00"


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    with time_machine.travel(TODAY, tick=False):
        yield


def publish_leave_policy(
    organization: Organization,
    data: dict[str, Any] | None = None,
    effective_from: date = date(2026, 1, 1),
) -> LeavePolicy:
    """Put rules into force; the central government's unless others are given."""
    draft = draft_leave_policy(organization, data or ccs_1972_rules(), effective_from)
    return policy_publishing.publish_leave_policy(draft, actor=None)


def publish_delhi(organization: Organization, year: int = 2026) -> HolidayCalendar:
    """Publish the list of central offices in Delhi."""
    calendar = draft_holiday_calendar(organization, None, year)
    add_calendar_days(
        calendar, [(on(one), "CLOSED", f"Closed on {one}") for one in CLOSED.split(", ")]
    )
    add_calendar_days(
        calendar, [(on(one), "RESTRICTED", f"Restricted {one}") for one in RESTRICTED.split(", ")]
    )
    publish_holiday_calendar(calendar, actor=None)
    return calendar


@dataclass
class Office:
    """Acme as an office: Asha applies, Bala decides, HR keeps the books."""

    organization: Organization
    asha: Employee
    bala: User
    hr: User
    chief: User

    def opening(self, kind: str, days: float, employee: Employee | None = None) -> None:
        """Bring a balance forward from 31 December 2025."""
        order = LeaveAdjustment(
            organization=self.organization,
            employee=employee or self.asha,
            kind=kind,
            type=LeaveLedgerEntry.Type.OPENING,
            days=Decimal(str(days)),
            effective_on=date(2025, 12, 31),
            reason="Service book",
        )
        decide_adjustment(propose_adjustment(order, actor=self.hr), actor=self.chief)

    def apply(
        self, kind: str, first: str, last: str | None = None, half: str = "", **more: Any
    ) -> LeaveApplication:
        """Apply for Asha."""
        who = more.pop("employee", self.asha)
        self_service = more.pop("self_service", True)
        wish = LeaveApplicationData(
            kind, on(first), on(last or first), half, bool(half), reason="personal", **more
        )
        return apply_for_leave(who, wish, actor=None, self_service=self_service)

    def grant(
        self, kind: str, first: str, last: str | None = None, half: str = "", **more: Any
    ) -> LeaveApplication:
        """Apply, and let Bala approve."""
        return decide_leave(
            self.apply(kind, first, last, half, **more), actor=self.bala, approve=True
        )

    def violation_code(self, call: Callable[..., Any], *values: Any, **more: Any) -> str:
        """The code with which a call is refused."""
        with pytest.raises(ValidationError) as caught:
            call(*values, **more)
        assert isinstance(caught.value, RuleViolation)
        return caught.value.code

    def available(self, kind: str, year: int = 2026, employee: Employee | None = None) -> float:
        """Days that could still be taken."""
        return self.statement_row(kind, year, employee).available / 2

    def statement_row(
        self, kind: str, year: int = 2026, employee: Employee | None = None
    ) -> LeaveBalance:
        """One line of the year's statement, in half-days; whoever asks for many people at once is
        told the same.
        """
        person = employee or self.asha
        _as_of, found = statements.leave_statement(person, year)
        assert bulk_leave_statements(person.organization, [person], year) == {person.pk: found}
        return next(one for one in found if one.kind == kind)


def make_office(world: people.World) -> Office:
    """Rules, calendar and people."""
    publish_leave_policy(world.acme)
    publish_delhi(world.acme)
    bala = people.make_staff(world.acme, "bala", role="approver", employee=world.bala)
    hr, chief = (
        people.make_staff(world.acme, "hr", role="hr_admin"),
        people.make_staff(world.acme, "chief"),
    )
    return Office(world.acme, world.asha, bala, hr, chief)


@pytest.fixture
def office(world: people.World) -> Office:
    """Acme's office."""
    return make_office(world)
