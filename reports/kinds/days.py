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

from attendance.models import Day
from attendance.verdicts import Person
from attendance.wording import counted_text, half_text, mark_text, status_text
from reports import codes
from reports.columns import Cell, Column, Kind, Row
from reports.forms import PeopleForm, StatusForm
from reports.frame import Chunk, Report, Totals
from reports.lines import Line, Lines
from reports.people import Wish
from reports.reading import wall

_LEAVES: Final = tuple(f"{codes.LEAVE}{kind}" for kind in codes.LEAVE_KINDS)
_WITHOUT_ROW: Final[Mapping[str, Any]] = {
    codes.UNKNOWN: _("Not worked out yet"),
    codes.NONE: _("Not in service when the month was locked"),
}
STATUS_WORDS: Final[Mapping[str, Any]] = {
    **{status: lazy(status_text, str)(status) for status in (*Day.Status.values, *_LEAVES)},
    **_WITHOUT_ROW,
}
HALF_WORDS: Final[Mapping[str, Any]] = {
    **STATUS_WORDS,
    **{half: lazy(half_text, str)(half) for half in (codes.PRESENT, codes.ABSENT, codes.TOUR)},
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
    came: Cell
    left: Cell
    zone: str
    worked: int
    late_by: int
    early_by: int
    overtime: int
    remarks: str | None
    adjustment: str | None

    @property
    def minutes(self) -> dict[str, int]:
        """Its minutes by name, those of `codes.MINUTES`."""
        return {name: getattr(self, name) for name in codes.MINUTES}


class DaysReport(Report):
    """One row for each day of each person that fulfils `only`; without one, for every day."""

    form = PeopleForm
    only: ClassVar[Q | None] = None

    @cached_property
    def wish(self) -> Wish:
        """Whose days, and when."""
        return Wish.of(self.organization, self.asked, self.asked["from"], self.asked["to"])

    @cached_property
    def lines(self) -> Lines:
        """Where they are read."""
        return Lines(self.wish, self.only)

    def size(self) -> int:
        """A step for each person."""
        return self.lines.people().count()

    def weight(self) -> int:
        """A row for each person and day."""
        return self.size() * self.wish.days

    def chunks(self) -> Iterator[Chunk]:
        """People by code, their days in order."""
        for found in self.lines.walk():
            kept = [(person, line) for person, lines in found for line in lines if self.takes(line)]
            yield Chunk(len(found), [self._row(person, line) for person, line in kept])

    def takes(self, line: Line) -> bool:
        """Whether a day belongs into the report."""
        return True

    def layout(self) -> Iterable[Column]:
        """Who, when, where, what it was, and how long."""
        yield Column("employee", _("Employee code"))
        yield Column("name", _("Name"), width=28)
        yield Column("date", _("Date"), Kind.DATE, width=12)
        yield Column("site", _("Site"), width=20)
        yield Column("department", _("Department"), width=20)
        yield Column("shift", _("Shift"), width=16)
        yield Column("status", _("Status"), width=18, words=STATUS_WORDS)
        yield Column("first_half", _("First half"), width=14, words=HALF_WORDS)
        yield Column("second_half", _("Second half"), width=14, words=HALF_WORDS)
        yield Column("code", _("Code"), width=8)
        yield Column("in", _("In"), Kind.MOMENT, width=20)
        yield Column("out", _("Out"), Kind.MOMENT, width=20)
        yield Column("zone", _("Time zone"), width=16)
        yield Column("worked", _("Worked (minutes)"), Kind.WHOLE, total=True)
        yield Column("late_by", _("Late by (minutes)"), Kind.WHOLE, total=True)
        yield Column("early_by", _("Early by (minutes)"), Kind.WHOLE, total=True)
        yield Column("overtime", _("Overtime (minutes)"), Kind.WHOLE, total=True)
        yield Column("remarks", _("Remarks"), width=40)
        yield Column("adjustment", _("After the month was locked"), width=40)

    def _row(self, person: Person, line: Line) -> DayRow:
        return DayRow(
            person.code,
            person.name,
            line.on,
            line.place.site,
            line.place.department,
            line.shift,
            line.status,
            *line.halves,
            line.code,
            wall(line.first_in, line.zone),
            wall(line.last_out, line.zone),
            line.zone,
            line.worked,
            line.late_by,
            line.early_by,
            line.overtime,
            "; ".join(map(mark_text, line.marks)) or None,
            adjustment_text(line),
        )

    # --- Totals: those of the muster roll
    def nothing(self) -> Totals:
        """All sums that a muster roll has, and the number of rows."""
        return {"rows": 0, **codes.nothing()}

    def add(self, totals: Totals, row: Row) -> None:
        """Count a day in."""
        day: Any = row
        totals["rows"] += 1
        counts = (day.first_half, day.second_half)
        codes.add(totals, day.status, counts, day.minutes, adjusted=day.adjustment is not None)


def adjustment_text(line: Line) -> str | None:
    """What a late fact makes of a day of a locked month, and where that is counted."""
    if line.adjustment is None:
        return None
    posted_to, after = line.adjustment
    return _say("%(what)s (counted in %(month)s)") % {
        "what": counted_text(after),
        "month": f"{posted_to:%Y-%m}",
    }


class PresenceReport(DaysReport):
    """Every day of everybody."""

    name = "presence"
    title = _("Daily presence")
    about = _(
        "Who was there on each day, from when to when, how long they worked, and how late they"
        " were."
    )
    form = StatusForm

    def takes(self, line: Line) -> bool:
        """By status, where one was asked for."""
        asked = self.asked.get("status")
        return (
            not asked
            or line.status == asked
            or (asked == "leave" and line.status.startswith(codes.LEAVE))
        )


class LateReport(DaysReport):
    """Days on which somebody came late or left early."""

    name = "late"
    title = _("Late and early")
    about = _(
        "The days on which somebody came later or left earlier than the shift and its grace allow,"
        " and by how much."
    )
    only = Q(late_by__gt=0) | Q(early_by__gt=0)


class OvertimeReport(DaysReport):
    """Days with overtime."""

    name = "overtime"
    title = _("Overtime")
    about = _("The days on which somebody worked longer than planned, by the rules of the shift.")
    only = Q(overtime__gt=0)
