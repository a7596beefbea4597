"""The console's pages on tours: decided here, entered by HR for somebody, never edited."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.utils import formats, timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminSplitDateTimeWidget, UnfoldAdminTextareaWidget

from accounts.approvals.admin import ApproverRowsMixin
from accounts.audit import record_attachment_download
from accounts.permissions import can_decide_for
from core.action_pages import posted_data
from core.admin_forms import TenantForm
from core.admin_html import badge_html, change_url, link_html, table_html
from core.tenant_admin import ReadOnlyTenantAdmin, TenantAdmin
from core.tenant_visibility import is_operator
from tours import attachments as tour_attachments
from tours import services
from tours.models import Tour, TourDocument

COLOURS: Final = {
    "draft": "info",
    "pending": "warning",
    "approved": "success",
    "rejected": "danger",
    "cancelled": "info",
    "completed": "success",
}


class TourRemarksForm(forms.Form):
    """Why."""

    remarks = forms.CharField(
        label=_("Remarks"),
        max_length=500,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )


class TourEndForm(TourRemarksForm):
    """The new time of return."""

    end_at = forms.SplitDateTimeField(label=_("Return"), widget=UnfoldAdminSplitDateTimeWidget)
    field_order = ("end_at", "remarks")


class TourForm(TenantForm):
    """A tour that HR enters for somebody: places one a line."""

    places_text = forms.CharField(
        label=_("Places, one per line"),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )

    def clean(self) -> dict[str, Any]:
        """Places as a list."""
        found: dict[str, Any] = super().clean() or {}
        self.instance.places = [
            one.strip() for one in found.get("places_text", "").splitlines() if one.strip()
        ]
        return found


@admin.register(Tour)
class TourAdmin(ApproverRowsMixin, TenantAdmin):
    """Tours and other duty away from the office."""

    all_rows_permission = "tours.add_tour"
    form = TourForm
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "employee",
                    ("tour_type", "order_no"),
                    "purpose",
                    "places_text",
                    ("start_at", "end_at"),
                )
            },
        ),
    )
    detail_fieldsets = (
        (
            None,
            {
                "fields": (
                    ("employee", "badge"),
                    ("tour_type", "order_no"),
                    "purpose",
                    "places",
                    ("start_at", "end_at"),
                )
            },
        ),
        (_("Documents"), {"fields": ("documents_table",)}),
        (
            _("Decision"),
            {
                "fields": (
                    ("applied_at", "applied_by"),
                    ("decided_at", "decided_by"),
                    "remarks",
                    "report",
                )
            },
        ),
        (_("History"), {"fields": ("events_table",)}),
    )
    readonly_fields = ("badge", "documents_table", "events_table")
    autocomplete_fields = ("employee",)
    list_display = ("employee", "tour_type", "start_at", "end_at", "badge", "decided_by")
    list_filter = ("status", "tour_type")
    list_select_related = ("employee", "decided_by", "organization")
    search_fields = ("employee__code", "employee__name")
    date_hierarchy = "start_at"
    actions_detail = ("approve", "reject", "curtail", "extend", "cancel")
    empty_title = _("No tours yet")
    empty_text = _("Employees apply from their phones. HR can enter a tour for an employee.")

    def get_queryset(self, request: HttpRequest) -> Any:
        """Drafts are their traveller's alone."""
        return super().get_queryset(request).exclude(status=Tour.Status.DRAFT)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return super().get_fieldsets(request, obj) if obj is None else list(self.detail_fieldsets)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        services.apply_for_tour(obj, actor=request.user, self_service=False)  # type: ignore[arg-type]

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
            lambda one, said: services.decide_tour(
                one,
                actor=request.user,  # type: ignore[arg-type]
                approve=approve,
                remarks=said["remarks"],
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
            lambda one, said: services.curtail_tour(
                one,
                end_at=said["end_at"],
                actor=request.user,  # type: ignore[arg-type]
                remarks=said["remarks"],
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
            lambda one, said: services.extend_tour(
                one,
                end_at=said["end_at"],
                actor=request.user,  # type: ignore[arg-type]
                remarks=said["remarks"],
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
            lambda one, said: services.cancel_tour(
                one,
                actor=request.user,  # type: ignore[arg-type]
                remarks=said["remarks"],
            ),
            _("Cancelled."),
            title=_("Cancel the tour"),
            button=_("Cancel it"),
            danger=True,
        )

    @display(description=_("status"))
    def badge(self, tour: Tour) -> Any:
        return badge_html(tour.get_status_display(), COLOURS[tour.status])

    @display(description=_("orders and invitations uploaded"))
    def documents_table(self, tour: Tour) -> SafeString:
        rows = (
            (
                link_html(change_url(one), one.get_kind_display()),
                one.content_type,
                filesizeformat(one.size),
                _local_datetime(one.uploaded_at),
            )
            for one in tour.documents.all()
        )
        head = (_("Document"), _("Type"), _("Size"), _("Uploaded"))
        return table_html(head, rows, _("No documents were uploaded."))

    @display(description=_("what was done"))
    def events_table(self, tour: Tour) -> SafeString:
        rows = (
            (_local_datetime(e.at), e.get_action_display(), str(e.actor or "–"), e.remarks)
            for e in tour.events.select_related("actor")
        )
        return table_html((_("At"), _("What"), _("By"), _("Remarks")), rows, _("Nothing yet."))


@admin.register(TourDocument)
class TourDocumentAdmin(ReadOnlyTenantAdmin):
    """Papers of tours that were sent in; the paper itself is given out by this page only."""

    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("employee", "kind"),
                    "tour_link",
                    ("content_type", "size"),
                    "uploaded_at",
                )
            },
        ),
    )
    readonly_fields = ("tour_link",)
    list_display = ("employee", "kind", "tour_link", "uploaded_at", "content_type", "size")
    list_filter = ("kind",)
    list_select_related = ("employee", "tour__employee", "organization")
    search_fields = ("employee__code", "employee__name")
    actions_detail = ("download",)
    empty_title = _("No documents yet")
    empty_text = _(
        "Employees upload tour orders and invitations from their phones, with their tour"
        " application."
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        """Of tours sent in: an approver sees those of the people they decide for, and nobody those
        of a draft.
        """
        rows = (
            super()
            .get_queryset(request)
            .filter(tour__isnull=False)
            .exclude(tour__status=Tour.Status.DRAFT)
        )
        if is_operator(request):
            return rows
        return rows.filter(
            pk__in=tour_attachments.readable_tour_documents(request.user).values("pk")  # type: ignore[arg-type]
        )

    def has_download_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("tours.view_tourdocument"))

    @action(
        description=_("Download"), url_path="download", icon="download", permissions=["download"]
    )
    def download(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """As an attachment: what somebody uploaded is never shown as a page of ours."""
        one = self.object_or_404(request, object_id)
        reply: HttpResponse = self.serve_attachment(request, one, one.file, f"tour-paper-{one.pk}")
        if reply.status_code == HTTPStatus.OK:
            record_attachment_download(one, actor=request.user, request=request)
        return reply

    @display(description=_("tour"))
    def tour_link(self, paper: TourDocument) -> SafeString:
        return link_html(change_url(paper.tour), str(paper.tour)) if paper.tour else SafeString("–")


def _local_datetime(at: datetime) -> str:
    return formats.date_format(timezone.localtime(at), "DATETIME_FORMAT")
