"""What a date is at somebody's office is the same for leave, which asks for one person, and for
days, which ask for many.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from employees.models import Employee
from leaves import publishing
from leaves.almanacs import almanacs
from leaves.calendars import DayClass, Post, days_between
from leaves.facts import almanac_of, rules_of
from leaves.models import LeaveFacts
from tests import people
from tests.leaves.conftest import adopt
from tests.leaves.test_rules import on

# Saturdays of the second quarter of 2026, no calendar anywhere.
SATURDAYS = [date(2026, 4, 4), date(2026, 5, 2), date(2026, 6, 6)]


def rules(organization: Any, weekly_offs: str, since: str, scheme: str = "standard") -> None:
    draft = publishing.draft_policy(organization, publishing.ccs_1972(), on(since), scheme=scheme)
    draft.weekly_offs = weekly_offs
    draft.save()
    publishing.publish_policy(draft, actor=None)


def of_one(employee: Employee) -> Any:
    rows = list(LeaveFacts.objects.filter(employee=employee).order_by("starts_on"))
    return almanac_of(employee, {2026}, rules_of(employee, rows))


def of_many(employee: Employee) -> Any:
    return almanacs(
        employee.organization_id, {employee.pk: [Post(None, date(2020, 1, 1))]}, {2026}
    )[employee.pk]


def offs(almanac: Any) -> list[bool]:
    return [almanac.off(day) for day in SATURDAYS]


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
    LeaveFacts.objects.create(
        organization=world.acme, employee=world.asha, starts_on=date(2020, 1, 1)
    )
    LeaveFacts.objects.create(
        organization=world.acme, employee=world.asha, starts_on=on("1 May"), scheme="shift"
    )
    assert offs(of_many(world.asha)) == offs(of_one(world.asha)) == [True, False, False]
    assert offs(of_many(world.bala)) == [True, True, True]


@pytest.mark.parametrize("adopted", [True, False])
def test_both_say_the_same_of_every_day_of_a_year(world: people.World, adopted: bool) -> None:
    if adopted:
        adopt(world.acme, effective_from=on("1 Mar"))
        rules(world.acme, "SUN,SAT2,SAT4", "15 Jul")
    one, many = of_one(world.asha), of_many(world.asha)
    days = list(days_between(date(2026, 1, 1), date(2026, 12, 31)))
    assert [one.day(day) for day in days] == [many.day(day) for day in days]
    assert one.day(date(2026, 1, 3)).day_class is DayClass.WEEKLY_OFF
