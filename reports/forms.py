"""What reports can be asked: forms for the console, and the same forms for the query of the API and
for stored jobs.

A row of another organization is answered in the words used for one that does not exist.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any, ClassVar, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminDateWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from attendance.models import Day, Verdict
from employees.models import Department, Employee, Organization, Site

MAX_DAYS: Final = 366
FIRST_YEAR, LAST_YEAR = 1950, 2200
_MONTH: Final = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
# What a day can be asked for by: leave of whatever kind is one, and so are days nobody worked out.
STATUS_CHOICES: Final = (
    *Day.Status.choices,
    ("leave", _("On leave")),
    ("unknown", _("Not calculated yet")),
)
_INVALID_CHOICE: Final = _(
    "Select a valid choice. That choice is not one of the available choices."
)


class ISODateField(forms.DateField):
    """A date as ISO 8601 writes it, in whatever language."""

    def __init__(self, **more: Any) -> None:
        widget = UnfoldAdminDateWidget(attrs={"type": "date"}, format="%Y-%m-%d")
        super().__init__(input_formats=["%Y-%m-%d"], widget=widget, **more)

    def to_python(self, value: Any) -> date | None:
        """The date. Raises ValidationError, also for years nobody keeps rows of."""
        day = super().to_python(value)
        if day is not None and not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise ValidationError(
                _("The year must be from %(first)d to %(last)d.")
                % {"first": FIRST_YEAR, "last": LAST_YEAR},
                code="invalid",
            )
        return day


class TenantChoiceField(forms.ModelChoiceField[Any]):
    """A row of the organization, by its id."""

    def __init__(self, model: Any, **more: Any) -> None:
        self.model = model
        super().__init__(
            model.objects.none(),
            required=False,
            widget=UnfoldAdminSelectWidget,
            empty_label=_("All"),
            **more,
        )


class EmployeeField(forms.CharField):
    """An employee of the organization, by code or by id."""

    organization: Organization

    def __init__(self, **more: Any) -> None:
        super().__init__(max_length=64, required=False, widget=UnfoldAdminTextInputWidget, **more)

    def clean(self, value: Any) -> Employee | None:
        """The employee, None when nobody was named. Raises ValidationError."""
        text = super().clean(value)
        if not text:
            return None
        rows = Employee.objects.of(self.organization)
        found = rows.filter(code=text).first() or (
            rows.filter(pk=one).first() if (one := _parse_uuid(text)) else None
        )
        if found is None:
            raise ValidationError(_INVALID_CHOICE, code="invalid_choice")
        return found


def _parse_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


class ReportForm(forms.Form):
    """The questions of a report. Subclasses name fields; the rows they offer are the
    organization's.
    """

    def __init__(self, data: Any, organization: Organization) -> None:
        super().__init__(data)
        self.organization = organization
        for field in self.fields.values():
            if isinstance(field, TenantChoiceField):
                field.queryset = field.model.objects.of(organization)
            elif isinstance(field, EmployeeField):
                field.organization = organization

    @classmethod
    def default_values(cls, organization: Organization) -> dict[str, Any]:
        """What stands in the form when it is opened."""
        return {}


class DateRangeForm(ReportForm):
    """Which days, both included."""

    max_days: ClassVar[int] = MAX_DAYS

    def clean(self) -> dict[str, Any]:
        """The span is one, and no longer than anybody needs."""
        found: dict[str, Any] = super().clean() or {}
        first, last = found.get("from"), found.get("to")
        if first and last and last < first:
            self.add_error("to", _("This is before the first day."))
        elif first and last and (last - first).days >= self.max_days:
            self.add_error("to", _("Choose at most %(days)d days.") % {"days": self.max_days})
        return found

    @classmethod
    def default_values(cls, organization: Organization) -> dict[str, Any]:
        """This month so far."""
        today = _today(organization)
        return {"from": today.replace(day=1).isoformat(), "to": today.isoformat()}


# `from` is a word of the contract, and of Python.
DateRangeForm.base_fields["from"] = ISODateField(label=_("from"))
DateRangeForm.base_fields["to"] = ISODateField(label=_("to"), help_text=_("This day included."))


class EmployeeScopeForm(DateRangeForm):
    """Which days, and whose: by where somebody worked on each of them."""

    site = TenantChoiceField(Site, label=_("site"))
    department = TenantChoiceField(Department, label=_("department"))
    employee = EmployeeField(label=_("employee"), help_text=_("The employee code."))


class VerdictForm(EmployeeScopeForm):
    """The same, and what was decided about the punches."""

    verdict = forms.ChoiceField(
        label=_("verdict"),
        required=False,
        choices=[("", _("All")), *Verdict.choices],
        widget=UnfoldAdminSelectWidget,
    )


class StatusForm(EmployeeScopeForm):
    """The same, and what the days were."""

    status = forms.ChoiceField(
        label=_("status"),
        required=False,
        choices=[("", _("All")), *STATUS_CHOICES],
        widget=UnfoldAdminSelectWidget,
    )

    @classmethod
    def default_values(cls, organization: Organization) -> dict[str, Any]:
        """Today."""
        today = _today(organization).isoformat()
        return {"from": today, "to": today}


class MonthField(forms.CharField):
    """A month such as 2026-06, as the first day of it."""

    def __init__(self, **more: Any) -> None:
        super().__init__(
            max_length=10, widget=UnfoldAdminTextInputWidget(attrs={"type": "month"}), **more
        )

    def clean(self, value: Any) -> date | None:
        """Its first day. Raises ValidationError."""
        text = super().clean(value)
        found = _MONTH.fullmatch(text or "")
        if not text:
            return None
        if found is None or not FIRST_YEAR <= int(found[1]) <= LAST_YEAR:
            raise ValidationError(_("A month such as 2026-06 is required."), code="invalid")
        return date(int(found[1]), int(found[2]), 1)


class MonthForm(ReportForm):
    """Which month, and whose: by where somebody worked on each of its days."""

    month = MonthField(label=_("month"), help_text=_("Such as 2026-06."))
    site = TenantChoiceField(Site, label=_("site"))
    department = TenantChoiceField(Department, label=_("department"))
    employee = EmployeeField(label=_("employee"), help_text=_("The employee code."))

    @classmethod
    def default_values(cls, organization: Organization) -> dict[str, Any]:
        """This month."""
        return {"month": f"{_today(organization):%Y-%m}"}


class YearForm(ReportForm):
    """Which year, and whose."""

    year = forms.IntegerField(
        label=_("year"),
        min_value=FIRST_YEAR,
        max_value=LAST_YEAR,
        widget=UnfoldAdminIntegerFieldWidget,
    )
    site = TenantChoiceField(Site, label=_("site"))
    department = TenantChoiceField(Department, label=_("department"))
    employee = EmployeeField(label=_("employee"), help_text=_("The employee code."))

    @classmethod
    def default_values(cls, organization: Organization) -> dict[str, Any]:
        """This year."""
        return {"year": _today(organization).year}


def _today(organization: Organization) -> date:
    return timezone.localdate(timezone=ZoneInfo(organization.timezone))
