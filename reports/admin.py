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

from employees.console import ReadOnlyTenantAdmin, badge_html, link, list_url, sees_everything
from reports import board_admin as _board_admin  # noqa: F401  Its pages are registered there.
from reports import jobs
from reports.catalog import REPORTS
from reports.formats import FORMATS
from reports.models import ReportJob

State = ReportJob.State
COLOURS = {
    State.QUEUED: "info",
    State.RUNNING: "info",
    State.DONE: "success",
    State.FAILED: "danger",
    State.CANCELLED: "warning",
    State.EXPIRED: "warning",
}
# So many rows at most are asked about by a page that refreshes itself.
ASKED_AT_ONCE = 50


@admin.register(ReportJob)
class ReportJobAdmin(ReadOnlyTenantAdmin):
    """One's own; for administrators those of their organization. Asking for one is the page of the
    report.
    """

    fieldsets = (
        (None, {"fields": (("what", "as_file"), "questions", "progress")}),
        (_("File"), {"fields": (("name", "weight"), ("kept", "row_count"))}),
        (_("When"), {"fields": (("asked_by", "created_at"), ("started_at", "finished_at"))}),
    )
    readonly_fields = ("what", "as_file", "questions", "progress", "weight", "kept", "row_count")
    list_display = ("what", "as_file", "questions", "progress", "created_at", "kept", "next_step")
    list_filter = ("state",)
    list_select_related = ("asked_by", "organization")
    actions_detail = ("file", "cancel", "again", "throw_away")
    empty_title = _("You have not had a report made in the background yet")
    empty_text = _(
        "Open a report under Reports and choose “Make in the background”: you find it here, also"
        " after signing out."
    )

    class Media:
        js = ("muster/reports.js",)

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        if sees_everything(request):
            return rows
        return rows.filter(pk__in=jobs.visible_to(request.user).values("pk"))  # type: ignore[arg-type]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Whoever sees reports of others sees whose each is."""
        found = super().get_list_display(request)
        mine = self.get_queryset(request).exclude(asked_by=request.user.pk)
        return [*found[:3], "asked_by", *found[3:]] if mine.exists() else found

    def get_urls(self) -> list[Any]:
        own = path(
            "progress/", self.admin_site.admin_view(self.told), name="reports_reportjob_progress"
        )
        return [own, *super().get_urls()]

    def told(self, request: HttpRequest) -> HttpResponse:
        """How far some jobs are, for the page that refreshes itself: id → what stands in its cell,
        and whether it goes on.
        """
        asked = [
            int(one)
            for one in request.GET.get("ids", "").split(",")[:ASKED_AT_ONCE]
            if one.isdecimal() and len(one) < 19
        ]
        rows = (
            self.get_queryset(request).filter(pk__in=asked)
            if self.has_view_permission(request)
            else []
        )
        told = {str(job.pk): {"html": self.progress(job), "open": job.is_open} for job in rows}
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
            "cancel": job.is_open,
            "again": not job.is_open,
            "throw_away": not job.is_open,
        }
        return [
            one
            for one in found
            if fits.get(str(one.path).rpartition("/")[2].replace("-", "_"), True)
        ]

    @action(description=_("Download"), url_path="file", icon="download")
    def file(self, request: HttpRequest, object_id: str) -> HttpResponse:
        job = self.object_or_404(request, object_id)
        if sees_everything(request):
            return self._notice(
                request, job, _("Only staff of the organization may open its reports.")
            )
        try:
            return jobs.fetch(job, actor=request.user, request=request)  # type: ignore[return-value, arg-type]
        except ValidationError as error:
            return self._notice(
                request, job, " ".join(error.messages), getattr(error, "status", 409)
            )

    def _notice(
        self, request: HttpRequest, job: ReportJob, text: Any, status: int = 403
    ) -> HttpResponse:
        page = self.page(request, "notice", job, title=_("There is no file to open"), text=text)
        page.status_code = status
        return page

    @action(
        description=_("Cancel…"), url_path="cancel", icon="cancel", variant=ActionVariant.DANGER
    )
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        job = self.object_or_404(request, object_id)
        return self._asked(
            request,
            job,
            lambda: jobs.cancel(job),
            _("Cancelled."),
            title=_("Cancel this report"),
            danger=True,
            question=_("What was made of it so far is thrown away. You can ask for it again."),
            button=_("Cancel the report"),
        )

    @action(description=_("Ask again…"), url_path="again", icon="refresh")
    def again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        job = self.object_or_404(request, object_id)
        if sees_everything(request):
            return self._notice(
                request, job, _("Only staff of the organization may ask for its reports.")
            )
        return self._asked(
            request,
            job,
            lambda: jobs.again(job, actor=request.user, request=request),  # type: ignore[arg-type]
            _("Asked for. It is made in the background; you find it here."),
            title=_("Ask again"),
            button=_("Ask again"),
            question=_("The same report is made anew, as things stand now."),
        )

    @action(
        description=_("Throw away…"),
        url_path="throw-away",
        icon="delete",
        variant=ActionVariant.DANGER,
    )
    def throw_away(self, request: HttpRequest, object_id: str) -> HttpResponse:
        job = self.object_or_404(request, object_id)
        return self._asked(
            request,
            job,
            lambda: jobs.remove(job),
            _("Thrown away."),
            title=_("Throw this report away"),
            danger=True,
            question=_("Its file is removed at once. The record of who downloaded it stays."),
            button=_("Throw it away"),
        )

    def _asked(
        self, request: HttpRequest, job: ReportJob, do: Any, done: Any, **page: Any
    ) -> HttpResponse:
        """GET asks, POST does; then back to the list, with a word."""
        if request.method != "POST":
            return self.confirm(request, job, **page)
        try:
            do()
        except ValidationError as error:
            self.say(request, error)
        else:
            messages.success(request, done)
        return redirect(list_url(ReportJob))

    # --- Columns ----------------------------------------------------------------------------------
    @display(description=_("report"), ordering="report")
    def what(self, job: ReportJob) -> str:
        return jobs.title(job)

    @display(description=_("format"), ordering="format")
    def as_file(self, job: ReportJob) -> Any:
        return FORMATS[job.format].title if job.format in FORMATS else job.format

    @display(description=_("asked for"))
    def questions(self, job: ReportJob) -> SafeString:
        kind = REPORTS.get(job.report)
        labels = (
            {name: field.label for name, field in kind.form.base_fields.items()} if kind else {}
        )
        said = ((labels.get(name) or name, value) for name, value in job.asked.items())
        return format_html_join(", ", "{} {}", said) or format_html("{}", _("Everything"))

    @display(description=_("state"), ordering="state")
    def progress(self, job: ReportJob) -> SafeString:
        """A word and, while it is made, a bar. The script of the page fills it anew as long as it
        is open.
        """
        state = State.EXPIRED if job.is_expired(timezone.now()) else State(job.state)
        said = [badge_html(state.label, COLOURS[state])]
        if state == State.RUNNING:
            said.append(
                format_html(
                    '<progress class="muster-progress" max="100" value="{}"></progress> {} %',
                    job.percent,
                    job.percent,
                )
            )
        elif state == State.FAILED:
            said.append(format_html('<span class="muster-error">{}</span>', jobs.sentence(job)))
        inner = format_html_join(" ", "{}", ((one,) for one in said))
        return format_html(
            '<span data-report-job="{}"{}>{}</span>', job.pk, _OPEN if job.is_open else "", inner
        )

    @display(description=_("kept until"), ordering="expires_at")
    def kept(self, job: ReportJob) -> str:
        return (
            formats.date_format(timezone.localtime(job.expires_at), "DATETIME_FORMAT")
            if job.expires_at
            else "–"
        )

    @display(description=_("size"))
    def weight(self, job: ReportJob) -> str:
        return filesizeformat(job.size) if job.size else "–"

    @display(description=_("rows"))
    def row_count(self, job: ReportJob) -> str:
        return formats.number_format(job.rows, use_l10n=True, force_grouping=True)

    @display(description=_("next step"))
    def next_step(self, job: ReportJob) -> SafeString:
        """What one does with it."""
        if job.is_open:
            return link(_page(job, "cancel"), _("Cancel…"))
        if _has_file(job):
            return format_html(
                "{} · {}", link(_page(job, "file"), _("Download")), filesizeformat(job.size)
            )
        return link(_page(job, "again"), _("Ask again…"))


_OPEN = format_html(' data-report-open="{}"', "1")


def _has_file(job: ReportJob) -> bool:
    return job.state == State.DONE and not job.is_expired(timezone.now())


def _page(job: ReportJob, name: str) -> str:
    return f"{reverse('admin:reports_reportjob_changelist')}{job.pk}/{name}/"
