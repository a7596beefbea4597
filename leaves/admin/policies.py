"""The console's page of leave policies: versions of the leave rules, with who may sanction
leave.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from core.action_pages import ActionFormMixin, posted_data
from core.admin_html import badge_html, change_url, link_html, table_html
from core.admin_inlines import TenantInline
from core.tenant_admin import TenantAdmin
from leaves.admin.drafts import impact_table, is_draft
from leaves.admin.forms import ConfirmationForm, NextPolicyVersionForm
from leaves.models import LeavePolicy, SanctionRule
from leaves.services.policy_publishing import (
    add_leave_type_rules,
    ccs_1972_rules,
    delete_sanction_rule,
    draft_next_leave_policy,
    leave_policy_impact,
    publish_leave_policy,
    save_leave_policy,
    save_sanction_rule,
)


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
        return is_draft(obj) and bool(super().has_add_permission(request, obj))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_draft(obj) and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_draft(obj) and bool(super().has_delete_permission(request, obj))


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
        LeavePolicy: save_leave_policy,
        SanctionRule: save_sanction_rule,
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
        delete_sanction_rule(row)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """A new version starts with all kinds of the central government's rules."""
        if change:
            save_leave_policy(obj)
            return
        data = ccs_1972_rules()
        obj.combinations = data["combinations"]
        save_leave_policy(obj)
        add_leave_type_rules(obj, data["kinds"])

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
            lambda said: publish_leave_policy(one, actor=request.user),  # type: ignore[arg-type]
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
            lambda said: draft_next_leave_policy(one, said["effective_from"]),
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
        return impact_table(leave_policy_impact(policy))
    except ValidationError as error:
        return format_html('<p class="muster-error">{}</p>', " ".join(error.messages))
