"""The console's page of a day with the pages that correct it: preview first, then the verb. They
are on the day's own page, and on the list for a date that has no row yet.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.cache import add_never_cache_headers
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from attendance.corrections import preview as day_preview
from attendance.corrections import services as correction_services
from attendance.corrections.admin.day_comparison import locked_month_text, render_day_comparison
from attendance.corrections.admin.day_forms import ChooseDayForm, DayCorrectionForm
from attendance.corrections.inputs import CorrectionInput, CorrectionOrigin
from attendance.corrections.preview import DayPreview
from attendance.corrections.validation import is_self_correction
from attendance.days.admin.days import DayAdmin
from attendance.models import Day
from core.action_pages import posted_data
from core.admin_html import changelist_url
from core.tenant_visibility import visible_rows
from employees.models import Employee

SELF_CORRECTION_TEXT: Final = _(
    "You cannot correct your own attendance. Request a correction; another person decides."
)


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
        if is_self_correction(request.user, [employee.pk]):  # type: ignore[arg-type]
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


class CorrectableDayAdmin(CorrectDayMixin, DayAdmin):
    """The day's page of `days.admin.days`, with the pages that correct it."""

    actions_detail = ("correct",)
    actions_list = ("correct_any",)
