"""The console's page on late coming (1c of the leave rules): each day waits for HR to take half a
day, or to condone it.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, IntegerField, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import formats
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminTextareaWidget

from attendance.days import charts as day_charts
from attendance.days import labels as day_labels
from attendance.lateness import services as lateness_services
from attendance.models import LateDay
from core.action_pages import ActionFormMixin
from core.admin_html import changelist_url, table_html
from core.bulk_actions import BulkActionMixin
from core.tenant_admin import ReadOnlyTenantAdmin
from leaves.models import LateMark


class LateDayDebitForm(forms.Form):
    """Anything to remark."""

    reason = forms.CharField(
        label=_("Remark"),
        max_length=400,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )


class LateDayCondoneForm(forms.Form):
    """The justifiable reason."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=400,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text=_(
            "Up to an hour, twice a month, for a justifiable reason, unless the leave rules say"
            " otherwise."
        ),
    )


class LateDayAdmin(BulkActionMixin, ActionFormMixin, ReadOnlyTenantAdmin):
    """Late coming and early leaving that waits for a decision."""

    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("employee", "full_date"),
                    ("late_text", "early_text"),
                    "proposal",
                    ("site", "department"),
                )
            },
        ),
        (_("The day"), {"fields": ("timeline",)}),
        (_("Earlier decisions"), {"fields": ("earlier_decisions",)}),
    )
    readonly_fields = (
        "full_date",
        "late_text",
        "early_text",
        "proposal",
        "timeline",
        "earlier_decisions",
    )
    list_display = (
        "date",
        "employee",
        "late_text",
        "early_text",
        "total_text",
        "condoned",
        "proposed",
    )
    list_display_links = ("date", "employee")
    list_filter = ("department", "site")
    list_select_related = ("employee", "organization")
    search_fields = ("employee__name", "=employee__code")
    search_help_text = _("An employee's name or code")
    extra_lookups = ("employee",)
    date_hierarchy = "date"
    show_full_result_count = False
    actions = ("debit_many", "condone_many")
    actions_detail = ("debit", "condone")
    empty_title = _("No late arrivals to decide")
    empty_text = _(
        "A day with a late arrival or an early departure appears here once it is over. Decided days"
        " are under Late marks."
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        """Those that wait, with how often the month was condoned already."""
        month = LateMark.objects.filter(
            organization=OuterRef("organization"),
            employee=OuterRef("employee"),
            outcome=LateMark.Outcome.CONDONED,
            date__year=OuterRef("date__year"),
            date__month=OuterRef("date__month"),
        )
        count = month.order_by().values("employee").annotate(number=Count("pk")).values("number")
        return lateness_services.undecided_late_days(super().get_queryset(request)).annotate(
            times=Coalesce(Subquery(count, output_field=IntegerField()), 0)
        )

    @display(description=_("date"))
    def full_date(self, day: LateDay) -> str:
        return formats.date_format(day.date, "l, j F Y")

    @display(description=_("late by"), ordering="late_by")
    def late_text(self, day: LateDay) -> str:
        return day_labels.minutes_text(day.late_by) if day.late_by else "–"

    @display(description=_("early by"), ordering="early_by")
    def early_text(self, day: LateDay) -> str:
        return day_labels.minutes_text(day.early_by) if day.early_by else "–"

    @display(description=_("total"))
    def total_text(self, day: LateDay) -> str:
        return day_labels.minutes_text(lateness_services.late_minutes(day))

    @display(description=_("condoned this month"))
    def condoned(self, day: LateDay) -> int:
        return int(day.times)  # type: ignore[attr-defined]

    @display(description=_("proposed"))
    def proposed(self, day: LateDay) -> Any:
        return _("½ day of casual leave")

    @display(description=_("proposed"))
    def proposal(self, day: LateDay) -> str:
        return _proposal_text(day)

    @display(description=_("timeline"))
    def timeline(self, day: LateDay) -> SafeString:
        return day_charts.day_timeline(day) if day.why else SafeString("–")

    @display(description=_("late marks of the year"))
    def earlier_decisions(self, day: LateDay) -> SafeString:
        rows = LateMark.objects.of(day.organization_id).filter(
            employee=day.employee_id, date__year=day.date.year
        )
        told = (
            (
                formats.date_format(one.date),
                one.minutes or "–",
                one.get_outcome_display(),
                one.reason or "–",
            )
            for one in rows
        )
        return table_html((_("Day"), _("Minutes"), _("Outcome"), _("Reason")), told, _("None."))

    # What is done
    def has_decide_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("leaves.add_latemark"))

    def finish_action(self, request: HttpRequest, obj: Any, message: Any) -> HttpResponse:
        """Back to the list: the day is decided, and waits no more."""
        self.log_change(request, obj, str(message))
        messages.success(request, message)
        return redirect(changelist_url(LateDay))

    @action(
        description=_("Take half a day…"),
        url_path="debit",
        icon="remove",
        variant=ActionVariant.PRIMARY,
        permissions=["decide"],
    )
    def debit(self, request: HttpRequest, object_id: str) -> HttpResponse:
        day = self.object_or_404(request, object_id)
        return self._decide(
            request,
            day,
            LateDayDebitForm,
            condone=False,
            title=_("Take half a day"),
            button=_("Take half a day"),
            question=_proposal_text(day),
        )

    @action(
        description=_("Condone…"),
        url_path="condone",
        icon="volunteer_activism",
        permissions=["decide"],
    )
    def condone(self, request: HttpRequest, object_id: str) -> HttpResponse:
        day = self.object_or_404(request, object_id)
        return self._decide(
            request,
            day,
            LateDayCondoneForm,
            condone=True,
            title=_("Condone the late arrival"),
            button=_("Condone"),
            question=_late_minutes_text(day),
        )

    def _decide(
        self, request: HttpRequest, day: LateDay, form: Any, *, condone: bool, **page: Any
    ) -> HttpResponse:
        return self.action_page(
            request,
            day,
            form(request.POST if request.method == "POST" else None),
            lambda said: _decide_day(request, day, said, condone=condone),
            _("Decided."),
            **page,
        )

    @admin.action(description=_("Take half a day of casual leave each…"), permissions=["decide"])
    def debit_many(self, request: HttpRequest, rows: Any) -> TemplateResponse:
        return self._decide_many(
            request,
            rows,
            LateDayDebitForm,
            condone=False,
            title=_("Take half a day each"),
            button=_("Take half a day each"),
            question=_(
                "Half a day of casual leave is taken for each day; without casual leave, half a day"
                " is owed."
            ),
        )

    @admin.action(description=_("Condone each…"), permissions=["decide"])
    def condone_many(self, request: HttpRequest, rows: Any) -> TemplateResponse:
        return self._decide_many(
            request,
            rows,
            LateDayCondoneForm,
            condone=True,
            title=_("Condone the late arrival"),
            button=_("Condone all"),
            question=_("All are condoned for the same reason, as far as the rules allow it."),
        )

    def _decide_many(
        self, request: HttpRequest, rows: Any, form: Any, *, condone: bool, **page: Any
    ) -> TemplateResponse:
        return self.bulk_action_view(
            request,
            rows.order_by("date", "employee"),
            form(request.POST if "confirmed" in request.POST else None),
            lambda day, said: _decide_day(request, day, said, condone=condone),
            **page,
        )


def _decide_day(request: HttpRequest, day: LateDay, data: dict[str, Any], *, condone: bool) -> str:
    mark = lateness_services.decide_late_day(
        day,
        condone=condone,
        reason=data["reason"],
        actor=request.user,  # type: ignore[arg-type]
    )
    return mark.get_outcome_display()


def _late_minutes_text(day: LateDay) -> str:
    return _("%(minutes)d minutes late or early; condoned this month: %(times)d.") % {
        "minutes": lateness_services.late_minutes(day),
        "times": day.times,  # type: ignore[attr-defined]
    }


def _proposal_text(day: LateDay) -> str:
    """What it would cost."""
    left = lateness_services.casual_leave_left(day)
    if left >= 1:
        return _("Half a day of casual leave; %(left)s days are left on that date.") % {
            "left": formats.localize(left / 2)
        }
    return str(
        _(
            "No casual leave is left: half a day is owed. Two of them become one day of earned"
            " leave, by order."
        )
    )
