"""The console's pages on times put right: what people ask for, the form with which HR corrects a
day, what was corrected.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
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
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminSingleTimeWidget,
    UnfoldAdminTextareaWidget,
)

from accounts.abilities import decides_for, may_decide, today
from attendance import corrections, pictures, previewing, regularization, wording
from attendance.causes import CORRECTION
from attendance.corrections import LONGEST_REASON, Entry, Origin, Wish, Zones
from attendance.models import Correction, Day, Regularization
from attendance.previewing import Preview
from attendance.times import local
from employees.console import (
    ForgivingAutocomplete,
    ReadOnlyTenantAdmin,
    badge_html,
    change_url,
    link,
    list_url,
    sees_everything,
    small_table,
    within,
)
from employees.models import Employee
from leaves.admin import Acting

COLOURS: Final = {
    "pending": "warning",
    "approved": "success",
    "rejected": "danger",
    "withdrawn": "info",
}
OWN: Final = _(
    "Nobody puts their own times right: ask for a correction, and somebody else decides."
)


def _data(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None


# --- A day before and after -----------------------------------------------------------------------
def comparison(now: Day, then: Day | None) -> SafeString:
    """A day as it is, and as it would be, one picture over the other, and what is paid by it in a
    table.
    """
    parts = [(gettext("As it is now"), pictures.timeline(now))]
    if then is not None:
        parts.append((gettext("As it would be"), pictures.timeline(then)))
    drawn = format_html_join("", "<h2>{}</h2>{}", parts)
    days = [now] if then is None else [now, then]
    head = ("", *(title for title, _picture in parts))
    rows = ((label, *(told(one) for one in days)) for label, told in _FACTS)
    return format_html("{}{}", drawn, small_table(head, rows, ""))


def _clock(day: Day, at: datetime | None) -> str:
    if at is None:
        return "–"
    there = local(at, day.zone)
    return (
        f"{there:%H:%M}"
        if there.date() == day.date
        else f"{there:%H:%M} (+{(there.date() - day.date).days})"
    )


_FACTS: Final[tuple[tuple[Any, Any], ...]] = (
    (_("Status"), lambda day: wording.status_text(day.status)),
    (_("In"), lambda day: _clock(day, day.first_in)),
    (_("Out"), lambda day: _clock(day, day.last_out)),
    (_("Worked"), lambda day: wording.minutes_text(day.worked)),
    (_("Late by"), lambda day: wording.minutes_text(day.late_by)),
    (_("Overtime"), lambda day: wording.minutes_text(day.overtime)),
    (_("Remarks"), lambda day: ", ".join(wording.mark_text(one) for one in day.marks) or "–"),
)


def locked_text(posted_to: date | None) -> str:
    """That the month is locked, and where the change will count; empty where it is open."""
    if posted_to is None:
        return ""
    return gettext(
        "This month is locked: the day stands, and the difference is counted as an adjustment in"
        " %(month)s."
    ) % {"month": formats.date_format(posted_to, "F Y")}


# --- The form with which a day is corrected -------------------------------------------------------
class CorrectForm(forms.Form):
    """Times of a day to enter on its own clock, and stamps of it that are not to count."""

    in_on = forms.DateField(
        label=_("Came in: date"), required=False, widget=UnfoldAdminSingleDateWidget
    )
    in_at = forms.TimeField(
        label=_("Came in: time"), required=False, widget=UnfoldAdminSingleTimeWidget(format="%H:%M")
    )
    out_on = forms.DateField(
        label=_("Left: date"),
        required=False,
        widget=UnfoldAdminSingleDateWidget,
        help_text=_("A night ends on the next date."),
    )
    out_at = forms.TimeField(
        label=_("Left: time"), required=False, widget=UnfoldAdminSingleTimeWidget(format="%H:%M")
    )
    void = forms.TypedMultipleChoiceField(
        label=_("Does not count"),
        required=False,
        coerce=int,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=_("Tick what must not count. Times left empty stay as they are."),
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=LONGEST_REASON,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )

    def __init__(self, data: Any, employee: Employee, day: Day) -> None:
        super().__init__(data, initial={"in_on": day.date, "out_on": day.date})
        self.employee = employee
        self.fields["void"].choices = list(_stamps(day))  # type: ignore[attr-defined]
        if not self.fields["void"].choices:  # type: ignore[attr-defined]
            del self.fields["void"]

    def wish(self) -> Wish:
        """What the form asks for."""
        said = self.cleaned_data
        zones = Zones(self.employee.organization_id, [self.employee.pk])
        entries = []
        for way in ("in", "out"):
            if said[f"{way}_on"] and said[f"{way}_at"]:
                naive = datetime.combine(said[f"{way}_on"], said[f"{way}_at"])
                entries.append(Entry(zones.instant(self.employee, naive)[0], way, f"{way}_at"))
        return Wish(self.employee, said["reason"], entries, said.get("void", []))

    def refuse(self, error: ValidationError) -> None:
        """Say a refusal at the field it is about."""
        told = error.message_dict if hasattr(error, "error_dict") else {None: error.messages}
        for field, texts in told.items():
            home = {"at": "in_at"}.get(str(field), field)
            self.add_error(home if home in self.fields else None, texts)


def _stamps(day: Day) -> Iterator[tuple[int, str]]:
    """Each stamp of a day with its number (as `causes` has it) and what it is in words."""
    for one in day.why["punches"]:
        what = gettext("Punch") if "punch" in one else gettext("Entered by hand")
        counts = gettext("counts") if one["counted"] else gettext("does not count")
        number = one["punch"] if "punch" in one else CORRECTION * one["correction"]
        yield (
            number,
            (
                f"{wording.clock(one['at'], day.zone)} · {what} · {wording.read_text(one['why'])}"
                f" ({counts})"
            ),
        )


class WhoseDayForm(forms.Form):
    """Whose day, and which."""

    employee: forms.ModelChoiceField[Employee] = forms.ModelChoiceField(
        queryset=Employee.objects.none(),
        label=_("employee"),
        help_text=_("Type a name or a code."),
        widget=ForgivingAutocomplete(Day._meta.get_field("employee"), admin.site),
    )
    date = forms.DateField(label=_("date"), widget=UnfoldAdminSingleDateWidget)

    def __init__(self, people: Any, data: Any) -> None:
        super().__init__(data)
        self.fields["employee"].queryset = people  # type: ignore[attr-defined]


class Correcting:
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
        return self._correct(request, day.employee, day.date, day)

    @action(
        description=_("Correct a day…"),
        url_path="correct-any",
        icon="edit_calendar",
        permissions=["correct"],
    )
    def correct_any(self, request: HttpRequest) -> HttpResponse:
        """Whose and which is asked; a date nobody worked out yet is corrected here."""
        people = within(request, Employee.objects.all()).select_related("organization")
        if "date" in request.GET:
            employee, on = _named(people, request)
            found = within(request, Day.objects.all()).filter(employee=employee, date=on).first()
            if found is not None:
                return redirect(reverse("admin:attendance_day_correct", args=(found.pk,)))
            return self._correct(request, employee, on, None)
        form = WhoseDayForm(people, _data(request))
        if request.method == "POST" and form.is_valid():
            said = form.cleaned_data
            return redirect(
                request.path
                + "?"
                + urlencode({"employee": said["employee"].pk, "date": said["date"].isoformat()})
            )
        return self._page(
            request, "act", None, form=form, title=_("Correct a day"), button=_("Go on")
        )

    def _correct(
        self, request: HttpRequest, employee: Employee, on: date, day: Day | None
    ) -> HttpResponse:
        title = _("Correct %(date)s of %(employee)s") % {
            "date": formats.date_format(on),
            "employee": employee,
        }
        if corrections.own_hand(request.user, [employee.pk]):  # type: ignore[arg-type]
            page = self._page(request, "notice", day, title=title, text=OWN)
            page.status_code = 403
            return page
        now = previewing.as_of_now(employee, on)
        form = CorrectForm(_data(request), employee, now)
        seen: Preview | None = None
        if request.method == "POST" and form.is_valid() and request.POST.get("step") != "edit":
            try:
                seen = previewing.correction(employee, on, form.wish())
                if request.POST.get("step") == "save":
                    _carry_out(request, form.wish())
                    return self._corrected(request, day, seen)
            except ValidationError as error:
                form.refuse(error)
                seen = None
        posted_to = previewing.posted_to(employee.organization_id, on, timezone.now())
        return self._page(
            request,
            "correct",
            day,
            title=title,
            form=form,
            previewed=seen is not None,
            notice=locked_text(posted_to),
            comparison=comparison(now, seen.after if seen else None),
            warnings=_warnings(seen),
        )

    def _corrected(self, request: HttpRequest, day: Day | None, seen: Preview) -> HttpResponse:
        text = gettext("Corrected. The day is worked out again in a moment.")
        if seen.posted_to is not None:
            text = f"{gettext('Corrected.')} {locked_text(seen.posted_to)}"
        if day is not None:
            return self.done(request, day, text)  # type: ignore[attr-defined, no-any-return]
        messages.success(request, text)
        return redirect(list_url(Day))

    def _page(
        self, request: HttpRequest, template: str, day: Day | None, **context: Any
    ) -> TemplateResponse:
        if day is not None:
            return self.page(request, template, day, **context)  # type: ignore[attr-defined, no-any-return]
        site = self.admin_site  # type: ignore[attr-defined]
        request.current_app = site.name
        context = {
            **site.each_context(request),
            "opts": Day._meta,
            "obj": _("Days"),
            "back": list_url(Day),
            **context,
        }
        response = TemplateResponse(request, f"admin/console/{template}.html", context)
        add_never_cache_headers(response)
        return response


def _carry_out(request: HttpRequest, wish: Wish) -> None:
    corrections.correct(
        wish.employee,
        reason=wish.reason,
        enter=wish.enter,
        void=wish.void,
        origin=Origin(actor=request.user),  # type: ignore[arg-type]
    )


def _warnings(seen: Preview | None) -> list[str]:
    if seen is None or not seen.elsewhere:
        return []
    return [gettext("A time you enter continues another date's shift and will count there.")]


def _named(people: Any, request: HttpRequest) -> tuple[Employee, date]:
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
class RemarksForm(forms.Form):
    """Why."""

    remarks = forms.CharField(
        label=_("Remarks"),
        max_length=LONGEST_REASON,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )


@admin.register(Regularization)
class RegularizationAdmin(Acting, ReadOnlyTenantAdmin):
    """Corrections people ask for: decided here, never edited."""

    fieldsets = (
        (None, {"fields": (("employee", "badge"), "on", ("came", "went"), "reason")}),
        (
            _("Decision"),
            {"fields": (("applied_at", "applied_by"), ("decided_at", "decided_by"), "remarks")},
        ),
        (_("The day"), {"fields": ("day_compared",)}),
        (_("What was corrected"), {"fields": ("made",)}),
    )
    readonly_fields = ("badge", "on", "came", "went", "day_compared", "made")
    list_display = ("employee", "date", "came", "went", "badge", "decided_by")
    list_display_links = ("employee", "date")
    list_filter = ("status",)
    list_select_related = ("employee__organization", "decided_by", "organization")
    search_fields = ("employee__name", "=employee__code")
    search_help_text = _("An employee's name or code")
    extra_lookups = ("employee",)
    date_hierarchy = "date"
    actions_detail = ("approve", "reject")
    empty_title = _("Nobody asks for a correction")
    empty_text = _(
        "People ask from their phones when a time is missing or wrong. HR corrects a day on the"
        " day's own page."
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        """An approver sees the people they decide for."""
        rows = super().get_queryset(request).prefetch_related("employee__assignments__site")
        user = request.user
        if sees_everything(request) or user.has_perm("attendance.add_correction"):
            return rows
        own = getattr(user, "employee", None)
        if own is None:
            return rows.none()
        people = Employee.objects.of(own.organization_id).filter(decides_for(user, today(own)))  # type: ignore[arg-type]
        return rows.filter(employee__in=people)

    def has_decide_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        one = self.get_object(request, str(object_id)) if object_id else None
        if one is None:
            return bool(object_id)  # Not found, as said by the page itself.
        return sees_everything(request) or may_decide(request.user, one.employee)  # type: ignore[arg-type]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """What is decided is decided."""
        one = self.get_object(request, str(object_id))
        waits = one is not None and one.status == Regularization.Status.PENDING
        return super().get_actions_detail(request, object_id) if waits else []

    @action(
        description=_("Approve"),
        url_path="approve",
        icon="check",
        variant=ActionVariant.PRIMARY,
        permissions=["decide"],
    )
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._decide(
            request,
            object_id,
            approve=True,
            title=_("Approve the correction"),
            button=_("Approve"),
            done=_("Approved. The day is worked out again in a moment."),
        )

    @action(description=_("Reject"), url_path="reject", icon="close", permissions=["decide"])
    def reject(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._decide(
            request,
            object_id,
            approve=False,
            title=_("Reject the correction"),
            button=_("Reject"),
            done=_("Rejected."),
        )

    def _decide(
        self, request: HttpRequest, object_id: str, *, approve: bool, done: Any, **page: Any
    ) -> HttpResponse:
        one: Regularization = self.object_or_404(request, object_id)
        if not self.has_decide_permission(request, object_id):
            raise PermissionDenied
        posted_to = (
            previewing.posted_to(one.organization_id, one.date, timezone.now()) if approve else None
        )
        return self.act(
            request,
            one,
            RemarksForm(_data(request)),
            lambda said: regularization.decide(
                one,
                actor=request.user,  # type: ignore[arg-type]
                approve=approve,
                remarks=said["remarks"],
            ),
            done,
            details=format_html("<p>{}</p>{}", one.reason, self.day_compared(one)),
            danger=not approve,
            question=locked_text(posted_to),
            **page,
        )

    @display(description=_("status"), ordering="status")
    def badge(self, one: Regularization) -> Any:
        return badge_html(one.get_status_display(), COLOURS[one.status])

    @display(description=_("date"))
    def on(self, one: Regularization) -> str:
        return formats.date_format(one.date, "l, j F Y")

    @display(description=_("came in"), ordering="in_at")
    def came(self, one: Regularization) -> str:
        return _there_and_then(one, one.in_at)

    @display(description=_("left"), ordering="out_at")
    def went(self, one: Regularization) -> str:
        return _there_and_then(one, one.out_at)

    @display(description=_("on a line of time"))
    def day_compared(self, one: Regularization) -> SafeString:
        """As it is now; while it waits, as it would be too."""
        if one.status != Regularization.Status.PENDING:
            return comparison(previewing.as_of_now(one.employee, one.date), None)
        seen = previewing.asked(one)
        return comparison(seen.before, seen.after)

    @display(description=_("times"))
    def made(self, one: Regularization) -> Any:
        rows = one.corrections.select_related("employee__organization").order_by("id")
        body = (
            (
                link(change_url(row), _moment(row)),
                row.get_kind_display(),
                row.get_direction_display() or "–",
            )
            for row in rows
        )
        return small_table((_("Time"), _("What"), _("Direction")), body, _("Nothing yet."))


def _there_and_then(one: Regularization, at: datetime | None) -> str:
    """A time asked for, on the clock of the employee's office; with its date where that is
    another.
    """
    if at is None:
        return "–"
    post = next((post for post in one.employee.assignments.all() if post.covers(one.date)), None)
    there = local(at, (post.site.timezone if post else "") or one.employee.organization.timezone)
    return f"{there:%H:%M}" if there.date() == one.date else f"{there:%Y-%m-%d %H:%M}"


# --- What was corrected ---------------------------------------------------------------------------
class SourceFilter(admin.SimpleListFilter):
    """Corrections by where they come from."""

    title = _("comes from")
    parameter_name = "source"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("asked", _("Asked for and approved")),
            ("file", _("A file")),
            ("hand", _("Entered by HR")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        wanted = {"asked": (False, True), "file": (True, False), "hand": (True, True)}.get(
            str(self.value())
        )
        if wanted is None:
            return queryset
        return queryset.filter(regularization__isnull=wanted[0], manual_import__isnull=wanted[1])


@admin.register(Correction)
class CorrectionAdmin(ReadOnlyTenantAdmin):
    """Times that were put right, with who and why: evidence to look at."""

    fieldsets = (
        (None, {"fields": (("employee", "kind"), ("moment", "direction"), "reason")}),
        (
            _("What it comes from"),
            {"fields": (("made_at", "made_by"), ("regularization", "manual_import"))},
        ),
        (_("What does not count"), {"fields": (("voids_punch", "voids"),)}),
    )
    readonly_fields = ("moment",)
    list_display = ("moment", "employee", "kind", "direction", "reason", "made_by", "made_at")
    list_filter: ClassVar = ["kind", SourceFilter]
    list_select_related = ("employee__organization", "made_by", "organization")
    search_fields = ("employee__name", "=employee__code")
    search_help_text = _("An employee's name or code")
    extra_lookups = ("employee", "manual_import", "regularization")
    date_hierarchy = "at"
    show_full_result_count = False
    empty_title = _("No corrections")
    empty_text = _(
        "Times that were entered, and punches that do not count, appear here. Correct a day on the"
        " day's own page."
    )

    @display(description=_("time"), ordering="at")
    def moment(self, one: Correction) -> str:
        return _moment(one)


def _moment(one: Correction) -> str:
    return f"{local(one.at, one.employee.organization.timezone):%Y-%m-%d %H:%M}"
