"""The columns of “My reports” in the console: what was requested, how far it is, the file, and what
the user can do next.

`ReportJobAdmin` shows them in its list and on the page of a job.
"""

from __future__ import annotations

from typing import Any

from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from core.admin_html import badge_html, link_html
from reports.catalog import REPORTS
from reports.formats import FORMATS
from reports.jobs.errors import job_error_message
from reports.jobs.services import report_title
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
_UNFINISHED_ATTRIBUTE = format_html(' data-report-open="{}"', "1")


def is_downloadable(job: ReportJob) -> bool:
    """Whether the file of a job can be downloaded now."""
    return job.state == JobState.DONE and not job.is_expired(timezone.now())


def _job_url(job: ReportJob, name: str) -> str:
    return f"{reverse('admin:reports_reportjob_changelist')}{job.pk}/{name}/"


class ReportJobColumns:
    """The columns, as methods of the admin page that is built on this class."""

    @display(description=_("report"), ordering="report")
    def report_title(self, job: ReportJob) -> str:
        return report_title(job)

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
        """The state and, while it runs, a bar. The script of the page refreshes it as long as the
        job is unfinished.
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
            said.append(format_html('<span class="muster-error">{}</span>', job_error_message(job)))
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
        if is_downloadable(job):
            return format_html(
                "{} · {}", link_html(_job_url(job, "file"), _("Download")), filesizeformat(job.size)
            )
        return link_html(_job_url(job, "repeat"), _("Request again…"))
