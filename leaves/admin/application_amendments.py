"""The actions of the console on an application after it was made: cut short, rejoined, convert,
overstay, cancel. The page in `leaves.admin.applications` is made of it.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.enums import ActionVariant

from accounts.permissions import can_decide_for
from core.action_pages import ActionFormMixin, posted_data
from core.tenant_admin import TenantAdmin
from core.tenant_visibility import is_operator
from leaves.admin.application_details import LeaveApplicationDetailsMixin
from leaves.admin.application_forms import (
    LeaveConvertForm,
    LeaveCurtailForm,
    LeaveRemarksForm,
    OverstayForm,
    RejoinForm,
)
from leaves.models import LeaveApplication
from leaves.services.amendments import cancel_leave, convert_leave, curtail_leave, record_rejoining
from leaves.services.overstays import record_overstay


class AmendableLeaveAdmin(ActionFormMixin, LeaveApplicationDetailsMixin, TenantAdmin):
    """Actions by officers who may decide for the employee; the overstay is HR's."""

    def has_decide_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        one = self.get_object(request, str(object_id)) if object_id else None
        if one is None:
            return bool(object_id)  # Not found, as said by the page itself.
        return is_operator(request) or can_decide_for(request.user, one.employee)  # type: ignore[arg-type]

    def get_to_decide(self, request: HttpRequest, object_id: str) -> LeaveApplication:
        one: LeaveApplication = self.object_or_404(request, object_id)
        if not self.has_decide_permission(request, object_id):
            raise PermissionDenied
        return one

    @action(
        description=_("Cut short"), url_path="curtail", icon="content_cut", permissions=["decide"]
    )
    def curtail(self, request: HttpRequest, object_id: str) -> HttpResponse:
        one = self.get_to_decide(request, object_id)
        return self.action_page(
            request,
            one,
            LeaveCurtailForm(posted_data(request)),
            lambda said: curtail_leave(
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
        one = self.get_to_decide(request, object_id)
        return self.action_page(
            request,
            one,
            RejoinForm(posted_data(request)),
            lambda said: record_rejoining(one, on=said["rejoined_on"], actor=request.user),  # type: ignore[arg-type]
            _("Saved."),
            title=_("Record the return to duty"),
            button=_("Resolve"),
        )

    @action(
        description=_("Convert…"), url_path="convert", icon="swap_horiz", permissions=["decide"]
    )
    def convert(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Never on the authority's own motion: the date of the employee's request is asked for."""
        one = self.get_to_decide(request, object_id)
        return self.action_page(
            request,
            one,
            LeaveConvertForm(posted_data(request), one),
            lambda said: convert_leave(one, actor=request.user, **said),  # type: ignore[arg-type]
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
            lambda said: record_overstay(
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
        one = self.get_to_decide(request, object_id)
        return self.action_page(
            request,
            one,
            LeaveRemarksForm(posted_data(request)),
            lambda said: cancel_leave(one, actor=request.user, remarks=said["remarks"]),  # type: ignore[arg-type]
            _("Cancelled. All debits are reversed."),
            title=_("Cancel the leave"),
            button=_("Cancel it"),
            danger=True,
        )
