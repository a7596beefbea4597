"""The console's pages that lock a month for payroll and unlock it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils import formats, timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminTextareaWidget

from attendance.days import labels as day_labels
from attendance.days import locking
from attendance.models import (
    DayAdjustment,
    PeriodLock,
)
from core.action_pages import ActionFormMixin
from core.admin_forms import TenantForm
from core.admin_html import badge_html, table_html
from core.tenant_admin import TenantAdmin


class PeriodLockForm(TenantForm):
    """The month to lock: the last one that is over, unless another is chosen."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "month" in self.fields:
            self.fields["month"].initial = (
                timezone.localdate().replace(day=1) - timedelta(days=1)
            ).replace(day=1)

    def clean_month(self) -> date:
        """The first day of the month that was meant."""
        found: date = self.cleaned_data["month"].replace(day=1)
        return found


class UnlockForm(forms.Form):
    """Why."""

    reason = forms.CharField(
        label=_("Reason"), max_length=400, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


class PeriodLockAdmin(ActionFormMixin, TenantAdmin):
    """Months that have gone to payroll."""

    form = PeriodLockForm
    fieldsets = ((None, {"fields": ("month",)}),)
    shown = (
        (
            None,
            {
                "fields": (
                    ("badge",),
                    ("locked_at", "locked_by"),
                    ("lifted_at", "lifted_by"),
                    "reason",
                )
            },
        ),
        (_("Late adjustments"), {"fields": ("late_adjustments",)}),
    )
    readonly_fields = (
        "badge",
        "locked_at",
        "locked_by",
        "lifted_at",
        "lifted_by",
        "late_adjustments",
    )
    list_display = (
        "month_name",
        "badge",
        "locked_by",
        "locked_at",
        "lifted_by",
        "late_adjustment_count",
    )
    list_select_related = ("locked_by", "lifted_by", "organization")
    actions_detail = ("unlock",)
    empty_title = _("No month is locked")
    empty_text = _(
        "Lock a month when its days go to payroll. Later changes are then counted in the open"
        " month."
    )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        found = super().get_fieldsets(request, obj)
        return [*found, *self.shown] if obj else found

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        made = locking.lock_month(obj.organization, obj.month, actor=request.user)  # type: ignore[arg-type]
        obj.pk, obj._state.adding = made.pk, False

    def has_unlock_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("attendance.change_periodlock"))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        one = self.get_object(request, str(object_id))
        return (
            super().get_actions_detail(request, object_id)
            if one is not None and one.lifted_at is None
            else []
        )

    @action(
        description=_("Unlock…"),
        url_path="unlock",
        icon="lock_open",
        variant=ActionVariant.DANGER,
        permissions=["unlock"],
    )
    def unlock(self, request: HttpRequest, object_id: str) -> HttpResponse:
        one = self.object_or_404(request, object_id)
        return self.action_page(
            request,
            one,
            UnlockForm(request.POST if request.method == "POST" else None),
            lambda said: locking.unlock_month(one, actor=request.user, reason=said["reason"]),  # type: ignore[arg-type]
            _(
                "Unlocked. The days of the month are recalculated from their punches, and their"
                " adjustments in other months are reversed."
            ),
            title=_("Unlock %(month)s") % {"month": one},
            button=_("Unlock the month"),
            danger=True,
            question=_("Days of this month may change after payroll has used them."),
        )

    @display(description=_("month"), ordering="month")
    def month_name(self, lock: PeriodLock) -> str:
        return formats.date_format(lock.month, "F Y")

    @display(description=_("state"))
    def badge(self, lock: PeriodLock) -> Any:
        return (
            badge_html(_("Unlocked"), "warning")
            if lock.lifted_at
            else badge_html(_("Locked"), "success")
        )

    @display(description=_("late adjustments"))
    def late_adjustment_count(self, lock: PeriodLock) -> int:
        return DayAdjustment.objects.filter(lock=lock).count()

    @display(description=_("day adjustments"))
    def late_adjustments(self, lock: PeriodLock) -> Any:
        found = (
            DayAdjustment.objects.filter(lock=lock).select_related("employee").order_by("id")[:200]
        )
        rows = (
            (
                formats.date_format(one.date),
                one.employee,
                day_labels.adjustment_values_text(one.before),
                day_labels.adjustment_values_text(one.after),
                f"{one.posted_to:%Y-%m}",
            )
            for one in found
        )
        head = (_("Day"), _("Employee"), _("Was"), _("Is now"), _("Counted in"))
        return table_html(head, rows, _("No late adjustments."))
