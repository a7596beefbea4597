"""“My reports” in the console: reports that were made in the background, how far they are, and
their files.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.defaultfilters import filesizeformat
from django.urls import path, reverse
from django.utils import formats, timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from core.admin_html import badge_html, changelist_url, link_html
from core.tenant_admin import ReadOnlyTenantAdmin
from core.tenant_visibility import is_operator
from reports import board_admin as _board_admin  # noqa: F401  Its pages are registered there.
from reports import jobs
from reports.catalog import REPORTS
from reports.formats import FORMATS
from reports.models import ReportJob

JobState = ReportJob.State
COLOURS = {
    JobState.QUEUED: "info",
    JobState.RUNNING: "info",
    JobState.DONE: "success",
    JobState.FAILED: "danger",
    JobState.CANCELLED: "warning",
    JobState.EXPIRED: "warning",
}
# So many rows at most are asked about by a page that refreshes itself.
MAX_POLLED_JOBS = 50


@admin.register(ReportJob)
class ReportJobAdmin(ReadOnlyTenantAdmin):
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
        return rows.filter(pk__in=jobs.jobs_visible_to(request.user).values("pk"))  # type: ignore[arg-type]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Whoever sees reports of others sees whose each is."""
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
        """How far some jobs are, for the page that refreshes itself: id → what stands in its cell,
        and whether it goes on.
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
        told = {
            str(job.pk): {"html": self.progress(job), "open": job.is_unfinished} for job in rows
        }
        return JsonResponse(told, headers={"Cache-Control": "private, no-store"})

    # --- What can be done -------------------------------------------------------------------------
    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """What its state allows."""
        found = super().get_actions_detail(request, object_id)
        job = self.get_object(request, str(object_id))
        if job is None:
            return []
        fits = {
            "file": _has_file(job),
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
            return jobs.download_report(job, actor=request.user, request=request)  # type: ignore[return-value, arg-type]
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
            lambda: jobs.cancel_report_job(job),
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
            lambda: jobs.request_report_again(job, actor=request.user, request=request),  # type: ignore[arg-type]
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
            lambda: jobs.delete_report_job(job),
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

    # --- Columns ----------------------------------------------------------------------------------
    @display(description=_("report"), ordering="report")
    def report_title(self, job: ReportJob) -> str:
        return jobs.report_title(job)

    @display(description=_("format"), ordering="format")
    def file_format(self, job: ReportJob) -> Any:
        return FORMATS[job.format].title if job.format in FORMATS else job.format

    @display(description=_("parameters"))
    def parameter_text(self, job: ReportJob) -> SafeString:
        kind = REPORTS.get(job.report)
        labels = (
            {name: field.label for name, field in kind.form_class.base_fields.items()}
            if kind
            else {}
        )
        said = ((labels.get(name) or name, value) for name, value in job.parameter_values.items())
        return format_html_join(", ", "{} {}", said) or format_html("{}", _("Everything"))

    @display(description=_("state"), ordering="state")
    def progress(self, job: ReportJob) -> SafeString:
        """A word and, while it is made, a bar. The script of the page fills it anew as long as it
        is open.
        """
        state = JobState.EXPIRED if job.is_expired(timezone.now()) else JobState(job.state)
        said = [badge_html(state.label, COLOURS[state])]
        if state == JobState.RUNNING:
            said.append(
                format_html(
                    '<progress class="muster-progress" max="100" value="{}"></progress> {} %',
                    job.percent,
                    job.percent,
                )
            )
        elif state == JobState.FAILED:
            said.append(
                format_html('<span class="muster-error">{}</span>', jobs.job_error_message(job))
            )
        inner = format_html_join(" ", "{}", ((one,) for one in said))
        return format_html(
            '<span data-report-job="{}"{}>{}</span>',
            job.pk,
            _UNFINISHED_ATTRIBUTE if job.is_unfinished else "",
            inner,
        )

    @display(description=_("available until"), ordering="expires_at")
    def available_until(self, job: ReportJob) -> str:
        return (
            formats.date_format(timezone.localtime(job.expires_at), "DATETIME_FORMAT")
            if job.expires_at
            else "–"
        )

    @display(description=_("size"))
    def file_size(self, job: ReportJob) -> str:
        return filesizeformat(job.size) if job.size else "–"

    @display(description=_("rows"))
    def row_count(self, job: ReportJob) -> str:
        return formats.number_format(job.rows, use_l10n=True, force_grouping=True)

    @display(description=_("action"))
    def next_action(self, job: ReportJob) -> SafeString:
        """What one does with it."""
        if job.is_unfinished:
            return link_html(_job_url(job, "cancel"), _("Cancel…"))
        if _has_file(job):
            return format_html(
                "{} · {}", link_html(_job_url(job, "file"), _("Download")), filesizeformat(job.size)
            )
        return link_html(_job_url(job, "repeat"), _("Request again…"))


_UNFINISHED_ATTRIBUTE = format_html(' data-report-open="{}"', "1")


def _has_file(job: ReportJob) -> bool:
    return job.state == JobState.DONE and not job.is_expired(timezone.now())


def _job_url(job: ReportJob, name: str) -> str:
    return f"{reverse('admin:reports_reportjob_changelist')}{job.pk}/{name}/"
