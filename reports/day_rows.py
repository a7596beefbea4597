"""Days as reports read them: rows of many people in a few queries for each chunk, and the days
nobody has worked out yet.

A day that has begun for somebody in service and has no row is told as not worked out, never as
absence. Of a locked month the row is what was locked; what a late fact would make of it stands
beside it as its adjustment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from attendance.days.locking import COUNTED_FIELDS, ZERO_VALUES
from attendance.models import Day, DayAdjustment, PeriodLock
from attendance.punches.verdicts import EmployeeSnapshot
from employees.models import Department, Employee, Site
from reports import day_codes
from reports.scope import ReportScope, employees_in_scope
from reports.scope import iter_employee_chunks as walk_people
from shifts.models import ShiftType

EMPLOYEES_PER_CHUNK: Final = 100
# What counts, and what is told of a day beside it.
_COUNTED_FIELDS: Final = (
    "employee_id",
    "date",
    "status",
    "first_half",
    "second_half",
    "zone",
    "worked",
    "late_by",
    "early_by",
    "overtime",
    "site_id",
    "department_id",
)
_DETAIL_FIELDS: Final = ("shift_id", "first_in", "last_out", "marks", "open_until")


@dataclass(frozen=True, slots=True)
class DayLocation:
    """Where a day was worked: as its row has it."""

    site_id: int | None = None
    department_id: int | None = None
    site: str | None = None
    department: str | None = None


NO_LOCATION: Final = DayLocation()


@dataclass(frozen=True, slots=True)
class ReportDay:
    """A day of somebody. Instants UTC, durations in minutes. `adjustment`: what it would be, and
    the month that counts it.
    """

    day: date
    status: str
    halves: tuple[str, str]
    zone: str
    location: DayLocation = NO_LOCATION
    shift: str | None = None
    first_in: datetime | None = None
    last_out: datetime | None = None
    worked: int = 0
    late_by: int = 0
    early_by: int = 0
    overtime: int = 0
    marks: Sequence[str] = ()
    is_final: bool = False
    adjustment: tuple[date, Mapping[str, Any]] | None = None

    @property
    def minutes(self) -> dict[str, int]:
        """Its minutes by name, those of `day_codes.MINUTE_TOTALS`."""
        return {
            "late_by": self.late_by,
            "early_by": self.early_by,
            "overtime": self.overtime,
            "worked": self.worked,
        }

    @property
    def code(self) -> str:
        """Its code in a muster roll."""
        return day_codes.muster_code(self.halves, adjusted=self.adjustment is not None)


@dataclass(frozen=True)
class ReportDayReader:
    """The days of a wish. `row_filter`: rows that fulfil this and no others, the days without a row
    not either. `brief`: without shifts, times and marks, which cost most to read.
    """

    scope: ReportScope
    row_filter: Q | None = None
    brief: bool = False
    now: datetime = field(default_factory=timezone.now)

    def employees(self) -> QuerySet[Employee]:
        """Who was in service on one of the days, or has a row on one: where was asked for, by
        assignment or by row.
        """
        wish = self.scope
        rows = Day.objects.of(wish.organization).filter(
            employee=OuterRef("pk"), date__range=(wish.first, wish.last)
        )
        serving = Q(left_on__isnull=True) | Q(left_on__gte=wish.first)
        if wish.site_id is None and wish.department_id is None:
            return employees_in_scope(wish).filter(
                Q(serving, joined_on__lte=wish.last) | Exists(rows)
            )
        here = rows if wish.site_id is None else rows.filter(site=wish.site_id)
        here = here if wish.department_id is None else here.filter(department=wish.department_id)
        posted = (
            employees_in_scope(wish)
            .filter(serving, joined_on__lte=wish.last)
            .order_by()
            .values("pk")
        )
        everybody = Employee.objects.of(wish.organization)
        everybody = everybody if wish.employee_id is None else everybody.filter(pk=wish.employee_id)
        return everybody.filter(Q(pk__in=posted) | Exists(here))

    def iter_employee_days(self) -> Iterator[list[tuple[EmployeeSnapshot, list[ReportDay]]]]:
        """People by code, some at a time, each with their lines by date: three queries for each
        list, or four.
        """
        locked = self._has_locks()
        for persons in walk_people(self.scope, self.employees(), EMPLOYEES_PER_CHUNK):
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
            *_COUNTED_FIELDS, *(() if self.brief else _DETAIL_FIELDS)
        ):
            found[row[0]][row[1]] = _report_day(row, places[row[10], row[11]], shifts)
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
                yield _with_adjustment(line, adjusted.get(on))

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


class DayLocationCache(dict[tuple[int | None, int | None], DayLocation]):
    """Places by the ids of their site and department, each made once."""

    def __init__(
        self, sites: Mapping[int | None, str], departments: Mapping[int | None, str]
    ) -> None:
        super().__init__()
        self._sites, self._departments = sites, departments

    def __missing__(self, key: tuple[int | None, int | None]) -> DayLocation:
        site_id, department_id = key
        place = self[key] = DayLocation(
            site_id, department_id, self._sites.get(site_id), self._departments.get(department_id)
        )
        return place


def _report_day(row: tuple[Any, ...], place: DayLocation, shifts: Mapping[int, str]) -> ReportDay:
    (
        _employee,
        on,
        status,
        first,
        second,
        zone,
        worked,
        late_by,
        early_by,
        overtime,
        _site,
        _department,
        *told,
    ) = row
    counts = day_codes.half_statuses(status, first, second)
    if not told:
        return ReportDay(
            on, status, counts, zone, place, None, None, None, worked, late_by, early_by, overtime
        )
    shift_id, first_in, last_out, marks, open_until = told
    return ReportDay(
        on,
        status,
        counts,
        zone,
        place,
        shifts.get(shift_id),
        first_in,
        last_out,
        worked,
        late_by,
        early_by,
        overtime,
        marks,
        open_until is None,
    )


def _with_adjustment(line: ReportDay, adjustment: DayAdjustment | None) -> ReportDay:
    """A line with its adjustment, if that still says something else than the row."""
    if adjustment is None:
        return line
    worked_out = line.status not in (day_codes.NOT_CALCULATED, day_codes.NOT_IN_SERVICE)
    stands = {name: getattr(line, name) for name in COUNTED_FIELDS} if worked_out else ZERO_VALUES
    if adjustment.after == stands:
        return line
    return replace(line, adjustment=(adjustment.posted_to, adjustment.after))


def dates_in_scope(scope: ReportScope) -> list[date]:
    """The dates of a wish."""
    return [scope.first + timedelta(days=number) for number in range(scope.day_count)]


def was_in_service(person: EmployeeSnapshot, scope: ReportScope) -> bool:
    """Whether somebody was in service, where was asked for, on one of the days."""
    return any(
        person.is_employed_on(on) and scope.includes(person.assignment_on(on))
        for on in dates_in_scope(scope)
    )
