"""Read, for many people at once, everything that decides a day, and hand it to `days.calculation`
as its own values.

Punches that count and times entered by hand, rosters and shifts, assignments, calendars, approved
leave and tours. Called by `background.day_ranges`; how many queries it takes does not depend on
how many people there are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from uuid import UUID

from django.db.models import Q

from attendance.days.counted_punches import CountedPunch
from attendance.days.results import DayContext
from attendance.days.status import LEAVE_PREFIX, DayStatus
from attendance.models import AttendancePolicy, Correction, Punch, PunchMatch
from employees.models import Assignment, Employee, HalfDayReservation, Organization
from leaves.approved_days import approved_leave_days as on_leave
from leaves.calendars import DayClass, SiteAssignment, WorkCalendar, days_between
from leaves.models import Absence
from leaves.work_calendars import load_work_calendars
from shifts.models import Roster, ShiftSettings
from shifts.schedule import Pattern, RosterRule, ScheduledShift, Shift, resolve_scheduled_shift
from tours.services.coverage import tour_half_days as on_tour

DAY: Final = timedelta(days=1)
# Punches of a date may lie this far before its midnight in UTC and after it: the widest window and
# the widest zone.
LOOKBACK: Final = timedelta(hours=12 + 14)
LOOKAHEAD: Final = timedelta(hours=48 + 12)
# How a correction's id is told from a punch's, where both are stamps.
CORRECTION_SIGN: Final = -1


@dataclass(frozen=True, slots=True)
class EmployeeInputs:
    """Somebody, where they work and what holds for them alone."""

    id: UUID
    joined_on: date
    left_on: date | None
    assignments: Sequence[Assignment]
    work_calendar: WorkCalendar
    home_zone: str
    rosters: Sequence[tuple[Roster, RosterRule]]
    punches: Sequence[CountedPunch] = ()
    taken: Mapping[date, tuple[str, str]] = field(default_factory=dict)

    def is_employed_on(self, on: date) -> bool:
        """Whether they were in service on a date."""
        return self.joined_on <= on and (self.left_on is None or on <= self.left_on)

    def assignment_on(self, on: date) -> Assignment | None:
        """Where they worked on a date."""
        return next((one for one in self.assignments if one.covers(on)), None)

    def zone_on(self, on: date) -> str:
        """The zone of the site of a date, or the organization's."""
        place = self.assignment_on(on)
        return (place.site.timezone if place else "") or self.home_zone


@dataclass(frozen=True)
class DayInputs:
    """What decides the days of some people in a period, both ends included."""

    employees: Mapping[UUID, EmployeeInputs]
    default_shift: Shift
    long_after: timedelta

    def scheduled_shift(self, employee: EmployeeInputs, on: date) -> ScheduledShift:
        """What somebody was expected to do on a date."""
        place = employee.assignment_on(on)
        rosters = [pure for row, pure in employee.rosters if _roster_applies(row, place)]
        return resolve_scheduled_shift(
            on,
            rosters,
            self.default_shift,
            employee.zone_on(on),
            calendar_off=self._is_weekly_off(employee, on),
        )

    def day_context(self, employee: EmployeeInputs, on: date, now: datetime) -> DayContext:
        """What stands beside the punches of a date."""
        day = employee.work_calendar.day(on)
        holiday = day.name if day.day_class is DayClass.HOLIDAY else None
        return DayContext(employee.taken.get(on, ("", "")), holiday, now, self.long_after)

    @staticmethod
    def _is_weekly_off(employee: EmployeeInputs, on: date) -> bool:
        return employee.work_calendar.day(on).day_class is DayClass.WEEKLY_OFF


def _roster_applies(row: Roster, assignment: Assignment | None) -> bool:
    if row.department_id is not None:
        return assignment is not None and assignment.department_id == row.department_id
    return row.site_id is None or (assignment is not None and assignment.site_id == row.site_id)


