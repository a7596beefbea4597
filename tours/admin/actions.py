"""What an approver does with a tour in the console: approve, reject, curtail, extend, cancel.

The base of the page of tours; each action calls the same verb as the API.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.enums import ActionVariant

from accounts.approvals.admin import ApproverRowsMixin
from accounts.permissions import can_decide_for
from core.action_pages import posted_data
from core.tenant_admin import TenantAdmin
from core.tenant_visibility import is_operator
from tours.admin.forms import TourEndForm, TourRemarksForm
from tours.models import Tour
from tours.services.changes import cancel_tour, curtail_tour, extend_tour
from tours.services.decisions import decide_tour


class TourActionsAdmin(ApproverRowsMixin, TenantAdmin):
    """What an approver does with a tour, as buttons on its page."""

    actions_detail = ("approve", "reject", "curtail", "extend", "cancel")

    def has_decide_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        one = self.get_object(request, str(object_id)) if object_id else None
        if one is None:
            return bool(object_id)  # Not found, as said by the page itself.
        return is_operator(request) or can_decide_for(request.user, one.employee)  # type: ignore[arg-type]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """What can still be done."""
        one = self.get_object(request, str(object_id))
        changes = {"curtail", "extend", "cancel"}
        offered = {"pending": {"approve", "reject", *changes}, "approved": changes}.get(
            one.status if one else "", set()
        )
        return [
            it
            for it in super().get_actions_detail(request, object_id)
            if it.method.original_function_name in offered
        ]

    def _action_page(
        self,
        request: HttpRequest,
        object_id: str,
        form: forms.Form,
        verb: Callable[[Tour, dict[str, Any]], Any],
        success_message: Any,
        **page: Any,
    ) -> HttpResponse:
        """GET shows the form; POST does it, or says at the form why not."""
        one = self.object_or_404(request, object_id)
        if not self.has_decide_permission(request, object_id):
            raise PermissionDenied
        if request.method == "POST" and form.is_valid():
            try:
                verb(one, form.cleaned_data)
            except ValidationError as error:
                form.add_error(None, [str(message) for message in error.messages])
            else:
                return self.finish_action(request, one, success_message)
        return self.render_page(request, "action_form", one, form=form, **page)

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
            title=_("Approve the tour"),
            button=_("Approve"),
            done=_("Approved."),
        )

    @action(description=_("Reject"), url_path="reject", icon="close", permissions=["decide"])
    def reject(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._decide(
            request,
            object_id,
            approve=False,
            title=_("Reject the tour"),
            button=_("Reject"),
            done=_("Rejected."),
        )

    def _decide(
        self, request: HttpRequest, object_id: str, *, approve: bool, done: Any, **page: Any
    ) -> HttpResponse:
        return self._action_page(
            request,
            object_id,
            TourRemarksForm(posted_data(request)),
            lambda one, data: decide_tour(
                one,
                actor=request.user,  # type: ignore[arg-type]
                approve=approve,
                remarks=data["remarks"],
            ),
            done,
            danger=not approve,
            **page,
        )

    @action(
        description=_("Cut short"), url_path="curtail", icon="content_cut", permissions=["decide"]
    )
    def curtail(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._action_page(
            request,
            object_id,
            TourEndForm(posted_data(request)),
            lambda one, data: curtail_tour(
                one,
                end_at=data["end_at"],
                actor=request.user,  # type: ignore[arg-type]
                remarks=data["remarks"],
            ),
            _("Cut short."),
            title=_("Cut the tour short"),
            button=_("Cut short"),
        )

    @action(description=_("Extend"), url_path="extend", icon="update", permissions=["decide"])
    def extend(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._action_page(
            request,
            object_id,
            TourEndForm(posted_data(request)),
            lambda one, data: extend_tour(
                one,
                end_at=data["end_at"],
                actor=request.user,  # type: ignore[arg-type]
                remarks=data["remarks"],
            ),
            _("Extended."),
            title=_("Extend the tour"),
            button=_("Extend"),
        )

    @action(
        description=_("Cancel"),
        url_path="cancel",
        icon="undo",
        variant=ActionVariant.DANGER,
        permissions=["decide"],
    )
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._action_page(
            request,
            object_id,
            TourRemarksForm(posted_data(request)),
            lambda one, data: cancel_tour(
                one,
                actor=request.user,  # type: ignore[arg-type]
                remarks=data["remarks"],
            ),
            _("Cancelled."),
            title=_("Cancel the tour"),
            button=_("Cancel it"),
            danger=True,
        )
