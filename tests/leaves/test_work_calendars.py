"""What a date is at somebody's office is the same for leave, which asks for one person, and for
days, which ask for many.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from employees.models import Employee
from leaves.calendars import DayClass, SiteAssignment, days_between
from leaves.models import LeaveProfile
from leaves.policy_history import policy_history_of
from leaves.services import policy_publishing
from leaves.services.policy_publishing import ccs_1972_rules, draft_leave_policy
from leaves.work_calendars import load_work_calendars, work_calendar_of
from tests import people
from tests.leaves.conftest import publish_leave_policy
from tests.leaves.test_rules import on

# Saturdays of the second quarter of 2026, no calendar anywhere.
SATURDAYS = [date(2026, 4, 4), date(2026, 5, 2), date(2026, 6, 6)]


def rules(organization: Any, weekly_offs: str, since: str, scheme: str = "standard") -> None:
    draft = draft_leave_policy(organization, ccs_1972_rules(), on(since), scheme=scheme)
    draft.weekly_offs = weekly_offs
    draft.save()
    policy_publishing.publish_leave_policy(draft, actor=None)


def of_one(employee: Employee) -> Any:
    rows = list(LeaveProfile.objects.filter(employee=employee).order_by("starts_on"))
    return work_calendar_of(employee, {2026}, policy_history_of(employee, rows))


def of_many(employee: Employee) -> Any:
    return load_work_calendars(
        employee.organization_id, {employee.pk: [SiteAssignment(None, date(2020, 1, 1))]}, {2026}
    )[employee.pk]


def offs(almanac: Any) -> list[bool]:
    return [almanac.is_off(day) for day in SATURDAYS]


def test_weekly_offs_are_those_of_the_rules_of_each_day_and_not_of_the_last(
    world: people.World,
) -> None:
    rules(world.acme, "SAT,SUN", "1 Jan")
    rules(world.acme, "SUN", "1 May")
    rules(world.acme, "SUN,SAT1", "1 Jun")
    assert offs(of_many(world.asha)) == offs(of_one(world.asha)) == [True, False, True]


def test_who_changes_the_group_of_staff_has_its_weekly_offs_from_that_day(
    world: people.World,
) -> None:
    rules(world.acme, "SAT,SUN", "1 Jan")
    rules(world.acme, "SUN", "1 Jan", scheme="shift")
    LeaveProfile.objects.create(
        organization=world.acme, employee=world.asha, starts_on=date(2020, 1, 1)
    )
    LeaveProfile.objects.create(
        organization=world.acme, employee=world.asha, starts_on=on("1 May"), scheme="shift"
    )
    assert offs(of_many(world.asha)) == offs(of_one(world.asha)) == [True, False, False]
    assert offs(of_many(world.bala)) == [True, True, True]


@pytest.mark.parametrize("adopted", [True, False])
def test_both_say_the_same_of_every_day_of_a_year(world: people.World, adopted: bool) -> None:
    if adopted:
        publish_leave_policy(world.acme, effective_from=on("1 Mar"))
        rules(world.acme, "SUN,SAT2,SAT4", "15 Jul")
    one, many = of_one(world.asha), of_many(world.asha)
    days = list(days_between(date(2026, 1, 1), date(2026, 12, 31)))
    assert [one.day(day) for day in days] == [many.day(day) for day in days]
    assert one.day(date(2026, 1, 3)).day_class is DayClass.WEEKLY_OFF
