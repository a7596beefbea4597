"""How much leave everybody has, in a year, kind by kind: the statements of the API and the console,
one after the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import cached_property
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from employees.models import Employee
from leaves import overviews, statements
from leaves.models import Kind as Leave
from reports.columns import Column, Kind, Row
from reports.forms import YearForm
from reports.frame import Chunk, Report, Totals
from reports.people import Wish, walk, wanted

# A statement is worked out from all that ever happened to an account.
AT_A_TIME: Final = 100
SUMS: Final = ("opening", "credited", "debited", "lapsed", "held", "available")


class LeaveBalancesReport(Report):
    """Six rows for each person, one for each kind."""

    name = "leave-balances"
    title = _("Leave balances")
    about = _(
        "What everybody had of each kind of leave when the year began, got, took, lost, and has"
        " now, in days."
    )
    form = YearForm
    permission = "leaves.view_account"

    @cached_property
    def year(self) -> tuple[date, date]:
        """Its first and its last day."""
        return date(self.asked["year"], 1, 1), date(self.asked["year"], 12, 31)

    @cached_property
    def wish(self) -> Wish:
        """Whose: by where they work today, or worked when the year ended."""
        first, last = self.year
        day = max(
            first, min(last, timezone.localdate(timezone=ZoneInfo(self.organization.timezone)))
        )
        return Wish.of(self.organization, self.asked, day, day)

    def layout(self) -> Iterable[Column]:
        """A statement's columns."""
        yield Column("employee", _("Employee code"))
        yield Column("name", _("Name"), width=28)
        yield Column("leave_type", _("Kind of leave"), words=dict(Leave.choices), width=22)
        yield Column("opening", _("Opening"), Kind.DAYS)
        yield Column("credited", _("Credited"), Kind.DAYS)
        yield Column("debited", _("Debited"), Kind.DAYS)
        yield Column("lapsed", _("Lapsed"), Kind.DAYS)
        yield Column("held", _("Applied for"), Kind.DAYS)
        yield Column("available", _("Available"), Kind.DAYS)

    def size(self) -> int:
        """A step for each person."""
        return self._people().count()

    def weight(self) -> int:
        """A statement costs as much as a hundred rows of another report."""
        return self.size() * 100

    def chunks(self) -> Iterator[Chunk]:
        """People by code."""
        day = self.wish.first
        for persons in walk(self.wish, self._people(), AT_A_TIME):
            asked = [one.id for one in persons if self.wish.takes(one.place(day))]
            rows = list(
                Employee.objects.of(self.organization).filter(pk__in=asked).order_by("code")
            )
            found = overviews.overview(self.organization, rows, self.asked["year"])
            yield Chunk(len(persons), [row for one in rows for row in _rows(one, found[one.pk])])

    def _people(self) -> QuerySet[Employee]:
        first, last = self.year
        return wanted(self.wish).filter(
            Q(left_on__isnull=True) | Q(left_on__gte=first), joined_on__lte=last
        )

    def span(self) -> dict[str, Any]:
        """The year."""
        return {"year": str(self.asked["year"])}

    def nothing(self) -> Totals:
        """Sums of each kind: days of different kinds are not added up."""
        return {str(kind): dict.fromkeys(SUMS, 0.0) for kind in statements.KINDS_SHOWN}

    def add(self, totals: Totals, row: Row) -> None:
        """A row, with those of its kind."""
        of_kind = totals[str(row[2])]
        for name, days in zip(SUMS, row[3:], strict=True):
            of_kind[name] += days

    def closing(self, totals: Totals) -> Sequence[Row]:
        """A row for each kind."""
        return [(str(_("Total")), None, kind, *sums.values()) for kind, sums in totals.items()]


def _rows(employee: Employee, found: Sequence[statements.Standing]) -> Sequence[Row]:
    return [
        (employee.code, employee.name, str(one.kind), *(getattr(one, name) / 2 for name in SUMS))
        for one in found
    ]
