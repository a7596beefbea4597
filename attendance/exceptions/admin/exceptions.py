"""The console's pages on exceptions: what a person has to check, what to do about it, and the
actions that do it.
"""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.contrib import admin
from django.db.models import Count, OuterRef, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminTextareaWidget

from attendance.exceptions import labels as exception_labels
from attendance.exceptions import services as exception_services
from attendance.exceptions.admin.action_links import exception_links, is_open, render_links
from attendance.exceptions.admin.evidence import render_evidence
from attendance.exceptions.admin.filters import ExceptionStateFilter
from attendance.exceptions.admin.matching import MatchEmployeeForm, match_code
from attendance.models import AttendanceException, Day
from core.action_pages import ActionFormMixin
from core.admin_html import badge_html, changelist_url
from core.bulk_actions import BulkActionMixin
from core.tenant_admin import ReadOnlyTenantAdmin
from core.tenant_visibility import visible_rows
from employees.models import Employee, HalfDayReservation

ExceptionKind, ExceptionState = AttendanceException.Kind, AttendanceException.State
STATE_COLOURS: Final = {
    ExceptionState.OPEN: "warning",
    ExceptionState.RESOLVED: "success",
    ExceptionState.AUTO_CLOSED: "info",
}


class ResolveExceptionForm(forms.Form):
    """Why nothing more is to be done."""

    remarks = forms.CharField(
        label=_("Reason for resolving without action"),
        max_length=400,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )


