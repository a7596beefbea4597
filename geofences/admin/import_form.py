"""The form that uploads a GeoJSON file. Shown by the import page of geofences."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget

from core.tenant_visibility import is_operator
from employees.models import Organization
from geofences.geojson_import import MAX_FILE_CHARS


class GeofenceImportForm(forms.Form):
    """A GeoJSON file; an operator also says whose."""

    file = forms.FileField(
        label=_("GeoJSON file"),
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".geojson,.json"}),
        help_text=_(
            "Geofences are matched by external id, or by name if there is none, and updated. Others"
            " are added."
        ),
    )

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request.POST or None, request.FILES or None)
        self.own_organization: Any = getattr(request.user, "organization", None)
        if is_operator(request):
            self.fields["organization"] = forms.ModelChoiceField(
                Organization.objects.all(),
                label=_("organization"),
                widget=UnfoldAdminSelectWidget(),
            )

    def clean_file(self) -> str:
        """The text of the file."""
        file = self.cleaned_data["file"]
        if file.size > MAX_FILE_CHARS:
            raise ValidationError(
                _("The file is larger than %(most)d MB.") % {"most": MAX_FILE_CHARS // 1_000_000}
            )
        try:
            return str(file.read().decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise ValidationError(_("The file is not UTF-8 text.")) from error

    @property
    def organization(self) -> Any:
        """Whose fences these are."""
        chosen: Any = self.cleaned_data.get("organization") or self.own_organization
        return chosen
