"""The forms that choose a day and correct it. Used by the pages in `corrections.admin.days`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminSingleTimeWidget,
    UnfoldAdminTextareaWidget,
)

from attendance.corrections.employee_zones import EmployeeZones
from attendance.corrections.inputs import CorrectionInput, TimeEntry
from attendance.corrections.validation import MAX_REASON_LENGTH
from attendance.days import labels as day_labels
from attendance.days.inputs import CORRECTION_SIGN
from attendance.models import Day
from core.admin_choices import TolerantAutocompleteSelect
from employees.models import Employee


class DayCorrectionForm(forms.Form):
    """Times of a day to enter on its own clock, and stamps of it that are not to count."""

    in_on = forms.DateField(label=_("In: date"), required=False, widget=UnfoldAdminSingleDateWidget)
    in_at = forms.TimeField(
        label=_("In: time"), required=False, widget=UnfoldAdminSingleTimeWidget(format="%H:%M")
    )
    out_on = forms.DateField(
        label=_("Out: date"),
        required=False,
        widget=UnfoldAdminSingleDateWidget,
        help_text=_("A night shift ends on the next date."),
    )
    out_at = forms.TimeField(
        label=_("Out: time"), required=False, widget=UnfoldAdminSingleTimeWidget(format="%H:%M")
    )
    void = forms.TypedMultipleChoiceField(
        label=_("Does not count"),
        required=False,
        coerce=int,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=_("Select the times that must not count. Empty times do not change anything."),
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=MAX_REASON_LENGTH,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )

    def __init__(self, data: Any, employee: Employee, day: Day) -> None:
        super().__init__(data, initial={"in_on": day.date, "out_on": day.date})
        self.employee = employee
        self.fields["void"].choices = list(_punch_choices(day))  # type: ignore[attr-defined]
        if not self.fields["void"].choices:  # type: ignore[attr-defined]
            del self.fields["void"]

    def correction_request(self) -> CorrectionInput:
        """What the form asks for."""
        said = self.cleaned_data
        zones = EmployeeZones(self.employee.organization_id, [self.employee.pk])
        entries = []
        for way in ("in", "out"):
            if said[f"{way}_on"] and said[f"{way}_at"]:
                naive = datetime.combine(said[f"{way}_on"], said[f"{way}_at"])
                entries.append(
                    TimeEntry(zones.to_instant(self.employee, naive)[0], way, f"{way}_at")
                )
        return CorrectionInput(self.employee, said["reason"], entries, said.get("void", []))

    def add_rule_violation(self, error: ValidationError) -> None:
        """Say a refusal at the field it is about."""
        errors = error.message_dict if hasattr(error, "error_dict") else {None: error.messages}
        for field, texts in errors.items():
            home = {"at": "in_at"}.get(str(field), field)
            self.add_error(home if home in self.fields else None, texts)


def _punch_choices(day: Day) -> Iterator[tuple[int, str]]:
    """Each stamp of a day with its number (as `days.inputs` has it) and what it is in words."""
    for one in day.why["punches"]:
        what = gettext("Punch") if "punch" in one else gettext("Entered manually")
        counts = gettext("counts") if one["counted"] else gettext("does not count")
        number = one["punch"] if "punch" in one else CORRECTION_SIGN * one["correction"]
        yield (
            number,
            (
                f"{day_labels.local_time_text(one['at'], day.zone)} · {what} ·"
                f" {day_labels.interpretation_text(one['why'])} ({counts})"
            ),
        )


class ChooseDayForm(forms.Form):
    """Whose day, and which."""

    employee: forms.ModelChoiceField[Employee] = forms.ModelChoiceField(
        queryset=Employee.objects.none(),
        label=_("employee"),
        help_text=_("Type a name or a code."),
        widget=TolerantAutocompleteSelect(Day._meta.get_field("employee"), admin.site),
    )
    date = forms.DateField(label=_("date"), widget=UnfoldAdminSingleDateWidget)

    def __init__(self, people: Any, data: Any) -> None:
        super().__init__(data)
        self.fields["employee"].queryset = people  # type: ignore[attr-defined]
