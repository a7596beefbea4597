"""Read, for many people at once, everything that decides a day, and hand it to `days` as its own
values.

Punches that count and times entered by hand, rosters and shifts, assignments, calendars, approved
leave and tours. Called by `rebuilding`; how many queries it takes does not depend on how many
people there are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Q

from attendance.days import LEAVE, Facts, Stamp, Status
from attendance.models import Correction, DayPolicy, Punch, PunchMatch, Roster, ShiftType
from attendance.shifts import GENERAL, Duty, Pattern, Shift, resolve
from attendance.shifts import Roster as Rostered
from employees.models import Assignment, DayClaim, Employee, Organization
from leaves.almanacs import almanacs
from leaves.calendars import Almanac, DayClass, Post, days_between
from leaves.models import Absence
from leaves.statements import covered as on_leave
from tours.services import covered as on_tour

DAY: Final = timedelta(days=1)
# Punches of a date may lie this far before its midnight in UTC and after it: the widest window and
# the widest zone.
REACH_BEFORE: Final = timedelta(hours=12 + 14)
REACH_AFTER: Final = timedelta(hours=48 + 12)
# How a correction's id is told from a punch's, where both are stamps.
CORRECTION: Final = -1


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, where they work and what holds for them alone."""

    id: UUID
    joined_on: date
    left_on: date | None
    assignments: Sequence[Assignment]
    almanac: Almanac
    home_zone: str
    rosters: Sequence[tuple[Roster, Rostered]]
    stamps: Sequence[Stamp] = ()
    taken: Mapping[date, tuple[str, str]] = field(default_factory=dict)

    def employed(self, on: date) -> bool:
        """Whether they were in service on a date."""
        return self.joined_on <= on and (self.left_on is None or on <= self.left_on)

    def assignment(self, on: date) -> Assignment | None:
        """Where they worked on a date."""
        return next((one for one in self.assignments if one.covers(on)), None)

    def zone(self, on: date) -> str:
        """The zone of the site of a date, or the organization's."""
        place = self.assignment(on)
        return (place.site.timezone if place else "") or self.home_zone


@dataclass(frozen=True)
class Causes:
    """What decides the days of some people in a period, both ends included."""

    people: Mapping[UUID, Person]
    default: Shift
    long_after: timedelta

    def duty(self, person: Person, on: date) -> Duty:
        """What somebody was expected to do on a date."""
        place = person.assignment(on)
        rosters = [pure for row, pure in person.rosters if _for(row, place)]
        return resolve(
            on, rosters, self.default, person.zone(on), calendar_off=self._off(person, on)
        )

    def facts(self, person: Person, on: date, now: datetime) -> Facts:
        """What stands beside the punches of a date."""
        day = person.almanac.day(on)
        holiday = day.name if day.day_class is DayClass.HOLIDAY else None
        return Facts(person.taken.get(on, ("", "")), holiday, now, self.long_after)

    @staticmethod
    def _off(person: Person, on: date) -> bool:
        return person.almanac.day(on).day_class is DayClass.WEEKLY_OFF


def _for(row: Roster, place: Assignment | None) -> bool:
    if row.department_id is not None:
        return place is not None and place.department_id == row.department_id
    return row.site_id is None or (place is not None and place.site_id == row.site_id)


def read(organization_id: int, employees: Collection[UUID], first: date, last: date) -> Causes:
    """The causes of the days of some employees from one date to another, both included."""
    organization = Organization.objects.get(pk=organization_id)
    people = Employee.objects.of(organization_id).filter(pk__in=employees)
    assignments = _assignments(organization_id, employees)
    posts = {
        one: [Post(a.site_id, a.starts_on, a.ends_on) for a in assignments.get(one, [])]
        for one in employees
    }
    years = range(first.year, last.year + 1)
    calendars = almanacs(organization_id, posts, years)
    common, own = _rosters(organization_id, employees, first, last)
    stamps = _stamps(organization_id, employees, first, last)
    taken = _taken(organization_id, employees, first, last)
    found = {
        one.pk: Person(
            one.pk,
            one.joined_on,
            one.left_on,
            assignments.get(one.pk, []),
            calendars[one.pk],
            organization.timezone,
            [*common, *own.get(one.pk, [])],
            stamps.get(one.pk, []),
            taken.get(one.pk, {}),
        )
        for one in people
    }
    policy = (
        DayPolicy.objects.of(organization_id).select_related("default_shift").first() or DayPolicy()
    )
    return Causes(found, _usual(policy), timedelta(hours=policy.long_day_hours))


def _usual(policy: DayPolicy) -> Shift:
    """The shift where no roster says otherwise."""
    return policy.default_shift.as_shift() if policy.default_shift else GENERAL


def _assignments(organization_id: int, employees: Collection[UUID]) -> dict[UUID, list[Assignment]]:
    found: dict[UUID, list[Assignment]] = defaultdict(list)
    rows = (
        Assignment.objects.of(organization_id).filter(employee__in=employees).select_related("site")
    )
    for one in rows.order_by("-starts_on"):
        found[one.employee_id].append(one)
    return found


