"""The rows of an import: the cells of a row as an employee, a date and times, and the result of
each row. Called by `corrections.imports`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum
from typing import Final

from django.utils.translation import gettext as _

from accounts.models import User
from attendance.corrections.inputs import CorrectionInput
from attendance.corrections.sheet_lines import SheetLine
from attendance.corrections.validation import is_self_correction
from employees.models import Employee

_DATES: Final = (
    re.compile(r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})"),
    re.compile(r"(?P<d>\d{1,2})/(?P<m>\d{1,2})/(?P<y>\d{4})"),
)
_TIME: Final = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")


class RowOutcome(StrEnum):
    """The result of a row."""

    OK = "ok"
    ALREADY_ENTERED = "there"
    INVALID = "fault"


@dataclass(frozen=True, slots=True)
class JudgedRow:
    """A row and its result. `field`: the column that is wrong. `correction`: what would be
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
class ParsedRow:
    """A row whose cells could be read. Times are on the wall of where somebody works."""

    line: SheetLine
    employee: Employee
    on: date
    in_time: time | None
    out_time: time | None


class RowError(Exception):
    """What is wrong with a row, at its column."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field, self.message = field, message


def parse_line(line: SheetLine, employees: Mapping[str, Employee], actor: User | None) -> ParsedRow:
    """The cells of a row as values. Raises RowError naming the column that is wrong."""
    if line.formula:
        raise RowError(line.formula, _("This cell is a formula. Enter its value instead."))
    for name, text in line.cells.items():
        if any(unicodedata.category(one) in ("Cc", "Cs") and one not in "\t\r\n" for one in text):
            raise RowError(name, _("This cell has unreadable characters."))
    if not line["code"]:
        raise RowError("code", _("Enter the employee code."))
    employee = employees.get(line["code"])
    if employee is None:
        raise RowError(
            "code", _("No employee has the code %(code)s.") % {"code": line["code"][:40]}
        )
    if is_self_correction(actor, [employee.pk]):
        raise RowError(
            "code",
            _(
                "You cannot correct your own attendance. Request a correction; another person"
                " decides."
            ),
        )
    return ParsedRow(
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
    raise RowError("date", _("Write a date as 2026-07-06 or 06/07/2026 (day first)."))


def _parse_time(text: str, field: str) -> time | None:
    if not text:
        return None
    if found := _TIME.fullmatch(text):
        try:
            return time(int(found[1]), int(found[2]), int(found[3] or 0))
        except ValueError:
            pass
    raise RowError(field, _("Write a time as 09:00 or 17:30."))


def invalid_row(
    line: SheetLine, field: str, message: str, employee: Employee | None = None
) -> JudgedRow:
    """A row that is not stored, with the column that is wrong and the reason."""
    return JudgedRow(line, RowOutcome.INVALID, field, message, employee)
