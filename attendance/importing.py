"""A file of times for many people: each row is judged alone by what `corrections` asks, and what is
good is stored in one go.

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
from attendance import causes, corrections, locking
from attendance.corrections import DAY, Entry, Origin, Wish, Zones
from attendance.models import Correction, ManualImport
from attendance.sheets import Line
from attendance.shifts import Duty
from employees.models import Employee, Organization
from employees.refusals import Refused

# People whose punches are read at once: a month of them, with its neighbours.
AT_ONCE: Final = 500
_DATES: Final = (
    re.compile(r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})"),
    re.compile(r"(?P<d>\d{1,2})/(?P<m>\d{1,2})/(?P<y>\d{4})"),
)
_TIME: Final = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
Known = set[tuple[UUID, datetime, str]]


@dataclass(frozen=True, slots=True)
class File:
    """A file as it was read: its name, the digest of its bytes, its rows."""

    name: str
    sha256: str
    lines: Sequence[Line]

    @classmethod
    def of(cls, name: str, content: bytes, lines: Sequence[Line]) -> File:
        """With the digest."""
        return cls(name[:200], hashlib.sha256(content).hexdigest(), lines)


class Outcome(StrEnum):
    """What a row comes to."""

    OK = "ok"
    THERE = "there"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Judged:
    """A row and what it comes to. `field`: the column that is wrong. `wish`: what would be entered.

    `posted_to`: the month it is counted in as an adjustment, where its own is locked.
    """

    line: Line
    outcome: Outcome
    field: str = ""
    message: str = ""
    employee: Employee | None = None
    wish: Wish | None = None
    posted_to: date | None = None


@dataclass(frozen=True, slots=True)
class _Row:
    """A row whose cells could be read. Times are on the wall of where somebody works."""

    line: Line
    employee: Employee
    on: date
    came: time | None
    left: time | None


class _Fault(Exception):
    """What is wrong with a row, at its column."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field, self.message = field, message


# --- The verbs ------------------------------------------------------------------------------------
def judge(organization: Organization, file: File, *, actor: User | None) -> list[Judged]:
    """What each row comes to as of now, in the order of the file. Nothing is stored."""
    people = _people(organization, file.lines)
    zones = Zones(organization.pk, [one.pk for one in people.values()])
    now = timezone.now()
    rows: list[_Row | Judged] = []
    for line in file.lines:
        try:
            row = _read(line, people, actor)
            _in_service(row, zones, now)
            rows.append(row)
        except _Fault as fault:
            rows.append(_wrong(line, fault.field, fault.message))
    known, duties = _beside(organization.pk, [row for row in rows if isinstance(row, _Row)])
    judging = _Judging(zones, duties, known | _of_file(organization, file), now, {})
    found = [row if isinstance(row, Judged) else judging.row(row) for row in rows]
    locked = locking.locked_months(organization.pk)
    to = locking.open_month(organization.pk, now) if locked else None
    dates = {row.line.number: row.on for row in rows if isinstance(row, _Row)}
    return [
        (
            replace(one, posted_to=to)
            if one.wish and dates[one.line.number].replace(day=1) in locked
            else one
        )
        for one in found
    ]


def carry_out(
    organization: Organization, file: File, *, actor: User | None
) -> tuple[ManualImport | None, list[Judged]]:
    """Store every good row at once; returns the import, if the file ever stored anything, and what
    each row came to.

    The same file again stores what could not be stored then, and nothing twice. Raises Refused when
    somebody changed a row's employee at this moment; nothing is stored then.
    """
    # Judging takes most of the time, so it goes before the locks; under them only what others may
    # have entered is asked again.
    found = judge(organization, file, actor=actor)
    people = {one.employee.pk for one in found if one.wish is not None and one.employee is not None}
    with transaction.atomic():
        corrections.lock(organization.pk, people)
        found = _still(organization, file, found, people)
        wishes = [one.wish for one in found if one.wish is not None]
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
        corrections.correct_many(organization.pk, wishes, Origin(actor=actor, manual_import=kept))
    return kept, found


def _still(
    organization: Organization, file: File, found: Sequence[Judged], people: set[UUID]
) -> list[Judged]:
    """The same rows, without the times that were entered since they were judged."""
    times = [entry.at for one in found if one.wish is not None for entry in one.wish.enter]
    known = corrections.entered_before(organization.pk, people, times) | _of_file(
        organization, file
    )
    return [_without(one, known) for one in found]


def _without(one: Judged, known: Known) -> Judged:
    if one.wish is None:
        return one
    who = one.wish.employee.pk
    fresh = [
        entry for entry in one.wish.enter if (who, entry.at, entry.direction or "") not in known
    ]
    if not fresh:
        return replace(one, outcome=Outcome.THERE, wish=None, posted_to=None)
    return replace(one, wish=replace(one.wish, enter=fresh))


def counted(found: Iterable[Judged]) -> Counter[str]:
    """How many rows came to what."""
    return Counter(one.outcome.value for one in found)


# --- Cells ----------------------------------------------------------------------------------------
def _people(organization: Organization, lines: Sequence[Line]) -> dict[str, Employee]:
    codes = {line["code"] for line in lines}
    rows = Employee.objects.of(organization).filter(code__in=codes).select_related("organization")
    return {one.code: one for one in rows}


