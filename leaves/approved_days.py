"""The days that approved leave covers, with their pay. Nothing is written here. Called by the
calculation of days of attendance.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from leaves.models import LeaveApplication, LeaveDay, LeaveTypeRule


@dataclass(frozen=True, slots=True)
class ApprovedLeaveDay:
    """A day (or half of it) of approved leave, for whoever works out days. `pay_percent` is of that
    day's pay.
    """

    employee_id: Any
    date: date
    half: str
    kind: str
    day_class: str
    application_id: int
    pay_percent: int


def approved_leave_days(
    organization_id: int, first: date, last: date, employees: Iterable[Any] | None = None
) -> list[ApprovedLeaveDay]:
    """The days of approved leave between two dates, both included, oldest first. Off days that are
    free are not among them.
    """
    rows = LeaveDay.objects.of(organization_id).filter(
        application__status=LeaveApplication.Status.APPROVED,
        date__range=(first, last),
        counted__gt=0,
    )
    if employees is not None:
        rows = rows.filter(application__employee__in=list(employees))
    pay = _PayRates(organization_id)
    return [
        ApprovedLeaveDay(
            one.application.employee_id,
            one.date,
            one.half,
            one.application.kind,
            one.day_class,
            one.application_id,
            pay.percent_on(one),
        )
        for one in rows.select_related("application").order_by("date", "half", "id")
    ]


class _PayRates:
    """Pay of days of leave; the days counted in a career are read once for each person who needs
    it.
    """

    def __init__(self, organization_id: int) -> None:
        published = (
            LeaveTypeRule.objects.of(organization_id)
            .filter(policy__published_at__isnull=False)
            .select_related("policy")
        )
        self._rules = sorted(published, key=lambda rule: rule.policy.effective_from)
        self._taken: dict[tuple[Any, str], list[date]] = {}

    def percent_on(self, day: LeaveDay) -> int:
        """Per cent of pay on a day of leave."""
        one = day.application
        rule = next(
            (
                r
                for r in reversed(self._rules)
                if r.kind == one.kind and r.policy.effective_from <= one.starts_on
            ),
            None,
        )
        if rule is None:
            return 100
        if rule.full_pay_days is None:
            return rule.pay_percent
        key = (one.employee_id, one.kind)
        if key not in self._taken:
            same = LeaveDay.objects.of(one.organization_id).filter(
                application__employee=one.employee_id,
                application__kind=one.kind,
                application__status=LeaveApplication.Status.APPROVED,
                counted__gt=0,
            )
            self._taken[key] = sorted(same.values_list("date", flat=True))
        before = sum(1 for on in self._taken[key] if on < day.date)
        return rule.pay_percent if before < rule.full_pay_days else rule.pay_percent_after
