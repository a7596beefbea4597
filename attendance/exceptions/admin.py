"""The console's inbox: what somebody should look at, what to do about it, and the button that does
it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, OuterRef, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldBooleanWidget

from attendance.days import charts as day_charts
from attendance.exceptions import labels as exception_labels
from attendance.exceptions import services as exception_services
from attendance.exceptions.code_scan import scan_codes
from attendance.models import AttendanceException, Channel, Day, Punch, PunchMatch, Verdict
from attendance.punches import matching
from attendance.punches.record import DatabaseBusy
from core.action_pages import ActionFormMixin
from core.admin_choices import TolerantAutocompleteSelect
from core.admin_html import badge_html, change_url, changelist_url, link_html, table_html
from core.bulk_actions import BulkActionMixin
from core.tenant_admin import ReadOnlyTenantAdmin
from core.tenant_visibility import visible_rows
from core.times import to_local_time
from devices.models import DeviceUser
from devices.services import save_device_user
from employees.models import Employee, HalfDayReservation
from shifts.models import ShiftType

ExceptionKind, ExceptionState = AttendanceException.Kind, AttendanceException.State
STATE_COLOURS: Final = {
    ExceptionState.OPEN: "warning",
    ExceptionState.RESOLVED: "success",
    ExceptionState.AUTO_CLOSED: "info",
}
MAX_PUNCHES_SHOWN: Final = 100


class ExceptionStateFilter(admin.SimpleListFilter):
    """Open ones unless others are asked for."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            (ExceptionState.RESOLVED, _("Resolved by a person")),
            (ExceptionState.AUTO_CLOSED, _("Closed automatically")),
            ("all", _("All")),
        ]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Without a choice the open ones are shown, so that is what the first one is called."""
        first, *others = super().choices(changelist)
        yield first | {"display": _("Open")}
        yield from others

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "all":
            return queryset
        return queryset.filter(
            state=self.value() if self.value() in ExceptionState.values else ExceptionState.OPEN
        )


class ResolveExceptionForm(forms.Form):
    """Why nothing more is to be done."""

    remarks = forms.CharField(
        label=_("Reason for resolving without action"),
        max_length=400,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )


class MatchEmployeeForm(forms.Form):
    """Whose a number is."""

    employee: forms.ModelChoiceField[Employee] = forms.ModelChoiceField(
        queryset=Employee.objects.none(),
        label=_("employee"),
        help_text=_("Type a name or a code."),
        widget=TolerantAutocompleteSelect(PunchMatch._meta.get_field("employee"), admin.site),
    )
    lasting = forms.BooleanField(
        label=_("Save this as the employee's number on this device"),
        required=False,
        initial=True,
        widget=UnfoldBooleanWidget,
    )

    def __init__(self, row: AttendanceException, people: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["employee"].queryset = people  # type: ignore[attr-defined]
        # Only a terminal has numbers of its own; elsewhere the employee's code is what counts.
        if row.device_id is None or row.details.get("channel") != Channel.DEVICE:
            del self.fields["lasting"]


def day_correction_url(day_id: int) -> str:
    """Where a day is put right: its own page for that, else the day."""
    try:
        return reverse("admin:attendance_day_correct", args=(day_id,))
    except NoReverseMatch:
        return reverse("admin:attendance_day_change", args=(day_id,))


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
                _render_links(_action_links(row)[:2]),
            )
            if _is_open(row)
            else SafeString("")
        )

    @display(description=_("actions"))
    def action_links(self, row: AttendanceException) -> SafeString:
        return _render_links(_action_links(row))

    @display(description=_("evidence"))
    def evidence(self, row: AttendanceException) -> Any:
        if row.kind == ExceptionKind.UNMATCHED:
            waiting = (
                Punch.objects.of(row.organization_id)
                .unmatched()
                .filter(
                    channel=row.details["channel"],
                    device=row.device_id,
                    user_code=row.details["code"],
                )
            )
            return _punch_table(waiting, _("All of them are matched now."))
        if row.kind == ExceptionKind.CLOCK_SKEW and "refused" in row.details:
            refused = Punch.objects.of(row.organization_id).filter(
                device=row.device_id, verdict=Verdict.REJECTED_TIME, pk__lte=row.details["last_id"]
            )
            return _punch_table(refused, "")
        if row.kind == ExceptionKind.TRAVEL:
            both = (row.details["from_punch"], row.punch_id or 0)
            return _punch_table(Punch.objects.of(row.organization_id).filter(pk__in=both), "")
        day = (
            Day.objects.of(row.organization_id).filter(pk=row.day_id).first()  # type: ignore[attr-defined]
            if row.day_id  # type: ignore[attr-defined]
            else None
        )
        return day_charts.day_timeline(day) if day is not None and day.why else "–"

    # What is done
    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Nothing is done about what is closed; only a number can be somebody's."""
        row = self.get_object(request, str(object_id))
        if row is None or not _is_open(row):
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
            lambda said: _match_code(row, said, request.user),
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