def load_day_inputs(
    organization_id: int, employees: Collection[UUID], first: date, last: date
) -> DayInputs:
    """The causes of the days of some employees from one date to another, both included."""
    organization = Organization.objects.get(pk=organization_id)
    people = Employee.objects.of(organization_id).filter(pk__in=employees)
    assignments = _assignments(organization_id, employees)
    posts = {
        one: [SiteAssignment(a.site_id, a.starts_on, a.ends_on) for a in assignments.get(one, [])]
        for one in employees
    }
    years = range(first.year, last.year + 1)
    calendars = load_work_calendars(organization_id, posts, years)
    common, own = _rosters(organization_id, employees, first, last)
    stamps = _counted_punches(organization_id, employees, first, last)
    taken = _leave_and_tour_halves(organization_id, employees, first, last)
    found = {
        one.pk: EmployeeInputs(
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
    policy = AttendancePolicy.objects.of(organization_id).first() or AttendancePolicy()
    return DayInputs(
        found,
        ShiftSettings.default_shift_of(organization_id),
        timedelta(hours=policy.long_day_hours),
    )


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
) -> tuple[list[tuple[Roster, RosterRule]], dict[UUID, list[tuple[Roster, RosterRule]]]]:
    """Rosters that touch the period: those for many, and those of each person."""
    rows = Roster.objects.of(organization_id).filter(
        Q(employee__isnull=True) | Q(employee__in=employees), starts_on__lte=last
    )
    rows = rows.filter(Q(ends_on__isnull=True) | Q(ends_on__gte=first)).select_related("pattern")
    patterns: dict[int, Pattern] = {}
    common: list[tuple[Roster, RosterRule]] = []
    own: dict[UUID, list[tuple[Roster, RosterRule]]] = defaultdict(list)
    for row in rows.prefetch_related("pattern__slots__shift"):
        if row.pattern_id not in patterns:
            patterns[row.pattern_id] = row.pattern.as_pattern()
        pure = RosterRule(row.scope, patterns[row.pattern_id], row.starts_on, row.ends_on, row.pk)
        (own[row.employee_id] if row.employee_id is not None else common).append((row, pure))
    return common, own


def _utc_midnight(on: date) -> datetime:
    return datetime.combine(on, time.min, UTC)


def _counted_punches(
    organization_id: int, employees: Collection[UUID], first: date, last: date
) -> dict[UUID, list[CountedPunch]]:
    """What counts: accepted and matched punches less those that were voided, and times entered by
    hand.
    """
    since, until = _utc_midnight(first) - LOOKBACK, _utc_midnight(last) + LOOKAHEAD
    found: dict[UUID, list[CountedPunch]] = defaultdict(list)
    own = Punch.objects.of(organization_id).filter(
        employee__in=employees,
        verdict="accepted",
        occurred_at__range=(since, until),
        voided__isnull=True,
    )
    for employee_id, key, at, direction in own.order_by().values_list(
        "employee_id", "pk", "occurred_at", "direction"
    ):
        found[employee_id].append(CountedPunch(key, at, direction))
    matched = PunchMatch.objects.of(organization_id).filter(
        employee__in=employees, punch__occurred_at__range=(since, until), punch__voided__isnull=True
    )
    columns = ("employee_id", "punch_id", "punch__occurred_at", "punch__direction")
    for employee_id, key, at, direction in matched.order_by().values_list(*columns):
        found[employee_id].append(CountedPunch(key, at, direction))
    entered = Correction.objects.of(organization_id).filter(
        employee__in=employees,
        kind=Correction.Kind.ADD,
        at__range=(since, until),
        voided__isnull=True,
    )
    for employee_id, key, at, direction in entered.order_by().values_list(
        "employee_id", "pk", "at", "direction"
    ):
        found[employee_id].append(CountedPunch(CORRECTION_SIGN * key, at, direction))
    return found


def _leave_and_tour_halves(
    organization_id: int, employees: Collection[UUID], first: date, last: date
) -> dict[UUID, dict[date, tuple[str, str]]]:
    """Who has each half of a date: approved leave, or an approved tour where no leave lies over it;
    or extraordinary leave.
    """
    halves: dict[UUID, dict[date, list[str]]] = defaultdict(lambda: defaultdict(lambda: ["", ""]))
    for tour in on_tour(organization_id, first, last, employees):
        halves[tour.employee_id][tour.date][_half_index(tour.half)] = DayStatus.TOUR.value
    for leave in on_leave(organization_id, first, last, employees):
        for number in (0, 1) if not leave.half else (_half_index(leave.half),):
            halves[leave.employee_id][leave.date][number] = LEAVE_PREFIX + leave.kind
    absent = Absence.objects.of(organization_id).filter(
        employee__in=employees,
        kind=Absence.Kind.EOL,
        revoked_at__isnull=True,
        starts_on__lte=last,
        ends_on__gte=first,
    )
    for one in absent:
        for on in days_between(max(first, one.starts_on), min(last, one.ends_on)):
            halves[one.employee_id][on] = [LEAVE_PREFIX + one.kind] * 2
    return {
        one: {on: (both[0], both[1]) for on, both in dates.items()} for one, dates in halves.items()
    }


def _half_index(half: str) -> int:
    return 0 if half == HalfDayReservation.Half.FN else 1


def scheduled_shifts(
    inputs: DayInputs, employee: EmployeeInputs, dates: Iterable[date]
) -> list[ScheduledShift]:
    """What somebody was expected to do on some dates."""
    return [inputs.scheduled_shift(employee, on) for on in dates]
