"""The console's pages on leave: applications, ledgers, calendars, rules, and what HR keeps about
people for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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

from accounts.approvals.admin import ApproverRowsMixin
from accounts.audit import record_attachment_download
from accounts.permissions import can_decide_for, local_today
from core.action_pages import ActionFormMixin, posted_data
from core.admin_forms import TenantForm
from core.admin_html import badge_html, change_url, link_html, table_html
from core.admin_inlines import TenantInline
from core.tenant_admin import ReadOnlyTenantAdmin, TenantAdmin
from core.tenant_visibility import is_operator
from employees.models import Employee
from leaves import charts as leave_charts
from leaves import publishing, records, services, suggestions
from leaves.context import to_office_calendar
from leaves.eligibility import LeaveEligibility
from leaves.encashment import EncashmentOccasion
from leaves.models import (
    Absence,
    AuthorityChoices,
    CalendarDay,
    Certificate,
    Child,
    HolidayCalendar,
    LateMark,
    LeaveAccount,
    LeaveAdjustment,
    LeaveApplication,
    LeaveLedgerEntry,
    LeavePolicy,
    LeaveProfile,
    LeaveTypeChoices,
    LeaveTypeRule,
    SanctionRule,
    Suspension,
)
from leaves.rule_messages import to_rule_violation

LEAVE_STATUS_COLOURS: Final = {
    "pending": "warning",
    "approved": "success",
    "rejected": "danger",
    "cancelled": "info",
}
DAY_CLASS_LABELS: Final = {
    "WORKING": _("Working day"),
    "WEEKLY_OFF": _("Weekly off"),
    "HOLIDAY": _("Closed"),
    "RESTRICTED": _("Restricted holiday"),
}
# Rules that an authority may set aside for one application, by their ids.
WAIVABLE_RULES: Final = (
    ("CL3", _("CL3: more than the days at a stretch")),
    ("CL9", _("CL9: the last half day runs into regular leave")),
    ("E10", _("E10: more than 180 days")),
    ("C5", _("C5: more spells, the child is in hospital")),
    ("C8", _("C8: on probation")),
)


# What can still be done with an application, by its status.
ACTIONS_BY_STATUS: Final = {
    "pending": frozenset({"recommend", "approve", "reject", "cancel"}),
    "approved": frozenset({"curtail", "rejoin", "convert", "overstay", "cancel"}),
}


class LeaveRemarksForm(forms.Form):
    """Why."""

    remarks = forms.CharField(
        label=_("Remarks"),
        max_length=500,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )


class LeaveApproveForm(LeaveRemarksForm):
    """Whether off days beside the leave are free."""

    withhold_prefix = forms.BooleanField(
        label=_("Debit the off days before the leave (G5)"),
        required=False,
        widget=UnfoldBooleanWidget,
    )
    withhold_suffix = forms.BooleanField(
        label=_("Debit the off days after the leave (G5)"),
        required=False,
        widget=UnfoldBooleanWidget,
    )
    field_order = ("withhold_prefix", "withhold_suffix", "remarks")


class LeaveRecommendForm(LeaveRemarksForm):
    """What to recommend."""

    recommendation = forms.ChoiceField(
        label=_("Recommendation"),
        choices=LeaveApplication.Recommendation.choices,
        widget=UnfoldAdminSelectWidget,
    )
    field_order = ("recommendation", "remarks")


class LeaveCurtailForm(LeaveRemarksForm):
    """The new last day."""

    ends_on = forms.DateField(label=_("Last day of leave"), widget=UnfoldAdminDateWidget)
    field_order = ("ends_on", "remarks")


class RejoinForm(forms.Form):
    """The day somebody came back."""

    rejoined_on = forms.DateField(label=_("Rejoined on"), widget=UnfoldAdminDateWidget)


class LeaveConvertForm(LeaveRemarksForm):
    """Another kind, asked for by the employee in writing."""

    kind = forms.ChoiceField(
        label=_("Convert to"), choices=LeaveTypeChoices.choices, widget=UnfoldAdminSelectWidget
    )
    asked_on = forms.DateField(label=_("Date of the written request"), widget=UnfoldAdminDateWidget)
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


class EndSuspensionForm(forms.Form):
    """Until when."""

    ends_on = forms.DateField(label=_("Last day"), widget=UnfoldAdminDateWidget)


class OwedDebitForm(forms.Form):
    """From when on."""

    effective_on = forms.DateField(label=_("Effective"), widget=UnfoldAdminDateWidget)


class NextPolicyVersionForm(forms.Form):
    """From when on."""

    effective_from = forms.DateField(label=_("In force from"), widget=UnfoldAdminDateWidget)


class PrefillHolidaysForm(forms.Form):
    """For which state."""

    state = forms.ChoiceField(
        label=_("State or territory"),
        required=False,
        widget=UnfoldAdminSelectWidget,
        choices=lambda: [("", _("All India")), *suggestions.holiday_states().items()],
    )


class ConfirmationForm(forms.Form):
    """Nothing to fill in."""


# --- Applications ---------------------------------------------------------------------------------
class LeaveApplicationForm(TenantForm):
    """An application that HR enters for somebody; only here rules can be set aside, each for a
    reason.
    """

    waive = forms.MultipleChoiceField(
        label=_("Waived rules"),
        choices=WAIVABLE_RULES,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    waive_reason = forms.CharField(
        label=_("Waived by, and reason"),
        max_length=400,
        required=False,
        widget=UnfoldAdminTextInputWidget,
    )

    def clean(self) -> dict[str, Any]:
        """A rule is not set aside without a reason."""
        found: dict[str, Any] = super().clean() or {}
        if found.get("waive") and not found.get("waive_reason"):
            raise ValidationError({"waive_reason": _("Give who waived the rule, and the reason.")})
        self.instance.waived = dict.fromkeys(found.get("waive", []), found.get("waive_reason"))
        return found


@admin.register(LeaveApplication)
class LeaveApplicationAdmin(ApproverRowsMixin, ActionFormMixin, TenantAdmin):
    """Applications: decided here, entered by HR for somebody, never edited."""

    all_rows_permission = "leaves.view_leaveaccount"
    form = LeaveApplicationForm
    fieldsets = (
        (None, {"fields": ("employee", ("kind", "half"), ("starts_on", "ends_on"), "reason")}),
        (_("If the leave type requires it"), {"fields": (("certificate", "child"), "study")}),
        (_("By authority"), {"fields": ("waive", "waive_reason")}),
    )
    detail_fieldsets = (
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
                    "waived_rules",
                )
            },
        ),
        (_("Days"), {"fields": ("days_table",)}),
        (_("Ledger"), {"fields": ("entries_table",)}),
        (_("History"), {"fields": ("events_table",)}),
    )
    readonly_fields = (
        "badge",
        "waived_rules",
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
        "curtail",
        "rejoin",
        "convert",
        "overstay",
        "cancel",
    )
    empty_title = _("No applications yet")
    empty_text = _("People apply from their phones; HR can enter an application for somebody.")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return super().get_fieldsets(request, obj) if obj is None else list(self.detail_fieldsets)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        wish = services.LeaveApplicationData.from_application(obj)
        obj.pk = services.apply_for_leave(
            obj.employee,
            wish,
            actor=request.user,  # type: ignore[arg-type]
            self_service=False,
        ).pk

    def has_decide_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        one = self.get_object(request, str(object_id)) if object_id else None
        if one is None:
            return bool(object_id)  # Not found, as said by the page itself.
        return is_operator(request) or can_decide_for(request.user, one.employee)  # type: ignore[arg-type]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """What can still be done."""
        one = self.get_object(request, str(object_id))
        status = one.status if one else ""
        offered = ACTIONS_BY_STATUS.get(status, frozenset())
        return [
            it
            for it in super().get_actions_detail(request, object_id)
            if it.method.original_function_name in offered
        ]

    def _get_to_decide(self, request: HttpRequest, object_id: str) -> LeaveApplication:
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
        one = self._get_to_decide(request, object_id)
        return self.action_page(
            request,
            one,
            LeaveRecommendForm(posted_data(request)),
            lambda said: services.recommend_leave(
                one,
                actor=request.user,  # type: ignore[arg-type]
                recommended=said["recommendation"] == "recommended",
                remarks=said["remarks"],
            ),
            _("The recommendation was saved. Another officer decides."),
            title=_("Recommend or do not recommend the leave"),
            button=_("Resolve"),
            details=self._decision_details(one, services.preview_decision(one, request.user)),  # type: ignore[arg-type]
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
        one = self._get_to_decide(request, object_id)
        seen = (
            services.preview_decision(one, request.user)  # type: ignore[arg-type]
            if one.status == LeaveApplication.Status.PENDING
            else None
        )
        # Casual leave leaves off days out anyhow: nothing to withhold there.
        kind = (
            LeaveApproveForm
            if approve and seen is not None and len(seen.days_debited) > 1
            else LeaveRemarksForm
        )
        return self.action_page(
            request,
            one,
            kind(posted_data(request)),
            lambda said: services.decide_leave(
                one,
                actor=request.user,  # type: ignore[arg-type]
                approve=approve,
                remarks=said["remarks"],
                withhold=services.WithheldOffDays(
                    said.get("withhold_prefix", False), said.get("withhold_suffix", False)
                ),
            ),
            done,
            details=self._decision_details(one, seen, withholding=kind is LeaveApproveForm),
            danger=not approve,
            **page,
        )

    def _decision_details(
        self,
        application: LeaveApplication,
        preview: services.DecisionPreview | None,
        *,
        withholding: bool = False,
    ) -> SafeString:
        """What an officer looks at before they decide: the days, by whose authority, why not theirs
        if it is not, and what it costs when off days are withheld.
        """
        days: SafeString = self.days_table(application)
        if preview is None:
            return days
        why_not = to_rule_violation(preview.refusal).text if preview.refusal else ""
        costs = (
            table_html((_("Off days withheld"), _("Debited")), _withholding_rows(preview), "")
            if withholding
            else ""
        )
        return format_html(
            '<p>{}</p><p class="muster-error">{}</p>{}{}',
            _sanction_text(preview.eligibility),
            why_not,
            days,
            costs,
        )

    @action(
        description=_("Cut short"), url_path="curtail", icon="content_cut", permissions=["decide"]
    )
    def curtail(self, request: HttpRequest, object_id: str) -> HttpResponse:
        one = self._get_to_decide(request, object_id)
        return self.action_page(
            request,
            one,
            LeaveCurtailForm(posted_data(request)),
            lambda said: services.curtail_leave(
                one,
                ends_on=said["ends_on"],
                actor=request.user,  # type: ignore[arg-type]
                remarks=said["remarks"],
            ),
            _("Cut short. The later days are credited back."),
            title=_("Cut the leave short"),
            button=_("Cut short"),
        )

    @action(description=_("Rejoined…"), url_path="rejoin", icon="login", permissions=["decide"])
    def rejoin(self, request: HttpRequest, object_id: str) -> HttpResponse:
        one = self._get_to_decide(request, object_id)
        return self.action_page(
            request,
            one,
            RejoinForm(posted_data(request)),
            lambda said: services.record_rejoining(one, on=said["rejoined_on"], actor=request.user),  # type: ignore[arg-type]
            _("Saved."),
            title=_("Record the return to duty"),
            button=_("Resolve"),
        )

    @action(
        description=_("Convert…"), url_path="convert", icon="swap_horiz", permissions=["decide"]
    )
    def convert(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Never on the authority's own motion: the date of the employee's request is asked for."""
        one = self._get_to_decide(request, object_id)
        return self.action_page(
            request,
            one,
            LeaveConvertForm(posted_data(request), one),
            lambda said: services.convert_leave(one, actor=request.user, **said),  # type: ignore[arg-type]
            _("Converted. The old debit was reversed and the new one posted."),
            title=_("Convert into another kind of leave"),
            button=_("Convert"),
            details=self.days_table(one),
            question=_(
                "Only on the employee's written request, within the period after rejoining that the"
                " leave policy allows."
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
        return self.action_page(
            request,
            one,
            OverstayForm(posted_data(request)),
            lambda said: records.record_overstay(
                one.employee,
                said["starts_on"],
                said["ends_on"],
                actor=request.user,  # type: ignore[arg-type]
                off_days=said["off_days"],
            ),
            _("Recorded: half pay leave up to the balance, the rest as extraordinary leave."),
            title=_("Record an overstay"),
            button=_("Record"),
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
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        one = self._get_to_decide(request, object_id)
        return self.action_page(
            request,
            one,
            LeaveRemarksForm(posted_data(request)),
            lambda said: services.cancel_leave(one, actor=request.user, remarks=said["remarks"]),  # type: ignore[arg-type]
            _("Cancelled. All debits are reversed."),
            title=_("Cancel the leave"),
            button=_("Cancel it"),
            danger=True,
        )

    @display(description=_("status"))
    def badge(self, application: LeaveApplication) -> Any:
        return badge_html(
            application.get_status_display(), LEAVE_STATUS_COLOURS[application.status]
        )

    @display(description=_("waived rules"))
    def waived_rules(self, application: LeaveApplication) -> str:
        return "; ".join(f"{rule}: {reason}" for rule, reason in application.waived.items()) or "–"

    @display(description=_("sanctioning authority"))
    def who_decides(self, application: LeaveApplication) -> str:
        return (
            _sanction_text(services.evaluate_application(application))
            if application.status == LeaveApplication.Status.PENDING
            else "–"
        )

    @display(description=_("day classes and debits"))
    def days_table(self, application: LeaveApplication) -> SafeString:
        rows = (
            (
                formats.date_format(day.date),
                day.half or "–",
                DAY_CLASS_LABELS[day.day_class],
                f"{day.half_days / 2:g} {day.account}",
                badge_html(_("insufficient balance"), "danger") if day.insufficient_balance else "",
            )
            for day in application.days.all()
        )
        return table_html((_("Date"), _("Half"), _("Day"), _("Debited"), ""), rows, _("No days."))

    @display(description=_("ledger entries"))
    def entries_table(self, application: LeaveApplication) -> SafeString:
        rows = (
            (
                formats.date_format(e.effective_on),
                e.get_type_display(),
                leave_charts.signed_days(e.half_days),
                e.account.kind,
            )
            for e in application.entries.select_related("account").order_by("id")
        )
        return table_html(
            (_("Effective"), _("Type"), _("Days"), _("Account")),
            rows,
            _("Nothing is debited before approval."),
        )

    @display(description=_("what was done"))
    def events_table(self, application: LeaveApplication) -> SafeString:
        rows = (
            (
                formats.date_format(timezone.localtime(e.at), "DATETIME_FORMAT"),
                e.get_action_display(),
                str(e.actor or "–"),
                e.remarks,
            )
            for e in application.events.select_related("actor")
        )
        return table_html((_("At"), _("What"), _("By"), _("Remarks")), rows, _("Nothing yet."))


def _withholding_rows(preview: services.DecisionPreview) -> Iterator[tuple[Any, str]]:
    """What withholding comes to, each with the difference."""
    names = {
        "none": _("none"),
        "prefix": _("before"),
        "suffix": _("after"),
        "both": _("before and after"),
    }
    for name, days in preview.days_debited.items():
        more = days - preview.days_debited["none"]
        yield names[name], f"{days:g} (+{more:g})" if more else f"{days:g}"


def _sanction_text(eligibility: LeaveEligibility) -> str:
    """By whose authority leave is sanctioned, in a sentence."""
    if eligibility.sanction is None:
        return gettext("Any officer who may decide for this employee.")
    found = gettext("%(days)s days at a stretch: %(authority)s, or higher.") % {
        "days": f"{eligibility.days_at_a_stretch:g}",
        "authority": AuthorityChoices(eligibility.sanction.authority).label,
    }
    return (
        f"{found} {gettext('After a recommendation by another officer.')}"
        if eligibility.sanction.recommendation
        else found
    )


# --- Ledgers --------------------------------------------------------------------------------------
class EncashmentForm(forms.Form):
    """How many days become money, and on which occasion."""

    occasion = forms.ChoiceField(
        label=_("Encashed"),
        choices=LeaveAdjustment.Occasion.choices,
        widget=UnfoldAdminSelectWidget,
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


def _encashment_table(employee: Employee, kind: str, on: date) -> SafeString:
    """The numbers an encashment is judged by, for each occasion."""
    rows = [
        (
            LeaveAdjustment.Occasion(one.occasion).label,
            f"{one.position.available / 2:g}",
            f"{one.position.used_before / 2:g}",
            _limits_text(one),
            f"{one.max_half_days / 2:g}",
        )
        for one in records.encashment_limits(employee, kind, on)
    ]
    head = (_("Occasion"), _("Available"), _("Encashed so far"), _("Limits"), _("At most now"))
    return table_html(head, rows, _("No leave policy is published for that day."))


def _limits_text(limit: records.EncashmentLimit) -> str:
    rules = limit.policy
    if limit.occasion is EncashmentOccasion.LEAVING:
        return gettext("%(days)d days, earned and half pay leave together") % {
            "days": rules.encash_leaving
        }
    return gettext("%(once)d at a time, %(career)d in a career, %(remain)d must remain") % {
        "once": rules.encash_at_a_time,
        "career": rules.encash_career,
        "remain": rules.encash_remain,
    }


@admin.register(LeaveAccount)
class LeaveAccountAdmin(ActionFormMixin, ReadOnlyTenantAdmin):
    """One person's account in one kind, with every entry and the balance after it."""

    fieldsets = (
        (None, {"fields": (("employee", "kind"), ("balance", "settled_on"))}),
        (_("Balance over time"), {"fields": ("chart",)}),
        (_("Entries"), {"fields": ("entries_table",)}),
    )
    readonly_fields = ("balance", "chart", "entries_table")
    list_display = ("employee", "kind", "balance", "settled_on")
    list_filter = ("kind",)
    list_select_related = ("employee", "organization")
    search_fields = ("employee__code", "employee__name")
    empty_title = _("No leave balances yet")
    empty_text = _(
        "Publish a leave policy. Accounts are opened automatically with the first credit."
    )
    actions_detail = ("encash",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("entries")

    def has_encash_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("leaves.add_leaveadjustment"))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Earned leave is encashed in service and on leaving, half pay leave only then."""
        one = self.get_object(request, str(object_id))
        offered = one is not None and (
            one.kind == LeaveTypeChoices.EL
            or (one.kind == LeaveTypeChoices.HPL and one.employee.left_on is not None)
        )
        return super().get_actions_detail(request, object_id) if offered else []

    @action(description=_("Encash…"), url_path="encash", icon="payments", permissions=["encash"])
    def encash(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Proposes an order; another person confirms it among the orders."""
        one = self.object_or_404(request, object_id)
        day = local_today(one.employee)
        return self.action_page(
            request,
            one,
            EncashmentForm(
                posted_data(request), initial={"effective_on": one.employee.left_on or day}
            ),
            lambda said: records.propose_encashment(one, actor=request.user, **said),  # type: ignore[arg-type]
            _("The leave adjustment was proposed. Another person must confirm it."),
            title=_("Encash leave"),
            button=_("Propose the adjustment"),
            details=_encashment_table(one.employee, one.kind, day),
        )

    @display(description=_("balance today"))
    def balance(self, account: LeaveAccount) -> str:
        day = timezone.localdate()
        return f"{sum(e.half_days for e in account.entries.all() if e.effective_on <= day) / 2:g}"

    @display(description=_("balance"))
    def chart(self, account: LeaveAccount) -> SafeString:
        return leave_charts.balance_chart(
            [(e.effective_on, e.half_days) for e in account.entries.all()], timezone.localdate()
        )

    @display(description=_("entries, oldest first"))
    def entries_table(self, account: LeaveAccount) -> SafeString:
        running, rows = 0, []
        for e in account.entries.select_related("application", "policy", "actor", "reverses"):
            running += e.half_days
            source = (
                link_html(change_url(e.application), str(e.application))
                if e.application
                else e.reason or str(e.policy or "–")
            )
            rows.append(
                (
                    formats.date_format(e.effective_on),
                    e.get_type_display(),
                    leave_charts.signed_days(e.half_days),
                    f"{running / 2:g}",
                    source,
                )
            )
        head = (_("Effective"), _("Type"), _("Days"), _("Balance"), _("From"))
        return table_html(head, rows, _("Nothing was posted yet."))


@admin.register(LeaveLedgerEntry)
class LeaveLedgerEntryAdmin(ReadOnlyTenantAdmin):
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
    empty_title = _("No ledger entries yet")
    empty_text = _("Credits, leave and lapses are posted automatically.")


@admin.register(LeaveAdjustment)
class LeaveAdjustmentAdmin(ActionFormMixin, TenantAdmin):
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
    detail_fieldsets = (
        _("Decision"),
        {"fields": ("state", ("proposed_by", "proposed_at"), ("decided_by", "decided_at"))},
    )
    autocomplete_fields = ("employee",)
    list_display = ("employee", "kind", "type", "days", "effective_on", "state", "proposed_by")
    list_filter = ("state", "type", "kind")
    list_select_related = ("employee", "proposed_by", "organization")
    search_fields = ("employee__code", "employee__name")
    actions_detail = ("confirm_adjustment", "refuse_adjustment")
    empty_title = _("No leave adjustments yet")
    empty_text = _("Enter opening balances from the service books here.")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        found = super().get_fieldsets(request, obj)
        return [*found, self.detail_fieldsets] if obj else found

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        records.propose_adjustment(obj, actor=request.user)  # type: ignore[arg-type]

    def has_decide_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("leaves.change_leaveadjustment"))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        one = self.get_object(request, str(object_id))
        return (
            super().get_actions_detail(request, object_id)
            if one and one.state == LeaveAdjustment.State.PROPOSED
            else []
        )

    @action(
        description=_("Confirm"),
        url_path="confirm",
        icon="check",
        variant=ActionVariant.PRIMARY,
        permissions=["decide"],
    )
    def confirm_adjustment(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._decide(
            request,
            object_id,
            confirm=True,
            title=_("Confirm the adjustment"),
            button=_("Post it"),
            done=_("Posted."),
        )

    @action(description=_("Refuse"), url_path="refuse", icon="close", permissions=["decide"])
    def refuse_adjustment(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._decide(
            request,
            object_id,
            confirm=False,
            title=_("Refuse the adjustment"),
            button=_("Refuse"),
            done=_("Refused."),
        )

    def _decide(
        self, request: HttpRequest, object_id: str, *, confirm: bool, done: Any, **page: Any
    ) -> HttpResponse:
        one = self.object_or_404(request, object_id)
        return self.action_page(
            request,
            one,
            ConfirmationForm(posted_data(request)),
            lambda said: records.decide_adjustment(one, actor=request.user, confirm=confirm),  # type: ignore[arg-type]
            done,
            details=(
                _encashment_table(one.employee, one.kind, one.effective_on)
                if one.type == LeaveLedgerEntry.Type.ENCASH
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
    verbose_name_plural = _("dates that differ from the weekly pattern")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_draft(obj) and bool(super().has_add_permission(request, obj))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_draft(obj) and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_draft(obj) and bool(super().has_delete_permission(request, obj))


@admin.register(HolidayCalendar)
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
        HolidayCalendar: publishing.save_holiday_calendar,
        CalendarDay: publishing.save_calendar_day,
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
        publishing.delete_calendar_day(row)

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
            lambda said: publishing.prefill_holidays(one, said["state"]),
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
            lambda said: publishing.publish_holiday_calendar(one, actor=request.user),  # type: ignore[arg-type]
            _("Published. The leave it affects was recalculated."),
            title=_("Publish the holiday calendar"),
            button=_("Publish"),
            question=_(
                "A published holiday calendar cannot be changed. To correct it, create a new"
                " version."
            ),
            details=(
                _impact_table(publishing.holiday_calendar_impact(one))
                if one.published_at is None
                else ""
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
        draft = publishing.draft_holiday_calendar(one.organization, one.site, one.year)
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


def _impact_table(changes: Iterable[publishing.DebitChange]) -> SafeString:
    rows = (
        (
            link_html(change_url(one.application), str(one.application)),
            f"{one.half_days_before / 2:g}",
            f"{one.half_days_after / 2:g}",
        )
        for one in changes
    )
    return table_html(
        (_("Leave"), _("Days now"), _("Days after publishing")),
        rows,
        _("No leave would be debited differently."),
    )


# --- Rules ----------------------------------------------------------------------------------------
class SanctionRuleInline(TenantInline):
    """Who may sanction what."""

    model = SanctionRule
    fields = ("kind", "authority", "up_to_days", "recommendation")
    can_delete = True
    verbose_name_plural = _(
        "sanctioning authority by leave type and length; without rows, every officer who may decide"
        " for the employee"
    )

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_draft(obj) and bool(super().has_add_permission(request, obj))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_draft(obj) and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_draft(obj) and bool(super().has_delete_permission(request, obj))


def _is_draft(obj: Any) -> bool:
    return obj is None or obj.published_at is None


@admin.register(LeavePolicy)
class LeavePolicyAdmin(ActionFormMixin, TenantAdmin):
    """Versions of the leave rules. A new one starts from the central government's; each kind has
    its own page.
    """

    fieldsets = (
        (None, {"fields": ("name", ("scheme", "effective_from"), ("source", "weekly_offs"))}),
        (
            _("Options where the orders differ"),
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
    detail_fieldsets = (
        (_("Leave types"), {"fields": ("kinds",)}),
        (_("Allowed combinations"), {"fields": ("combinations",)}),
        (None, {"fields": (("published_at", "published_by"),)}),
    )
    readonly_fields = ("kinds", "published_at", "published_by")
    save_functions: ClassVar = {
        LeavePolicy: publishing.save_leave_policy,
        SanctionRule: publishing.save_sanction_rule,
    }
    inlines = (SanctionRuleInline,)
    list_display = ("name", "scheme", "effective_from", "badge")
    list_filter = ("scheme",)
    search_fields = ("name",)
    actions_detail = ("publish", "next_version")
    empty_title = _("No leave policies yet")
    empty_text = _(
        "Add a version. It starts with the rules of the central government and has no effect until"
        " you publish it."
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        found = super().get_fieldsets(request, obj)
        return [*found, *self.detail_fieldsets] if obj else found

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        draft = not isinstance(obj, LeavePolicy) or obj.published_at is None
        return draft and bool(super().has_change_permission(request, obj))

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """Rows hang on a version that exists."""
        return super().get_inlines(request, obj) if obj else ()

    def remove_row(self, row: Any) -> None:
        publishing.delete_sanction_rule(row)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """A new version starts with all kinds of the central government's rules."""
        if change:
            publishing.save_leave_policy(obj)
            return
        data = publishing.ccs_1972_rules()
        obj.combinations = data["combinations"]
        publishing.save_leave_policy(obj)
        publishing.add_leave_type_rules(obj, data["kinds"])

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
        return self.action_page(
            request,
            one,
            ConfirmationForm(posted_data(request)),
            lambda said: publishing.publish_leave_policy(one, actor=request.user),  # type: ignore[arg-type]
            _("Published. The leave it affects was recalculated."),
            title=_("Publish the leave policy"),
            button=_("Publish"),
            question=_(
                "From its first day on, accounts are credited by this policy. To correct it, create"
                " a new version."
            ),
            details=_policy_impact_table(one) if one.published_at is None else "",
        )

    @action(
        description=_("Next version"),
        url_path="next-version",
        icon="content_copy",
        permissions=["publish"],
    )
    def next_version(self, request: HttpRequest, object_id: str) -> HttpResponse:
        one = self.object_or_404(request, object_id)
        return self.action_page(
            request,
            one,
            NextPolicyVersionForm(posted_data(request)),
            lambda said: publishing.draft_next_leave_policy(one, said["effective_from"]),
            _("A draft was created. It is in the list."),
            title=_("Create the next version"),
            button=_("Create"),
        )

    @display(description=_("state"))
    def badge(self, policy: LeavePolicy) -> Any:
        return (
            badge_html(_("Published"), "success")
            if policy.published_at
            else badge_html(_("Draft"), "warning")
        )

    @display(description=_("leave types"))
    def kinds(self, policy: LeavePolicy) -> SafeString:
        rows = (
            (
                link_html(change_url(rule), rule.get_kind_display()),
                f"{rule.amount:g}",
                rule.get_cycle_display(),
                f"{rule.ceiling:g}",
                rule.stretch_days or "–",
                _("yes") if rule.half_days else _("no"),
            )
            for rule in policy.rules.all()
        )
        head = (
            _("Kind"),
            _("Days"),
            _("Credited"),
            _("Carried forward"),
            _("At a stretch"),
            _("Half days"),
        )
        return table_html(head, rows, _("No leave types."))


def _policy_impact_table(policy: LeavePolicy) -> SafeString:
    try:
        return _impact_table(publishing.leave_policy_impact(policy))
    except ValidationError as error:
        return format_html('<p class="muster-error">{}</p>', " ".join(error.messages))


@admin.register(LeaveTypeRule)
class LeaveTypeRuleAdmin(TenantAdmin):
    """One kind of leave in one version of the rules: numbers can be edited until the version is
    published.
    """

    fieldsets = (
        (None, {"fields": ("policy", ("kind", "nature"), ("account", "factor"), "eligible_group")}),
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
            _("Conditions"),
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
    save_functions: ClassVar = {LeaveTypeRule: publishing.save_leave_type_rule}
    list_display = ("policy", "kind", "amount", "cycle", "ceiling")
    list_filter = ("policy", "kind")
    list_select_related = ("policy", "organization")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        fields = super().get_readonly_fields(request, obj)
        return (*fields, "policy", "kind") if obj else fields

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        draft = not isinstance(obj, LeaveTypeRule) or obj.policy.published_at is None
        return draft and bool(super().has_change_permission(request, obj))


# --- People ---------------------------------------------------------------------------------------
@admin.register(LeaveProfile)
class LeaveProfileAdmin(TenantAdmin):
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
    save_functions: ClassVar = {LeaveProfile: records.save_leave_profile}
    autocomplete_fields = ("employee",)
    list_display = ("employee", "starts_on", "scheme", "sex", "single", "disabled")
    list_filter = ("scheme",)
    list_select_related = ("employee", "organization")
    search_fields = ("employee__code", "employee__name")
    empty_title = _("No leave details yet")
    empty_text = _(
        "Needed for child care leave, disabled staff and groups with their own leave policy."
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
class AbsenceAdmin(ActionFormMixin, TenantAdmin):
    """Extraordinary leave and dies-non: they make the next credit smaller."""

    fieldsets = ((None, {"fields": ("employee", "kind", ("starts_on", "ends_on"), "reason")}),)
    detail_fieldsets = (None, {"fields": (("entered_at", "entered_by"), "revoked_at")})
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
        return [*found, self.detail_fieldsets] if obj else found

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        records.save_absence(obj, actor=request.user)  # type: ignore[arg-type]

    def has_revoke_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("leaves.change_absence"))

    @action(description=_("Revoke"), url_path="revoke", icon="undo", permissions=["revoke"])
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        one = self.object_or_404(request, object_id)
        return self.action_page(
            request,
            one,
            ConfirmationForm(posted_data(request)),
            lambda said: records.revoke_absence(one),
            _("Revoked."),
            title=_("Revoke the absence"),
            button=_("Revoke"),
            question=_("Its reduction of later credits is reversed."),
        )


@admin.register(Suspension)
class SuspensionAdmin(ActionFormMixin, TenantAdmin):
    """Suspensions: no leave is granted while they last."""

    fieldsets = ((None, {"fields": ("employee", ("starts_on", "ends_on"), "reason")}),)
    detail_fieldsets = (
        None,
        {"fields": ("leave_table", ("entered_at", "entered_by"), "revoked_at")},
    )
    readonly_fields = ("leave_table", "entered_at", "entered_by", "revoked_at")
    autocomplete_fields = ("employee",)
    list_display = ("employee", "starts_on", "ends_on", "revoked_at")
    list_select_related = ("employee", "organization")
    search_fields = ("employee__code", "employee__name")
    actions_detail = ("end", "revoke")
    empty_title = _("No suspensions")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        found = super().get_fieldsets(request, obj)
        return [*found, self.detail_fieldsets] if obj else found

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
    def end(self, request: HttpRequest, object_id: str) -> HttpResponse:
        one = self.object_or_404(request, object_id)
        return self.action_page(
            request,
            one,
            EndSuspensionForm(posted_data(request)),
            lambda said: records.end_suspension(one, said["ends_on"]),
            _("Saved."),
            title=_("Set the last day of the suspension"),
            button=_("Resolve"),
        )

    @action(description=_("Revoke"), url_path="revoke", icon="undo", permissions=["revoke"])
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        one = self.object_or_404(request, object_id)
        return self.action_page(
            request,
            one,
            ConfirmationForm(posted_data(request)),
            lambda said: records.revoke_suspension(one),
            _("Revoked."),
            title=_("Revoke the suspension"),
            button=_("Revoke"),
            question=_("The suspension will count as if it had never existed."),
        )

    @display(description=_("leave on these days"))
    def leave_table(self, suspension: Suspension) -> SafeString:
        """What was asked for or granted before: HR cancels it or cuts it short."""
        rows = (
            LeaveApplication.objects.of(suspension.organization_id)
            .filter(employee=suspension.employee, ends_on__gte=suspension.starts_on)
            .live()
        )
        if suspension.ends_on is not None:
            rows = rows.filter(starts_on__lte=suspension.ends_on)
        told = ((link_html(change_url(row), str(row)), row.get_status_display()) for row in rows)
        return table_html((_("Leave"), _("Status")), told, _("None."))


class LateMarkForm(TenantForm):
    """A late day that HR confirms."""

    condone = forms.BooleanField(label=_("Condone"), required=False, widget=UnfoldBooleanWidget)


@admin.register(LateMark)
class LateMarkAdmin(ActionFormMixin, TenantAdmin):
    """Days of late coming, and what they cost: confirmed by HR, never edited."""

    form = LateMarkForm
    fieldsets = ((None, {"fields": ("employee", ("date", "minutes"), "condone", "reason")}),)
    detail_fieldsets = (
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
    actions_detail = ("debit_owed",)
    empty_title = _("No late marks yet")
    empty_text = _("Add a late mark. It costs half a day of casual leave unless it is condoned.")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return super().get_fieldsets(request, obj) if obj is None else list(self.detail_fieldsets)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        late = records.LateDecision(obj.minutes, form.cleaned_data["condone"], obj.reason)
        obj.pk = records.record_late_mark(obj.employee, obj.date, late, actor=request.user).pk  # type: ignore[arg-type]

    def has_settle_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("leaves.add_leaveadjustment"))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        one = self.get_object(request, str(object_id))
        owed = one is not None and one.outcome == LateMark.Outcome.OWED
        return super().get_actions_detail(request, object_id) if owed else []

    @action(
        description=_("Debit owed half-days…"),
        url_path="settle-owed",
        icon="gavel",
        permissions=["settle"],
    )
    def debit_owed(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Proposes an order; another person confirms it among the orders."""
        one = self.object_or_404(request, object_id)
        return self.action_page(
            request,
            one,
            OwedDebitForm(posted_data(request)),
            lambda said: self._propose_debit(request, one, said["effective_on"]),
            _("The leave adjustment was proposed. Another person must confirm it."),
            title=_("Debit owed half-days from earned leave"),
            button=_("Propose the adjustment"),
            question=_("The two oldest half-days owed become one day of earned leave."),
        )

    def _propose_debit(self, request: HttpRequest, late_mark: LateMark, effective_on: Any) -> None:
        if (
            records.propose_owed_debit(
                late_mark.employee,
                actor=request.user,  # type: ignore[arg-type]
                effective_on=effective_on,
            )
            is None
        ):
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
        reply: HttpResponse = self.serve_attachment(request, one, one.file, f"certificate-{one.pk}")
        if reply.status_code == HTTPStatus.OK:
            record_attachment_download(one, actor=request.user, request=request)
        return reply
