"""The pages that correct a day: preview first, then the verb. They stand on the day's own page, and
on the list for a date that has no row yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.cache import add_never_cache_headers
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminSingleTimeWidget,
    UnfoldAdminTextareaWidget,
)

from attendance.corrections import preview as day_preview
from attendance.corrections import services as correction_services
from attendance.corrections.preview import DayPreview
from attendance.corrections.services import (
    MAX_REASON_LENGTH,
    CorrectionInput,
    CorrectionOrigin,
    EmployeeZones,
    TimeEntry,
)
from attendance.days import charts as day_charts
from attendance.days import labels as day_labels
from attendance.days.admin import DayAdmin
from attendance.days.inputs import CORRECTION_SIGN
from attendance.models import Day
from core.action_pages import posted_data
from core.admin_choices import TolerantAutocompleteSelect
from core.admin_html import changelist_url, table_html
from core.tenant_visibility import visible_rows
from core.times import to_local_time
from employees.models import Employee

STATUS_COLOURS: Final = {
    "pending": "warning",
    "approved": "success",
    "rejected": "danger",
    "withdrawn": "info",
}
SELF_CORRECTION_TEXT: Final = _(
    "You cannot correct your own attendance. Request a correction; another person decides."
)


# --- A day before and after -----------------------------------------------------------------------
def render_day_comparison(current: Day, corrected: Day | None) -> SafeString:
    """A day as it is, and as it would be, one picture over the other, and what is paid by it in a
    table.
    """
    parts = [(gettext("Current day"), day_charts.day_timeline(current))]
    if corrected is not None:
        parts.append((gettext("Day after the correction"), day_charts.day_timeline(corrected)))
    drawn = format_html_join("", "<h2>{}</h2>{}", parts)
    days = [current] if corrected is None else [current, corrected]
    head = ("", *(title for title, _picture in parts))
    rows = ((label, *(told(one) for one in days)) for label, told in _COMPARED_FIELDS)
    return format_html("{}{}", drawn, table_html(head, rows, ""))


def _clock_text(day: Day, at: datetime | None) -> str:
    if at is None:
        return "–"
    there = to_local_time(at, day.zone)
    return (
        f"{there:%H:%M}"
        if there.date() == day.date
        else f"{there:%H:%M} (+{(there.date() - day.date).days})"
    )


_COMPARED_FIELDS: Final[tuple[tuple[Any, Any], ...]] = (
    (_("Status"), lambda day: day_labels.status_text(day.status)),
    (_("In"), lambda day: _clock_text(day, day.first_in)),
    (_("Out"), lambda day: _clock_text(day, day.last_out)),
    (_("Worked"), lambda day: day_labels.minutes_text(day.worked)),
    (_("Late by"), lambda day: day_labels.minutes_text(day.late_by)),
    (_("Overtime"), lambda day: day_labels.minutes_text(day.overtime)),
    (_("Remarks"), lambda day: ", ".join(day_labels.mark_text(one) for one in day.marks) or "–"),
)


def locked_month_text(posted_to: date | None) -> str:
    """That the month is locked, and where the change will count; empty where it is open."""
    if posted_to is None:
        return ""
    return gettext(
        "This month is locked: the day does not change, and the difference is counted as an"
        " adjustment in %(month)s."
    ) % {"month": formats.date_format(posted_to, "F Y")}


# --- The form with which a day is corrected -------------------------------------------------------
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
        told = error.message_dict if hasattr(error, "error_dict") else {None: error.messages}
        for field, texts in told.items():
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


class CorrectDayMixin:
    """Pages of `DayAdmin` that put a day right: preview first, then the verb."""

    def has_correct_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("attendance.add_correction"))

    @action(
        description=_("Correct this day…"),
        url_path="correct",
        icon="edit_calendar",
        permissions=["correct"],
    )
    def correct(self, request: HttpRequest, object_id: str) -> HttpResponse:
        day: Day = self.object_or_404(request, object_id)  # type: ignore[attr-defined]
        return self._correction_page(request, day.employee, day.date, day)

    @action(
        description=_("Correct a day…"),
        url_path="correct-any",
        icon="edit_calendar",
        permissions=["correct"],
    )
    def correct_any(self, request: HttpRequest) -> HttpResponse:
        """Whose and which is asked; a date nobody worked out yet is corrected here."""
        people = visible_rows(request, Employee.objects.all()).select_related("organization")
        if "date" in request.GET:
            employee, on = _requested_employee_and_date(people, request)
            found = (
                visible_rows(request, Day.objects.all()).filter(employee=employee, date=on).first()
            )
            if found is not None:
                return redirect(reverse("admin:attendance_day_correct", args=(found.pk,)))
            return self._correction_page(request, employee, on, None)
        form = ChooseDayForm(people, posted_data(request))
        if request.method == "POST" and form.is_valid():
            said = form.cleaned_data
            return redirect(
                request.path
                + "?"
                + urlencode({"employee": said["employee"].pk, "date": said["date"].isoformat()})
            )
        return self._page(
            request, "action_form", None, form=form, title=_("Correct a day"), button=_("Continue")
        )

    def _correction_page(
        self, request: HttpRequest, employee: Employee, on: date, day: Day | None
    ) -> HttpResponse:
        title = _("Correct %(date)s of %(employee)s") % {
            "date": formats.date_format(on),
            "employee": employee,
        }
        if correction_services.is_self_correction(request.user, [employee.pk]):  # type: ignore[arg-type]
            page = self._page(request, "notice", day, title=title, text=SELF_CORRECTION_TEXT)
            page.status_code = 403
            return page
        now = day_preview.current_day(employee, on)
        form = DayCorrectionForm(posted_data(request), employee, now)
        seen: DayPreview | None = None
        if request.method == "POST" and form.is_valid() and request.POST.get("step") != "edit":
            try:
                seen = day_preview.preview_correction(employee, on, form.correction_request())
                if request.POST.get("step") == "save":
                    _save_correction(request, form.correction_request())
                    return self._after_correction(request, day, seen)
            except ValidationError as error:
                form.add_rule_violation(error)
                seen = None
        posted_to = day_preview.adjustment_month(employee.organization_id, on, timezone.now())
        return self._page(
            request,
            "correct_day",
            day,
            title=title,
            form=form,
            previewed=seen is not None,
            notice=locked_month_text(posted_to),
            comparison=render_day_comparison(now, seen.after if seen else None),
            warnings=_preview_warnings(seen),
        )

    def _after_correction(
        self, request: HttpRequest, day: Day | None, preview: DayPreview
    ) -> HttpResponse:
        text = gettext("Corrected. The day is recalculated in a moment.")
        if preview.adjustment_month is not None:
            text = f"{gettext('Corrected.')} {locked_month_text(preview.adjustment_month)}"
        if day is not None:
            return self.finish_action(request, day, text)  # type: ignore[attr-defined, no-any-return]
        messages.success(request, text)
        return redirect(changelist_url(Day))

    def _page(
        self, request: HttpRequest, template: str, day: Day | None, **context: Any
    ) -> TemplateResponse:
        if day is not None:
            return self.render_page(request, template, day, **context)  # type: ignore[attr-defined, no-any-return]
        site = self.admin_site  # type: ignore[attr-defined]
        request.current_app = site.name
        context = {
            **site.each_context(request),
            "opts": Day._meta,
            "obj": _("Daily register"),
            "back": changelist_url(Day),
            **context,
        }
        response = TemplateResponse(request, f"admin/console/{template}.html", context)
        add_never_cache_headers(response)
        return response


def _save_correction(request: HttpRequest, correction: CorrectionInput) -> None:
    correction_services.correct_times(
        correction.employee,
        reason=correction.reason,
        enter=correction.enter,
        void=correction.void,
        origin=CorrectionOrigin(actor=request.user),  # type: ignore[arg-type]
    )


def _preview_warnings(preview: DayPreview | None) -> list[str]:
    if preview is None or not preview.times_of_other_days:
        return []
    return [gettext("A time you enter belongs to the shift of another date and will count there.")]


def _requested_employee_and_date(people: Any, request: HttpRequest) -> tuple[Employee, date]:
    """Whose day is meant by the address. Raises Http404, for another tenant's as for nobody's; and
    for dates out of service.
    """
    try:
        employee = people.filter(pk=UUID(request.GET.get("employee", ""))).first()
        on = date.fromisoformat(request.GET.get("date", ""))
    except ValueError as error:
        raise Http404 from error
    if employee is None or not employee.joined_on <= on <= timezone.localdate():
        raise Http404
    return employee, on


# --- What people ask for --------------------------------------------------------------------------


class CorrectableDayAdmin(CorrectDayMixin, DayAdmin):
    """The day's page of `days.admin`, with the pages that correct it."""

    actions_detail = ("correct",)
    actions_list = ("correct_any",)
