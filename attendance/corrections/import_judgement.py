"""Judges the rows of an import by the rules of `corrections.validation`, and by the times that
count already. Called by `corrections.imports`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final
from uuid import UUID

from django.utils.translation import gettext as _

from attendance.corrections.employee_zones import EmployeeZones
from attendance.corrections.import_rows import (
    JudgedRow,
    ParsedRow,
    RowError,
    RowOutcome,
    invalid_row,
)
from attendance.corrections.inputs import CorrectionInput, TimeEntry
from attendance.corrections.validation import correction_error, window_error
from attendance.days import inputs as day_inputs
from attendance.days.inputs import DAY
from core.errors import RuleViolation
from shifts.schedule import ScheduledShift

# People whose punches are read at once: a month of them, with its neighbours.
EMPLOYEES_PER_BATCH: Final = 500
KnownTimes = set[tuple[UUID, datetime, str]]


def check_service(row: ParsedRow, zones: EmployeeZones, now: datetime) -> None:
    """Raise RowError for a date outside the period of service or in the future."""
    one = row.employee
    if row.on < one.joined_on or (one.left_on is not None and row.on > one.left_on):
        raise RowError("date", _("This date is outside the period of service."))
    if row.on > zones.local_date(one, now):
        raise RowError("date", _("This date is in the future."))


def load_context(
    organization_id: int, rows: Sequence[ParsedRow]
) -> tuple[KnownTimes, dict[tuple[UUID, date], ScheduledShift]]:
    """The times that count already around the rows, and what was expected on their dates. A month
    and some people at a time.
    """
    known: KnownTimes = set()
    duties: dict[tuple[UUID, date], ScheduledShift] = {}
    months: dict[date, dict[UUID, set[date]]] = defaultdict(lambda: defaultdict(set))
    for row in rows:
        months[row.on.replace(day=1)][row.employee.pk].add(row.on)
    for people in months.values():
        ids = sorted(people)
        for start in range(0, len(ids), EMPLOYEES_PER_BATCH):
            some = {one: people[one] for one in ids[start : start + EMPLOYEES_PER_BATCH]}
            dates = [on for wanted in some.values() for on in wanted]
            read = day_inputs.load_day_inputs(
                organization_id, some, min(dates) - DAY, max(dates) + DAY
            )
            for person in read.employees.values():
                duties |= {
                    (person.id, on): read.scheduled_shift(person, on) for on in some[person.id]
                }
                # A reader that says no direction may have meant either.
                ways = (
                    (stamp.at, (stamp.direction,) if stamp.direction else ("in", "out"))
                    for stamp in person.punches
                )
                known |= {(person.id, at, way) for at, both in ways for way in both}
    return known, duties


@dataclass(frozen=True, slots=True)
class RowJudge:
    """What rows are judged by. `seen`: times that rows above have, by the number of the row."""

    zones: EmployeeZones
    duties: Mapping[tuple[UUID, date], ScheduledShift]
    known: KnownTimes
    now: datetime
    seen: dict[tuple[UUID, datetime, str], int]

    def judge(self, row: ParsedRow) -> JudgedRow:
        duty = self.duties[row.employee.pk, row.on]
        entries = self._entries(row, duty)
        reason = " ".join(row.line["reason"].split())
        wrong = correction_error(
            CorrectionInput(row.employee, reason, entries), self.zones, self.now
        )
        wrong = wrong or window_error(entries, duty)
        if wrong is not None:
            return invalid_row(row.line, _error_column(wrong), str(wrong.text), row.employee)
        keys = [(row.employee.pk, entry.at, entry.direction or "") for entry in entries]
        fresh = [
            entry
            for entry, key in zip(entries, keys, strict=True)
            if key not in self.known and key not in self.seen
        ]
        if not fresh:
            above = next((self.seen[key] for key in keys if key in self.seen), None)
            text = _("The same as row %(number)d.") % {"number": above} if above else ""
            return JudgedRow(
                row.line, RowOutcome.ALREADY_ENTERED, message=text, employee=row.employee
            )
        self.seen.update((key, row.line.number) for key in keys if key not in self.seen)
        text = _("One of the two times is already entered.") if len(fresh) < len(entries) else ""
        return JudgedRow(
            row.line,
            RowOutcome.OK,
            message=text,
            employee=row.employee,
            correction=CorrectionInput(row.employee, reason, fresh),
        )

    def _entries(self, row: ParsedRow, duty: ScheduledShift) -> list[TimeEntry]:
        """The times as instants. Who leaves before they came leaves the next day; so does who
        leaves after a night.
        """
        found = []
        if row.in_time is not None:
            found.append(TimeEntry(self._instant(row, row.on, row.in_time), "in", "in"))
        if row.out_time is not None:
            at = self._instant(row, row.on, row.out_time)
            before = (
                row.out_time < row.in_time if row.in_time is not None else at < duty.window.start
            )
            found.append(
                TimeEntry(
                    self._instant(row, row.on + DAY, row.out_time) if before else at, "out", "out"
                )
            )
        return found

    def _instant(self, row: ParsedRow, on: date, clock: time) -> datetime:
        return self.zones.to_instant(row.employee, datetime.combine(on, clock))[0]


def _error_column(error: RuleViolation) -> str:
    """The column a refusal of the verb is about."""
    field = next(iter(error.error_dict))
    return {"at": "in"}.get(field, field)
