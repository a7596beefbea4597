"""The console's pages on files of times: upload, look at what each row would come to, store; and
what was stored.

Between looking and storing the rows travel in the page, signed for this person and organization:
nothing is stored before.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import Any, Final

from django import forms
from django.core import signing
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget

from attendance.corrections import imports as correction_imports
from attendance.corrections import spreadsheet
from attendance.corrections.day_page import locked_month_text
from attendance.corrections.imports import ImportFile, JudgedRow, RowOutcome
from attendance.corrections.spreadsheet import COLUMNS, MAX_BYTES, SheetLine
from attendance.models import Correction, ManualImport
from core.admin_html import badge_html, change_url, changelist_url, link_html, table_html
from core.csv_injection import escape_formula
from core.tenant_admin import ReadOnlyTenantAdmin
from core.tenant_visibility import is_operator, visible_rows
from core.times import to_local_time
from employees.models import Organization

# How long a file may be looked at before it is stored.
PREVIEW_MAX_AGE_S: Final = 12 * 3600
# What a page may send back: the limit of any form here is 1 MiB.
MAX_PLAN_LENGTH: Final = 900_000
MAX_TIMES_SHOWN: Final = 200
COLUMN_TITLES: Final = {
    "code": _("Employee code"),
    "date": _("Date"),
    "in": _("In"),
    "out": _("Out"),
    "reason": _("Reason"),
}
CSV_HEADER: Final = ("Employee code", "Date", "In", "Out", "Reason")
CSV_SAMPLE: Final = (
    ("1001", "2026-07-06", "09:00", "17:30", "Reader out of order"),
    ("1002", "06/07/2026", "22:00", "06:00", "Night"),
)
OUTCOME_BADGES: Final = {
    RowOutcome.OK: (_("Will be stored"), "success"),
    RowOutcome.ALREADY_ENTERED: (_("Already entered"), "info"),
    RowOutcome.INVALID: (_("Invalid"), "danger"),
}


class ImportFileForm(forms.Form):
    """A file; an operator also says whose."""

    file = forms.FileField(
        label=_("CSV or Excel file (.xlsx)"),
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,.xlsx"}),
        help_text=_(
            "At most 5 000 rows and 2 MB. Nothing is stored until you have seen the result of each"
            " row."
        ),
    )

    def __init__(self, request: HttpRequest, *, empty: bool = False) -> None:
        sent = request.method == "POST" and not empty
        super().__init__(request.POST if sent else None, request.FILES if sent else None)
        self.own_organization: Any = getattr(request.user, "organization", None)
        if is_operator(request):
            self.fields["organization"] = forms.ModelChoiceField(
                Organization.objects.all(),
                label=_("organization"),
                widget=UnfoldAdminSelectWidget(),
            )

    def clean_file(self) -> ImportFile:
        """The file as it was read."""
        upload = self.cleaned_data["file"]
        content = upload.read(MAX_BYTES + 1)
        try:
            return ImportFile.from_content(
                upload.name or "", content, spreadsheet.read_spreadsheet(content)
            )
        except ValidationError as error:
            raise ValidationError(error.messages) from error

    @property
    def organization(self) -> Organization:
        """Whose times these are."""
        chosen: Organization = self.cleaned_data.get("organization") or self.own_organization
        return chosen


# --- Between looking and storing ------------------------------------------------------------------
def pack_import_file(request: HttpRequest, organization: Organization, file: ImportFile) -> str:
    """A file as a page carries it. Raises ValidationError when it is too much for that."""
    lines = [[one.number, *(one[name] for name in COLUMNS), one.formula] for one in file.lines]
    whole = {
        "organization": organization.pk,
        "name": file.name,
        "sha256": file.sha256,
        "lines": lines,
    }
    plan = signing.dumps(whole, salt=_salt(request), compress=True)
    if len(plan) > MAX_PLAN_LENGTH:
        raise ValidationError(_("The file has too much text for one preview. Split it."))
    return plan


def unpack_import_file(request: HttpRequest, plan: str) -> tuple[Organization, ImportFile]:
    """The same back. Raises ValidationError for what was not made here for this person, or too long
    ago.
    """
    try:
        whole = signing.loads(plan, salt=_salt(request), max_age=PREVIEW_MAX_AGE_S)
    except signing.BadSignature as error:
        raise ValidationError(_("The preview has expired. Choose the file again.")) from error
    organization = (
        visible_rows(request, Organization.objects.all()).filter(pk=whole["organization"]).first()
    )
    if organization is None:
        raise PermissionDenied
    lines = [
        SheetLine(one[0], dict(zip(COLUMNS, one[1:-1], strict=True)), one[-1])
        for one in whole["lines"]
    ]
    return organization, ImportFile(whole["name"], whole["sha256"], lines)


def _salt(request: HttpRequest) -> str:
    return f"attendance.import:{request.user.pk}"


# --- What is shown --------------------------------------------------------------------------------
def render_import_table(judged_rows: Sequence[JudgedRow], done: bool) -> SafeString:
    """Each row of the file and what it comes to."""
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


# --- The pages ------------------------------------------------------------------------------------
class ManualImportAdmin(ReadOnlyTenantAdmin):
    """Files that were imported, and the pages that import one."""

    fieldsets = (
        (None, {"fields": (("name", "rows", "stored_count"), ("imported_at", "imported_by"))}),
        (_("Stored rows"), {"fields": ("times",)}),
    )
    readonly_fields = ("stored_count", "times")
    list_display = ("name", "imported_at", "imported_by", "rows", "stored_count")
    list_select_related = ("imported_by", "organization")
    search_fields = ("name",)
    date_hierarchy = "imported_at"
    actions_list = ("import_file", "template")
    empty_title = _("No imports")
    empty_text = _(
        "Enter many times at once: fill in the template in a spreadsheet and import it. You see the"
        " result of each row before it is stored."
    )

    def has_import_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("attendance.add_manualimport"))

    @action(description=_("Import times"), url_path="import", icon="upload", permissions=["import"])
    def import_file(self, request: HttpRequest) -> HttpResponse:
        """Choose a file; look at its rows; store those that are good."""
        if request.method == "POST" and "plan" in request.POST:
            return self._save_or_download(request)
        form = ImportFileForm(request)
        if request.method == "POST" and form.is_valid():
            organization, file = form.organization, form.cleaned_data["file"]
            try:
                plan = pack_import_file(request, organization, file)
                found = correction_imports.judge_import(organization, file, actor=request.user)  # type: ignore[arg-type]
                return self._result_page(request, plan, found)
            except ValidationError as error:
                form.add_error("file", error.messages)
        return self._page(request, title=_("Import times"), form=form)

    @action(description=_("Template"), url_path="template", icon="download", permissions=["import"])
    def template(self, request: HttpRequest) -> HttpResponse:
        """An example to fill in."""
        return csv_response("times.csv", [CSV_HEADER, *CSV_SAMPLE])

    def _save_or_download(self, request: HttpRequest) -> HttpResponse:
        """Store what was looked at, or hand out what is wrong with it."""
        plan = request.POST["plan"]
        try:
            organization, file = unpack_import_file(request, plan)
            if request.POST.get("step") == "faults":
                return invalid_rows_response(
                    correction_imports.judge_import(organization, file, actor=request.user)  # type: ignore[arg-type]
                )
            kept, found = correction_imports.save_import(organization, file, actor=request.user)  # type: ignore[arg-type]
        except ValidationError as error:
            self.show_error(request, error)
            return self._page(
                request, title=_("Import times"), form=ImportFileForm(request, empty=True)
            )
        if kept is not None and any(one.correction for one in found):
            self.log_addition(request, kept, gettext("Stored."))
        return self._result_page(request, plan, found, done=True, kept=kept)

    def _result_page(
        self,
        request: HttpRequest,
        plan: str,
        judged_rows: Sequence[JudgedRow],
        *,
        done: bool = False,
        kept: ManualImport | None = None,
    ) -> HttpResponse:
        number = correction_imports.count_outcomes(judged_rows)
        good, faulty = number[RowOutcome.OK], number[RowOutcome.INVALID]
        cards = [
            (good, _("Stored") if done else OUTCOME_BADGES[RowOutcome.OK][0], False),
            (
                number[RowOutcome.ALREADY_ENTERED],
                OUTCOME_BADGES[RowOutcome.ALREADY_ENTERED][0],
                False,
            ),
            (faulty, OUTCOME_BADGES[RowOutcome.INVALID][0], faulty > 0),
        ]
        return self._page(
            request,
            title=_("Import times"),
            plan=plan,
            cards=cards,
            sentence=_summary_text(good, done=done),
            faulty=faulty,
            can_store=good and not done,
            kept=kept and change_url(kept),
            rows=render_import_table(judged_rows, done),
            store=ngettext("Store %(count)d row", "Store %(count)d rows", good) % {"count": good},
        )

    def _page(self, request: HttpRequest, **context: Any) -> TemplateResponse:
        request.current_app = self.admin_site.name
        response = TemplateResponse(
            request,
            "admin/console/attendance_import.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "obj": _("Imports"),
                "back": changelist_url(ManualImport),
                "again": reverse("admin:attendance_manualimport_import_file"),
                "template": reverse("admin:attendance_manualimport_template"),
                **context,
            },
        )
        add_never_cache_headers(response)
        return response

    @display(description=_("times stored"))
    def stored_count(self, one: ManualImport) -> int:
        return one.corrections.count()

    @display(description=_("times"))
    def times(self, one: ManualImport) -> Any:
        found = one.corrections.select_related("employee__organization").order_by("id")[
            :MAX_TIMES_SHOWN
        ]
        rows = (
            (
                link_html(change_url(row), _local_time_text(row)),
                row.employee,
                row.get_direction_display() or "–",
                row.reason,
            )
            for row in found
        )
        head = (_("Time"), _("Employee"), _("Direction"), _("Reason"))
        more = link_html(f"{changelist_url(Correction)}?manual_import={one.pk}", _("Show all"))
        return table_html(head, [*rows, (more, "", "", "")], "")


def _local_time_text(one: Correction) -> str:
    return f"{to_local_time(one.at, one.employee.organization.timezone):%Y-%m-%d %H:%M}"


def _summary_text(good: int, *, done: bool) -> str:
    if done:
        return (
            gettext("The days are recalculated in a moment.")
            if good
            else gettext("Nothing was stored: every row is already entered or invalid.")
        )
    return (
        gettext("Nothing is stored yet.")
        if good
        else gettext("There is nothing to store in this file.")
    )
