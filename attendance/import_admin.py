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
from django.contrib import admin
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

from attendance import importing, sheets
from attendance.corrections_admin import locked_text
from attendance.importing import File, Judged, Outcome
from attendance.models import Correction, ManualImport
from attendance.sheets import COLUMNS, MOST_BYTES, Line
from attendance.times import local
from employees.console import (
    ReadOnlyTenantAdmin,
    badge_html,
    change_url,
    link,
    list_url,
    sees_everything,
    small_table,
    within,
)
from employees.models import Organization
from employees.spreadsheets import inert

# How long a file may be looked at before it is stored.
LOOKED_AT_S: Final = 12 * 3600
# What a page may send back: the limit of any form here is 1 MiB.
MOST_PLAN: Final = 900_000
SHOWN: Final = 200
TITLES: Final = {
    "code": _("Employee code"),
    "date": _("Date"),
    "in": _("In"),
    "out": _("Out"),
    "reason": _("Reason"),
}
HEAD: Final = ("Employee code", "Date", "In", "Out", "Reason")
SAMPLE: Final = (
    ("1001", "2026-07-06", "09:00", "17:30", "Reader out of order"),
    ("1002", "06/07/2026", "22:00", "06:00", "Night"),
)
TOLD: Final = {
    Outcome.OK: (_("Will be stored"), "success"),
    Outcome.THERE: (_("There already"), "info"),
    Outcome.FAULT: (_("Wrong"), "danger"),
}


class FileForm(forms.Form):
    """A file; an operator also says whose."""

    file = forms.FileField(
        label=_("CSV or Excel file (.xlsx)"),
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,.xlsx"}),
        help_text=_(
            "At most 5 000 rows and 2 MB. Nothing is stored before you have seen what each row"
            " would do."
        ),
    )

    def __init__(self, request: HttpRequest, *, empty: bool = False) -> None:
        sent = request.method == "POST" and not empty
        super().__init__(request.POST if sent else None, request.FILES if sent else None)
        self.mine: Any = getattr(request.user, "organization", None)
        if sees_everything(request):
            self.fields["organization"] = forms.ModelChoiceField(
                Organization.objects.all(),
                label=_("organization"),
                widget=UnfoldAdminSelectWidget(),
            )

    def clean_file(self) -> File:
        """The file as it was read."""
        upload = self.cleaned_data["file"]
        content = upload.read(MOST_BYTES + 1)
        try:
            return File.of(upload.name or "", content, sheets.read(content))
        except ValidationError as error:
            raise ValidationError(error.messages) from error

    @property
    def organization(self) -> Organization:
        """Whose times these are."""
        chosen: Organization = self.cleaned_data.get("organization") or self.mine
        return chosen


# --- Between looking and storing ------------------------------------------------------------------
def packed(request: HttpRequest, organization: Organization, file: File) -> str:
    """A file as a page carries it. Raises ValidationError when it is too much for that."""
    lines = [[one.number, *(one[name] for name in COLUMNS), one.formula] for one in file.lines]
    whole = {
        "organization": organization.pk,
        "name": file.name,
        "sha256": file.sha256,
        "lines": lines,
    }
    plan = signing.dumps(whole, salt=_salt(request), compress=True)
    if len(plan) > MOST_PLAN:
        raise ValidationError(_("The file has too much text to look at in one go. Divide it."))
    return plan


def unpacked(request: HttpRequest, plan: str) -> tuple[Organization, File]:
    """The same back. Raises ValidationError for what was not made here for this person, or too long
    ago.
    """
    try:
        whole = signing.loads(plan, salt=_salt(request), max_age=LOOKED_AT_S)
    except signing.BadSignature as error:
        raise ValidationError(
            _("This was looked at too long ago. Choose the file again.")
        ) from error
    organization = (
        within(request, Organization.objects.all()).filter(pk=whole["organization"]).first()
    )
    if organization is None:
        raise PermissionDenied
    lines = [
        Line(one[0], dict(zip(COLUMNS, one[1:-1], strict=True)), one[-1]) for one in whole["lines"]
    ]
    return organization, File(whole["name"], whole["sha256"], lines)


def _salt(request: HttpRequest) -> str:
    return f"attendance.import:{request.user.pk}"


# --- What is shown --------------------------------------------------------------------------------
def table(found: Sequence[Judged], done: bool) -> SafeString:
    """Each row of the file and what it comes to."""
    badges = {outcome: badge_html(text, kind) for outcome, (text, kind) in TOLD.items()}
    if done:
        badges[Outcome.OK] = badge_html(_("Stored"), "success")
    head = (_("Row"), *TITLES.values(), _("Result"), "")
    rows = (
        (
            one.line.number,
            _whose(one),
            *(one.line[name] or "–" for name in COLUMNS[1:]),
            badges[one.outcome],
            _said(one),
        )
        for one in found
    )
    return small_table(head, rows, _("No rows."))


def _whose(one: Judged) -> str:
    return f"{one.line['code']} {one.employee.name}" if one.employee else one.line["code"]


def _said(one: Judged) -> str:
    """What there is to say of a row, after the name of the column that is wrong."""
    if one.field:
        return f"{TITLES.get(one.field, one.field)}: {one.message}"
    parts = [one.message, locked_text(one.posted_to) if one.outcome is Outcome.OK else ""]
    return " ".join(part for part in parts if part)


def as_csv(name: str, rows: Sequence[Sequence[str]]) -> HttpResponse:
    """A file for a spreadsheet, none of whose cells it runs."""
    response = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    csv.writer(response).writerows([inert(cell) for cell in row] for row in rows)
    return response


