"""An app below asks what a change would do, and the apps above answer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from attendance.models import Day
from core.impact import Impact, ProposedChange, preview
from employees.models import Assignment, Department, Site
from tests.people import World

MONDAY = date(2026, 7, 6)


def says_twice(change: ProposedChange) -> Iterator[Impact]:
    yield Impact(f"{change.kind} once", 1)
    yield Impact(f"{change.kind} twice", 2)


def make_days(world: World, number: int = 3) -> None:
    for n in range(number):
        Day.objects.create(
            organization=world.acme,
            employee=world.asha,
            date=MONDAY + timedelta(days=n),
            zone="Asia/Kolkata",
            status="present",
            first_half="present",
            second_half="present",
        )


def test_providers_answer_in_the_order_of_the_setting(settings: Any) -> None:
    settings.IMPACT_PROVIDERS = ["tests.core.test_impact.says_twice"] * 2
    found = preview(ProposedChange(1, "shift"))
    assert [one.text for one in found] == ["shift once", "shift twice"] * 2


def test_without_providers_nothing_depends_on_a_change(settings: Any) -> None:
    settings.IMPACT_PROVIDERS = []
    assert preview(ProposedChange(1, "shift")) == []


@pytest.mark.django_db
def test_a_roster_says_how_many_days_of_how_many_people_it_concerns(world: World) -> None:
    make_days(world)
    change = ProposedChange(
        world.acme.pk, "roster", employees=(world.asha.pk,), starts_on=MONDAY + timedelta(days=1)
    )
    (impact,) = preview(change)
    assert (impact.count, impact.text) == (
        2,
        "Days that are recalculated: 2. Employees: 1.",
    )


@pytest.mark.django_db
def test_a_site_concerns_the_days_of_those_who_are_assigned_to_it(world: World) -> None:
    make_days(world)
    site = Site.objects.create(organization=world.acme, name="Plant")
    department = Department.objects.create(organization=world.acme, name="Works")
    Assignment.objects.create(
        organization=world.acme,
        employee=world.asha,
        site=site,
        department=department,
        starts_on=date(2026, 1, 1),
    )
    here = ProposedChange(world.acme.pk, "calendar", subject=f"site:{site.pk}")
    assert [one.count for one in preview(here)] == [3]
    nowhere = ProposedChange(world.acme.pk, "calendar", subject="site:0")
    assert preview(nowhere) == []


@pytest.mark.django_db
def test_another_organizations_days_are_not_counted(world: World) -> None:
    make_days(world)
    assert preview(ProposedChange(world.zenith.pk, "shift")) == []
