"""Read what the rules need to know about one person, and put it into the pure modules' own
values.

Called by `leaves.services`, `leaves.ledger` and `leaves.debits`, under the lock of the person's
accounts when something is to be written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from accounts.permissions import local_today
from employees.models import Employee
from leaves.account_balances import (
    AccountLedger,
    load_account_ledgers,
    personal_status,
    personal_status_on,
    service_period_of,
)
from leaves.accrual import ServicePeriod
from leaves.balances import BalanceProjection
from leaves.day_counting import MAX_CLOSURE_DAYS, DayHalf, RuleContext, Spell
from leaves.eligibility.request import ChildDetails, PersonalStatus
from leaves.models import (
    Child,
    HolidayCalendar,
    LeaveApplication,
    LeavePolicy,
    LeaveProfile,
    Suspension,
)
from leaves.policies import LeaveType
from leaves.policy_history import policy_history_of
from leaves.work_calendars import work_calendar_of


@dataclass(frozen=True)
class LeaveContext:
    """Everything about one person's leave. `applications` are the live ones near the dates that
    were asked for.
    """

    employee: Employee
    today: date
    rule_context: RuleContext
    ledgers: Mapping[LeaveType, AccountLedger]
    applications: Sequence[LeaveApplication]
    status_on: Callable[[date], PersonalStatus]
    service: ServicePeriod
    suspensions: Sequence[tuple[date, date | None]] = ()

    @property
    def projections(self) -> dict[LeaveType, BalanceProjection]:
        """The accounts as the rules see them."""
        return {kind: one.projection for kind, one in self.ledgers.items()}


def load_leave_context(
    employee: Employee,
    first: date,
    last: date,
    *,
    excluding: LeaveApplication | None = None,
    draft_calendar: HolidayCalendar | None = None,
    draft_policy: LeavePolicy | None = None,
) -> LeaveContext:
    """The context of a person around some dates. `excluding`: an application that is left out;
    `draft_calendar`: a draft calendar as if it were published; `draft_policy`: draft rules as if
    they were. Accounts that do not exist yet are left out: `ledger.lock_accounts` makes them.
    """
    rows = list(
        LeaveProfile.objects.of(employee.organization_id)
        .filter(employee=employee)
        .order_by("starts_on")
    )
    rules = policy_history_of(employee, rows, draft_policy=draft_policy)
    near = [
        one
        for one in _nearby_applications(employee, first, last)
        if excluding is None or one.pk != excluding.pk
    ]
    years = _calendar_years([(first, last), *((one.starts_on, one.ends_on) for one in near)])
    almanac = work_calendar_of(employee, years, rules, draft_calendar=draft_calendar)
    service = service_period_of(employee, rows)
    statuses = [personal_status(one) for one in rows]
    return LeaveContext(
        employee,
        local_today(employee),
        RuleContext(rules, almanac),
        load_account_ledgers(employee, rules, service, statuses, excluding),
        near,
        lambda day: personal_status_on(statuses, day),
        service,
        _suspensions(employee),
    )


def _calendar_years(spans: Iterable[tuple[date, date]]) -> set[int]:
    around = timedelta(days=MAX_CLOSURE_DAYS + 5)
    found: set[int] = set()
    for first, last in spans:
        earliest = first - around if first > date.min + around else first
        latest = last + around if last < date.max - around else last
        found |= set(range(earliest.year, latest.year + 1))
    return found


def to_spell(application: LeaveApplication) -> Spell:
    """An application as the rules take it."""
    paper = application.certificate
    return Spell(
        application.pk,
        LeaveType(application.kind),
        application.starts_on,
        application.ends_on,
        DayHalf(application.half) if application.half else None,
        paper.sick_on if paper else None,
        paper.fit_on if paper else None,
        application.withhold_prefix,
        application.withhold_suffix,
    )


def _nearby_applications(employee: Employee, first: date, last: date) -> list[LeaveApplication]:
    """Live applications that may matter for some dates: of the same years, and those that lead
    there without a long gap.
    """
    live = LeaveApplication.objects.of(employee.organization_id).filter(employee=employee).live()
    rows = list(live.select_related("certificate").order_by("starts_on", "half", "id"))
    low, high = date(first.year, 1, 1), date(last.year, 12, 31)
    reach = timedelta(days=MAX_CLOSURE_DAYS)
    for one in reversed(rows):
        if one.starts_on <= high and one.ends_on >= low - reach:
            low = min(low, one.starts_on)
    for one in rows:
        if one.ends_on >= low and one.starts_on <= high + reach:
            high = max(high, one.ends_on)
    return [one for one in rows if one.starts_on <= high and one.ends_on >= low]


def child_details(child: Child) -> ChildDetails:
    """A child, with its place among the surviving children of the employee."""
    living = Child.objects.of(child.organization_id).filter(
        employee=child.employee_id, died_on__isnull=True
    )
    order = list(living.order_by("born_on", "id").values_list("pk", flat=True))
    return ChildDetails(
        child.born_on,
        child.disabled,
        order.index(child.pk) + 1 if child.pk in order else len(order) + 1,
    )


def _suspensions(employee: Employee) -> list[tuple[date, date | None]]:
    rows = Suspension.objects.of(employee.organization_id).filter(
        employee=employee, revoked_at__isnull=True
    )
    return list(rows.order_by("starts_on").values_list("starts_on", "ends_on"))
