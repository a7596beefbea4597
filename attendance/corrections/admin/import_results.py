"""The result of each row of an import: as a table in the page, and as a CSV file of the rows that
are wrong. Used by `corrections.admin.imports`.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import Final

from django.http import HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from attendance.corrections.admin.day_comparison import locked_month_text
from attendance.corrections.import_rows import JudgedRow, RowOutcome
from attendance.corrections.sheet_lines import COLUMNS
from core.admin_html import badge_html, table_html
from core.csv_injection import escape_formula

COLUMN_TITLES: Final = {
    "code": _("Employee code"),
    "date": _("Date"),
    "in": _("In"),
    "out": _("Out"),
    "reason": _("Reason"),
}
CSV_HEADER: Final = ("Employee code", "Date", "In", "Out", "Reason")
OUTCOME_BADGES: Final = {
    RowOutcome.OK: (_("Will be stored"), "success"),
    RowOutcome.ALREADY_ENTERED: (_("Already entered"), "info"),
    RowOutcome.INVALID: (_("Invalid"), "danger"),
}


def render_import_table(judged_rows: Sequence[JudgedRow], done: bool) -> SafeString:
    """Each row of the file and its result."""
    badges = {outcome: badge_html(text, kind) for outcome, (text, kind) in OUTCOME_BADGES.items()}
    if done:
        badges[RowOutcome.OK] = badge_html(_("Stored"), "success")
    head = (_("Row"), *COLUMN_TITLES.values(), _("Result"), "")
    rows = (
        (
            one.line.number,
            _employee_text(one),
            *(one.line[name] or "–" for name in COLUMNS[1:]),
            badges[one.outcome],
            _result_text(one),
        )
        for one in judged_rows
    )
    return table_html(head, rows, _("No rows."))


def _employee_text(judged: JudgedRow) -> str:
    return (
        f"{judged.line['code']} {judged.employee.name}" if judged.employee else judged.line["code"]
    )


def _result_text(judged: JudgedRow) -> str:
    """What there is to say of a row, after the name of the column that is wrong."""
    if judged.field:
        return f"{COLUMN_TITLES.get(judged.field, judged.field)}: {judged.message}"
    parts = [
        judged.message,
        locked_month_text(judged.posted_to) if judged.outcome is RowOutcome.OK else "",
    ]
    return " ".join(part for part in parts if part)


def csv_response(name: str, rows: Sequence[Sequence[str]]) -> HttpResponse:
    """A file for a spreadsheet, none of whose cells it runs."""
    response = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    csv.writer(response).writerows([escape_formula(cell) for cell in row] for row in rows)
    return response


def invalid_rows_response(judged_rows: Sequence[JudgedRow]) -> HttpResponse:
    """The rows that are wrong, to be put right and imported again."""
    wrong = [one for one in judged_rows if one.outcome is RowOutcome.INVALID]
    rows = [
        [*(one.line[name] for name in COLUMNS), str(one.line.number), _result_text(one)]
        for one in wrong
    ]
    return csv_response("wrong-rows.csv", [[*CSV_HEADER, "Row", "What is wrong"], *rows])
