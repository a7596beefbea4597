"""The console's pages on leave: applications, ledgers, calendars, rules, and what HR keeps about
people for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from http import HTTPStatus
from typing import Any, ClassVar, Final

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.widgets import (
    UnfoldAdminDateWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from accounts.abilities import decides_for, may_decide, today
from accounts.audit import paper_read
from employees.console import (
    ReadOnlyTenantAdmin,
    TenantAdmin,
    TenantForm,
    TenantInline,
    badge_html,
    change_url,
    link,
    sees_everything,
    small_table,
)
from employees.models import Employee
from leaves import pictures, publishing, records, services, suggestions
from leaves.encashing import Occasion
from leaves.facts import office_year
from leaves.judgement import Judgement
from leaves.models import (
    Absence,
    Account,
    Authority,
    Calendar,
    CalendarDay,
    Certificate,
    Child,
    Entry,
    Kind,
    KindRule,
    LateMark,
    LeaveApplication,
    LeaveFacts,
    LeavePolicy,
    LedgerOrder,
    SanctionRule,
    Suspension,
)
from leaves.refusals import refused

COLOURS: Final = {
    "pending": "warning",
    "approved": "success",
    "rejected": "danger",
    "cancelled": "info",
}
DAYS: Final = {
    "WORKING": _("Working day"),
    "WEEKLY_OFF": _("Weekly off"),
    "HOLIDAY": _("Closed"),
    "RESTRICTED": _("Restricted holiday"),
}
# Rules that an authority may set aside for one application, by their ids.
WAIVERS: Final = (
    ("CL3", _("CL3: more than the days at a stretch")),
    ("CL9", _("CL9: the last half day runs into regular leave")),
    ("E10", _("E10: more than 180 days")),
    ("C5", _("C5: more spells, the child is in hospital")),
    ("C8", _("C8: on probation")),
)


# What can still be done with an application, by its status.
OFFERED: Final = {
    "pending": frozenset({"recommend", "approve", "reject", "take_back"}),
    "approved": frozenset({"cut_short", "rejoin", "convert", "overstay", "take_back"}),
}


class RemarksForm(forms.Form):
    """Why."""

    remarks = forms.CharField(
        label=_("Remarks"),
        max_length=500,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )


class ApproveForm(RemarksForm):
    """Whether off days beside the leave are free."""

    withhold_prefix = forms.BooleanField(
        label=_("Off days before it are leave (G5)"), required=False, widget=UnfoldBooleanWidget
    )
    withhold_suffix = forms.BooleanField(
        label=_("Off days after it are leave (G5)"), required=False, widget=UnfoldBooleanWidget
    )
    field_order = ("withhold_prefix", "withhold_suffix", "remarks")


class RecommendForm(RemarksForm):
    """What to recommend."""

    recommendation = forms.ChoiceField(
        label=_("Recommendation"),
        choices=LeaveApplication.Recommendation.choices,
        widget=UnfoldAdminSelectWidget,
    )
    field_order = ("recommendation", "remarks")


class CurtailForm(RemarksForm):
    """The new last day."""

    ends_on = forms.DateField(label=_("Last day of leave"), widget=UnfoldAdminDateWidget)
    field_order = ("ends_on", "remarks")


class RejoinForm(forms.Form):
    """The day somebody came back."""

    rejoined_on = forms.DateField(label=_("Rejoined on"), widget=UnfoldAdminDateWidget)


class ConvertForm(RemarksForm):
    """Another kind, asked for by the employee in writing."""

    kind = forms.ChoiceField(label=_("Into"), choices=Kind.choices, widget=UnfoldAdminSelectWidget)
    asked_on = forms.DateField(label=_("Asked for in writing on"), widget=UnfoldAdminDateWidget)
    certificate = forms.ModelChoiceField(
        Certificate.objects.none(),
        label=_("Medical certificate"),
        required=False,
        widget=UnfoldAdminSelectWidget,
    )
    study = forms.BooleanField(
        label=_("For an approved course"), required=False, widget=UnfoldBooleanWidget
    )
    field_order = ("kind", "asked_on", "certificate", "study", "remarks")

    def __init__(self, data: Any, application: LeaveApplication) -> None:
        super().__init__(data)
        papers = Certificate.objects.of(application.organization_id).filter(
            employee=application.employee
        )
        self.fields["certificate"].queryset = papers  # type: ignore[attr-defined]


class OverstayForm(forms.Form):
    """Days of absence after leave, without sanction."""

    starts_on = forms.DateField(label=_("First day of absence"), widget=UnfoldAdminDateWidget)
    ends_on = forms.DateField(label=_("Last day of absence"), widget=UnfoldAdminDateWidget)
    off_days = forms.BooleanField(
        label=_("Weekly offs and holidays among them count too"),
        required=False,
        widget=UnfoldBooleanWidget,
    )


class EndForm(forms.Form):
    """Until when."""

    ends_on = forms.DateField(label=_("Last day"), widget=UnfoldAdminDateWidget)


class OwedForm(forms.Form):
    """From when on."""

    effective_on = forms.DateField(label=_("Effective"), widget=UnfoldAdminDateWidget)


class NextVersionForm(forms.Form):
    """From when on."""

    effective_from = forms.DateField(label=_("In force from"), widget=UnfoldAdminDateWidget)


class PrefillForm(forms.Form):
    """For which state."""

    state = forms.ChoiceField(
        label=_("State or territory"),
        required=False,
        widget=UnfoldAdminSelectWidget,
        choices=lambda: [("", _("All India")), *suggestions.states().items()],
    )


class EmptyForm(forms.Form):
    """Nothing to fill in."""


class Acting:
    """Pages that ask, do, and show the same page again when a rule stands against it."""

    def act(
        self,
        request: HttpRequest,
        obj: Any,
        form: forms.Form,
        do: Callable[[dict[str, Any]], Any],
        done: Any,
        **page: Any,
    ) -> HttpResponse:
        """GET shows the form; POST does it, or says at the form why not."""
        if request.method == "POST" and form.is_valid():
            try:
                do(form.cleaned_data)
            except ValidationError as error:
                form.add_error(None, [str(message) for message in error.messages])
            else:
                return self.done(request, obj, done)  # type: ignore[attr-defined, no-any-return]
        return self.page(request, "act", obj, form=form, **page)  # type: ignore[attr-defined, no-any-return]


def _data(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None


# --- Applications ---------------------------------------------------------------------------------
class ApplicationForm(TenantForm):
    """An application that HR enters for somebody; only here rules can be set aside, each for a
    reason.
    """

    waive = forms.MultipleChoiceField(
        label=_("Rules set aside"),
        choices=WAIVERS,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    waive_reason = forms.CharField(
        label=_("By whom, and why"),
        max_length=400,
        required=False,
        widget=UnfoldAdminTextInputWidget,
    )

    def clean(self) -> dict[str, Any]:
        """A rule is not set aside without a reason."""
        found: dict[str, Any] = super().clean() or {}
        if found.get("waive") and not found.get("waive_reason"):
            raise ValidationError({"waive_reason": _("Say who set the rule aside, and why.")})
        self.instance.waived = dict.fromkeys(found.get("waive", []), found.get("waive_reason"))
        return found


@admin.register(LeaveApplication)
class LeaveApplicationAdmin(Acting, TenantAdmin):
    """Applications: decided here, entered by HR for somebody, never edited."""

    form = ApplicationForm
    fieldsets = (
        (None, {"fields": ("employee", ("kind", "half"), ("starts_on", "ends_on"), "reason")}),
        (_("Where the kind asks for it"), {"fields": (("certificate", "child"), "study")}),
        (_("By authority"), {"fields": ("waive", "waive_reason")}),
    )
    shown = (
        (
            None,
            {"fields": (("employee", "badge"), "kind", ("starts_on", "ends_on", "half"), "reason")},
        ),
        (
            _("Decision"),
            {
                "fields": (
                    ("applied_at", "applied_by"),
                    "who_decides",
                    ("recommendation", "recommended_by", "recommended_at"),
                    ("decided_at", "decided_by"),
                    "remarks",
                    "set_aside",
                )
            },
        ),
        (_("Days"), {"fields": ("days_table",)}),
        (_("Ledger"), {"fields": ("entries_table",)}),
        (_("History"), {"fields": ("events_table",)}),
    )
    readonly_fields = (
        "badge",
        "set_aside",
        "who_decides",
        "days_table",
        "entries_table",
        "events_table",
    )
    autocomplete_fields = ("employee",)
    list_display = (
        "employee",
        "kind",
        "starts_on",
        "ends_on",
        "half",
        "badge",
        "recommendation",
        "decided_by",
    )
    list_filter = ("status", "kind")
    list_select_related = ("employee", "decided_by", "organization")
    search_fields = ("employee__code", "employee__name")
    date_hierarchy = "starts_on"
    actions_detail = (
        "recommend",
        "approve",
        "reject",
        "cut_short",
        "rejoin",
        "convert",
        "overstay",
        "take_back",
    )
    empty_title = _("No applications yet")
    empty_text = _("People apply from their phones; HR can enter an application for somebody.")

    def get_queryset(self, request: HttpRequest) -> Any:
        """An approver sees the people they decide for."""
        rows = super().get_queryset(request)
        user = request.user
        if sees_everything(request) or user.has_perm("leaves.view_account"):
            return rows
        own = getattr(user, "employee", None)
        if own is None:
            return rows.none()
        people = Employee.objects.of(own.organization_id).filter(decides_for(user, today(own)))  # type: ignore[arg-type]
        return rows.filter(employee__in=people)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return super().get_fieldsets(request, obj) if obj is None else list(self.shown)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        wish = services.Wish.of(obj)
        obj.pk = services.apply(obj.employee, wish, actor=request.user, own_hand=False).pk  # type: ignore[arg-type]

    def has_decide_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        one = self.get_object(request, str(object_id)) if object_id else None
        if one is None:
            return bool(object_id)  # Not found, as said by the page itself.
        return sees_everything(request) or may_decide(request.user, one.employee)  # type: ignore[arg-type]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """What can still be done."""
        one = self.get_object(request, str(object_id))
        status = one.status if one else ""
        offered = OFFERED.get(status, frozenset())
        return [
            it
            for it in super().get_actions_detail(request, object_id)
            if it.method.original_function_name in offered
        ]

    def _authorized(self, request: HttpRequest, object_id: str) -> LeaveApplication:
        one: LeaveApplication = self.object_or_404(request, object_id)
        if not self.has_decide_permission(request, object_id):
            raise PermissionDenied
        return one

    @action(
        description=_("Recommend…"),
        url_path="recommend",
        icon="thumbs_up_down",
        permissions=["decide"],
    )
    def recommend(self, request: HttpRequest, object_id: str) -> HttpResponse:
        one = self._authorized(request, object_id)
        return self.act(
            request,
            one,
            RecommendForm(_data(request)),
            lambda said: services.recommend(
                one,
                actor=request.user,  # type: ignore[arg-type]
                favour=said["recommendation"] == "recommended",
                remarks=said["remarks"],
            ),
            _("Noted; another officer decides."),
            title=_("Recommend the leave, or not"),
            button=_("Note it"),
            details=self._outlook(one, services.outlook(one, request.user)),  # type: ignore[arg-type]
        )

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
            title=_("Approve the leave"),
            button=_("Approve"),
            done=_("Approved."),
        )

    @action(description=_("Reject"), url_path="reject", icon="close", permissions=["decide"])
    def reject(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._decide(
            request,
            object_id,
            approve=False,
            title=_("Reject the leave"),
            button=_("Reject"),
            done=_("Rejected."),
        )

    def _decide(
        self, request: HttpRequest, object_id: str, *, approve: bool, done: Any, **page: Any
    ) -> HttpResponse:
        one = self._authorized(request, object_id)
        seen = (
            services.outlook(one, request.user)  # type: ignore[arg-type]
            if one.status == LeaveApplication.Status.PENDING
            else None
        )
        # Casual leave leaves off days out anyhow: nothing to withhold there.
        kind = ApproveForm if approve and seen is not None and len(seen.days) > 1 else RemarksForm
        return self.act(
            request,
            one,
            kind(_data(request)),
            lambda said: services.decide(
                one,
                actor=request.user,  # type: ignore[arg-type]
                approve=approve,
                remarks=said["remarks"],
                withhold=services.Withhold(
                    said.get("withhold_prefix", False), said.get("withhold_suffix", False)
                ),
            ),
            done,
            details=self._outlook(one, seen, withholding=kind is ApproveForm),
            danger=not approve,
            **page,
        )

    def _outlook(
        self, one: LeaveApplication, seen: services.Outlook | None, *, withholding: bool = False
    ) -> SafeString:
        """What an officer looks at before they decide: the days, by whose authority, why not theirs
        if it is not, and what it costs when off days are withheld.
        """
        days: SafeString = self.days_table(one)
        if seen is None:
            return days
        why_not = refused(seen.refusal).sentence if seen.refusal else ""
        costs = (
            small_table((_("Off days withheld"), _("Debited")), _withheld(seen), "")
            if withholding
            else ""
        )
        return format_html(
            '<p>{}</p><p class="muster-error">{}</p>{}{}',
            _decider(seen.judgement),
            why_not,
            days,
            costs,
        )

    @action(
        description=_("Cut short"), url_path="curtail", icon="content_cut", permissions=["decide"]
    )
    def cut_short(self, request: HttpRequest, object_id: str) -> HttpResponse:
        one = self._authorized(request, object_id)
        return self.act(
            request,
            one,
            CurtailForm(_data(request)),
            lambda said: services.curtail(
                one,
                ends_on=said["ends_on"],
                actor=request.user,  # type: ignore[arg-type]
                remarks=said["remarks"],
            ),
            _("Cut short; the days after it are given back."),
            title=_("Cut the leave short"),
            button=_("Cut short"),
        )

    @action(description=_("Rejoined…"), url_path="rejoin", icon="login", permissions=["decide"])
    def rejoin(self, request: HttpRequest, object_id: str) -> HttpResponse:
        one = self._authorized(request, object_id)
        return self.act(
            request,
            one,
            RejoinForm(_data(request)),
            lambda said: services.rejoin(one, on=said["rejoined_on"], actor=request.user),  # type: ignore[arg-type]
            _("Noted."),
            title=_("Note the return to duty"),
            button=_("Note it"),
        )

    @action(
        description=_("Convert…"), url_path="convert", icon="swap_horiz", permissions=["decide"]
    )
    def convert(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Never on the authority's own motion: the date of the employee's request is asked for."""
        one = self._authorized(request, object_id)
        return self.act(
            request,
            one,
            ConvertForm(_data(request), one),
            lambda said: services.convert(one, actor=request.user, **said),  # type: ignore[arg-type]
            _("Converted: the old debit is reversed, the new one posted."),
            title=_("Convert into another kind of leave"),
            button=_("Convert"),
            details=self.days_table(one),
            question=_(
                "Only on the employee's written request, within the days after rejoining that the"
                " rules give."
            ),
        )

    def has_overstay_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Pay is at stake: HR's."""
        return bool(request.user.has_perm("leaves.add_absence"))

    @action(
        description=_("Overstay…"), url_path="overstay", icon="event_busy", permissions=["overstay"]
    )
    def overstay(self, request: HttpRequest, object_id: str) -> HttpResponse:
        one = self.object_or_404(request, object_id)
        return self.act(
            request,
            one,
            OverstayForm(_data(request)),
            lambda said: records.record_overstay(
                one.employee,
                said["starts_on"],
                said["ends_on"],
                actor=request.user,  # type: ignore[arg-type]
                off_days=said["off_days"],
            ),
            _("Booked: half pay leave as far as it was due, the rest extraordinary leave."),
            title=_("Record an overstay"),
            button=_("Book it"),
            danger=True,
            question=_("Days of absence after this leave, without sanction and without pay."),
        )

    @action(
        description=_("Cancel"),
        url_path="cancel",
        icon="undo",
        variant=ActionVariant.DANGER,
        permissions=["decide"],
    )
    def take_back(self, request: HttpRequest, object_id: str) -> HttpResponse:
        one = self._authorized(request, object_id)
        return self.act(
            request,
            one,
            RemarksForm(_data(request)),
            lambda said: services.cancel(one, actor=request.user, remarks=said["remarks"]),  # type: ignore[arg-type]
            _("Cancelled; everything is given back."),
            title=_("Cancel the leave"),
            button=_("Cancel it"),
            danger=True,
        )

    @display(description=_("status"))
    def badge(self, one: LeaveApplication) -> Any:
        return badge_html(one.get_status_display(), COLOURS[one.status])

    @display(description=_("rules set aside"))
    def set_aside(self, one: LeaveApplication) -> str:
        return "; ".join(f"{rule}: {reason}" for rule, reason in one.waived.items()) or "–"

    @display(description=_("who decides"))
    def who_decides(self, one: LeaveApplication) -> str:
        return (
            _decider(services.weighed(one))
            if one.status == LeaveApplication.Status.PENDING
            else "–"
        )

    @display(description=_("what each day is, and costs"))
    def days_table(self, one: LeaveApplication) -> SafeString:
        rows = (
            (
                formats.date_format(day.date),
                day.half or "–",
                DAYS[day.day_class],
                f"{day.half_days / 2:g} {day.account}",
                badge_html(_("not covered"), "danger") if day.short else "",
            )
            for day in one.days.all()
        )
        return small_table((_("Date"), _("Half"), _("Day"), _("Debited"), ""), rows, _("No days."))

    @display(description=_("entries"))
    def entries_table(self, one: LeaveApplication) -> SafeString:
        rows = (
            (
                formats.date_format(e.effective_on),
                e.get_type_display(),
                pictures.days_text(e.half_days),
                e.account.kind,
            )
            for e in one.entries.select_related("account").order_by("id")
        )
        return small_table(
            (_("Effective"), _("Type"), _("Days"), _("Account")),
            rows,
            _("Nothing is debited before approval."),
        )

    @display(description=_("what was done"))
    def events_table(self, one: LeaveApplication) -> SafeString:
        rows = (
            (
                formats.date_format(timezone.localtime(e.at), "DATETIME_FORMAT"),
                e.get_what_display(),
                str(e.actor or "–"),
                e.remarks,
            )
            for e in one.events.select_related("actor")
        )
        return small_table((_("At"), _("What"), _("By"), _("Remarks")), rows, _("Nothing yet."))


