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

from attendance.locking import COUNTED, NOTHING
from attendance.models import Day, DayAdjustment, PeriodLock, ShiftType
from attendance.verdicts import Person
from employees.models import Department, Employee, Site
from reports import codes
from reports.people import Wish, wanted
from reports.people import walk as walk_people

AT_A_TIME: Final = 100
# What counts, and what is told of a day beside it.
_COUNTED: Final = (
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
_TOLD: Final = ("shift_id", "first_in", "last_out", "marks", "final_at")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a day was worked: as its row has it."""

    site_id: int | None = None
    department_id: int | None = None
    site: str | None = None
    department: str | None = None


NOWHERE: Final = Place()


@dataclass(frozen=True, slots=True)
class Line:
    """A day of somebody. Instants UTC, durations in minutes. `adjustment`: what it would be, and
    the month that counts it.
    """

    on: date
    status: str
    halves: tuple[str, str]
    zone: str
    place: Place = NOWHERE
    shift: str | None = None
    first_in: datetime | None = None
    last_out: datetime | None = None
    worked: int = 0
    late_by: int = 0
    early_by: int = 0
    overtime: int = 0
    marks: Sequence[str] = ()
    final: bool = False
    adjustment: tuple[date, Mapping[str, Any]] | None = None

    @property
    def minutes(self) -> dict[str, int]:
        """Its minutes by name, those of `codes.MINUTES`."""
        return {
            "late_by": self.late_by,
            "early_by": self.early_by,
            "overtime": self.overtime,
            "worked": self.worked,
        }

    @property
    def code(self) -> str:
        """Its code in a muster roll."""
        return codes.code(self.halves, adjusted=self.adjustment is not None)


@dataclass(frozen=True)
class Lines:
    """The days of a wish. `only`: rows that fulfil this and no others, the days without a row not
    either. `brief`: without shifts, times and marks, which cost most to read.
    """

    wish: Wish
    only: Q | None = None
    brief: bool = False
    now: datetime = field(default_factory=timezone.now)

    def people(self) -> QuerySet[Employee]:
        """Who was in service on one of the days, or has a row on one: where was asked for, by
        assignment or by row.
        """
        wish = self.wish
        rows = Day.objects.of(wish.organization).filter(
            employee=OuterRef("pk"), date__range=(wish.first, wish.last)
        )
        serving = Q(left_on__isnull=True) | Q(left_on__gte=wish.first)
        if wish.site_id is None and wish.department_id is None:
            return wanted(wish).filter(Q(serving, joined_on__lte=wish.last) | Exists(rows))
        here = rows if wish.site_id is None else rows.filter(site=wish.site_id)
        here = here if wish.department_id is None else here.filter(department=wish.department_id)
        posted = wanted(wish).filter(serving, joined_on__lte=wish.last).order_by().values("pk")
        everybody = Employee.objects.of(wish.organization)
        everybody = everybody if wish.employee_id is None else everybody.filter(pk=wish.employee_id)
        return everybody.filter(Q(pk__in=posted) | Exists(here))

    def walk(self) -> Iterator[list[tuple[Person, list[Line]]]]:
        """People by code, some at a time, each with their lines by date: three queries for each
        list, or four.
        """
        locked = self._has_locks()
        for persons in walk_people(self.wish, self.people(), AT_A_TIME):
            rows = self._rows(persons)
            adjusted = self._adjusted(persons) if locked else {}
            yield [
                (
                    person,
                    list(self._of(person, rows.get(person.id, {}), adjusted.get(person.id, {}))),
                )
                for person in persons
            ]

    # --- Reading
    def _has_locks(self) -> bool:
        first, last = self.wish.first.replace(day=1), self.wish.last
        locks = PeriodLock.objects.of(self.wish.organization).filter(
            lifted_at__isnull=True, month__range=(first, last)
        )
        return locks.exists()

    def _rows(self, persons: Sequence[Person]) -> dict[UUID, dict[date, Line]]:
        found: dict[UUID, dict[date, Line]] = defaultdict(dict)
        rows = Day.objects.of(self.wish.organization).filter(
            employee__in=[one.id for one in persons], date__range=(self.wish.first, self.wish.last)
        )
        if self.only is not None:
            rows = rows.filter(self.only)
        places, shifts = self._places, self._shifts
        for row in rows.order_by().values_list(*_COUNTED, *(() if self.brief else _TOLD)):
            found[row[0]][row[1]] = _line(row, places[row[10], row[11]], shifts)
        return found

    @cached_property
    def _places(self) -> Places:
        """Sites and departments by their ids, read once."""
        sites = Site.objects.of(self.wish.organization).order_by().values_list("pk", "name")
        departments = (
            Department.objects.of(self.wish.organization).order_by().values_list("pk", "name")
        )
        return Places(dict(sites), dict(departments))

    @cached_property
    def _shifts(self) -> dict[int, str]:
        """Names of shifts by their ids, read once."""
        return (
            {}
            if self.brief
            else dict(
                ShiftType.objects.of(self.wish.organization).order_by().values_list("pk", "name")
            )
        )

    def _adjusted(self, persons: Sequence[Person]) -> dict[UUID, dict[date, DayAdjustment]]:
        """The last adjustment of each day under the locks that hold."""
        found: dict[UUID, dict[date, DayAdjustment]] = defaultdict(dict)
        rows = DayAdjustment.objects.of(self.wish.organization).filter(
            employee__in=[one.id for one in persons],
            date__range=(self.wish.first, self.wish.last),
            lock__lifted_at__isnull=True,
        )
        for one in rows.defer("why").order_by("id"):
            found[one.employee_id][one.date] = one
        return found

    # --- Of one person
    def _of(
        self, person: Person, rows: Mapping[date, Line], adjusted: Mapping[date, DayAdjustment]
    ) -> Iterator[Line]:
        for on in sorted(rows) if self.only is not None else days_of(self.wish):
            line = rows.get(on) or self._without_row(person, on, adjusted)
            if line is not None and self._takes(line):
                yield _with(line, adjusted.get(on))

    def _without_row(
        self, person: Person, on: date, adjusted: Mapping[date, DayAdjustment]
    ) -> Line | None:
        """A day nobody worked out: unknown if it has begun and was theirs; none of theirs if only a
        late fact tells of it.
        """
        place = person.place(on)
        zone = self.wish.zone(place)
        where = (
            Place(place.site_id, place.department_id, place.site, place.department)
            if place
            else NOWHERE
        )
        if person.employed(on) and on <= self.now.astimezone(ZoneInfo(zone)).date():
            return Line(on, codes.UNKNOWN, codes.halves(codes.UNKNOWN, "", ""), zone, where)
        return (
            Line(on, codes.NONE, codes.halves(codes.NONE, "", ""), zone, where)
            if on in adjusted
            else None
        )

    def _takes(self, line: Line) -> bool:
        site_id, department_id = self.wish.site_id, self.wish.department_id
        return site_id in (None, line.place.site_id) and department_id in (
            None,
            line.place.department_id,
        )


class Places(dict[tuple[int | None, int | None], Place]):
    """Places by the ids of their site and department, each made once."""

    def __init__(
        self, sites: Mapping[int | None, str], departments: Mapping[int | None, str]
    ) -> None:
        super().__init__()
        self._sites, self._departments = sites, departments

    def __missing__(self, key: tuple[int | None, int | None]) -> Place:
        site_id, department_id = key
        place = self[key] = Place(
            site_id, department_id, self._sites.get(site_id), self._departments.get(department_id)
        )
        return place


def _line(row: tuple[Any, ...], place: Place, shifts: Mapping[int, str]) -> Line:
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
    counts = codes.halves(status, first, second)
    if not told:
        return Line(
            on, status, counts, zone, place, None, None, None, worked, late_by, early_by, overtime
        )
    shift_id, first_in, last_out, marks, final_at = told
    return Line(
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
        final_at is None,
    )


def _with(line: Line, adjustment: DayAdjustment | None) -> Line:
    """A line with its adjustment, if that still says something else than the row."""
    if adjustment is None:
        return line
    worked_out = line.status not in (codes.UNKNOWN, codes.NONE)
    stands = {name: getattr(line, name) for name in COUNTED} if worked_out else NOTHING
    if adjustment.after == stands:
        return line
    return replace(line, adjustment=(adjustment.posted_to, adjustment.after))


def days_of(wish: Wish) -> list[date]:
    """The dates of a wish."""
    return [wish.first + timedelta(days=number) for number in range(wish.days)]


def in_service(person: Person, wish: Wish) -> bool:
    """Whether somebody was in service, where was asked for, on one of the days."""
    return any(person.employed(on) and wish.takes(person.place(on)) for on in days_of(wish))
