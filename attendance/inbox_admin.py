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
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldBooleanWidget

from attendance import inbox, inbox_words, matching, pictures, watching
from attendance.many_admin import Many
from attendance.models import Day, DayException, Door, Punch, PunchMatch, ShiftType, Verdict
from attendance.services import Busy
from attendance.times import local
from devices.models import DeviceUser
from devices.services import save_device_user
from employees.console import (
    ForgivingAutocomplete,
    ReadOnlyTenantAdmin,
    badge_html,
    change_url,
    link,
    list_url,
    small_table,
    within,
)
from employees.models import DayClaim, Employee
from leaves.admin import Acting

Kind, State = DayException.Kind, DayException.State
COLOURS: Final = {State.OPEN: "warning", State.RESOLVED: "success", State.GONE: "info"}
SHOWN: Final = 100


class StateFilter(admin.SimpleListFilter):
    """Open ones unless others are asked for."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            (State.RESOLVED, _("Noted by somebody")),
            (State.GONE, _("Closed by itself")),
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
        return queryset.filter(state=self.value() if self.value() in State.values else State.OPEN)


class NoteForm(forms.Form):
    """Why nothing more is to be done."""

    note = forms.CharField(
        label=_("Why nothing more is to be done"),
        max_length=400,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )


class NumberForm(forms.Form):
    """Whose a number is."""

    employee: forms.ModelChoiceField[Employee] = forms.ModelChoiceField(
        queryset=Employee.objects.none(),
        label=_("employee"),
        help_text=_("Type a name or a code."),
        widget=ForgivingAutocomplete(PunchMatch._meta.get_field("employee"), admin.site),
    )
    lasting = forms.BooleanField(
        label=_("This is their number on this device from now on"),
        required=False,
        initial=True,
        widget=UnfoldBooleanWidget,
    )

    def __init__(self, row: DayException, people: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["employee"].queryset = people  # type: ignore[attr-defined]
        # Only a terminal has numbers of its own; elsewhere the employee's code is what counts.
        if row.device_id is None or row.details.get("door") != Door.DEVICE:
            del self.fields["lasting"]


def day_url(day_id: int) -> str:
    """Where a day is put right: its own page for that, else the day."""
    try:
        return reverse("admin:attendance_day_correct", args=(day_id,))
    except NoReverseMatch:
        return reverse("admin:attendance_day_change", args=(day_id,))


@admin.register(DayException)
class DayExceptionAdmin(Many, Acting, ReadOnlyTenantAdmin):
    """What somebody should look at."""

    fieldsets = (
        (None, {"fields": (("badge", "state_badge"), "what", "advice", "doors")}),
        (_("About"), {"fields": (("employee", "device"), ("site", "date"), "facts_seen")}),
        (_("Answer"), {"fields": (("found_at", "closed_at"), "closed_by", "note")}),
    )
    readonly_fields = ("badge", "state_badge", "what", "advice", "doors", "facts_seen")
    list_display = ("whom", "badge", "what", "next_step", "date", "site", "state_badge")
    list_filter = (StateFilter, "kind", "site")
    list_select_related = ("employee", "device", "site", "organization")
    search_fields = ("employee__name", "=employee__code", "device__serial", "device__name")
    search_help_text = _("An employee's name or code, or a device")
    extra_lookups = ("employee", "device")
    date_hierarchy = "date"
    list_before_template = "admin/console/inbox_counts.html"
    show_full_result_count = False
    actions = ("note_many",)
    actions_detail = ("match", "note")
    empty_title = _("Nothing to look at")
    empty_text = _(
        "Numbers nobody has, missing punches, very long days, wrong clocks, silent devices,"
        " impossible journeys and punches during leave appear here by themselves, and go by"
        " themselves when they are put right."
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        """With the day and the leave that each is about, where there are."""
        same = {
            "organization": OuterRef("organization"),
            "employee": OuterRef("employee"),
            "date": OuterRef("date"),
        }
        leave = DayClaim.objects.filter(**same, holder__startswith="leave:").values("holder")
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
        rows = within(request, DayException.objects.filter(state=State.OPEN)).order_by()
        counts = dict(rows.values_list("kind").annotate(Count("pk")))
        address = list_url(DayException)
        return [
            {
                "title": label,
                "number": counts[kind],
                "url": f"{address}?kind__exact={kind}",
                "alarm": False,
            }
            for kind, label in Kind.choices
            if kind in counts
        ]

    # What a row says
    @display(description=_("about"))
    def whom(self, row: DayException) -> str:
        return inbox_words.who(row)

    @display(description=_("kind"), ordering="kind")
    def badge(self, row: DayException) -> SafeString:
        return badge_html(row.get_kind_display(), "warning" if row.state == State.OPEN else "info")

    @display(description=_("state"), ordering="state")
    def state_badge(self, row: DayException) -> SafeString:
        return badge_html(row.get_state_display(), COLOURS[State(row.state)])

    @display(description=_("what happened"))
    def what(self, row: DayException) -> str:
        return inbox_words.happened(row)

    @display(description=_("what to do"))
    def advice(self, row: DayException) -> str:
        return inbox_words.to_do(row)

    @display(description=_("what to do"))
    def next_step(self, row: DayException) -> SafeString:
        """The advice, and the way to do it."""
        return (
            format_html("{}<br>{}", inbox_words.to_do(row), _links(_doors(row)[:2]))
            if _open(row)
            else SafeString("")
        )

    @display(description=_("do it"))
    def doors(self, row: DayException) -> SafeString:
        return _links(_doors(row))

    @display(description=_("facts"))
    def facts_seen(self, row: DayException) -> Any:
        if row.kind == Kind.UNMATCHED:
            waiting = (
                Punch.objects.of(row.organization_id)
                .unmatched()
                .filter(
                    door=row.details["door"], device=row.device_id, user_code=row.details["code"]
                )
            )
            return _punches(waiting, _("They are all known by now."))
        if row.kind == Kind.CLOCK and "refused" in row.details:
            refused = Punch.objects.of(row.organization_id).filter(
                device=row.device_id, verdict=Verdict.REJECTED_TIME, pk__lte=row.details["last_id"]
            )
            return _punches(refused, "")
        if row.kind == Kind.TRAVEL:
            both = (row.details["from_punch"], row.punch_id or 0)
            return _punches(Punch.objects.of(row.organization_id).filter(pk__in=both), "")
        day = (
            Day.objects.of(row.organization_id).filter(pk=row.day_id).first()  # type: ignore[attr-defined]
            if row.day_id  # type: ignore[attr-defined]
            else None
        )
        return pictures.timeline(day) if day is not None and day.why else "–"

    # What is done
    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Nothing is done about what is closed; only a number can be somebody's."""
        row = self.get_object(request, str(object_id))
        if row is None or not _open(row):
            return []
        offered = super().get_actions_detail(request, object_id)
        hidden = set() if row.kind == Kind.UNMATCHED else {"match"}
        return [one for one in offered if one.method.original_function_name not in hidden]

    def has_note_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("attendance.change_dayexception"))

    def has_match_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("attendance.add_punchmatch"))

    @action(
        description=_("Noted: nothing to do…"), url_path="note", icon="done", permissions=["note"]
    )
    def note(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.object_or_404(request, object_id)
        return self.act(
            request,
            row,
            NoteForm(request.POST if request.method == "POST" else None),
            lambda said: inbox.resolve(row, note=said["note"], actor=request.user),  # type: ignore[arg-type]
            _("Noted. It is asked again only when its facts change."),
            title=_("Noted: nothing to do"),
            button=_("Note it"),
            question=inbox_words.happened(row),
        )

    @action(
        description=_("Say whose it is…"),
        url_path="match",
        icon="person_add",
        variant=ActionVariant.PRIMARY,
        permissions=["match"],
    )
    def match(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """All punches of the number that wait, at once."""
        row = self.object_or_404(request, object_id)
        if row.kind != Kind.UNMATCHED:
            raise Http404
        people = within(request, Employee.objects.of(row.organization_id))
        form = NumberForm(row, people, request.POST if request.method == "POST" else None)
        return self.act(
            request,
            row,
            form,
            lambda said: _match(row, said, request.user),
            _("Matched. These punches count from now on, and are pushed like the others."),
            title=_("Whose number is this?"),
            button=_("Match"),
            question=inbox_words.happened(row),
            media=form.media,
        )

    @admin.action(description=_("Noted: nothing to do…"), permissions=["note"])
    def note_many(self, request: HttpRequest, rows: Any) -> TemplateResponse:
        return self.act_on_many(
            request,
            rows,
            NoteForm(request.POST if "confirmed" in request.POST else None),
            lambda row, said: inbox.resolve(
                row,
                note=said["note"],
                actor=request.user,  # type: ignore[arg-type]
            ).get_state_display(),
            title=_("Noted: nothing to do"),
            button=_("Note them"),
            question=_(
                "These are closed with the same reason. Each is asked again only when its facts"
                " change."
            ),
        )


def _open(row: DayException) -> bool:
    return row.state == State.OPEN


def _match(row: DayException, said: dict[str, Any], by: Any) -> None:
    """Match what waits of a number; with `lasting`, enter it as the person's number on the device
    too.
    """
    number = watching.Code(row.details["door"], row.device_id, row.details["code"])
    try:
        with transaction.atomic():
            matching.match_number(number, said["employee"], by)
            if said.get("lasting"):
                save_device_user(
                    DeviceUser(
                        organization_id=row.organization_id,
                        device=row.device,
                        user_code=number.text,
                        employee=said["employee"],
                    )
                )
    except Busy as error:
        raise ValidationError(
            _("The database is busy; nothing was changed. Try again in a moment.")
        ) from error


def _doors(row: DayException) -> list[tuple[str, Any]]:
    """Where it is put right: addresses and what is done there, the most likely first."""
    found: list[tuple[str, Any]] = []
    day_id, leave = getattr(row, "day_id", None), getattr(row, "leave", None)
    if row.kind == Kind.UNMATCHED and _open(row):
        found.append(
            (reverse("admin:attendance_dayexception_match", args=(row.pk,)), _("Say whose it is"))
        )
    if row.kind == Kind.CONFLICT and leave:
        address = reverse(
            "admin:leaves_leaveapplication_change", args=(int(leave.partition(":")[2]),)
        )
        found.append((address, _("Cancel or cut short the leave")))
    if day_id is not None:
        found.append((day_url(day_id), _("Correct this day")))
    if row.kind == Kind.OUTSIDE:
        found.append((list_url(ShiftType), _("Shifts")))
    if row.device is not None:
        found.append((change_url(row.device), _("Open the device")))
    if row.punch_id is not None:
        found.append(
            (reverse("admin:attendance_punch_change", args=(row.punch_id,)), _("Look at the punch"))
        )
    return found


def _links(doors: list[tuple[str, Any]]) -> SafeString:
    return format_html_join(" · ", "{}", ((link(url, text),) for url, text in doors))


def _punches(rows: Any, empty: Any) -> SafeString:
    shown = rows.select_related("employee").order_by("-pk")[:SHOWN]
    told = (
        (
            link(change_url(one), f"#{one.pk}"),
            one.user_code or "–",
            one.employee or "–",
            f"{local(one.occurred_at, one.zone):%Y-%m-%d %H:%M}",
            f"{local(one.received_at, one.zone):%Y-%m-%d %H:%M}",
        )
        for one in shown
    )
    return small_table(
        (_("Punch"), _("Number"), _("Employee"), _("Happened"), _("Received")), told, empty
    )
