"""The console's page of holiday calendars: drafted, compared, published."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from core.action_pages import ActionFormMixin, posted_data
from core.admin_html import badge_html, change_url
from core.admin_inlines import TenantInline
from core.tenant_admin import TenantAdmin
from leaves import charts as leave_charts
from leaves.admin.drafts import impact_table, is_draft
from leaves.admin.forms import ConfirmationForm, PrefillHolidaysForm
from leaves.models import CalendarDay, HolidayCalendar
from leaves.services.calendar_publishing import (
    delete_calendar_day,
    draft_holiday_calendar,
    holiday_calendar_impact,
    prefill_holidays,
    publish_holiday_calendar,
    save_calendar_day,
    save_holiday_calendar,
)
from leaves.work_calendars import to_office_calendar


class CalendarDayInline(TenantInline):
    """The dates of a calendar."""

    model = CalendarDay
    fields = ("date", "mark", "name")
    can_delete = True
    verbose_name_plural = _("dates that differ from the weekly pattern")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_draft(obj) and bool(super().has_add_permission(request, obj))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_draft(obj) and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_draft(obj) and bool(super().has_delete_permission(request, obj))


class HolidayCalendarAdmin(ActionFormMixin, TenantAdmin):
    """Holidays of offices: drafted, compared, published."""

    fieldsets = ((None, {"fields": (("site", "year"), ("weekly_offs", "order_no"))}),)
    detail_fieldsets = (
        (None, {"fields": (("version", "published_at", "published_by"),)}),
        (_("The year"), {"fields": ("chart",)}),
    )
    readonly_fields = ("version", "published_at", "published_by", "chart")
    inlines = (CalendarDayInline,)
    save_functions: ClassVar = {
        HolidayCalendar: save_holiday_calendar,
        CalendarDay: save_calendar_day,
    }
    list_display = ("year", "office", "version", "badge", "order_no")
    list_display_links = ("year", "office")
    list_filter = ("year", "site")
    list_select_related = ("site", "organization")
    actions_detail = ("publish", "prefill", "new_version")
    empty_title = _("No holiday calendars yet")
    empty_text = _(
        "Add one for the year, pre-fill it or enter the holidays of the yearly order, and"
        " publish it."
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        found = super().get_fieldsets(request, obj)
        return [*found, *self.detail_fieldsets] if obj else found

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        fields = super().get_readonly_fields(request, obj)
        return (*fields, "site", "year") if obj else fields

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        draft = not isinstance(obj, HolidayCalendar) or obj.published_at is None
        return draft and bool(super().has_change_permission(request, obj))

    def remove_row(self, row: Any) -> None:
        delete_calendar_day(row)

    def has_publish_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("leaves.change_holidaycalendar"))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        one = self.get_object(request, str(object_id))
        offered = (
            {"publish", "prefill"}
            if one is not None and one.published_at is None
            else {"new_version"}
        )
        return [
            it
            for it in super().get_actions_detail(request, object_id)
            if it.method.original_function_name in offered
        ]

    @action(
        description=_("Pre-fill from holidays…"),
        url_path="prefill",
        icon="auto_awesome",
        permissions=["publish"],
    )
    def prefill(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Begin with what the `holidays` package suggests; what is entered already stays."""
        one = self.object_or_404(request, object_id)
        return self.action_page(
            request,
            one,
            PrefillHolidaysForm(posted_data(request)),
            lambda said: prefill_holidays(one, said["state"]),
            _("Dates were suggested. Compare each with your order before you publish."),
            title=_("Pre-fill from holidays"),
            button=_("Add the suggested dates"),
            question=_(
                "The “holidays” package lists what state governments publish, not central offices;"
                " moon holidays may be estimates. An officer must compare every date with the order"
                " and publish. Dates already here stay."
            ),
        )

    @action(
        description=_("Publish…"),
        url_path="publish",
        icon="publish",
        variant=ActionVariant.PRIMARY,
        permissions=["publish"],
    )
    def publish(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show first whose leave would cost something else."""
        one = self.object_or_404(request, object_id)
        return self.action_page(
            request,
            one,
            ConfirmationForm(posted_data(request)),
            lambda said: publish_holiday_calendar(one, actor=request.user),  # type: ignore[arg-type]
            _("Published. The leave it affects was recalculated."),
            title=_("Publish the holiday calendar"),
            button=_("Publish"),
            question=_(
                "A published holiday calendar cannot be changed. To correct it, create a new"
                " version."
            ),
            details=(
                impact_table(holiday_calendar_impact(one)) if one.published_at is None else ""
            ),
        )

    @action(
        description=_("New version"),
        url_path="new-version",
        icon="edit_calendar",
        permissions=["publish"],
    )
    def new_version(self, request: HttpRequest, object_id: str) -> HttpResponse:
        one = self.object_or_404(request, object_id)
        if request.method != "POST":
            return self.render_confirmation(
                request,
                one,
                title=_("Create a new version"),
                button=_("Create"),
                question=_(
                    "A draft with the same dates is created for you to change and publish. The"
                    " current version stays in force until then."
                ),
            )
        draft = draft_holiday_calendar(one.organization, one.site, one.year)
        self.log_change(request, one, str(_("New version created.")))
        return redirect(change_url(draft))

    @display(description=_("office"))
    def office(self, calendar: HolidayCalendar) -> str:
        return str(calendar.site or _("All offices"))

    @display(description=_("state"))
    def badge(self, calendar: HolidayCalendar) -> Any:
        return (
            badge_html(_("Published"), "success")
            if calendar.published_at
            else badge_html(_("Draft"), "warning")
        )

    @display(description=_("the year at a glance"))
    def chart(self, calendar: HolidayCalendar) -> SafeString:
        return leave_charts.calendar_year_chart(to_office_calendar(calendar), calendar.year)
