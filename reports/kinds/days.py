"""Days one under the other: who was there, who came late or left early, and who worked longer than
planned.

All three read the same lines and sum them up in the same way, so their totals agree with each other
and with the muster roll.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import cached_property
from typing import Any, ClassVar, Final, NamedTuple

from django.db.models import Q
from django.utils.functional import lazy
from django.utils.translation import gettext as _say
from django.utils.translation import gettext_lazy as _

from attendance.days.labels import adjustment_values_text, half_text, mark_text, status_text
from attendance.models import Day
from attendance.punches.verdicts import EmployeeSnapshot
from reports import day_codes
from reports.base import Chunk, Report, Totals
from reports.columns import Cell, Column, ColumnKind, Row
from reports.day_rows import ReportDayReader
from reports.forms import EmployeeScopeForm, StatusForm
from reports.keyset import wall_clock_time
from reports.report_day import ReportDay
from reports.scope import ReportScope

_LEAVE_STATUSES: Final = tuple(f"{day_codes.LEAVE_PREFIX}{kind}" for kind in day_codes.LEAVE_KINDS)
_LABELS_WITHOUT_ROW: Final[Mapping[str, Any]] = {
    day_codes.NOT_CALCULATED: _("Not calculated yet"),
    day_codes.NOT_IN_SERVICE: _("Not in service when the month was locked"),
}
STATUS_LABELS: Final[Mapping[str, Any]] = {
    **{status: lazy(status_text, str)(status) for status in (*Day.Status.values, *_LEAVE_STATUSES)},
    **_LABELS_WITHOUT_ROW,
}
HALF_LABELS: Final[Mapping[str, Any]] = {
    **STATUS_LABELS,
    **{
        half: lazy(half_text, str)(half)
        for half in (day_codes.PRESENT, day_codes.ABSENT, day_codes.ON_TOUR)
    },
}


class DayRow(NamedTuple):
    """A day as a row: the columns of these reports, in their order."""

    employee: str
    name: str
    date: date
    site: str | None
    department: str | None
    shift: str | None
    status: str
    first_half: str
    second_half: str
    code: str
    in_time: Cell
    out_time: Cell
    zone: str
    worked: int
    late_by: int
    early_by: int
    overtime: int
    remarks: str | None
    adjustment: str | None

    @property
    def minutes(self) -> dict[str, int]:
        """Its minutes by name, those of `day_codes.MINUTE_TOTALS`."""
        return {name: getattr(self, name) for name in day_codes.MINUTE_TOTALS}


class DaysReport(Report):
    """One row for each day of each person that fulfils `row_filter`; without one, for every day."""

    form_class = EmployeeScopeForm
    row_filter: ClassVar[Q | None] = None

    @cached_property
    def scope(self) -> ReportScope:
        """Whose days, and when."""
        return ReportScope.from_form(
            self.organization, self.parameters, self.parameters["from"], self.parameters["to"]
        )

    @cached_property
    def day_reader(self) -> ReportDayReader:
        """Where they are read."""
        return ReportDayReader(self.scope, self.row_filter)

    def step_count(self) -> int:
        """A step for each person."""
        return self.day_reader.employees().count()

    def estimated_rows(self) -> int:
        """A row for each person and day."""
        return self.step_count() * self.scope.day_count

    def chunks(self) -> Iterator[Chunk]:
        """People by code, their days in order."""
        for found in self.day_reader.iter_employee_days():
            kept = [
                (person, line) for person, lines in found for line in lines if self.includes(line)
            ]
            yield Chunk(len(found), [self._row(person, line) for person, line in kept])

    def includes(self, day: ReportDay) -> bool:
        """Whether a day belongs into the report."""
        return True

    def build_columns(self) -> Iterable[Column]:
        """Who, when, where, what it was, and how long."""
        yield Column("employee", _("Employee code"))
        yield Column("name", _("Name"), width=28)
        yield Column("date", _("Date"), ColumnKind.DATE, width=12)
        yield Column("site", _("Site"), width=20)
        yield Column("department", _("Department"), width=20)
        yield Column("shift", _("Shift"), width=16)
        yield Column("status", _("Status"), width=18, labels=STATUS_LABELS)
        yield Column("first_half", _("First half"), width=14, labels=HALF_LABELS)
        yield Column("second_half", _("Second half"), width=14, labels=HALF_LABELS)
        yield Column("code", _("Code"), width=8)
        yield Column("in", _("In"), ColumnKind.DATETIME, width=20)
        yield Column("out", _("Out"), ColumnKind.DATETIME, width=20)
        yield Column("zone", _("Time zone"), width=16)
        yield Column("worked", _("Worked (minutes)"), ColumnKind.INTEGER, total=True)
        yield Column("late_by", _("Late by (minutes)"), ColumnKind.INTEGER, total=True)
        yield Column("early_by", _("Early by (minutes)"), ColumnKind.INTEGER, total=True)
        yield Column("overtime", _("Overtime (minutes)"), ColumnKind.INTEGER, total=True)
        yield Column("remarks", _("Remarks"), width=40)
        yield Column("adjustment", _("After the month was locked"), width=40)

    def _row(self, person: EmployeeSnapshot, line: ReportDay) -> DayRow:
        return DayRow(
            person.code,
            person.name,
            line.day,
            line.location.site,
            line.location.department,
            line.shift,
            line.status,
            *line.halves,
            line.code,
            wall_clock_time(line.first_in, line.zone),
            wall_clock_time(line.last_out, line.zone),
            line.zone,
            line.worked,
            line.late_by,
            line.early_by,
            line.overtime,
            "; ".join(map(mark_text, line.marks)) or None,
            adjustment_text(line),
        )

    # --- Totals: those of the muster roll
    def zero_totals(self) -> Totals:
        """All sums that a muster roll has, and the number of rows."""
        return {"rows": 0, **day_codes.zero_totals()}

    def add_to_totals(self, totals: Totals, row: Row) -> None:
        """Count a day in."""
        day: Any = row
        totals["rows"] += 1
        counts = (day.first_half, day.second_half)
        day_codes.add_day_to_totals(
            totals, day.status, counts, day.minutes, adjusted=day.adjustment is not None
        )


def adjustment_text(day: ReportDay) -> str | None:
    """What a late fact makes of a day of a locked month, and where that is counted."""
    if day.adjustment is None:
        return None
    posted_to, after = day.adjustment
    return _say("%(what)s (counted in %(month)s)") % {
        "what": adjustment_values_text(after),
        "month": f"{posted_to:%Y-%m}",
    }


class PresenceReport(DaysReport):
    """Every day of everybody."""

    name = "presence"
    title = _("Daily presence")
    description = _(
        "Who was there on each day, from when to when, how long they worked, and how late they"
        " were."
    )
    form_class = StatusForm

    def includes(self, day: ReportDay) -> bool:
        """By status, where one was asked for."""
        asked = self.parameters.get("status")
        return (
            not asked
            or day.status == asked
            or (asked == "leave" and day.status.startswith(day_codes.LEAVE_PREFIX))
        )


class LateReport(DaysReport):
    """Days on which somebody came late or left early."""

    name = "late"
    title = _("Late and early")
    description = _(
        "The days on which somebody came later or left earlier than the shift and its grace allow,"
        " and by how much."
    )
    row_filter = Q(late_by__gt=0) | Q(early_by__gt=0)


class OvertimeReport(DaysReport):
    """Days with overtime."""

    name = "overtime"
    title = _("Overtime")
    description = _(
        "The days on which somebody worked longer than planned, by the rules of the shift."
    )
    row_filter = Q(overtime__gt=0)
