"""A file of times for many people: each row is judged alone by what `corrections.services` asks,
and what is good is stored in one go.

Called by the console's import pages, once to show what each row would come to and once to store.
Both judge anew, and what others may have entered meanwhile is asked under the locks of the
employees: two who confirm at once store once.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from enum import StrEnum
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from attendance.corrections import services as correction_services
from attendance.corrections.services import (
    DAY,
    CorrectionInput,
    CorrectionOrigin,
    EmployeeZones,
    TimeEntry,
)
from attendance.corrections.spreadsheet import SheetLine
from attendance.days import inputs as day_inputs
from attendance.days import locking
from attendance.models import Correction, ManualImport
from core.errors import RuleViolation
from employees.models import Employee, Organization
from shifts.schedule import ScheduledShift

# People whose punches are read at once: a month of them, with its neighbours.
EMPLOYEES_PER_BATCH: Final = 500
_DATES: Final = (
    re.compile(r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})"),
    re.compile(r"(?P<d>\d{1,2})/(?P<m>\d{1,2})/(?P<y>\d{4})"),
)
_TIME: Final = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
KnownTimes = set[tuple[UUID, datetime, str]]


@dataclass(frozen=True, slots=True)
class ImportFile:
    """A file as it was read: its name, the digest of its bytes, its rows."""

    name: str
    sha256: str
    lines: Sequence[SheetLine]

    @classmethod
    def from_content(cls, name: str, content: bytes, lines: Sequence[SheetLine]) -> ImportFile:
        """With the digest."""
        return cls(name[:200], hashlib.sha256(content).hexdigest(), lines)


class RowOutcome(StrEnum):
    """What a row comes to."""

    OK = "ok"
    ALREADY_ENTERED = "there"
    INVALID = "fault"


@dataclass(frozen=True, slots=True)
class JudgedRow:
    """A row and what it comes to. `field`: the column that is wrong. `correction`: what would be
    entered.

    `posted_to`: the month it is counted in as an adjustment, where its own is locked.
    """

    line: SheetLine
    outcome: RowOutcome
    field: str = ""
    message: str = ""
    employee: Employee | None = None
    correction: CorrectionInput | None = None
    posted_to: date | None = None


@dataclass(frozen=True, slots=True)
class _ParsedRow:
    """A row whose cells could be read. Times are on the wall of where somebody works."""

    line: SheetLine
    employee: Employee
    on: date
    in_time: time | None
    out_time: time | None


class _RowError(Exception):
    """What is wrong with a row, at its column."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field, self.message = field, message


# --- The verbs ------------------------------------------------------------------------------------
def judge_import(
    organization: Organization, file: ImportFile, *, actor: User | None
) -> list[JudgedRow]:
    """What each row comes to as of now, in the order of the file. Nothing is stored."""
    people = _employees_by_code(organization, file.lines)
    zones = EmployeeZones(organization.pk, [one.pk for one in people.values()])
    now = timezone.now()
    rows: list[_ParsedRow | JudgedRow] = []
    for line in file.lines:
        try:
            row = _parse_line(line, people, actor)
            _check_service(row, zones, now)
            rows.append(row)
        except _RowError as fault:
            rows.append(_invalid_row(line, fault.field, fault.message))
    known, duties = _load_context(
        organization.pk, [row for row in rows if isinstance(row, _ParsedRow)]
    )
    judging = _RowJudge(zones, duties, known | _times_of_file(organization, file), now, {})
    found = [row if isinstance(row, JudgedRow) else judging.judge(row) for row in rows]
    locked = locking.locked_months(organization.pk)
    to = locking.current_open_month(organization.pk, now) if locked else None
    dates = {row.line.number: row.on for row in rows if isinstance(row, _ParsedRow)}
    return [
        (
            replace(one, posted_to=to)
            if one.correction and dates[one.line.number].replace(day=1) in locked
            else one
        )
        for one in found
    ]


def save_import(
    organization: Organization, file: ImportFile, *, actor: User | None
) -> tuple[ManualImport | None, list[JudgedRow]]:
    """Store every good row at once; returns the import, if the file ever stored anything, and what
    each row came to.

    The same file again stores what could not be stored then, and nothing twice. Raises
    RuleViolation when somebody changed a row's employee at this moment; nothing is stored then.
    """
    # Judging takes most of the time, so it goes before the locks; under them only what others may
    # have entered is asked again.
    found = judge_import(organization, file, actor=actor)
    people = {
        one.employee.pk for one in found if one.correction is not None and one.employee is not None
    }
    with transaction.atomic():
        correction_services.lock_for_correction(organization.pk, people)
        found = _recheck(organization, file, found, people)
        wishes = [one.correction for one in found if one.correction is not None]
        if not wishes:
            return ManualImport.objects.of(organization).filter(sha256=file.sha256).first(), found
        kept, _new = ManualImport.objects.of(organization).get_or_create(
            organization=organization,
            sha256=file.sha256,
            defaults={
                "name": file.name,
                "rows": len(file.lines),
                "imported_at": timezone.now(),
                "imported_by": actor,
            },
        )
        correction_services.bulk_correct_times(
            organization.pk, wishes, CorrectionOrigin(actor=actor, manual_import=kept)
        )
    return kept, found


