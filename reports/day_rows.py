"""Reads days for reports: rows of many employees in a few queries for each chunk, and the days that
are not calculated yet.

A day that has begun for an employee in service and has no row is shown as not calculated, never as
absence. In a locked month the row is what was locked; what a late fact would change is shown beside
it as its adjustment. Used by the reports on days and by the muster roll.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from attendance.models import Day, DayAdjustment, PeriodLock
from attendance.punches.verdicts import EmployeeSnapshot
from employees.models import Department, Employee, Site
from reports import day_codes
from reports.report_day import (
    BASIC_FIELDS,
    DETAIL_FIELDS,
    NO_LOCATION,
    DayLocation,
    DayLocationCache,
    ReportDay,
    report_day,
    with_adjustment,
)
from reports.scope import ReportScope, dates_in_scope, employees_in_scope, iter_employee_chunks
from shifts.models import ShiftType

EMPLOYEES_PER_CHUNK: Final = 100


@dataclass(frozen=True)
class ReportDayReader:
    """The days of a scope. `row_filter`: only rows that match it, and no days without
    a row. `brief`: without shifts, times and marks, which cost most to read.
    """

    scope: ReportScope
    row_filter: Q | None = None
    brief: bool = False
    now: datetime = field(default_factory=timezone.now)

    def employees(self) -> QuerySet[Employee]:
        """Who was in service on one of the days, or has a row on one: where was asked for, by
        assignment or by row.
        """
        scope = self.scope
        rows = Day.objects.of(scope.organization).filter(
            employee=OuterRef("pk"), date__range=(scope.first, scope.last)
        )
        serving = Q(left_on__isnull=True) | Q(left_on__gte=scope.first)
        if scope.site_id is None and scope.department_id is None:
            return employees_in_scope(scope).filter(
                Q(serving, joined_on__lte=scope.last) | Exists(rows)
            )
        here = rows if scope.site_id is None else rows.filter(site=scope.site_id)
        here = here if scope.department_id is None else here.filter(department=scope.department_id)
        posted = (
            employees_in_scope(scope)
            .filter(serving, joined_on__lte=scope.last)
            .order_by()
            .values("pk")
        )
        everybody = Employee.objects.of(scope.organization)
        everybody = (
            everybody if scope.employee_id is None else everybody.filter(pk=scope.employee_id)
        )
        return everybody.filter(Q(pk__in=posted) | Exists(here))

    def iter_employee_days(self) -> Iterator[list[tuple[EmployeeSnapshot, list[ReportDay]]]]:
        """People by code, some at a time, each with their lines by date: three queries for each
        list, or four.
        """
        locked = self._has_locks()
        for persons in iter_employee_chunks(self.scope, self.employees(), EMPLOYEES_PER_CHUNK):
            rows = self._days_with_row(persons)
            adjusted = self._last_adjustments(persons) if locked else {}
            yield [
                (
                    person,
                    list(
                        self._days_of_employee(
                            person, rows.get(person.id, {}), adjusted.get(person.id, {})
                        )
                    ),
                )
                for person in persons
            ]

    # --- Reading
    def _has_locks(self) -> bool:
        first, last = self.scope.first.replace(day=1), self.scope.last
        locks = PeriodLock.objects.of(self.scope.organization).filter(
            lifted_at__isnull=True, month__range=(first, last)
        )
        return locks.exists()

    def _days_with_row(
        self, persons: Sequence[EmployeeSnapshot]
    ) -> dict[UUID, dict[date, ReportDay]]:
        found: dict[UUID, dict[date, ReportDay]] = defaultdict(dict)
        rows = Day.objects.of(self.scope.organization).filter(
            employee__in=[one.id for one in persons],
            date__range=(self.scope.first, self.scope.last),
        )
        if self.row_filter is not None:
            rows = rows.filter(self.row_filter)
        places, shifts = self._locations, self._shift_names
        for row in rows.order_by().values_list(
            *BASIC_FIELDS, *(() if self.brief else DETAIL_FIELDS)
        ):
            found[row[0]][row[1]] = report_day(row, places[row[10], row[11]], shifts)
        return found

    @cached_property
    def _locations(self) -> DayLocationCache:
        """Sites and departments by their ids, read once."""
        sites = Site.objects.of(self.scope.organization).order_by().values_list("pk", "name")
        departments = (
            Department.objects.of(self.scope.organization).order_by().values_list("pk", "name")
        )
        return DayLocationCache(dict(sites), dict(departments))

    @cached_property
    def _shift_names(self) -> dict[int, str]:
        """Names of shifts by their ids, read once."""
        return (
            {}
            if self.brief
            else dict(
                ShiftType.objects.of(self.scope.organization).order_by().values_list("pk", "name")
            )
        )

    def _last_adjustments(
        self, persons: Sequence[EmployeeSnapshot]
    ) -> dict[UUID, dict[date, DayAdjustment]]:
        """The last adjustment of each day under the locks that hold."""
        found: dict[UUID, dict[date, DayAdjustment]] = defaultdict(dict)
        rows = DayAdjustment.objects.of(self.scope.organization).filter(
            employee__in=[one.id for one in persons],
            date__range=(self.scope.first, self.scope.last),
            lock__lifted_at__isnull=True,
        )
        for one in rows.defer("why").order_by("id"):
            found[one.employee_id][one.date] = one
        return found

    # --- Of one person
    def _days_of_employee(
        self,
        person: EmployeeSnapshot,
        rows: Mapping[date, ReportDay],
        adjusted: Mapping[date, DayAdjustment],
    ) -> Iterator[ReportDay]:
        for on in sorted(rows) if self.row_filter is not None else dates_in_scope(self.scope):
            line = rows.get(on) or self._day_without_row(person, on, adjusted)
            if line is not None and self._in_scope(line):
                yield with_adjustment(line, adjusted.get(on))

    def _day_without_row(
        self, person: EmployeeSnapshot, on: date, adjusted: Mapping[date, DayAdjustment]
    ) -> ReportDay | None:
        """A day nobody worked out: unknown if it has begun and was theirs; none of theirs if only a
        late fact tells of it.
        """
        place = person.assignment_on(on)
        zone = self.scope.zone_of(place)
        where = (
            DayLocation(place.site_id, place.department_id, place.site, place.department)
            if place
            else NO_LOCATION
        )
        if person.is_employed_on(on) and on <= self.now.astimezone(ZoneInfo(zone)).date():
            return ReportDay(
                on,
                day_codes.NOT_CALCULATED,
                day_codes.half_statuses(day_codes.NOT_CALCULATED, "", ""),
                zone,
                where,
            )
        return (
            ReportDay(
                on,
                day_codes.NOT_IN_SERVICE,
                day_codes.half_statuses(day_codes.NOT_IN_SERVICE, "", ""),
                zone,
                where,
            )
            if on in adjusted
            else None
        )

    def _in_scope(self, line: ReportDay) -> bool:
        site_id, department_id = self.scope.site_id, self.scope.department_id
        return site_id in (None, line.location.site_id) and department_id in (
            None,
            line.location.department_id,
        )
