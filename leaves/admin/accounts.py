"""The console's pages of leave balances and of ledger entries."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import formats, timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from accounts.permissions import local_today
from core.action_pages import ActionFormMixin, posted_data
from core.admin_html import change_url, link_html, table_html
from core.tenant_admin import ReadOnlyTenantAdmin
from leaves import charts as leave_charts
from leaves.admin.encashment import encashment_table
from leaves.admin.forms import EncashmentForm
from leaves.models import LeaveAccount, LeaveTypeChoices
from leaves.services.adjustments import propose_encashment


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
            lambda said: propose_encashment(one, actor=request.user, **said),  # type: ignore[arg-type]
            _("The leave adjustment was proposed. Another person must confirm it."),
            title=_("Encash leave"),
            button=_("Propose the adjustment"),
            details=encashment_table(one.employee, one.kind, day),
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