def _withheld(seen: services.Outlook) -> Iterator[tuple[Any, str]]:
    """What withholding comes to, each with the difference."""
    names = {
        "none": _("none"),
        "prefix": _("before"),
        "suffix": _("after"),
        "both": _("before and after"),
    }
    for name, days in seen.days.items():
        more = days - seen.days["none"]
        yield names[name], f"{days:g} (+{more:g})" if more else f"{days:g}"


def _decider(judgement: Judgement) -> str:
    """By whose authority leave is sanctioned, in a sentence."""
    if judgement.sanction is None:
        return gettext("Whoever may decide for this employee.")
    found = gettext("%(days)s days at a stretch: %(authority)s, or higher.") % {
        "days": f"{judgement.days_at_a_stretch:g}",
        "authority": Authority(judgement.sanction.authority).label,
    }
    return (
        f"{found} {gettext('After a recommendation by another officer.')}"
        if judgement.sanction.recommendation
        else found
    )


# --- Ledgers --------------------------------------------------------------------------------------
class EncashForm(forms.Form):
    """How many days become money, and on which occasion."""

    occasion = forms.ChoiceField(
        label=_("Encashed"), choices=LedgerOrder.Occasion.choices, widget=UnfoldAdminSelectWidget
    )
    days = forms.DecimalField(
        label=_("Days"),
        min_value=1,
        max_value=999,
        decimal_places=0,
        widget=UnfoldAdminIntegerFieldWidget,
    )
    effective_on = forms.DateField(label=_("Effective"), widget=UnfoldAdminDateWidget)
    reason = forms.CharField(label=_("Order"), max_length=400, widget=UnfoldAdminTextInputWidget)