def _read(line: Line, people: Mapping[str, Employee], actor: User | None) -> _Row:
    if line.formula:
        raise _Fault(line.formula, _("This cell is a formula. Put its value there."))
    for name, text in line.cells.items():
        if any(unicodedata.category(one) in ("Cc", "Cs") and one not in "\t\r\n" for one in text):
            raise _Fault(name, _("This cell has characters nobody can read."))
    if not line["code"]:
        raise _Fault("code", _("Say whose time it is."))
    employee = people.get(line["code"])
    if employee is None:
        raise _Fault("code", _("Nobody has the code %(code)s.") % {"code": line["code"][:40]})
    if corrections.own_hand(actor, [employee.pk]):
        raise _Fault(
            "code",
            _(
                "Nobody puts their own times right: ask for a correction, and somebody else"
                " decides."
            ),
        )
    return _Row(
        line, employee, _date(line["date"]), _clock(line["in"], "in"), _clock(line["out"], "out")
    )


def _date(text: str) -> date:
    for form in _DATES:
        if found := form.fullmatch(text):
            try:
                return date(int(found["y"]), int(found["m"]), int(found["d"]))
            except ValueError:
                break
    raise _Fault("date", _("Write a date as 2026-07-06 or 06/07/2026 (day first)."))


def _clock(text: str, field: str) -> time | None:
    if not text:
        return None
    if found := _TIME.fullmatch(text):
        try:
            return time(int(found[1]), int(found[2]), int(found[3] or 0))
        except ValueError:
            pass
    raise _Fault(field, _("Write a time as 09:00 or 17:30."))


# --- Judgement ------------------------------------------------------------------------------------
def _in_service(row: _Row, zones: Zones, now: datetime) -> None:
    one = row.employee
    if row.on < one.joined_on or (one.left_on is not None and row.on > one.left_on):
        raise _Fault("date", _("This date lies outside the time of service."))
    if row.on > zones.date(one, now):
        raise _Fault("date", _("This date is still to come."))


def _beside(
    organization_id: int, rows: Sequence[_Row]
) -> tuple[Known, dict[tuple[UUID, date], Duty]]:
    """The times that count already around the rows, and what was expected on their dates. A month
    and some people at a time.
    """
    known: Known = set()
    duties: dict[tuple[UUID, date], Duty] = {}
    months: dict[date, dict[UUID, set[date]]] = defaultdict(lambda: defaultdict(set))
    for row in rows:
        months[row.on.replace(day=1)][row.employee.pk].add(row.on)
    for people in months.values():
        ids = sorted(people)
        for start in range(0, len(ids), AT_ONCE):
            some = {one: people[one] for one in ids[start : start + AT_ONCE]}
            dates = [on for wanted in some.values() for on in wanted]
            read = causes.read(organization_id, some, min(dates) - DAY, max(dates) + DAY)
            for person in read.people.values():
                duties |= {(person.id, on): read.duty(person, on) for on in some[person.id]}
                # A reader that says no direction may have meant either.
                ways = (
                    (stamp.at, (stamp.direction,) if stamp.direction else ("in", "out"))
                    for stamp in person.stamps
                )
                known |= {(person.id, at, way) for at, both in ways for way in both}
    return known, duties


def _of_file(organization: Organization, file: File) -> Known:
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
class _Judging:
    """What rows are judged by. `seen`: times that rows above have, by the number of the row."""

    zones: Zones
    duties: Mapping[tuple[UUID, date], Duty]
    known: Known
    now: datetime
    seen: dict[tuple[UUID, datetime, str], int]

    def row(self, row: _Row) -> Judged:
        duty = self.duties[row.employee.pk, row.on]
        entries = self._entries(row, duty)
        reason = " ".join(row.line["reason"].split())
        wrong = corrections.objection(Wish(row.employee, reason, entries), self.zones, self.now)
        wrong = wrong or corrections.outside(entries, duty)
        if wrong is not None:
            return _wrong(row.line, _column(wrong), str(wrong.sentence), row.employee)
        keys = [(row.employee.pk, entry.at, entry.direction or "") for entry in entries]
        fresh = [
            entry
            for entry, key in zip(entries, keys, strict=True)
            if key not in self.known and key not in self.seen
        ]
        if not fresh:
            above = next((self.seen[key] for key in keys if key in self.seen), None)
            text = _("The same as row %(number)d.") % {"number": above} if above else ""
            return Judged(row.line, Outcome.THERE, message=text, employee=row.employee)
        self.seen.update((key, row.line.number) for key in keys if key not in self.seen)
        text = _("One of the two times is there already.") if len(fresh) < len(entries) else ""
        return Judged(
            row.line,
            Outcome.OK,
            message=text,
            employee=row.employee,
            wish=Wish(row.employee, reason, fresh),
        )

    def _entries(self, row: _Row, duty: Duty) -> list[Entry]:
        """The times as instants. Who leaves before they came leaves the next day; so does who
        leaves after a night.
        """
        found = []
        if row.came is not None:
            found.append(Entry(self._at(row, row.on, row.came), "in", "in"))
        if row.left is not None:
            at = self._at(row, row.on, row.left)
            before = row.left < row.came if row.came is not None else at < duty.window.start
            found.append(
                Entry(self._at(row, row.on + DAY, row.left) if before else at, "out", "out")
            )
        return found

    def _at(self, row: _Row, on: date, clock: time) -> datetime:
        return self.zones.instant(row.employee, datetime.combine(on, clock))[0]


def _wrong(line: Line, field: str, message: str, employee: Employee | None = None) -> Judged:
    return Judged(line, Outcome.FAULT, field, message, employee)


def _column(error: Refused) -> str:
    """The column a refusal of the verb is about."""
    field = next(iter(error.error_dict))
    return {"at": "in"}.get(field, field)