def _is_open(row: AttendanceException) -> bool:
    return row.state == ExceptionState.OPEN


def _match_code(row: AttendanceException, data: dict[str, Any], by: Any) -> None:
    """Match what waits of a number; with `lasting`, enter it as the person's number on the device
    too.
    """
    number = matching.UserCodeKey(row.details["channel"], row.device_id, row.details["code"])
    try:
        with transaction.atomic():
            matching.match_user_code(number, data["employee"], by)
            scan_codes(row.organization_id, {number}, timezone.now())
            if data.get("lasting"):
                save_device_user(
                    DeviceUser(
                        organization_id=row.organization_id,
                        device=row.device,
                        user_code=number.user_code,
                        employee=data["employee"],
                    )
                )
    except DatabaseBusy as error:
        raise ValidationError(
            _("The database is busy; nothing was changed. Try again in a moment.")
        ) from error


def _action_links(row: AttendanceException) -> list[tuple[str, Any]]:
    """Where it is put right: addresses and what is done there, the most likely first."""
    found: list[tuple[str, Any]] = []
    day_id, leave = getattr(row, "day_id", None), getattr(row, "leave", None)
    if row.kind == ExceptionKind.UNMATCHED and _is_open(row):
        found.append(
            (
                reverse("admin:attendance_attendanceexception_match", args=(row.pk,)),
                _("Match to an employee"),
            )
        )
    if row.kind == ExceptionKind.CONFLICT and leave:
        address = reverse(
            "admin:leaves_leaveapplication_change", args=(int(leave.partition(":")[2]),)
        )
        found.append((address, _("Cancel or cut short the leave")))
    if day_id is not None:
        found.append((day_correction_url(day_id), _("Correct this day")))
    if row.kind == ExceptionKind.OUTSIDE_WINDOW:
        found.append((changelist_url(ShiftType), _("Shifts")))
    if row.device is not None:
        found.append((change_url(row.device), _("Open the device")))
    if row.punch_id is not None:
        found.append(
            (reverse("admin:attendance_punch_change", args=(row.punch_id,)), _("Open the punch"))
        )
    return found


def _render_links(links: list[tuple[str, Any]]) -> SafeString:
    return format_html_join(" · ", "{}", ((link_html(url, text),) for url, text in links))


def _punch_table(rows: Any, empty: Any) -> SafeString:
    shown = rows.select_related("employee").order_by("-pk")[:MAX_PUNCHES_SHOWN]
    told = (
        (
            link_html(change_url(one), f"#{one.pk}"),
            one.user_code or "–",
            one.employee or "–",
            f"{to_local_time(one.occurred_at, one.zone):%Y-%m-%d %H:%M}",
            f"{to_local_time(one.received_at, one.zone):%Y-%m-%d %H:%M}",
        )
        for one in shown
    )
    return table_html(
        (_("Punch"), _("Number"), _("Employee"), _("Punch time"), _("Received")), told, empty
    )
