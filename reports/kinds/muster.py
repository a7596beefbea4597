"""The muster roll: a month as a grid, one row for each person and one column for each day, with
what it comes to.

What the register of attendance of Indian labour law (Form D of the Ease of Compliance to Maintain
Registers under various Labour Laws Rules, 2017) has: the establishment, the period, each worker
with each date, and the sums. `front` is its head.
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

from attendance.verdicts import Person
from leaves.models import Absence
from leaves.models import Kind as Leave
from reports import codes
from reports.columns import Column, Kind, Row
from reports.forms import MonthForm
from reports.frame import CSV, JSON, PDF, XLSX, Chunk, Report, Totals
from reports.lines import Line, Lines, days_of, in_service
from reports.people import Wish

LEAVE_WORDS: Final = {**dict(Leave.choices), "EOL": Absence.Kind.EOL.label}
# In front of the dates: code, name, site, department.
FRONT: Final = 4
_TITLES: Final = {
    "present": _("Present"),
    "absent": _("Absent"),
    "leave": _("Leave"),
    "tour": _("On tour"),
    "holiday": _("Holidays"),
    "weekly_off": _("Weekly offs"),
    "conflict": _("Leave and punch"),
    "due": _("Not yet here"),
    "unknown": _("Not worked out"),
    "half_days": _("Half days"),
    "late": _("Times late"),
    "early": _("Times early"),
    "adjusted": _("Adjusted days"),
    "late_by": _("Late by (minutes)"),
    "early_by": _("Early by (minutes)"),
    "overtime": _("Overtime (minutes)"),
    "worked": _("Worked (minutes)"),
    **{f"leave_{kind}": LEAVE_WORDS[kind] for kind in codes.LEAVE_KINDS},
    f"leave_{codes.OTHER}": _("Other leave"),
}


class MusterReport(Report):
    """One row for each person in service in the month."""

    name = "muster-roll"
    title = _("Muster roll")
    about = _(
        "A month as a grid: everybody with a code for each day, and days present, absent, on leave"
        " by kind and so on."
    )
    form = MonthForm
    formats = (JSON, CSV, XLSX, PDF)

    @cached_property
    def wish(self) -> Wish:
        """Whose days, and which month."""
        first: date = self.asked["month"]
        last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
        return Wish.of(self.organization, self.asked, first, last)

    @cached_property
    def lines(self) -> Lines:
        """Where the days are read."""
        return Lines(self.wish, brief=True)

    @cached_property
    def dates(self) -> list[date]:
        """The days of the month."""
        return days_of(self.wish)

    def size(self) -> int:
        """A step for each person."""
        return self.lines.people().count()

    def layout(self) -> Iterable[Column]:
        """Who, where, a code for each day, and sums."""
        yield Column("employee", _("Employee code"))
        yield Column("name", _("Name"), width=28)
        yield Column("site", _("Site"), width=20)
        yield Column("department", _("Department"), width=20)
        for on in self.dates:
            yield Column(on.isoformat(), f"{on.day:02} {formats.date_format(on, 'D')}", width=5)
        for name in codes.SUMS:
            yield Column(
                name,
                _TITLES[name],
                Kind.DAYS if name in codes.DAYS else Kind.WHOLE,
                total=True,
                width=9,
            )

    def chunks(self) -> Iterator[Chunk]:
        """People by code."""
        for found in self.lines.walk():
            rows = [
                self._row(person, lines)
                for person, lines in found
                if lines or in_service(person, self.wish)
            ]
            yield Chunk(len(found), rows)

    def _row(self, person: Person, lines: Sequence[Line]) -> Row:
        sums, by_date = codes.nothing(), dict.fromkeys(self.dates, "")
        for line in lines:
            by_date[line.on] = line.code
            codes.add(
                sums, line.status, line.halves, line.minutes, adjusted=line.adjustment is not None
            )
        site, department = self._place(person, lines)
        return (person.code, person.name, site, department, *by_date.values(), *sums.values())

    def _place(self, person: Person, lines: Sequence[Line]) -> tuple[str | None, str | None]:
        """Where somebody worked last in the month, of where was asked for."""
        if lines:
            return lines[-1].place.site, lines[-1].place.department
        places = (
            person.place(on) for on in reversed(self.dates) if self.wish.takes(person.place(on))
        )
        place = next((one for one in places if one is not None), None)
        return (place.site, place.department) if place else (None, None)

    # --- The head of the register
    def front(self) -> Sequence[tuple[str, str]]:
        """The head: establishment, place, month, form; then the legend."""
        titles = {
            "establishment": _say("Name of the establishment"),
            "site": _say("Site"),
            "department": _say("Department"),
            "form": _say("Form"),
        }
        head = self._head()
        month = (_say("For the month"), formats.date_format(self.wish.first, "F Y"))
        return [
            month,
            *((title, head[name] or _say("All")) for name, title in titles.items()),
            *self.legend(),
        ]

    def _head(self) -> dict[str, str | None]:
        site, department = self.asked.get("site"), self.asked.get("department")
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
            codes.PRESENT: _say("Present"),
            codes.ABSENT: _say("Absent"),
            codes.HALF_DAY: _say("Half a day"),
            codes.TOUR: _say("On tour"),
            codes.HOLIDAY: _say("Holiday"),
            codes.WEEKLY_OFF: _say("Weekly off"),
            codes.CONFLICT: _say("On leave and at work: to be decided"),
            codes.DUE: _say("Not over yet"),
            codes.UNKNOWN: _say("Not worked out yet"),
            codes.NONE: _say("Not in service"),
        }
        found = [(codes.CODES[name], word) for name, word in words.items()]
        found += [
            (codes.code_of(f"{codes.LEAVE}{kind}"), str(word)) for kind, word in LEAVE_WORDS.items()
        ]
        return [
            *found,
            ("A/B", _say("first half / second half")),
            (codes.ADJUSTED, _say("changed after the month was locked")),
        ]

    def head(self) -> dict[str, Any]:
        """The same in JSON."""
        return {**super().head(), **self._head(), "legend": dict(self.legend())}

    def span(self) -> dict[str, str]:
        """The month."""
        return {"month": f"{self.wish.first:%Y-%m}"}

    def closing(self, totals: Totals) -> Sequence[Row]:
        """The sums, under their columns."""
        return [
            [
                str(_("Total")),
                *[None] * (FRONT - 1 + len(self.dates)),
                *(totals[name] for name in codes.SUMS),
            ]
        ]
