"""Holiday calendars and weekly offs read from the database: of one person (`work_calendar_of`,
for leave) and of many at once (`load_work_calendars`, for the calculation of days). Both say the
same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from employees.models import Assignment, Employee
from leaves.calendars import (
    CalendarMark,
    MarkedDate,
    OfficeCalendar,
    SiteAssignment,
    WeeklyOffs,
    WorkCalendar,
)
from leaves.models import HolidayCalendar, LeavePolicy, LeaveProfile
from leaves.policies import STANDARD_SCHEME, LeavePolicyHistory, versions_in_force


def work_calendar_of(
    employee: Employee,
    years: Iterable[int],
    rules: LeavePolicyHistory,
    *,
    draft_calendar: HolidayCalendar | None = None,
) -> WorkCalendar:
    """The days of a person's offices in some years; where there is no calendar, the weekly offs of
    the rules of each day.
    """
    assignments = Assignment.objects.of(employee.organization_id).filter(employee=employee)
    posts = [SiteAssignment(one.site_id, one.starts_on, one.ends_on) for one in assignments]
    sites = {one.site for one in posts}
    patterns = [(one.effective_from, WeeklyOffs.parse(one.weekly_offs)) for one in rules.versions]
    return WorkCalendar.from_policies(
        load_office_calendars(
            employee.organization_id, years, sites, draft_calendar=draft_calendar
        ),
        posts,
        patterns,
    )


def load_office_calendars(
    organization_id: int,
    years: Iterable[int],
    sites: Iterable[Any],
    *,
    draft_calendar: HolidayCalendar | None = None,
) -> dict[tuple[Any, int], OfficeCalendar]:
    """The published calendars of some offices (and the common one) in some years, the highest
    version of each.
    """
    rows = HolidayCalendar.objects.of(organization_id).published().filter(year__in=set(years))
    chosen: dict[tuple[Any, int], HolidayCalendar] = {}
    wanted = {None, *sites}
    for one in rows.order_by("version").prefetch_related("days"):
        if one.site_id in wanted:
            chosen[one.site_id, one.year] = one
    if draft_calendar is not None:
        chosen[draft_calendar.site_id, draft_calendar.year] = draft_calendar
    return {key: to_office_calendar(one) for key, one in chosen.items()}


def to_office_calendar(calendar: HolidayCalendar) -> OfficeCalendar:
    """A calendar as the rules take it."""
    marks = {day.date: MarkedDate(CalendarMark(day.mark), day.name) for day in calendar.days.all()}
    return OfficeCalendar(WeeklyOffs.parse(calendar.weekly_offs), marks, calendar.pk)


def load_work_calendars(
    organization_id: int,
    assignments: Mapping[Any, Sequence[SiteAssignment]],
    years: Collection[int],
) -> dict[Any, WorkCalendar]:
    """Each person's work calendar for some years, by employee id. `assignments`: where they work.

    Weekly offs of the rules, those of the version of each day, count only where an office has no
    calendar. Few queries, however many people.
    """
    shared = load_office_calendars(
        organization_id, years, {post.site for places in assignments.values() for post in places}
    )
    offs = _PolicyWeeklyOffs(organization_id, assignments)
    return {
        one: WorkCalendar.from_policies(shared, places, offs.of(one))
        for one, places in assignments.items()
    }


def load_site_calendars(
    organization_id: int,
    assignments: Mapping[Any, Sequence[SiteAssignment]],
    years: Collection[int],
) -> dict[Any, WorkCalendar]:
    """As `load_work_calendars`, of what stands at offices: their calendars alone,
    without the weekly offs of any leave policy.
    """
    shared = load_office_calendars(
        organization_id, years, {post.site for places in assignments.values() for post in places}
    )
    return {
        one: WorkCalendar.from_policies(shared, places, []) for one, places in assignments.items()
    }


@dataclass(frozen=True, slots=True)
class _WeeklyOffsVersion:
    """The weekly offs of a version of rules."""

    effective_from: date
    offs: WeeklyOffs


class _PolicyWeeklyOffs:
    """The weekly offs of each person's rules, each from its day on."""

    def __init__(self, organization_id: int, people: Iterable[Any]) -> None:
        published = (
            LeavePolicy.objects.of(organization_id)
            .filter(published_at__isnull=False)
            .order_by("effective_from")
        )
        self._by_scheme: dict[str, list[_WeeklyOffsVersion]] = defaultdict(list)
        for scheme, since, text in published.values_list("scheme", "effective_from", "weekly_offs"):
            self._by_scheme[scheme].append(_WeeklyOffsVersion(since, WeeklyOffs.parse(text)))
        self._spans: dict[Any, list[tuple[date, str]]] = defaultdict(list)
        # Unless some group of staff has rules of its own, nobody's particulars need to be asked.
        if set(self._by_scheme) - {STANDARD_SCHEME}:
            facts = (
                LeaveProfile.objects.of(organization_id)
                .filter(employee__in=list(people))
                .order_by("starts_on")
            )
            for employee_id, since, scheme in facts.values_list(
                "employee_id", "starts_on", "scheme"
            ):
                self._spans[employee_id].append((since, scheme))

    def of(self, employee_id: Any) -> list[tuple[date, WeeklyOffs]]:
        """Patterns, the oldest first."""
        return [
            (one.effective_from, one.offs)
            for one in versions_in_force(self._by_scheme, self._spans[employee_id])
        ]