def _room(employee: Employee, kind: str, on: date) -> SafeString:
    """The numbers an encashment is judged by, for each occasion."""
    rows = [
        (
            LedgerOrder.Occasion(one.occasion).label,
            f"{one.standing.available / 2:g}",
            f"{one.standing.used / 2:g}",
            _limits(one),
            f"{one.most / 2:g}",
        )
        for one in records.encashable(employee, kind, on)
    ]
    head = (_("Occasion"), _("Available"), _("Encashed so far"), _("Limits"), _("At most now"))
    return small_table(head, rows, _("There are no published leave rules on that day."))


def _limits(room: records.Room) -> str:
    rules = room.policy
    if room.occasion is Occasion.LEAVING:
        return gettext("%(days)d days, earned and half pay leave together") % {
            "days": rules.encash_leaving
        }
    return gettext("%(once)d at a time, %(career)d in a career, %(remain)d must remain") % {
        "once": rules.encash_at_a_time,
        "career": rules.encash_career,
        "remain": rules.encash_remain,
    }


@admin.register(Account)
class AccountAdmin(Acting, ReadOnlyTenantAdmin):
    """One person's account in one kind, with every entry and the balance after it."""

    fieldsets = (
        (None, {"fields": (("employee", "kind"), ("balance", "settled_on"))}),
        (_("Over time"), {"fields": ("picture",)}),
        (_("Entries"), {"fields": ("ledger",)}),
    )
    readonly_fields = ("balance", "picture", "ledger")
    list_display = ("employee", "kind", "balance", "settled_on")
    list_filter = ("kind",)
    list_select_related = ("employee", "organization")
    search_fields = ("employee__code", "employee__name")
    empty_title = _("No leave accounts yet")
    empty_text = _("Publish leave rules: accounts open by themselves, with the first credit.")
    actions_detail = ("encash",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("entries")

    def has_encash_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("leaves.add_ledgerorder"))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Earned leave is encashed in service and on leaving, half pay leave only then."""
        one = self.get_object(request, str(object_id))
        offered = one is not None and (
            one.kind == Kind.EL or (one.kind == Kind.HPL and one.employee.left_on is not None)
        )
        return super().get_actions_detail(request, object_id) if offered else []

    @action(description=_("Encash…"), url_path="encash", icon="payments", permissions=["encash"])
    def encash(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Proposes an order; another person confirms it among the orders."""
        one = self.object_or_404(request, object_id)
        day = today(one.employee)
        return self.act(
            request,
            one,
            EncashForm(_data(request), initial={"effective_on": one.employee.left_on or day}),
            lambda said: records.encash(one, actor=request.user, **said),  # type: ignore[arg-type]
            _("An order was proposed: another person has to confirm it."),
            title=_("Encash leave"),
            button=_("Propose the order"),
            details=_room(one.employee, one.kind, day),
        )

    @display(description=_("balance today"))
    def balance(self, account: Account) -> str:
        day = timezone.localdate()
        return f"{sum(e.half_days for e in account.entries.all() if e.effective_on <= day) / 2:g}"

    @display(description=_("balance"))
    def picture(self, account: Account) -> SafeString:
        return pictures.balance_line(
            [(e.effective_on, e.half_days) for e in account.entries.all()], timezone.localdate()
        )

    @display(description=_("entries, oldest first"))
    def ledger(self, account: Account) -> SafeString:
        running, rows = 0, []
        for e in account.entries.select_related("application", "policy", "actor", "reverses"):
            running += e.half_days
            source = (
                link(change_url(e.application), str(e.application))
                if e.application
                else e.reason or str(e.policy or "–")
            )
            rows.append(
                (
                    formats.date_format(e.effective_on),
                    e.get_type_display(),
                    pictures.days_text(e.half_days),
                    f"{running / 2:g}",
                    source,
                )
            )
        head = (_("Effective"), _("Type"), _("Days"), _("Balance"), _("From"))
        return small_table(head, rows, _("Nothing was posted yet."))