def faults(found: Sequence[Judged]) -> HttpResponse:
    """The rows that are wrong, to be put right and imported again."""
    wrong = [one for one in found if one.outcome is Outcome.FAULT]
    rows = [
        [*(one.line[name] for name in COLUMNS), str(one.line.number), _said(one)] for one in wrong
    ]
    return as_csv("wrong-rows.csv", [[*HEAD, "Row", "What is wrong"], *rows])


# --- The pages ------------------------------------------------------------------------------------
@admin.register(ManualImport)
class ManualImportAdmin(ReadOnlyTenantAdmin):
    """Files that were imported, and the pages that import one."""

    fieldsets = (
        (None, {"fields": (("name", "rows", "stored"), ("imported_at", "imported_by"))}),
        (_("What was stored"), {"fields": ("times",)}),
    )
    readonly_fields = ("stored", "times")
    list_display = ("name", "imported_at", "imported_by", "rows", "stored")
    list_select_related = ("imported_by", "organization")
    search_fields = ("name",)
    date_hierarchy = "imported_at"
    actions_list = ("import_file", "template")
    empty_title = _("No file was imported")
    empty_text = _(
        "Enter many times at once: fill in the template in a spreadsheet, and import it. Each row"
        " is shown before."
    )

    def has_import_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("attendance.add_manualimport"))

    @action(description=_("Import times"), url_path="import", icon="upload", permissions=["import"])
    def import_file(self, request: HttpRequest) -> HttpResponse:
        """Choose a file; look at its rows; store those that are good."""
        if request.method == "POST" and "plan" in request.POST:
            return self._second(request)
        form = FileForm(request)
        if request.method == "POST" and form.is_valid():
            organization, file = form.organization, form.cleaned_data["file"]
            try:
                plan = packed(request, organization, file)
                found = importing.judge(organization, file, actor=request.user)  # type: ignore[arg-type]
                return self._looked(request, plan, found)
            except ValidationError as error:
                form.add_error("file", error.messages)
        return self._page(request, title=_("Import times"), form=form)

    @action(description=_("Template"), url_path="template", icon="download", permissions=["import"])
    def template(self, request: HttpRequest) -> HttpResponse:
        """An example to fill in."""
        return as_csv("times.csv", [HEAD, *SAMPLE])

    def _second(self, request: HttpRequest) -> HttpResponse:
        """Store what was looked at, or hand out what is wrong with it."""
        plan = request.POST["plan"]
        try:
            organization, file = unpacked(request, plan)
            if request.POST.get("step") == "faults":
                return faults(importing.judge(organization, file, actor=request.user))  # type: ignore[arg-type]
            kept, found = importing.carry_out(organization, file, actor=request.user)  # type: ignore[arg-type]
        except ValidationError as error:
            self.say(request, error)
            return self._page(request, title=_("Import times"), form=FileForm(request, empty=True))
        if kept is not None and any(one.wish for one in found):
            self.log_addition(request, kept, gettext("Stored."))
        return self._looked(request, plan, found, done=True, kept=kept)

    def _looked(
        self,
        request: HttpRequest,
        plan: str,
        found: Sequence[Judged],
        *,
        done: bool = False,
        kept: ManualImport | None = None,
    ) -> HttpResponse:
        number = importing.counted(found)
        good, faulty = number[Outcome.OK], number[Outcome.FAULT]
        cards = [
            (good, _("Stored") if done else TOLD[Outcome.OK][0], False),
            (number[Outcome.THERE], TOLD[Outcome.THERE][0], False),
            (faulty, TOLD[Outcome.FAULT][0], faulty > 0),
        ]
        return self._page(
            request,
            title=_("Import times"),
            plan=plan,
            cards=cards,
            sentence=_sentence(good, done=done),
            faulty=faulty,
            can_store=good and not done,
            kept=kept and change_url(kept),
            rows=table(found, done),
            store=ngettext("Store %(count)d row", "Store %(count)d rows", good) % {"count": good},
        )

    def _page(self, request: HttpRequest, **context: Any) -> TemplateResponse:
        request.current_app = self.admin_site.name
        response = TemplateResponse(
            request,
            "admin/console/import_times.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "obj": _("Imports"),
                "back": list_url(ManualImport),
                "again": reverse("admin:attendance_manualimport_import_file"),
                "template": reverse("admin:attendance_manualimport_template"),
                **context,
            },
        )
        add_never_cache_headers(response)
        return response

    @display(description=_("times stored"))
    def stored(self, one: ManualImport) -> int:
        return one.corrections.count()

    @display(description=_("times"))
    def times(self, one: ManualImport) -> Any:
        found = one.corrections.select_related("employee__organization").order_by("id")[:SHOWN]
        rows = (
            (
                link(change_url(row), _moment(row)),
                row.employee,
                row.get_direction_display() or "–",
                row.reason,
            )
            for row in found
        )
        head = (_("Time"), _("Employee"), _("Direction"), _("Reason"))
        more = link(f"{list_url(Correction)}?manual_import={one.pk}", _("All of them"))
        return small_table(head, [*rows, (more, "", "", "")], "")


def _moment(one: Correction) -> str:
    return f"{local(one.at, one.employee.organization.timezone):%Y-%m-%d %H:%M}"


def _sentence(good: int, *, done: bool) -> str:
    if done:
        return (
            gettext("The days follow in a moment.")
            if good
            else gettext("Nothing was stored: it is all there, or wrong.")
        )
    return (
        gettext("Nothing is stored yet.")
        if good
        else gettext("There is nothing to store in this file.")
    )
