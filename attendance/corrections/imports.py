"""A file of times for many people: each row is judged alone, and what is good is stored in one go.

Called by the console's import pages, once to show the result of each row and once to store. Both
judge again, and what others may have entered meanwhile is asked under the locks of the employees:
two who confirm at once store once.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from attendance.corrections import services as correction_services
from attendance.corrections.employee_zones import EmployeeZones
from attendance.corrections.import_judgement import (
    KnownTimes,
    RowJudge,
    check_service,
    load_context,
)
from attendance.corrections.import_rows import (
    JudgedRow,
    ParsedRow,
    RowError,
    RowOutcome,
    invalid_row,
    parse_line,
)
from attendance.corrections.inputs import CorrectionOrigin
from attendance.corrections.sheet_lines import SheetLine
from attendance.days import locking
from attendance.models import Correction, ManualImport
from employees.models import Employee, Organization


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


def judge_import(
    organization: Organization, file: ImportFile, *, actor: User | None
) -> list[JudgedRow]:
    """What each row comes to as of now, in the order of the file. Nothing is stored."""
    people = _employees_by_code(organization, file.lines)
    zones = EmployeeZones(organization.pk, [one.pk for one in people.values()])
    now = timezone.now()
    rows: list[ParsedRow | JudgedRow] = []
    for line in file.lines:
        try:
            row = parse_line(line, people, actor)
            check_service(row, zones, now)
            rows.append(row)
        except RowError as fault:
            rows.append(invalid_row(line, fault.field, fault.message))
    known, duties = load_context(
        organization.pk, [row for row in rows if isinstance(row, ParsedRow)]
    )
    judging = RowJudge(zones, duties, known | _times_of_file(organization, file), now, {})
    found = [row if isinstance(row, JudgedRow) else judging.judge(row) for row in rows]
    locked = locking.locked_months(organization.pk)
    to = locking.current_open_month(organization.pk, now) if locked else None
    dates = {row.line.number: row.on for row in rows if isinstance(row, ParsedRow)}
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
        corrections = [one.correction for one in found if one.correction is not None]
        if not corrections:
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
            organization.pk, corrections, CorrectionOrigin(actor=actor, manual_import=kept)
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


def _employees_by_code(
    organization: Organization, lines: Sequence[SheetLine]
) -> dict[str, Employee]:
    codes = {line["code"] for line in lines}
    rows = Employee.objects.of(organization).filter(code__in=codes).select_related("organization")
    return {one.code: one for one in rows}


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