@admin.register(Entry)
class EntryAdmin(ReadOnlyTenantAdmin):
    """Every entry of every account."""

    fieldsets = (
        (
            None,
            {
                "fields": (
                    "account",
                    ("half_days", "effective_on"),
                    ("type", "period"),
                    "application",
                    "policy",
                    "reverses",
                )
            },
        ),
        (_("Posted"), {"fields": (("posted_at", "actor"), "reason")}),
    )
    list_display = ("effective_on", "account", "type", "half_days", "posted_at")
    list_filter = ("type",)
    list_select_related = ("account__employee", "organization")
    search_fields = ("account__employee__code", "account__employee__name")
    date_hierarchy = "effective_on"
    ordering = ("-id",)
    empty_title = _("No entries yet")
    empty_text = _("Credits, leave and lapses are posted by themselves.")


@admin.register(LedgerOrder)
class LedgerOrderAdmin(Acting, TenantAdmin):
    """Entries by order: balances brought forward, encashment, corrections. One proposes, another
    confirms.
    """

    fieldsets = (
        (
            None,
            {
                "fields": (
                    "employee",
                    ("kind", "type", "occasion"),
                    ("days", "effective_on"),
                    "reason",
                )
            },
        ),
    )
    shown = (
        _("Decision"),
        {"fields": ("state", ("proposed_by", "proposed_at"), ("decided_by", "decided_at"))},
    )
    autocomplete_fields = ("employee",)
    list_display = ("employee", "kind", "type", "days", "effective_on", "state", "proposed_by")
    list_filter = ("state", "type", "kind")
    list_select_related = ("employee", "proposed_by", "organization")
    search_fields = ("employee__code", "employee__name")
    actions_detail = ("confirm_order", "refuse_order")
    empty_title = _("No orders yet")
    empty_text = _("Bring balances forward from the service books here.")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        found = super().get_fieldsets(request, obj)
        return [*found, self.shown] if obj else found

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        records.propose_order(obj, actor=request.user)  # type: ignore[arg-type]

    def has_decide_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("leaves.change_ledgerorder"))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        one = self.get_object(request, str(object_id))
        return (
            super().get_actions_detail(request, object_id)
            if one and one.state == LedgerOrder.State.PROPOSED
            else []
        )

    @action(
        description=_("Confirm"),
        url_path="confirm",
        icon="check",
        variant=ActionVariant.PRIMARY,
        permissions=["decide"],
    )
    def confirm_order(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._decide(
            request,
            object_id,
            confirm=True,
            title=_("Confirm the order"),
            button=_("Post it"),
            done=_("Posted."),
        )

    @action(description=_("Refuse"), url_path="refuse", icon="close", permissions=["decide"])
    def refuse_order(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._decide(
            request,
            object_id,
            confirm=False,
            title=_("Refuse the order"),
            button=_("Refuse"),
            done=_("Refused."),
        )

    def _decide(
        self, request: HttpRequest, object_id: str, *, confirm: bool, done: Any, **page: Any
    ) -> HttpResponse:
        one = self.object_or_404(request, object_id)
        return self.act(
            request,
            one,
            EmptyForm(_data(request)),
            lambda said: records.confirm_order(one, actor=request.user, confirm=confirm),  # type: ignore[arg-type]
            done,
            details=(
                _room(one.employee, one.kind, one.effective_on)
                if one.type == Entry.Type.ENCASH
                else ""
            ),
            question=_("%(days)s days, effective %(day)s: %(reason)s")
            % {
                "days": one.days,
                "day": one.effective_on,
                "reason": one.reason,
            },
            danger=not confirm,
            **page,
        )


# --- Calendars ------------------------------------------------------------------------------------
class CalendarDayInline(TenantInline):
    """The dates of a calendar."""

    model = CalendarDay
    fields = ("date", "mark", "name")
    can_delete = True
    verbose_name_plural = _("dates that are not as their weekday would be")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _draft(obj) and bool(super().has_add_permission(request, obj))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _draft(obj) and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _draft(obj) and bool(super().has_delete_permission(request, obj))


@admin.register(Calendar)
class CalendarAdmin(Acting, TenantAdmin):
    """Holidays of offices: drafted, compared, published."""

    fieldsets = ((None, {"fields": (("site", "year"), ("weekly_offs", "order_no"))}),)
    shown = (
        (None, {"fields": (("version", "published_at", "published_by"),)}),
        (_("The year"), {"fields": ("picture",)}),
    )
    readonly_fields = ("version", "published_at", "published_by", "picture")
    inlines = (CalendarDayInline,)
    verbs: ClassVar = {Calendar: publishing.save_calendar, CalendarDay: publishing.save_day}
    list_display = ("year", "office", "version", "badge", "order_no")
    list_display_links = ("year", "office")
    list_filter = ("year", "site")
    list_select_related = ("site", "organization")
    actions_detail = ("publish", "prefill", "new_version")
    empty_title = _("No calendars yet")
    empty_text = _(
        "Add one for the year, pre-fill it or enter the holidays of the yearly order, and"
        " publish it."
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        found = super().get_fieldsets(request, obj)
        return [*found, *self.shown] if obj else found

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        fields = super().get_readonly_fields(request, obj)
        return (*fields, "site", "year") if obj else fields

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        draft = not isinstance(obj, Calendar) or obj.published_at is None
        return draft and bool(super().has_change_permission(request, obj))

    def remove_row(self, row: Any) -> None:
        publishing.remove_day(row)

    def has_publish_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("leaves.change_calendar"))

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
        return self.act(
            request,
            one,
            PrefillForm(_data(request)),
            lambda said: publishing.prefill(one, said["state"]),
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
        return self.act(
            request,
            one,
            EmptyForm(_data(request)),
            lambda said: publishing.publish_calendar(one, actor=request.user),  # type: ignore[arg-type]
            _("Published, and worked into the leave it touches."),
            title=_("Publish the calendar"),
            button=_("Publish"),
            question=_(
                "A published calendar is not changed any more; a correction is a new version."
            ),
            details=_impact(publishing.impact(one)) if one.published_at is None else "",
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
            return self.confirm(
                request,
                one,
                title=_("Make a new version"),
                button=_("Make it"),
                question=_(
                    "A draft with the same days, for you to change and publish. This one holds"
                    " until then."
                ),
            )
        draft = publishing.draft_calendar(one.organization, one.site, one.year)
        self.log_change(request, one, str(_("New version made.")))
        return redirect(change_url(draft))

    @display(description=_("office"))
    def office(self, calendar: Calendar) -> str:
        return str(calendar.site or _("All offices"))

    @display(description=_("state"))
    def badge(self, calendar: Calendar) -> Any:
        return (
            badge_html(_("Published"), "success")
            if calendar.published_at
            else badge_html(_("Draft"), "warning")
        )

    @display(description=_("the year at a glance"))
    def picture(self, calendar: Calendar) -> SafeString:
        return pictures.year_of(office_year(calendar), calendar.year)


def _impact(differences: Iterable[publishing.Difference]) -> SafeString:
    rows = (
        (
            link(change_url(one.application), str(one.application)),
            f"{one.before / 2:g}",
            f"{one.after / 2:g}",
        )
        for one in differences
    )
    return small_table(
        (_("Leave"), _("Days now"), _("Days then")), rows, _("No leave changes its cost.")
    )


# --- Rules ----------------------------------------------------------------------------------------
class SanctionRuleInline(TenantInline):
    """Who may sanction what."""

    model = SanctionRule
    fields = ("kind", "authority", "up_to_days", "recommendation")
    can_delete = True
    verbose_name_plural = _(
        "who decides, by kind and length; without rows whoever may decide for an employee"
    )

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _draft(obj) and bool(super().has_add_permission(request, obj))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _draft(obj) and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _draft(obj) and bool(super().has_delete_permission(request, obj))


def _draft(obj: Any) -> bool:
    return obj is None or obj.published_at is None


@admin.register(LeavePolicy)
class LeavePolicyAdmin(Acting, TenantAdmin):
    """Versions of the leave rules. A new one starts from the central government's; each kind has
    its own page.
    """

    fieldsets = (
        (None, {"fields": ("name", ("scheme", "effective_from"), ("source", "weekly_offs"))}),
        (
            _("Where sources disagree"),
            {
                "fields": (
                    ("bridge_off_days", "casual_off_regular"),
                    ("casual_restricted_regular", "regular_restricted_regular"),
                    "single_men_as_women",
                    ("total_days", "conversion_days"),
                    ("late_minutes", "late_times", "late_spent_only"),
                )
            },
        ),
        (
            _("Encashment"),
            {
                "fields": (
                    ("encash_at_a_time", "encash_career"),
                    ("encash_remain", "encash_leaving"),
                )
            },
        ),
    )
    shown = (
        (_("Kinds"), {"fields": ("kinds",)}),
        (_("What may follow what"), {"fields": ("combinations",)}),
        (None, {"fields": (("published_at", "published_by"),)}),
    )
    readonly_fields = ("kinds", "published_at", "published_by")
    verbs: ClassVar = {LeavePolicy: publishing.save_policy, SanctionRule: publishing.save_sanction}
    inlines = (SanctionRuleInline,)
    list_display = ("name", "scheme", "effective_from", "badge")
    list_filter = ("scheme",)
    search_fields = ("name",)
    actions_detail = ("publish", "next_version")
    empty_title = _("No leave rules yet")
    empty_text = _(
        "Add a version: it starts with the rules of the central government, and holds nothing until"
        " you publish it."
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        found = super().get_fieldsets(request, obj)
        return [*found, *self.shown] if obj else found

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        draft = not isinstance(obj, LeavePolicy) or obj.published_at is None
        return draft and bool(super().has_change_permission(request, obj))

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """Rows hang on a version that exists."""
        return super().get_inlines(request, obj) if obj else ()

    def remove_row(self, row: Any) -> None:
        publishing.remove_sanction(row)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """A new version starts with all kinds of the central government's rules."""
        if change:
            publishing.save_policy(obj)
            return
        data = publishing.ccs_1972()
        obj.combinations = data["combinations"]
        publishing.save_policy(obj)
        publishing.add_rules(obj, data["kinds"])

    def has_publish_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("leaves.change_leavepolicy"))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        one = self.get_object(request, str(object_id))
        hidden = "next_version" if one is not None and one.published_at is None else "publish"
        return [
            it
            for it in super().get_actions_detail(request, object_id)
            if it.method.original_function_name != hidden
        ]

    @action(
        description=_("Publish…"),
        url_path="publish",
        icon="publish",
        variant=ActionVariant.PRIMARY,
        permissions=["publish"],
    )
    def publish(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show first which leave, granted or asked for, would cost something else."""
        one = self.object_or_404(request, object_id)
        return self.act(
            request,
            one,
            EmptyForm(_data(request)),
            lambda said: publishing.publish_policy(one, actor=request.user),  # type: ignore[arg-type]
            _("Published, and worked into the leave it touches."),
            title=_("Publish the rules"),
            button=_("Publish"),
            question=_(
                "Accounts are credited by these rules from their first day on. A correction is a"
                " new version."
            ),
            details=_policy_impact(one) if one.published_at is None else "",
        )

    @action(
        description=_("Next version"),
        url_path="next-version",
        icon="content_copy",
        permissions=["publish"],
    )
    def next_version(self, request: HttpRequest, object_id: str) -> HttpResponse:
        one = self.object_or_404(request, object_id)
        return self.act(
            request,
            one,
            NextVersionForm(_data(request)),
            lambda said: publishing.next_policy(one, said["effective_from"]),
            _("A draft was made; it is in the list."),
            title=_("Make the next version"),
            button=_("Make it"),
        )

    @display(description=_("state"))
    def badge(self, policy: LeavePolicy) -> Any:
        return (
            badge_html(_("Published"), "success")
            if policy.published_at
            else badge_html(_("Draft"), "warning")
        )

    @display(description=_("kinds of leave"))
    def kinds(self, policy: LeavePolicy) -> SafeString:
        rows = (
            (
                link(change_url(rule), rule.get_kind_display()),
                f"{rule.amount:g}",
                rule.get_cycle_display(),
                f"{rule.ceiling:g}",
                rule.stretch_days or "–",
                _("yes") if rule.half_days else _("no"),
            )
            for rule in policy.rules.all()
        )
        head = (_("Kind"), _("Days"), _("Credited"), _("Kept"), _("At a stretch"), _("Half days"))
        return small_table(head, rows, _("No kinds."))


def _policy_impact(policy: LeavePolicy) -> SafeString:
    try:
        return _impact(publishing.policy_impact(policy))
    except ValidationError as error:
        return format_html('<p class="muster-error">{}</p>', " ".join(error.messages))


@admin.register(KindRule)
class KindRuleAdmin(TenantAdmin):
    """One kind of leave in one version of the rules: numbers can be edited until the version is
    published.
    """

    fieldsets = (
        (None, {"fields": ("policy", ("kind", "nature"), ("account", "factor"), "who")}),
        (
            _("Credit"),
            {
                "fields": (
                    ("cycle", "amount", "rounding"),
                    ("joiner", "exit_prorata", "disabled_extra"),
                    ("closes", "ceiling", "floor"),
                    ("eol_divisor", "dies_non_divisor", "reduction_cap"),
                )
            },
        ),
        (
            _("Taking it"),
            {
                "fields": (
                    ("half_days", "counts_off_days", "list_only"),
                    ("stretch_days", "min_spell_days"),
                    ("proof", "study_days"),
                    ("on_probation", "backdated"),
                )
            },
        ),
        (
            _("Child care"),
            {
                "fields": (
                    ("spells", "spells_single_woman", "spells_in_patient"),
                    ("child_age", "child_count"),
                )
            },
        ),
        (_("Pay"), {"fields": (("pay_percent", "full_pay_days", "pay_percent_after"),)}),
    )
    verbs: ClassVar = {KindRule: publishing.save_rule}
    list_display = ("policy", "kind", "amount", "cycle", "ceiling")
    list_filter = ("policy", "kind")
    list_select_related = ("policy", "organization")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        fields = super().get_readonly_fields(request, obj)
        return (*fields, "policy", "kind") if obj else fields

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        draft = not isinstance(obj, KindRule) or obj.policy.published_at is None
        return draft and bool(super().has_change_permission(request, obj))


# --- People ---------------------------------------------------------------------------------------
@admin.register(LeaveFacts)
class LeaveFactsAdmin(TenantAdmin):
    """What the rules ask about people, with the day from which it holds."""

    fieldsets = (
        (
            None,
            {
                "fields": (
                    "employee",
                    ("starts_on", "scheme"),
                    ("sex", "single", "disabled"),
                    ("probation_until", "exit_manner"),
                    "encashed_before",
                )
            },
        ),
    )
    verbs: ClassVar = {LeaveFacts: records.save_facts}
    autocomplete_fields = ("employee",)
    list_display = ("employee", "starts_on", "scheme", "sex", "single", "disabled")
    list_filter = ("scheme",)
    list_select_related = ("employee", "organization")
    search_fields = ("employee__code", "employee__name")
    empty_title = _("No particulars yet")
    empty_text = _(
        "Needed for child care leave, disabled staff and groups with rules of their own."
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        fields = super().get_readonly_fields(request, obj)
        return (*fields, "employee") if obj else fields


@admin.register(Child)
class ChildAdmin(TenantAdmin):
    """Children, for child care leave."""

    fieldsets = ((None, {"fields": ("employee", "name", ("born_on", "disabled"), "died_on")}),)
    autocomplete_fields = ("employee",)
    list_display = ("employee", "name", "born_on", "disabled")
    list_select_related = ("employee", "organization")
    search_fields = ("employee__code", "employee__name", "name")
    empty_title = _("No children on record")
    empty_text = _("Child care leave is for the eldest two surviving children.")


@admin.register(Absence)
class AbsenceAdmin(Acting, TenantAdmin):
    """Extraordinary leave and dies-non: they make the next credit smaller."""

    fieldsets = ((None, {"fields": ("employee", "kind", ("starts_on", "ends_on"), "reason")}),)
    shown = (None, {"fields": (("entered_at", "entered_by"), "revoked_at")})
    readonly_fields = ("entered_at", "entered_by", "revoked_at")
    autocomplete_fields = ("employee",)
    list_display = ("employee", "kind", "starts_on", "ends_on", "revoked_at")
    list_filter = ("kind",)
    list_select_related = ("employee", "organization")
    search_fields = ("employee__code", "employee__name")
    actions_detail = ("revoke",)
    empty_title = _("No absences")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        found = super().get_fieldsets(request, obj)
        return [*found, self.shown] if obj else found

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        records.save_absence(obj, actor=request.user)  # type: ignore[arg-type]

    def has_revoke_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("leaves.change_absence"))

    @action(description=_("Take back"), url_path="revoke", icon="undo", permissions=["revoke"])
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        one = self.object_or_404(request, object_id)
        return self.act(
            request,
            one,
            EmptyForm(_data(request)),
            lambda said: records.revoke_absence(one),
            _("Taken back."),
            title=_("Take the absence back"),
            button=_("Take back"),
            question=_("What it took off later credits is given back."),
        )


@admin.register(Suspension)
class SuspensionAdmin(Acting, TenantAdmin):
    """Suspensions: no leave is granted while they last."""

    fieldsets = ((None, {"fields": ("employee", ("starts_on", "ends_on"), "reason")}),)
    shown = (None, {"fields": ("leave_table", ("entered_at", "entered_by"), "revoked_at")})
    readonly_fields = ("leave_table", "entered_at", "entered_by", "revoked_at")
    autocomplete_fields = ("employee",)
    list_display = ("employee", "starts_on", "ends_on", "revoked_at")
    list_select_related = ("employee", "organization")
    search_fields = ("employee__code", "employee__name")
    actions_detail = ("end_it", "revoke")
    empty_title = _("Nobody is suspended")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        found = super().get_fieldsets(request, obj)
        return [*found, self.shown] if obj else found

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        records.save_suspension(obj, actor=request.user)  # type: ignore[arg-type]

    def has_revoke_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("leaves.change_suspension"))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        one = self.get_object(request, str(object_id))
        return (
            super().get_actions_detail(request, object_id) if one and one.revoked_at is None else []
        )

    @action(description=_("End…"), url_path="end", icon="event_available", permissions=["revoke"])
    def end_it(self, request: HttpRequest, object_id: str) -> HttpResponse:
        one = self.object_or_404(request, object_id)
        return self.act(
            request,
            one,
            EndForm(_data(request)),
            lambda said: records.end_suspension(one, said["ends_on"]),
            _("Noted."),
            title=_("Set the last day of the suspension"),
            button=_("Note it"),
        )

    @action(description=_("Take back"), url_path="revoke", icon="undo", permissions=["revoke"])
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        one = self.object_or_404(request, object_id)
        return self.act(
            request,
            one,
            EmptyForm(_data(request)),
            lambda said: records.revoke_suspension(one),
            _("Taken back."),
            title=_("Take the suspension back"),
            button=_("Take back"),
            question=_("As if it had never been."),
        )

    @display(description=_("leave on these days"))
    def leave_table(self, one: Suspension) -> SafeString:
        """What was asked for or granted before: HR cancels it or cuts it short."""
        rows = (
            LeaveApplication.objects.of(one.organization_id)
            .filter(employee=one.employee, ends_on__gte=one.starts_on)
            .live()
        )
        if one.ends_on is not None:
            rows = rows.filter(starts_on__lte=one.ends_on)
        told = ((link(change_url(row), str(row)), row.get_status_display()) for row in rows)
        return small_table((_("Leave"), _("Status")), told, _("None."))


class LateForm(TenantForm):
    """A late day that HR confirms."""

    condone = forms.BooleanField(label=_("Condone it"), required=False, widget=UnfoldBooleanWidget)


@admin.register(LateMark)
class LateMarkAdmin(Acting, TenantAdmin):
    """Days of late coming, and what they cost: confirmed by HR, never edited."""

    form = LateForm
    fieldsets = ((None, {"fields": ("employee", ("date", "minutes"), "condone", "reason")}),)
    shown = (
        (
            None,
            {
                "fields": (
                    "employee",
                    ("date", "minutes"),
                    "outcome",
                    "reason",
                    ("decided_by", "decided_at"),
                )
            },
        ),
    )
    autocomplete_fields = ("employee",)
    list_display = ("employee", "date", "minutes", "outcome", "decided_by")
    list_filter = ("outcome",)
    list_select_related = ("employee", "decided_by", "organization")
    search_fields = ("employee__code", "employee__name")
    date_hierarchy = "date"
    actions_detail = ("settle_owed",)
    empty_title = _("Nobody was late")
    empty_text = _("Add a late day: it costs half a day of casual leave unless it is condoned.")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return super().get_fieldsets(request, obj) if obj is None else list(self.shown)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        late = records.Lateness(obj.minutes, form.cleaned_data["condone"], obj.reason)
        obj.pk = records.mark_late(obj.employee, obj.date, late, actor=request.user).pk  # type: ignore[arg-type]

    def has_settle_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("leaves.add_ledgerorder"))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        one = self.get_object(request, str(object_id))
        owed = one is not None and one.outcome == LateMark.Outcome.OWED
        return super().get_actions_detail(request, object_id) if owed else []

    @action(
        description=_("Take owed days…"),
        url_path="settle-owed",
        icon="gavel",
        permissions=["settle"],
    )
    def settle_owed(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Proposes an order; another person confirms it among the orders."""
        one = self.object_or_404(request, object_id)
        return self.act(
            request,
            one,
            OwedForm(_data(request)),
            lambda said: self._propose(request, one, said["effective_on"]),
            _("An order was proposed: another person has to confirm it."),
            title=_("Take owed half-days off earned leave"),
            button=_("Propose the order"),
            question=_("The two oldest half-days owed become one day of earned leave."),
        )

    def _propose(self, request: HttpRequest, one: LateMark, effective_on: Any) -> None:
        if records.settle_owed(one.employee, actor=request.user, effective_on=effective_on) is None:  # type: ignore[arg-type]
            raise ValidationError(_("Fewer than two half-days are owed."))


@admin.register(Certificate)
class CertificateAdmin(ReadOnlyTenantAdmin):
    """Medical certificates; the paper itself is given out by this page only."""

    fieldsets = (
        (
            None,
            {
                "fields": (
                    "employee",
                    ("content_type", "size"),
                    ("sick_on", "fit_on"),
                    "uploaded_at",
                )
            },
        ),
    )
    list_display = ("employee", "uploaded_at", "content_type", "size", "sick_on", "fit_on")
    list_select_related = ("employee", "organization")
    search_fields = ("employee__code", "employee__name")
    actions_detail = ("download",)
    empty_title = _("No certificates yet")

    def has_download_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("leaves.view_certificate"))

    @action(
        description=_("Download"), url_path="download", icon="download", permissions=["download"]
    )
    def download(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """As an attachment: what somebody uploaded is never shown as a page of ours."""
        one = self.object_or_404(request, object_id)
        reply: HttpResponse = self.hand_out(request, one, one.file, f"certificate-{one.pk}")
        if reply.status_code == HTTPStatus.OK:
            paper_read(one, actor=request.user, request=request)
        return reply
