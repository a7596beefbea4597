"""The time zones of employees by date, from the sites of their assignments: a time that a person
enters is on the clock of the site. Used by every form, import and API that corrects times.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from core.times import to_local_time, wall_time_to_utc
from employees.models import Assignment, Employee


class EmployeeZones:
    """The clocks on the walls of some people, read at once."""

    def __init__(self, organization_id: int, employees: Collection[UUID]) -> None:
        self._posts: dict[UUID, list[Assignment]] = defaultdict(list)
        rows = (
            Assignment.objects.of(organization_id)
            .filter(employee__in=employees)
            .select_related("site")
        )
        for one in rows.order_by("-starts_on"):
            self._posts[one.employee_id].append(one)

    def zone_on(self, employee: Employee, on: date) -> str:
        """The zone of the site of a date, or the organization's."""
        post = next((one for one in self._posts[employee.pk] if one.covers(on)), None)
        return (post.site.timezone if post else "") or employee.organization.timezone

    def local_date(self, employee: Employee, at: datetime) -> date:
        """The date on the wall of where somebody worked at an instant."""
        home = to_local_time(at, employee.organization.timezone).date()
        return to_local_time(at, self.zone_on(employee, home)).date()

    def to_instant(self, employee: Employee, naive: datetime) -> tuple[datetime, tuple[str, ...]]:
        """What a clock on their wall showed as an instant, with flags of `core.times`. Raises
        OverflowError.
        """
        return wall_time_to_utc(naive, ZoneInfo(self.zone_on(employee, naive.date())))
