"""A day as reports show it: the value, where it was worked, and how a row of `attendance.Day`
becomes one.

Made by `ReportDayReader`; read by the reports on days and by the muster roll.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final

from attendance.days.locking import COUNTED_FIELDS, ZERO_VALUES
from attendance.models import DayAdjustment
from reports import day_codes

# The columns of a row that every report reads, and those that only detailed reports read.
BASIC_FIELDS: Final = (
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
DETAIL_FIELDS: Final = ("shift_id", "first_in", "last_out", "marks", "open_until")


@dataclass(frozen=True, slots=True)
class DayLocation:
    """Where a day was worked: as its row has it."""

    site_id: int | None = None
    department_id: int | None = None
    site: str | None = None
    department: str | None = None


NO_LOCATION: Final = DayLocation()


class DayLocationCache(dict[tuple[int | None, int | None], DayLocation]):
    """Locations by the ids of their site and department, each made once."""

    def __init__(
        self, sites: Mapping[int | None, str], departments: Mapping[int | None, str]
    ) -> None:
        super().__init__()
        self._sites, self._departments = sites, departments

    def __missing__(self, key: tuple[int | None, int | None]) -> DayLocation:
        site_id, department_id = key
        location = self[key] = DayLocation(
            site_id, department_id, self._sites.get(site_id), self._departments.get(department_id)
        )
        return location


@dataclass(frozen=True, slots=True)
class ReportDay:
    """A day of an employee. Instants UTC, durations in minutes. `adjustment`: what it would be, and
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


def report_day(row: tuple[Any, ...], location: DayLocation, shifts: Mapping[int, str]) -> ReportDay:
    """A row of `BASIC_FIELDS`, and of `DETAIL_FIELDS` if they were read, as a day. `shifts` are
    names by id.
    """
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
        *details,
    ) = row
    counts = day_codes.half_statuses(status, first, second)
    if not details:
        return ReportDay(
            on,
            status,
            counts,
            zone,
            location,
            None,
            None,
            None,
            worked,
            late_by,
            early_by,
            overtime,
        )
    shift_id, first_in, last_out, marks, open_until = details
    return ReportDay(
        on,
        status,
        counts,
        zone,
        location,
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


def with_adjustment(day: ReportDay, adjustment: DayAdjustment | None) -> ReportDay:
    """A day with its adjustment, if that still differs from the row."""
    if adjustment is None:
        return day
    is_calculated = day.status not in (day_codes.NOT_CALCULATED, day_codes.NOT_IN_SERVICE)
    current = (
        {name: getattr(day, name) for name in COUNTED_FIELDS} if is_calculated else ZERO_VALUES
    )
    if adjustment.after == current:
        return day
    return replace(day, adjustment=(adjustment.posted_to, adjustment.after))
