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

from attendance.punches.verdicts import EmployeeSnapshot, WorkAssignment
from employees.models import Assignment, Employee, Organization

EMPLOYEES_PER_CHUNK: Final = 250
ONE_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ReportScope:
    """Whose rows are asked for, and on which days (both included)."""

    organization: Organization
    first: date
    last: date
    site_id: int | None = None
    department_id: int | None = None
    employee_id: UUID | None = None

    @classmethod
    def from_form(
        cls, organization: Organization, cleaned_data: Mapping[str, Any], first: date, last: date
    ) -> ReportScope:
        """From the answers to a form that asks for site, department and employee."""
        site, department, employee = (
            cleaned_data.get(name) for name in ("site", "department", "employee")
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
    def day_count(self) -> int:
        """How many days."""
        return (self.last - self.first).days + 1

    @property
    def excludes_unmatched(self) -> bool:
        """Whether punches nobody is known by are left out: they have no department and are no
        employee's.
        """
        return self.department_id is not None or self.employee_id is not None

    def includes(self, place: WorkAssignment | None) -> bool:
        """Whether a day on which somebody worked at `place` is asked for."""
        if self.site_id is None and self.department_id is None:
            return True
        return (
            place is not None
            and self.site_id in (None, place.site_id)
            and self.department_id in (None, place.department_id)
        )

    def zone_of(self, place: WorkAssignment | None) -> str:
        """The IANA zone of a day on which somebody worked at `place`."""
        return (place.zone if place else "") or self.organization.timezone

    def to_local_time(self, person: EmployeeSnapshot | None, at: datetime) -> datetime:
        """A moment (UTC) on the clock of where a person works then, or on the organization's for
        nobody.
        """
        rough = at.astimezone(ZoneInfo(self.organization.timezone))
        return (
            at.astimezone(ZoneInfo(self.zone_of(person.assignment_on(rough.date()))))
            if person
            else rough
        )

    def local_date(self, person: EmployeeSnapshot | None, at: datetime) -> date:
        """The date of a punch (UTC) of a person, or of nobody."""
        return self.to_local_time(person, at).date()

    def single_zone(self, person: EmployeeSnapshot) -> str | None:
        """The one zone of all days of a person, or None when there are several."""
        around = (self.first - ONE_DAY, self.last + ONE_DAY)
        zones = {self.zone_of(place) for place in person.assignments}
        if not zones <= {self.organization.timezone} and not any(
            all(place.covers(day) for day in around) for place in person.assignments
        ):
            zones.add(self.organization.timezone)
        return zones.pop() if len(zones) == 1 else self.organization.timezone if not zones else None


def dates_in_scope(scope: ReportScope) -> list[date]:
    """The dates that are asked for."""
    return [scope.first + timedelta(days=number) for number in range(scope.day_count)]


def was_in_service(person: EmployeeSnapshot, scope: ReportScope) -> bool:
    """Whether an employee was in service on one of the days, in the site and department that are
    asked for.
    """
    return any(
        person.is_employed_on(on) and scope.includes(person.assignment_on(on))
        for on in dates_in_scope(scope)
    )


def employees_in_scope(scope: ReportScope) -> QuerySet[Employee]:
    """The people a wish is about: those asked for, who worked where was asked for on one of the
    days.
    """
    rows = Employee.objects.of(scope.organization)
    if scope.employee_id is not None:
        rows = rows.filter(pk=scope.employee_id)
    if scope.site_id is not None or scope.department_id is not None:
        posts = _assignments_in_scope(scope).filter(employee=OuterRef("pk"))
        posts = posts.filter(site=scope.site_id) if scope.site_id is not None else posts
        posts = (
            posts.filter(department=scope.department_id)
            if scope.department_id is not None
            else posts
        )
        rows = rows.filter(Exists(posts))
    return rows


def _assignments_in_scope(scope: ReportScope) -> QuerySet[Assignment]:
    """Assignments with a day of the wish, or the one before or after, which may share an hour with
    it in another zone.
    """
    rows = Assignment.objects.of(scope.organization).filter(starts_on__lte=scope.last + ONE_DAY)
    return rows.filter(Q(ends_on__isnull=True) | Q(ends_on__gte=scope.first - ONE_DAY))


def iter_employee_chunks(
    scope: ReportScope,
    rows: QuerySet[Employee] | None = None,
    chunk_size: int = EMPLOYEES_PER_CHUNK,
) -> Iterator[list[EmployeeSnapshot]]:
    """The people of a wish (or of `rows`) in the order of their codes. Two queries for each
    list.
    """
    rows = (employees_in_scope(scope) if rows is None else rows).order_by("code")
    last: str | None = None
    while True:
        found = list((rows if last is None else rows.filter(code__gt=last))[:chunk_size])
        if not found:
            return
        last = found[-1].code
        yield with_assignments(scope, found)


def with_assignments(scope: ReportScope, employees: Sequence[Employee]) -> list[EmployeeSnapshot]:
    """Employees with the places they worked at around the days of a wish. One query."""
    places: defaultdict[UUID, list[WorkAssignment]] = defaultdict(list)
    posts = (
        _assignments_in_scope(scope)
        .filter(employee__in=[one.pk for one in employees])
        .select_related("site", "department")
    )
    for one in posts.order_by("starts_on"):
        places[one.employee_id].append(
            WorkAssignment(
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
        EmployeeSnapshot(
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


def employees_by_id(scope: ReportScope, ids: Sequence[UUID]) -> dict[UUID, EmployeeSnapshot]:
    """People by id, of the organization of a wish. Two queries."""
    return {
        one.id: one
        for one in with_assignments(
            scope, list(Employee.objects.of(scope.organization).filter(pk__in=ids))
        )
    }