def _recheck(
    organization: Organization,
    file: ImportFile,
    judged_rows: Sequence[JudgedRow],
    employee_ids: set[UUID],
) -> list[JudgedRow]:
    """The same rows, without the times that were entered since they were judged."""
    times = [
        entry.at
        for one in judged_rows
        if one.correction is not None
        for entry in one.correction.enter
    ]
    known = correction_services.find_entered_times(
        organization.pk, employee_ids, times
    ) | _times_of_file(organization, file)
    return [_drop_known_times(one, known) for one in judged_rows]


def _drop_known_times(judged: JudgedRow, known: KnownTimes) -> JudgedRow:
    if judged.correction is None:
        return judged
    who = judged.correction.employee.pk
    fresh = [
        entry
        for entry in judged.correction.enter
        if (who, entry.at, entry.direction or "") not in known
    ]
    if not fresh:
        return replace(judged, outcome=RowOutcome.ALREADY_ENTERED, correction=None, posted_to=None)
    return replace(judged, correction=replace(judged.correction, enter=fresh))


def count_outcomes(judged_rows: Iterable[JudgedRow]) -> Counter[str]:
    """How many rows came to what."""
    return Counter(one.outcome.value for one in judged_rows)


# --- Cells ----------------------------------------------------------------------------------------
def _employees_by_code(
    organization: Organization, lines: Sequence[SheetLine]
) -> dict[str, Employee]:
    codes = {line["code"] for line in lines}
    rows = Employee.objects.of(organization).filter(code__in=codes).select_related("organization")
    return {one.code: one for one in rows}


def _parse_line(
    line: SheetLine, employees: Mapping[str, Employee], actor: User | None
) -> _ParsedRow:
    if line.formula:
        raise _RowError(line.formula, _("This cell is a formula. Enter its value instead."))
    for name, text in line.cells.items():
        if any(unicodedata.category(one) in ("Cc", "Cs") and one not in "\t\r\n" for one in text):
            raise _RowError(name, _("This cell has unreadable characters."))
    if not line["code"]:
        raise _RowError("code", _("Enter the employee code."))
    employee = employees.get(line["code"])
    if employee is None:
        raise _RowError(
            "code", _("No employee has the code %(code)s.") % {"code": line["code"][:40]}
        )
    if correction_services.is_self_correction(actor, [employee.pk]):
        raise _RowError(
            "code",
            _(
                "You cannot correct your own attendance. Request a correction; another person"
                " decides."
            ),
        )
    return _ParsedRow(
        line,
        employee,
        _parse_date(line["date"]),
        _parse_time(line["in"], "in"),
        _parse_time(line["out"], "out"),
    )


def _parse_date(text: str) -> date:
    for form in _DATES:
        if found := form.fullmatch(text):
            try:
                return date(int(found["y"]), int(found["m"]), int(found["d"]))
            except ValueError:
                break
    raise _RowError("date", _("Write a date as 2026-07-06 or 06/07/2026 (day first)."))


def _parse_time(text: str, field: str) -> time | None:
    if not text:
        return None
    if found := _TIME.fullmatch(text):
        try:
            return time(int(found[1]), int(found[2]), int(found[3] or 0))
        except ValueError:
            pass
    raise _RowError(field, _("Write a time as 09:00 or 17:30."))


# --- Judgement ------------------------------------------------------------------------------------
def _check_service(row: _ParsedRow, zones: EmployeeZones, now: datetime) -> None:
    one = row.employee
    if row.on < one.joined_on or (one.left_on is not None and row.on > one.left_on):
        raise _RowError("date", _("This date is outside the period of service."))
    if row.on > zones.local_date(one, now):
        raise _RowError("date", _("This date is in the future."))


def _load_context(
    organization_id: int, rows: Sequence[_ParsedRow]
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


def _times_of_file(organization: Organization, file: ImportFile) -> KnownTimes:
    """What this very file entered before, also what was voided since: that somebody did on
    purpose.
    """
    rows = Correction.objects.of(organization).filter(
        manual_import__sha256=file.sha256, kind=Correction.Kind.ADD
    )
    return {
        (one, at, way or "")
        for one, at, way in rows.order_by().values_list("employee_id", "at", "direction")
    }


@dataclass(frozen=True, slots=True)
class _RowJudge:
    """What rows are judged by. `seen`: times that rows above have, by the number of the row."""

    zones: EmployeeZones
    duties: Mapping[tuple[UUID, date], ScheduledShift]
    known: KnownTimes
    now: datetime
    seen: dict[tuple[UUID, datetime, str], int]

    def judge(self, row: _ParsedRow) -> JudgedRow:
        duty = self.duties[row.employee.pk, row.on]
        entries = self._entries(row, duty)
        reason = " ".join(row.line["reason"].split())
        wrong = correction_services.correction_error(
            CorrectionInput(row.employee, reason, entries), self.zones, self.now
        )
        wrong = wrong or correction_services.window_error(entries, duty)
        if wrong is not None:
            return _invalid_row(row.line, _error_column(wrong), str(wrong.text), row.employee)
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

    def _entries(self, row: _ParsedRow, duty: ScheduledShift) -> list[TimeEntry]:
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

    def _instant(self, row: _ParsedRow, on: date, clock: time) -> datetime:
        return self.zones.to_instant(row.employee, datetime.combine(on, clock))[0]


def _invalid_row(
    line: SheetLine, field: str, message: str, employee: Employee | None = None
) -> JudgedRow:
    return JudgedRow(line, RowOutcome.INVALID, field, message, employee)


def _error_column(error: RuleViolation) -> str:
    """The column a refusal of the verb is about."""
    field = next(iter(error.error_dict))
    return {"at": "in"}.get(field, field)
