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

from accounts.abilities import decides_for, may_decide, today
from accounts.audit import paper_read
from employees.console import (
    ReadOnlyTenantAdmin,
    TenantAdmin,
    TenantForm,
    badge_html,
    change_url,
    link,
    sees_everything,
    small_table,
)
from employees.models import Employee
from tours import papers, services
from tours.models import Tour, TourPaper

COLOURS: Final = {
    "draft": "info",
    "pending": "warning",
    "approved": "success",
    "rejected": "danger",
    "cancelled": "info",
    "completed": "success",
}


class RemarksForm(forms.Form):
    """Why."""

    remarks = forms.CharField(
        label=_("Remarks"),
        max_length=500,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )


class NewEndForm(RemarksForm):
    """The new time of return."""

    end_at = forms.SplitDateTimeField(label=_("Return"), widget=UnfoldAdminSplitDateTimeWidget)
    field_order = ("end_at", "remarks")


class TourForm(TenantForm):
    """A tour that HR enters for somebody: places one a line."""

    places_text = forms.CharField(
        label=_("Places, one a line"),
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
class TourAdmin(TenantAdmin):
    """Tours and other duty away from the office."""

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
    shown = (
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
        (_("Papers"), {"fields": ("papers_table",)}),
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
    readonly_fields = ("badge", "papers_table", "events_table")
    autocomplete_fields = ("employee",)
    list_display = ("employee", "tour_type", "start_at", "end_at", "badge", "decided_by")
    list_filter = ("status", "tour_type")
    list_select_related = ("employee", "decided_by", "organization")
    search_fields = ("employee__code", "employee__name")
    date_hierarchy = "start_at"
    actions_detail = ("approve", "reject", "cut_short", "prolong", "take_back")
    empty_title = _("No tours yet")
    empty_text = _("People apply from their phones; HR can enter a tour for somebody.")

    def get_queryset(self, request: HttpRequest) -> Any:
        """An approver sees the people they decide for; of drafts nobody here knows."""
        rows = super().get_queryset(request).exclude(status=Tour.Status.DRAFT)
        user = request.user
        if sees_everything(request) or user.has_perm("tours.add_tour"):
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
        services.apply(obj, actor=request.user, own_hand=False)  # type: ignore[arg-type]

    def has_decide_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        one = self.get_object(request, str(object_id)) if object_id else None
        if one is None:
            return bool(object_id)  # Not found, as said by the page itself.
        return sees_everything(request) or may_decide(request.user, one.employee)  # type: ignore[arg-type]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """What can still be done."""
        one = self.get_object(request, str(object_id))
        changes = {"cut_short", "prolong", "take_back"}
        offered = {"pending": {"approve", "reject", *changes}, "approved": changes}.get(
            one.status if one else "", set()
        )
        return [
            it
            for it in super().get_actions_detail(request, object_id)
            if it.method.original_function_name in offered
        ]

    def _act(
        self,
        request: HttpRequest,
        object_id: str,
        form: forms.Form,
        do: Callable[[Tour, dict[str, Any]], Any],
        done: Any,
        **page: Any,
    ) -> HttpResponse:
        """GET shows the form; POST does it, or says at the form why not."""
        one = self.object_or_404(request, object_id)
        if not self.has_decide_permission(request, object_id):
            raise PermissionDenied
        if request.method == "POST" and form.is_valid():
            try:
                do(one, form.cleaned_data)
            except ValidationError as error:
                form.add_error(None, [str(message) for message in error.messages])
            else:
                return self.done(request, one, done)
        return self.page(request, "act", one, form=form, **page)

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
        return self._act(
            request,
            object_id,
            RemarksForm(_data(request)),
            lambda one, said: services.decide(
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
    def cut_short(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._act(
            request,
            object_id,
            NewEndForm(_data(request)),
            lambda one, said: services.curtail(
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
    def prolong(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._act(
            request,
            object_id,
            NewEndForm(_data(request)),
            lambda one, said: services.extend(
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
    def take_back(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._act(
            request,
            object_id,
            RemarksForm(_data(request)),
            lambda one, said: services.cancel(one, actor=request.user, remarks=said["remarks"]),  # type: ignore[arg-type]
            _("Cancelled."),
            title=_("Cancel the tour"),
            button=_("Cancel it"),
            danger=True,
        )

    @display(description=_("status"))
    def badge(self, tour: Tour) -> Any:
        return badge_html(tour.get_status_display(), COLOURS[tour.status])

    @display(description=_("orders and invitations"))
    def papers_table(self, tour: Tour) -> SafeString:
        rows = (
            (
                link(change_url(one), one.get_kind_display()),
                one.content_type,
                filesizeformat(one.size),
                _when(one.uploaded_at),
            )
            for one in tour.papers.all()
        )
        head = (_("Paper"), _("Type"), _("Size"), _("Uploaded"))
        return small_table(head, rows, _("The traveller handed in no papers."))

    @display(description=_("what was done"))
    def events_table(self, tour: Tour) -> SafeString:
        rows = (
            (_when(e.at), e.get_what_display(), str(e.actor or "–"), e.remarks)
            for e in tour.events.select_related("actor")
        )
        return small_table((_("At"), _("What"), _("By"), _("Remarks")), rows, _("Nothing yet."))


@admin.register(TourPaper)
class TourPaperAdmin(ReadOnlyTenantAdmin):
    """Papers of tours that were sent in; the paper itself is given out by this page only."""

    fieldsets = (
        (
            None,
            {"fields": (("employee", "kind"), "of_tour", ("content_type", "size"), "uploaded_at")},
        ),
    )
    readonly_fields = ("of_tour",)
    list_display = ("employee", "kind", "of_tour", "uploaded_at", "content_type", "size")
    list_filter = ("kind",)
    list_select_related = ("employee", "tour__employee", "organization")
    search_fields = ("employee__code", "employee__name")
    actions_detail = ("download",)
    empty_title = _("No papers yet")
    empty_text = _(
        "People hand in tour orders and invitations from their phones, with the tour they apply"
        " for."
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
        if sees_everything(request):
            return rows
        return rows.filter(pk__in=papers.readable(request.user).values("pk"))  # type: ignore[arg-type]

    def has_download_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("tours.view_tourpaper"))

    @action(
        description=_("Download"), url_path="download", icon="download", permissions=["download"]
    )
    def download(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """As an attachment: what somebody uploaded is never shown as a page of ours."""
        one = self.object_or_404(request, object_id)
        reply: HttpResponse = self.hand_out(request, one, one.file, f"tour-paper-{one.pk}")
        if reply.status_code == HTTPStatus.OK:
            paper_read(one, actor=request.user, request=request)
        return reply

    @display(description=_("tour"))
    def of_tour(self, paper: TourPaper) -> SafeString:
        return link(change_url(paper.tour), str(paper.tour)) if paper.tour else SafeString("–")


def _when(at: datetime) -> str:
    return formats.date_format(timezone.localtime(at), "DATETIME_FORMAT")


def _data(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None
