"""The console's page of late marks: confirmed by HR, never edited."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from core.action_pages import ActionFormMixin, posted_data
from core.tenant_admin import TenantAdmin
from leaves.admin.forms import LateMarkForm, OwedDebitForm
from leaves.models import LateMark
from leaves.services.late_marks import LateDecision, propose_owed_debit, record_late_mark


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
        late = LateDecision(obj.minutes, form.cleaned_data["condone"], obj.reason)
        obj.pk = record_late_mark(obj.employee, obj.date, late, actor=request.user).pk  # type: ignore[arg-type]

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
            propose_owed_debit(
                late_mark.employee,
                actor=request.user,  # type: ignore[arg-type]
                effective_on=effective_on,
            )
            is None
        ):
            raise ValidationError(_("Fewer than two half-days are owed."))
