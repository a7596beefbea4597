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
from leaves.models import LeaveTypeChoices as Leave
from leaves.statements import bulk_leave_statements
from leaves.year_balances import STATEMENT_TYPES, LeaveBalance
from reports.base import Chunk, Report, Totals
from reports.columns import Column, ColumnKind, Row
from reports.forms import YearForm
from reports.scope import ReportScope, employees_in_scope, iter_employee_chunks

# A statement is worked out from all that ever happened to an account.
STATEMENTS_PER_CHUNK: Final = 100
BALANCE_COLUMNS: Final = ("opening", "credited", "debited", "lapsed", "held", "available")


class LeaveBalancesReport(Report):
    """Six rows for each person, one for each kind."""

    name = "leave-balances"
    title = _("Leave balances")
    description = _(
        "What everybody had of each kind of leave when the year began, got, took, lost, and has"
        " now, in days."
    )
    form_class = YearForm
    required_permission = "leaves.view_leaveaccount"

    @cached_property
    def year_bounds(self) -> tuple[date, date]:
        """Its first and its last day."""
        return date(self.parameters["year"], 1, 1), date(self.parameters["year"], 12, 31)

    @cached_property
    def scope(self) -> ReportScope:
        """Whose: by where they work today, or worked when the year ended."""
        first, last = self.year_bounds
        day = max(
            first, min(last, timezone.localdate(timezone=ZoneInfo(self.organization.timezone)))
        )
        return ReportScope.from_form(self.organization, self.parameters, day, day)

    def build_columns(self) -> Iterable[Column]:
        """A statement's columns."""
        yield Column("employee", _("Employee code"))
        yield Column("name", _("Name"), width=28)
        yield Column("leave_type", _("Leave type"), labels=dict(Leave.choices), width=22)
        yield Column("opening", _("Opening"), ColumnKind.DAYS)
        yield Column("credited", _("Credited"), ColumnKind.DAYS)
        yield Column("debited", _("Debited"), ColumnKind.DAYS)
        yield Column("lapsed", _("Lapsed"), ColumnKind.DAYS)
        yield Column("held", _("Applied for"), ColumnKind.DAYS)
        yield Column("available", _("Available"), ColumnKind.DAYS)

    def step_count(self) -> int:
        """A step for each person."""
        return self._employees().count()

    def estimated_rows(self) -> int:
        """A statement costs as much as a hundred rows of another report."""
        return self.step_count() * 100

    def chunks(self) -> Iterator[Chunk]:
        """People by code."""
        day = self.scope.first
        for persons in iter_employee_chunks(self.scope, self._employees(), STATEMENTS_PER_CHUNK):
            asked = [one.id for one in persons if self.scope.includes(one.assignment_on(day))]
            rows = list(
                Employee.objects.of(self.organization).filter(pk__in=asked).order_by("code")
            )
            found = bulk_leave_statements(self.organization, rows, self.parameters["year"])
            yield Chunk(len(persons), [row for one in rows for row in _rows(one, found[one.pk])])

    def _employees(self) -> QuerySet[Employee]:
        first, last = self.year_bounds
        return employees_in_scope(self.scope).filter(
            Q(left_on__isnull=True) | Q(left_on__gte=first), joined_on__lte=last
        )

    def period(self) -> dict[str, Any]:
        """The year."""
        return {"year": str(self.parameters["year"])}

    def zero_totals(self) -> Totals:
        """Sums of each kind: days of different kinds are not added up."""
        return {str(kind): dict.fromkeys(BALANCE_COLUMNS, 0.0) for kind in STATEMENT_TYPES}

    def add_to_totals(self, totals: Totals, row: Row) -> None:
        """A row, with those of its kind."""
        of_kind = totals[str(row[2])]
        for name, days in zip(BALANCE_COLUMNS, row[3:], strict=True):
            of_kind[name] += days

    def total_rows(self, totals: Totals) -> Sequence[Row]:
        """A row for each kind."""
        return [(str(_("Total")), None, kind, *sums.values()) for kind, sums in totals.items()]


def _rows(employee: Employee, found: Sequence[LeaveBalance]) -> Sequence[Row]:
    return [
        (
            employee.code,
            employee.name,
            str(one.kind),
            *(getattr(one, name) / 2 for name in BALANCE_COLUMNS),
        )
        for one in found
    ]
