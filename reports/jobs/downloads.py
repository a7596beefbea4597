"""The file of a finished report as a download, and the note in the audit log that it went out.

Called by the API and the console. A file is handed to the user who requested it and to
administrators of the same organization, signed in, as long as they may read that report: the
address alone opens nothing.
"""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import FileResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core.errors import Conflict
from reports import services
from reports.base import Report
from reports.catalog import REPORTS
from reports.formats import FORMATS
from reports.jobs import storage
from reports.jobs.errors import ERROR_MESSAGES, ReportGone, job_error_message
from reports.jobs.permissions import can_read_report, jobs_visible_to
from reports.models import ReportJob

log = logging.getLogger(__name__)

JobState = ReportJob.State


def download_report(job: ReportJob, *, actor: User, request: Any = None) -> FileResponse:
    """The file as an attachment, and the note that it went out.

    Raises PermissionDenied, Conflict when there is no file yet, ReportGone when there is none any
    more.
    """
    kind = _readable_report_class(job, actor)
    if job.is_expired(timezone.now()):
        raise ReportGone(
            _(
                "This file was available until %(at)s and has been deleted. Request the report"
                " again."
            )
            % {"at": _expiry_text(job)},
            code="expired",
        )
    if job.state != JobState.DONE:
        raise Conflict(
            job_error_message(job)
            or _("There is no file: %(state)s.") % {"state": job.get_state_display()},
            code=job.state,
        )
    try:
        file = storage.open_report_file(job.file)
    except OSError as error:
        log.exception("the file of report job %s is not in its folder", job.pk)
        raise ReportGone(
            _("The file is missing from the report storage. Request the report again."), code="lost"
        ) from error
    form = FORMATS[job.format]
    services.audit_report_export_by_name(
        kind.name,
        job.organization_id,
        form,
        job.parameter_values,
        actor=actor,
        request=request,
        job=job.pk,
        step="downloaded",
    )
    response = FileResponse(
        file, as_attachment=True, filename=job.name, content_type=form.content_type
    )
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _readable_report_class(job: ReportJob, actor: User) -> type[Report]:
    kind = REPORTS.get(job.report)
    if kind is None or job.format not in FORMATS:
        raise ReportGone(ERROR_MESSAGES["unknown"], code="unknown")
    if not jobs_visible_to(actor).filter(pk=job.pk).exists() or not can_read_report(actor, kind):
        raise PermissionDenied(services.report_denied_message(kind))
    return kind


def _expiry_text(job: ReportJob) -> str:
    at = job.expires_at or job.created_at
    return timezone.localtime(at).strftime("%Y-%m-%d %H:%M")
