"""How many punches of each verdict everybody has on each day: the pivot of `GET
/api/v1/admin/reports/attendance`.

Refused and unmatched punches are counted too. A punch that was matched to somebody since counts as
accepted, and as theirs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from functools import cached_property
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Count, QuerySet
from django.db.models.functions import TruncDate
from django.utils.translation import gettext_lazy as _

from attendance.models import Punch, PunchMatch, Verdict
from attendance.punches.verdicts import EmployeeSnapshot
from reports.base import Chunk, Report, Totals
from reports.columns import Column, ColumnKind, Row
from reports.forms import VerdictForm
from reports.keyset import day_bounds
from reports.scope import ONE_DAY, ReportScope, employees_in_scope, iter_employee_chunks
from reports.serializers import PivotReplySerializer

# person (None: nobody is known) → day → verdict → punches
VerdictCounts = dict[UUID | None, dict[date, Counter[str]]]


class PunchCountReport(Report):
    """Punches by employee, date and verdict."""

    name = "attendance"
    title = _("Punches by day")
    description = _(
        "How many punches of each verdict everybody has on each day, refused and unmatched ones"
        " too."
    )
    form_class = VerdictForm
    serializer_class = PivotReplySerializer

    @cached_property
    def scope(self) -> ReportScope:
        """Whose punches, and when."""
        return ReportScope.from_form(
            self.organization, self.parameters, self.parameters["from"], self.parameters["to"]
        )

    @cached_property
    def verdicts(self) -> list[str]:
        """The verdicts that are counted."""
        return (
            [self.parameters["verdict"]] if self.parameters.get("verdict") else list(Verdict.values)
        )

    def build_columns(self) -> Iterable[Column]:
        """One column for each verdict."""
        yield Column("employee", _("Employee code"))
        yield Column("name", _("Name"), width=28)
        yield Column("date", _("Date"), ColumnKind.DATE, width=12)
        for verdict in self.verdicts:
            yield Column(verdict, Verdict(verdict).label, ColumnKind.INTEGER, total=True)

    def step_count(self) -> int:
        """A step for each person, and one for the punches of nobody."""
        return employees_in_scope(self.scope).count() + 1

    def estimated_rows(self) -> int:
        """A row for each person and day."""
        return self.step_count() * self.scope.day_count

    def chunks(self) -> Iterator[Chunk]:
        """People by code, their days in order; then the days of punches nobody is known by."""
        for persons in iter_employee_chunks(self.scope):
            counts = self._counts(persons)
            rows = [
                self._row(person.code, person.name, day, counts[person.id][day])
                for person in persons
                for day in sorted(counts.get(person.id, ()))
                if self.scope.includes(person.assignment_on(day))
            ]
            yield Chunk(len(persons), rows)
        nobody = self._unmatched_counts()
        yield Chunk(1, [self._row(None, None, day, nobody[day]) for day in sorted(nobody)])

    def _row(self, code: str | None, name: str | None, day: date, counts: Counter[str]) -> Row:
        return (code, name, day, *(counts[verdict] for verdict in self.verdicts))

    # --- Reading
    def _counts(self, persons: Sequence[EmployeeSnapshot]) -> VerdictCounts:
        found: VerdictCounts = defaultdict(lambda: defaultdict(Counter))
        by_zone: defaultdict[str | None, list[EmployeeSnapshot]] = defaultdict(list)
        for person in persons:
            by_zone[self.scope.single_zone(person)].append(person)
        for person in by_zone.pop(None, []):
            self._count_one_by_one(person, found)
        for zone, group in by_zone.items():
            self._count_in_database(str(zone), [one.id for one in group], found)
        return found

    def _count_in_database(self, zone: str, ids: list[UUID], found: VerdictCounts) -> None:
        """People of one zone: the database counts."""
        tz = ZoneInfo(zone)
        since, until = day_bounds(self.scope.first, self.scope.last, zone)
        own = self._with_verdicts(Punch.objects.of(self.organization)).filter(
            employee__in=ids, occurred_at__gte=since, occurred_at__lt=until
        )
        counted = (
            own.annotate(day=TruncDate("occurred_at", tzinfo=tz))
            .order_by()
            .values_list("employee_id", "day", "verdict")
        )
        for employee_id, day, verdict, number in counted.annotate(number=Count("id")):
            found[employee_id][day][verdict] += number
        if Verdict.ACCEPTED not in self.verdicts:
            return
        matched = PunchMatch.objects.of(self.organization).filter(
            employee__in=ids, punch__occurred_at__gte=since, punch__occurred_at__lt=until
        )
        later = (
            matched.annotate(day=TruncDate("punch__occurred_at", tzinfo=tz))
            .order_by()
            .values_list("employee_id", "day")
        )
        for employee_id, day, number in later.annotate(number=Count("id")):
            found[employee_id][day][Verdict.ACCEPTED.value] += number

    def _count_one_by_one(self, person: EmployeeSnapshot, found: VerdictCounts) -> None:
        """Somebody who changed between zones: each punch has the date of where they worked then."""
        span = day_bounds(self.scope.first - ONE_DAY, self.scope.last + ONE_DAY, "UTC")
        own = self._with_verdicts(Punch.objects.of(self.organization)).filter(
            employee=person.id, occurred_at__range=span
        )
        for at, verdict in own.order_by().values_list("occurred_at", "verdict"):
            self._count(person, at, verdict, found)
        if Verdict.ACCEPTED in self.verdicts:
            matched = PunchMatch.objects.of(self.organization).filter(
                employee=person.id, punch__occurred_at__range=span
            )
            for at in matched.order_by().values_list("punch__occurred_at", flat=True):
                self._count(person, at, Verdict.ACCEPTED.value, found)

    def _count(
        self, person: EmployeeSnapshot, at: datetime, verdict: str, found: VerdictCounts
    ) -> None:
        day = self.scope.local_date(person, at)
        if self.scope.first <= day <= self.scope.last:
            found[person.id][day][verdict] += 1

    def _unmatched_counts(self) -> dict[date, Counter[str]]:
        """Punches nobody is known by: of a site, those its devices took."""
        found: defaultdict[date, Counter[str]] = defaultdict(Counter)
        if self.scope.excludes_unmatched:
            return found
        tz = ZoneInfo(self.organization.timezone)
        since, until = day_bounds(self.scope.first, self.scope.last, self.organization.timezone)
        rows = self._with_verdicts(Punch.objects.of(self.organization)).filter(
            employee__isnull=True, match__isnull=True, occurred_at__gte=since, occurred_at__lt=until
        )
        if self.scope.site_id is not None:
            rows = rows.filter(device__site=self.scope.site_id)
        counted = (
            rows.annotate(day=TruncDate("occurred_at", tzinfo=tz))
            .order_by()
            .values_list("day", "verdict")
        )
        for day, verdict, number in counted.annotate(number=Count("id")):
            found[day][verdict] += number
        return found

    def _with_verdicts(self, rows: QuerySet[Punch]) -> QuerySet[Punch]:
        return rows if len(self.verdicts) > 1 else rows.filter(verdict__in=self.verdicts)

    # --- In JSON, as the contract has it
    def json_header(self) -> dict[str, Any]:
        """The days and the verdicts."""
        return {**self.period(), "verdicts": self.verdicts}

    def row_to_json(self, row: Row) -> dict[str, Any]:
        """A person's day."""
        employee, name, day, *counts = row
        return {
            "employee": employee,
            "name": name,
            "date": str(day),
            "counts": dict(zip(self.verdicts, counts, strict=True)),
        }

    def zero_totals(self) -> Totals:
        """A sum for each verdict."""
        return dict.fromkeys(self.verdicts, 0)