class AttendanceExceptionAdmin(BulkActionMixin, ActionFormMixin, ReadOnlyTenantAdmin):
    """What somebody should look at."""

    fieldsets = (
        (None, {"fields": (("badge", "state_badge"), "description", "advice", "action_links")}),
        (_("About"), {"fields": (("employee", "device"), ("site", "date"), "evidence")}),
        (_("Resolution"), {"fields": (("found_at", "closed_at"), "closed_by", "remarks")}),
    )
    readonly_fields = ("badge", "state_badge", "description", "advice", "action_links", "evidence")
    list_display = (
        "subject_text",
        "badge",
        "description",
        "next_step",
        "date",
        "site",
        "state_badge",
    )
    list_filter = (ExceptionStateFilter, "kind", "site")
    list_select_related = ("employee", "device", "site", "organization")
    search_fields = ("employee__name", "=employee__code", "device__serial", "device__name")
    search_help_text = _("An employee's name or code, or a device")
    extra_lookups = ("employee", "device")
    date_hierarchy = "date"
    list_before_template = "admin/console/exception_counts.html"
    show_full_result_count = False
    actions = ("bulk_resolve",)
    actions_detail = ("match", "resolve")
    empty_title = _("No exceptions")
    empty_text = _(
        "Unmatched punches, missing punches, very long days, wrong clocks, silent devices,"
        " impossible travel and punches during leave appear here automatically, and close"
        " automatically when they are corrected."
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        """With the day and the leave that each is about, where there are."""
        same = {
            "organization": OuterRef("organization"),
            "employee": OuterRef("employee"),
            "date": OuterRef("date"),
        }
        leave = HalfDayReservation.objects.filter(**same, holder__startswith="leave:").values(
            "holder"
        )
        return (
            super()
            .get_queryset(request)
            .annotate(
                day_id=Subquery(Day.objects.filter(**same).values("pk")[:1]),
                leave=Subquery(leave[:1]),
            )
        )

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(
            request, (extra_context or {}) | {"muster_cards": self._cards(request)}
        )

    def _cards(self, request: HttpRequest) -> list[dict[str, Any]]:
        """How many of each kind are open."""
        rows = visible_rows(
            request, AttendanceException.objects.filter(state=ExceptionState.OPEN)
        ).order_by()
        counts = dict(rows.values_list("kind").annotate(Count("pk")))
        address = changelist_url(AttendanceException)
        return [
            {
                "title": label,
                "number": counts[kind],
                "url": f"{address}?kind__exact={kind}",
                "alarm": False,
            }
            for kind, label in ExceptionKind.choices
            if kind in counts
        ]

    # What a row says
    @display(description=_("about"))
    def subject_text(self, row: AttendanceException) -> str:
        return exception_labels.describe_subject(row)

    @display(description=_("kind"), ordering="kind")
    def badge(self, row: AttendanceException) -> SafeString:
        return badge_html(
            row.get_kind_display(), "warning" if row.state == ExceptionState.OPEN else "info"
        )

    @display(description=_("state"), ordering="state")
    def state_badge(self, row: AttendanceException) -> SafeString:
        return badge_html(row.get_state_display(), STATE_COLOURS[ExceptionState(row.state)])

    @display(description=_("what happened"))
    def description(self, row: AttendanceException) -> str:
        return exception_labels.describe_exception(row)

    @display(description=_("what to do"))
    def advice(self, row: AttendanceException) -> str:
        return exception_labels.describe_next_step(row)

    @display(description=_("what to do"))
    def next_step(self, row: AttendanceException) -> SafeString:
        """The advice, and the way to do it."""
        return (
            format_html(
                "{}<br>{}",
                exception_labels.describe_next_step(row),
                render_links(exception_links(row)[:2]),
            )
            if is_open(row)
            else SafeString("")
        )

    @display(description=_("actions"))
    def action_links(self, row: AttendanceException) -> SafeString:
        return render_links(exception_links(row))

    @display(description=_("evidence"))
    def evidence(self, row: AttendanceException) -> Any:
        return render_evidence(row)

    # What is done
    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Nothing is done about what is closed; only a number can be somebody's."""
        row = self.get_object(request, str(object_id))
        if row is None or not is_open(row):
            return []
        offered = super().get_actions_detail(request, object_id)
        hidden = set() if row.kind == ExceptionKind.UNMATCHED else {"match"}
        return [one for one in offered if one.method.original_function_name not in hidden]

    def has_resolve_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("attendance.change_attendanceexception"))

    def has_match_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("attendance.add_punchmatch"))

    @action(
        description=_("Resolve without action…"),
        url_path="resolve",
        icon="done",
        permissions=["resolve"],
    )
    def resolve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.object_or_404(request, object_id)
        return self.action_page(
            request,
            row,
            ResolveExceptionForm(request.POST if request.method == "POST" else None),
            lambda said: exception_services.resolve_exception(
                row,
                remarks=said["remarks"],
                actor=request.user,  # type: ignore[arg-type]
            ),
            _("Resolved. A new exception opens only if the facts change."),
            title=_("Resolve without action"),
            button=_("Resolve"),
            question=exception_labels.describe_exception(row),
        )

    @action(
        description=_("Match to an employee…"),
        url_path="match",
        icon="person_add",
        variant=ActionVariant.PRIMARY,
        permissions=["match"],
    )
    def match(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """All punches of the number that wait, at once."""
        row = self.object_or_404(request, object_id)
        if row.kind != ExceptionKind.UNMATCHED:
            raise Http404
        people = visible_rows(request, Employee.objects.of(row.organization_id))
        form = MatchEmployeeForm(row, people, request.POST if request.method == "POST" else None)
        return self.action_page(
            request,
            row,
            form,
            lambda said: match_code(row, said, request.user),
            _("Matched. These punches count from now on, and are pushed like the others."),
            title=_("Which employee has this number?"),
            button=_("Match"),
            question=exception_labels.describe_exception(row),
            media=form.media,
        )

    @admin.action(description=_("Resolve without action…"), permissions=["resolve"])
    def bulk_resolve(self, request: HttpRequest, rows: Any) -> TemplateResponse:
        return self.bulk_action_view(
            request,
            rows,
            ResolveExceptionForm(request.POST if "confirmed" in request.POST else None),
            lambda row, said: exception_services.resolve_exception(
                row,
                remarks=said["remarks"],
                actor=request.user,  # type: ignore[arg-type]
            ).get_state_display(),
            title=_("Resolve without action"),
            button=_("Resolve all"),
            question=_(
                "All are resolved with the same reason. A new exception opens only if the facts"
                " change."
            ),
        )
