"""The muster roll: a month as a grid, one row for each person and one column for each day, with
what it comes to.

What the register of attendance of Indian labour law (Form D of the Ease of Compliance to Maintain
Registers under various Labour Laws Rules, 2017) has: the establishment, the period, each worker
with each date, and the sums. `header_lines` is its head.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import cached_property
from typing import Any, Final

from django.utils import formats
from django.utils.translation import gettext as _say
from django.utils.translation import gettext_lazy as _

from attendance.punches.verdicts import EmployeeSnapshot
from leaves.models import Absence
from leaves.models import LeaveTypeChoices as Leave
from reports import day_codes
from reports.base import CSV, JSON, PDF, XLSX, Chunk, Report, Totals
from reports.columns import Column, ColumnKind, Row
from reports.day_rows import ReportDayReader
from reports.forms import MonthForm
from reports.report_day import ReportDay
from reports.scope import ReportScope, dates_in_scope, was_in_service

LEAVE_LABELS: Final = {**dict(Leave.choices), "EOL": Absence.Kind.EOL.label}
# In front of the dates: code, name, site, department.
LEADING_COLUMNS: Final = 4
_TITLES: Final = {
    "present": _("Present"),
    "absent": _("Absent"),
    "leave": _("Leave"),
    "tour": _("On tour"),
    "holiday": _("Holidays"),
    "weekly_off": _("Weekly offs"),
    "conflict": _("Leave and punch conflict"),
    "due": _("Expected"),
    "unknown": _("Not calculated"),
    "half_days": _("Half days"),
    "late": _("Late arrivals"),
    "early": _("Early departures"),
    "adjusted": _("Adjusted days"),
    "late_by": _("Late by (minutes)"),
    "early_by": _("Early by (minutes)"),
    "overtime": _("Overtime (minutes)"),
    "worked": _("Worked (minutes)"),
    **{f"leave_{kind}": LEAVE_LABELS[kind] for kind in day_codes.LEAVE_KINDS},
    f"leave_{day_codes.OTHER_LEAVE}": _("Other leave"),
}


class MusterRollReport(Report):
    """One row for each person in service in the month."""

    name = "muster-roll"
    title = _("Muster roll")
    description = _(
        "A month as a grid: everybody with a code for each day, and days present, absent, on leave"
        " by kind and so on."
    )
    form_class = MonthForm
    formats = (JSON, CSV, XLSX, PDF)

    @cached_property
    def scope(self) -> ReportScope:
        """Whose days, and which month."""
        first: date = self.parameters["month"]
        last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
        return ReportScope.from_form(self.organization, self.parameters, first, last)

    @cached_property
    def day_reader(self) -> ReportDayReader:
        """Where the days are read."""
        return ReportDayReader(self.scope, brief=True)

    @cached_property
    def dates(self) -> list[date]:
        """The days of the month."""
        return dates_in_scope(self.scope)

    def step_count(self) -> int:
        """A step for each person."""
        return self.day_reader.employees().count()

    def build_columns(self) -> Iterable[Column]:
        """Who, where, a code for each day, and sums."""
        yield Column("employee", _("Employee code"))
        yield Column("name", _("Name"), width=28)
        yield Column("site", _("Site"), width=20)
        yield Column("department", _("Department"), width=20)
        for on in self.dates:
            yield Column(on.isoformat(), f"{on.day:02} {formats.date_format(on, 'D')}", width=5)
        for name in day_codes.ALL_TOTALS:
            yield Column(
                name,
                _TITLES[name],
                ColumnKind.DAYS if name in day_codes.DAY_TOTALS else ColumnKind.INTEGER,
                total=True,
                width=9,
            )

    def chunks(self) -> Iterator[Chunk]:
        """People by code."""
        for found in self.day_reader.iter_employee_days():
            rows = [
                self._row(person, lines)
                for person, lines in found
                if lines or was_in_service(person, self.scope)
            ]
            yield Chunk(len(found), rows)

    def _row(self, person: EmployeeSnapshot, lines: Sequence[ReportDay]) -> Row:
        sums, by_date = day_codes.zero_totals(), dict.fromkeys(self.dates, "")
        for line in lines:
            by_date[line.day] = line.code
            day_codes.add_day_to_totals(
                sums, line.status, line.halves, line.minutes, adjusted=line.adjustment is not None
            )
        site, department = self._last_location(person, lines)
        return (person.code, person.name, site, department, *by_date.values(), *sums.values())

    def _last_location(
        self, person: EmployeeSnapshot, lines: Sequence[ReportDay]
    ) -> tuple[str | None, str | None]:
        """Where somebody worked last in the month, of where was asked for."""
        if lines:
            return lines[-1].location.site, lines[-1].location.department
        places = (
            person.assignment_on(on)
            for on in reversed(self.dates)
            if self.scope.includes(person.assignment_on(on))
        )
        place = next((one for one in places if one is not None), None)
        return (place.site, place.department) if place else (None, None)

    # --- The head of the register
    def header_lines(self) -> Sequence[tuple[str, str]]:
        """The head: establishment, place, month, form; then the legend."""
        titles = {
            "establishment": _say("Name of the establishment"),
            "site": _say("Site"),
            "department": _say("Department"),
            "form": _say("Form"),
        }
        head = self._register_header()
        month = (_say("For the month"), formats.date_format(self.scope.first, "F Y"))
        return [
            month,
            *((title, head[name] or _say("All")) for name, title in titles.items()),
            *self.legend(),
        ]

    def _register_header(self) -> dict[str, str | None]:
        site, department = self.parameters.get("site"), self.parameters.get("department")
        return {
            "establishment": self.organization.name,
            "site": site and site.name,
            "department": department and department.name,
            "form": _say("Muster roll (register of attendance, Form D)"),
        }

    @staticmethod
    def legend() -> list[tuple[str, str]]:
        """What each code means."""
        words = {
            day_codes.PRESENT: _say("Present"),
            day_codes.ABSENT: _say("Absent"),
            day_codes.HALF_DAY: _say("Half a day"),
            day_codes.ON_TOUR: _say("On tour"),
            day_codes.HOLIDAY: _say("Holiday"),
            day_codes.WEEKLY_OFF: _say("Weekly off"),
            day_codes.CONFLICT: _say("On leave and at work: to be decided"),
            day_codes.EXPECTED: _say("Not over yet"),
            day_codes.NOT_CALCULATED: _say("Not worked out yet"),
            day_codes.NOT_IN_SERVICE: _say("Not in service"),
        }
        found = [(day_codes.MUSTER_CODES[name], word) for name, word in words.items()]
        found += [
            (day_codes.half_code(f"{day_codes.LEAVE_PREFIX}{kind}"), str(word))
            for kind, word in LEAVE_LABELS.items()
        ]
        return [
            *found,
            ("A/B", _say("first half / second half")),
            (day_codes.ADJUSTED_SUFFIX, _say("changed after the month was locked")),
        ]

    def json_header(self) -> dict[str, Any]:
        """The same in JSON."""
        return {**super().json_header(), **self._register_header(), "legend": dict(self.legend())}

    def period(self) -> dict[str, str]:
        """The month."""
        return {"month": f"{self.scope.first:%Y-%m}"}

    def total_rows(self, totals: Totals) -> Sequence[Row]:
        """The sums, under their columns."""
        return [
            [
                str(_("Total")),
                *[None] * (LEADING_COLUMNS - 1 + len(self.dates)),
                *(totals[name] for name in day_codes.ALL_TOTALS),
            ]
        ]
