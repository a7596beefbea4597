"""“My reports” in the console: reports that were made in the background, how far they are, and
their files.

The verbs are in `reports.jobs`; the columns are in `job_columns`.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.enums import ActionVariant

from core.admin_html import changelist_url
from core.tenant_admin import ReadOnlyTenantAdmin
from core.tenant_visibility import is_operator
from reports.admin.job_columns import ReportJobColumns, is_downloadable
from reports.jobs.deletion import delete_report_job
from reports.jobs.downloads import download_report
from reports.jobs.permissions import jobs_visible_to
from reports.jobs.services import cancel_report_job, request_report_again
from reports.models import ReportJob

# So many rows at most are asked about by a page that refreshes itself.
MAX_POLLED_JOBS = 50


class ReportJobAdmin(ReportJobColumns, ReadOnlyTenantAdmin):
    """One's own; for administrators those of their organization. Asking for one is the page of the
    report.
    """

    fieldsets = (
        (None, {"fields": (("report_title", "file_format"), "parameter_text", "progress")}),
        (_("File"), {"fields": (("name", "file_size"), ("available_until", "row_count"))}),
        (_("When"), {"fields": (("asked_by", "created_at"), ("started_at", "finished_at"))}),
    )
    readonly_fields = (
        "report_title",
        "file_format",
        "parameter_text",
        "progress",
        "file_size",
        "available_until",
        "row_count",
    )
    list_display = (
        "report_title",
        "file_format",
        "parameter_text",
        "progress",
        "created_at",
        "available_until",
        "next_action",
    )
    list_filter = ("state",)
    list_select_related = ("asked_by", "organization")
    actions_detail = ("file", "cancel", "repeat", "discard")
    empty_title = _("You have no background reports yet")
    empty_text = _(
        "Open a report under Reports and choose “Run in the background”. It appears here, also"
        " after you sign out."
    )

    class Media:
        js = ("muster/report_jobs.js",)

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        if is_operator(request):
            return rows
        return rows.filter(pk__in=jobs_visible_to(request.user).values("pk"))  # type: ignore[arg-type]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """A user who sees reports of others also sees who requested each."""
        found = super().get_list_display(request)
        mine = self.get_queryset(request).exclude(asked_by=request.user.pk)
        return [*found[:3], "asked_by", *found[3:]] if mine.exists() else found

    def get_urls(self) -> list[Any]:
        own = path(
            "progress/",
            self.admin_site.admin_view(self.progress_view),
            name="reports_reportjob_progress",
        )
        return [own, *super().get_urls()]

    def progress_view(self, request: HttpRequest) -> HttpResponse:
        """How far some jobs are, for the page that refreshes itself: id → the HTML of its cell,
        and whether it is unfinished.
        """
        asked = [
            int(one)
            for one in request.GET.get("ids", "").split(",")[:MAX_POLLED_JOBS]
            if one.isdecimal() and len(one) < 19
        ]
        rows = (
            self.get_queryset(request).filter(pk__in=asked)
            if self.has_view_permission(request)
            else []
        )
        cells = {
            str(job.pk): {"html": self.progress(job), "open": job.is_unfinished} for job in rows
        }
        return JsonResponse(cells, headers={"Cache-Control": "private, no-store"})

    # --- What can be done -------------------------------------------------------------------------
    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """What its state allows."""
        found = super().get_actions_detail(request, object_id)
        job = self.get_object(request, str(object_id))
        if job is None:
            return []
        fits = {
            "file": is_downloadable(job),
            "cancel": job.is_unfinished,
            "repeat": not job.is_unfinished,
            "discard": not job.is_unfinished,
        }
        return [
            one
            for one in found
            if fits.get(str(one.path).rpartition("/")[2].replace("-", "_"), True)
        ]

    @action(description=_("Download"), url_path="file", icon="download")
    def file(self, request: HttpRequest, object_id: str) -> HttpResponse:
        job = self.object_or_404(request, object_id)
        if is_operator(request):
            return self._notice(
                request, job, _("Only staff of the organization may open its reports.")
            )
        try:
            return download_report(job, actor=request.user, request=request)  # type: ignore[return-value, arg-type]
        except ValidationError as error:
            return self._notice(
                request, job, " ".join(error.messages), getattr(error, "status", 409)
            )

    def _notice(
        self, request: HttpRequest, job: ReportJob, text: Any, status: int = 403
    ) -> HttpResponse:
        page = self.render_page(
            request, "notice", job, title=_("There is no file to open"), text=text
        )
        page.status_code = status
        return page

    @action(
        description=_("Cancel…"), url_path="cancel", icon="cancel", variant=ActionVariant.DANGER
    )
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        job = self.object_or_404(request, object_id)
        return self._confirm_and_run(
            request,
            job,
            lambda: cancel_report_job(job),
            _("Cancelled."),
            title=_("Cancel this report"),
            danger=True,
            question=_("The progress so far is discarded. You can request the report again."),
            button=_("Cancel the report"),
        )

    @action(description=_("Request again…"), url_path="repeat", icon="refresh")
    def repeat(self, request: HttpRequest, object_id: str) -> HttpResponse:
        job = self.object_or_404(request, object_id)
        if is_operator(request):
            return self._notice(
                request, job, _("Only staff of the organization may request its reports.")
            )
        return self._confirm_and_run(
            request,
            job,
            lambda: request_report_again(job, actor=request.user, request=request),  # type: ignore[arg-type]
            _("The report is requested. It runs in the background and appears here."),
            title=_("Request again"),
            button=_("Request again"),
            question=_("The same report is created again with the current data."),
        )

    @action(
        description=_("Delete…"),
        url_path="discard",
        icon="delete",
        variant=ActionVariant.DANGER,
    )
    def discard(self, request: HttpRequest, object_id: str) -> HttpResponse:
        job = self.object_or_404(request, object_id)
        return self._confirm_and_run(
            request,
            job,
            lambda: delete_report_job(job),
            _("Deleted."),
            title=_("Delete this report"),
            danger=True,
            question=_("The file is deleted immediately. The record of downloads stays."),
            button=_("Delete the report"),
        )

    def _confirm_and_run(
        self, request: HttpRequest, job: ReportJob, do: Any, done: Any, **page: Any
    ) -> HttpResponse:
        """GET asks, POST does; then back to the list, with a word."""
        if request.method != "POST":
            return self.render_confirmation(request, job, **page)
        try:
            do()
        except ValidationError as error:
            self.show_error(request, error)
        else:
            messages.success(request, done)
        return redirect(changelist_url(ReportJob))
