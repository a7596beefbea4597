"""The file of an import between its preview and its storing: the form that reads it, and the signed
text in which its rows travel in the page. Nothing is stored before the second step, so the text is
signed for this user and organization. Used by `corrections.admin.imports`.
"""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.core import signing
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget

from attendance.corrections import spreadsheet
from attendance.corrections.imports import ImportFile
from attendance.corrections.sheet_lines import COLUMNS, SheetLine
from attendance.corrections.spreadsheet import MAX_BYTES
from core.tenant_visibility import is_operator, visible_rows
from employees.models import Organization

# How long a file may be looked at before it is stored.
PREVIEW_MAX_AGE_S: Final = 12 * 3600
# What a page may send back: the limit of any form here is 1 MiB.
MAX_PLAN_LENGTH: Final = 900_000


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
