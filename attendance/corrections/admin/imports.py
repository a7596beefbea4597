"""The console's pages on imports: choose a file, look at the result of each row, store it; and what
was stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from attendance.corrections import imports as correction_imports
from attendance.corrections.admin.corrections import correction_time_text
from attendance.corrections.admin.import_file import (
    ImportFileForm,
    pack_import_file,
    unpack_import_file,
)
from attendance.corrections.admin.import_results import (
    CSV_HEADER,
    OUTCOME_BADGES,
    csv_response,
    invalid_rows_response,
    render_import_table,
)
from attendance.corrections.import_rows import JudgedRow, RowOutcome
from attendance.models import Correction, ManualImport
from core.admin_html import change_url, changelist_url, link_html, table_html
from core.tenant_admin import ReadOnlyTenantAdmin

MAX_TIMES_SHOWN: Final = 200
CSV_SAMPLE: Final = (
    ("1001", "2026-07-06", "09:00", "17:30", "Reader out of order"),
    ("1002", "06/07/2026", "22:00", "06:00", "Night"),
)


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
        """Store the file that was previewed, or download its invalid rows."""
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
                link_html(change_url(row), correction_time_text(row)),
                row.employee,
                row.get_direction_display() or "–",
                row.reason,
            )
            for row in found
        )
        head = (_("Time"), _("Employee"), _("Direction"), _("Reason"))
        more = link_html(f"{changelist_url(Correction)}?manual_import={one.pk}", _("Show all"))
        return table_html(head, [*rows, (more, "", "", "")], "")


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
