"""People of a report, some hundreds at a time, with where they worked: who is asked for, and whose
dates are in which zone.

A date of somebody is a date on the clock of the site they worked at on that date, else of the
organization; the date of a punch nobody is known by is the organization's. Used by the reports on
punches and days.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, Q, QuerySet

from attendance.verdicts import Person, Place
from employees.models import Assignment, Employee, Organization

AT_A_TIME: Final = 250
DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Wish:
    """Whose rows are asked for, and on which days (both included)."""

    organization: Organization
    first: date
    last: date
    site_id: int | None = None
    department_id: int | None = None
    employee_id: UUID | None = None

    @classmethod
    def of(
        cls, organization: Organization, asked: Mapping[str, Any], first: date, last: date
    ) -> Wish:
        """From the answers to a form that asks for site, department and employee."""
        site, department, employee = (
            asked.get(name) for name in ("site", "department", "employee")
        )
        return cls(
            organization,
            first,
            last,
            site.pk if site else None,
            department.pk if department else None,
            employee.pk if employee else None,
        )

    @property
    def days(self) -> int:
        """How many days."""
        return (self.last - self.first).days + 1

    @property
    def names_people(self) -> bool:
        """Whether punches nobody is known by are left out: they have no department and are no
        employee's.
        """
        return self.department_id is not None or self.employee_id is not None

    def takes(self, place: Place | None) -> bool:
        """Whether a day on which somebody worked at `place` is asked for."""
        if self.site_id is None and self.department_id is None:
            return True
        return (
            place is not None
            and self.site_id in (None, place.site_id)
            and self.department_id in (None, place.department_id)
        )

    def zone(self, place: Place | None) -> str:
        """The IANA zone of a day on which somebody worked at `place`."""
        return (place.zone if place else "") or self.organization.timezone

    def local(self, person: Person | None, at: datetime) -> datetime:
        """A moment (UTC) on the clock of where a person works then, or on the organization's for
        nobody.
        """
        rough = at.astimezone(ZoneInfo(self.organization.timezone))
        return at.astimezone(ZoneInfo(self.zone(person.place(rough.date())))) if person else rough

    def day_of(self, person: Person | None, at: datetime) -> date:
        """The date of a punch (UTC) of a person, or of nobody."""
        return self.local(person, at).date()

    def only_zone(self, person: Person) -> str | None:
        """The one zone of all days of a person, or None when there are several."""
        around = (self.first - DAY, self.last + DAY)
        zones = {self.zone(place) for place in person.places}
        if not zones <= {self.organization.timezone} and not any(
            all(place.covers(day) for day in around) for place in person.places
        ):
            zones.add(self.organization.timezone)
        return zones.pop() if len(zones) == 1 else self.organization.timezone if not zones else None


def wanted(wish: Wish) -> QuerySet[Employee]:
    """The people a wish is about: those asked for, who worked where was asked for on one of the
    days.
    """
    rows = Employee.objects.of(wish.organization)
    if wish.employee_id is not None:
        rows = rows.filter(pk=wish.employee_id)
    if wish.site_id is not None or wish.department_id is not None:
        posts = _posts(wish).filter(employee=OuterRef("pk"))
        posts = posts.filter(site=wish.site_id) if wish.site_id is not None else posts
        posts = (
            posts.filter(department=wish.department_id) if wish.department_id is not None else posts
        )
        rows = rows.filter(Exists(posts))
    return rows


def _posts(wish: Wish) -> QuerySet[Assignment]:
    """Assignments with a day of the wish, or the one before or after, which may share an hour with
    it in another zone.
    """
    rows = Assignment.objects.of(wish.organization).filter(starts_on__lte=wish.last + DAY)
    return rows.filter(Q(ends_on__isnull=True) | Q(ends_on__gte=wish.first - DAY))


def walk(
    wish: Wish, rows: QuerySet[Employee] | None = None, at_a_time: int = AT_A_TIME
) -> Iterator[list[Person]]:
    """The people of a wish (or of `rows`) in the order of their codes. Two queries for each
    list.
    """
    rows = (wanted(wish) if rows is None else rows).order_by("code")
    last: str | None = None
    while True:
        found = list((rows if last is None else rows.filter(code__gt=last))[:at_a_time])
        if not found:
            return
        last = found[-1].code
        yield placed(wish, found)


def placed(wish: Wish, employees: Sequence[Employee]) -> list[Person]:
    """Employees with the places they worked at around the days of a wish. One query."""
    places: defaultdict[UUID, list[Place]] = defaultdict(list)
    posts = (
        _posts(wish)
        .filter(employee__in=[one.pk for one in employees])
        .select_related("site", "department")
    )
    for one in posts.order_by("starts_on"):
        places[one.employee_id].append(
            Place(
                one.pk,
                one.site.name,
                one.department.name if one.department else None,
                one.starts_on,
                one.ends_on,
                one.site.timezone,
                one.site_id,
                one.department_id,
            )
        )
    return [
        Person(
            one.pk,
            one.code,
            one.worker_id,
            one.name,
            one.joined_on,
            one.left_on,
            tuple(places[one.pk]),
        )
        for one in employees
    ]


def known(wish: Wish, ids: Sequence[UUID]) -> dict[UUID, Person]:
    """People by id, of the organization of a wish. Two queries."""
    return {
        one.id: one
        for one in placed(wish, list(Employee.objects.of(wish.organization).filter(pk__in=ids)))
    }