def _rosters(
    organization_id: int, employees: Collection[UUID], first: date, last: date
) -> tuple[list[tuple[Roster, Rostered]], dict[UUID, list[tuple[Roster, Rostered]]]]:
    """Rosters that touch the period: those for many, and those of each person."""
    rows = Roster.objects.of(organization_id).filter(
        Q(employee__isnull=True) | Q(employee__in=employees), starts_on__lte=last
    )
    rows = rows.filter(Q(ends_on__isnull=True) | Q(ends_on__gte=first)).select_related("pattern")
    patterns: dict[int, Pattern] = {}
    common: list[tuple[Roster, Rostered]] = []
    own: dict[UUID, list[tuple[Roster, Rostered]]] = defaultdict(list)
    for row in rows.prefetch_related("pattern__slots__shift"):
        if row.pattern_id not in patterns:
            patterns[row.pattern_id] = as_pattern(row.pattern)
        pure = Rostered(row.reach, patterns[row.pattern_id], row.starts_on, row.ends_on, row.pk)
        (own[row.employee_id] if row.employee_id is not None else common).append((row, pure))
    return common, own


def as_pattern(pattern: Any) -> Pattern:
    """A pattern as the rules take it: days nobody entered are off."""
    slots: dict[int, ShiftType | None] = {slot.position: slot.shift for slot in pattern.slots.all()}
    turn = [slots.get(number) for number in range(1, max(slots, default=0) + 1)]
    return Pattern(
        tuple(one.as_shift() if one else None for one in turn),
        pattern.begins_on,
        pattern.calendar_offs,
    )


def _midnight(on: date) -> datetime:
    return datetime.combine(on, time.min, UTC)


def _stamps(
    organization_id: int, employees: Collection[UUID], first: date, last: date
) -> dict[UUID, list[Stamp]]:
    """What counts: accepted and matched punches less those that were voided, and times entered by
    hand.
    """
    since, until = _midnight(first) - REACH_BEFORE, _midnight(last) + REACH_AFTER
    found: dict[UUID, list[Stamp]] = defaultdict(list)
    own = Punch.objects.of(organization_id).filter(
        employee__in=employees,
        verdict="accepted",
        occurred_at__range=(since, until),
        voided__isnull=True,
    )
    for employee_id, key, at, direction in own.order_by().values_list(
        "employee_id", "pk", "occurred_at", "direction"
    ):
        found[employee_id].append(Stamp(key, at, direction))
    matched = PunchMatch.objects.of(organization_id).filter(
        employee__in=employees, punch__occurred_at__range=(since, until), punch__voided__isnull=True
    )
    columns = ("employee_id", "punch_id", "punch__occurred_at", "punch__direction")
    for employee_id, key, at, direction in matched.order_by().values_list(*columns):
        found[employee_id].append(Stamp(key, at, direction))
    entered = Correction.objects.of(organization_id).filter(
        employee__in=employees,
        kind=Correction.Kind.ADD,
        at__range=(since, until),
        voided__isnull=True,
    )
    for employee_id, key, at, direction in entered.order_by().values_list(
        "employee_id", "pk", "at", "direction"
    ):
        found[employee_id].append(Stamp(CORRECTION * key, at, direction))
    return found


def _taken(
    organization_id: int, employees: Collection[UUID], first: date, last: date
) -> dict[UUID, dict[date, tuple[str, str]]]:
    """Who has each half of a date: approved leave, or an approved tour where no leave lies over it;
    or extraordinary leave.
    """
    halves: dict[UUID, dict[date, list[str]]] = defaultdict(lambda: defaultdict(lambda: ["", ""]))
    for tour in on_tour(organization_id, first, last, employees):
        halves[tour.employee_id][tour.date][_number(tour.half)] = Status.TOUR.value
    for leave in on_leave(organization_id, first, last, employees):
        for number in (0, 1) if not leave.half else (_number(leave.half),):
            halves[leave.employee_id][leave.date][number] = LEAVE + leave.kind
    absent = Absence.objects.of(organization_id).filter(
        employee__in=employees,
        kind=Absence.Kind.EOL,
        revoked_at__isnull=True,
        starts_on__lte=last,
        ends_on__gte=first,
    )
    for one in absent:
        for on in days_between(max(first, one.starts_on), min(last, one.ends_on)):
            halves[one.employee_id][on] = [LEAVE + one.kind] * 2
    return {
        one: {on: (both[0], both[1]) for on, both in dates.items()} for one, dates in halves.items()
    }


def _number(half: str) -> int:
    return 0 if half == DayClaim.Half.FN else 1


def duties(causes: Causes, person: Person, dates: Iterable[date]) -> list[Duty]:
    """What somebody was expected to do on some dates."""
    return [causes.duty(person, on) for on in dates]
