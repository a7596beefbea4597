"""The verbs on reports that are made in the background: ask for one, find it again, cancel it,
fetch its file, throw it away.

Called by the API and the console; `job_runner` does the work. A file is handed to whoever asked for
it and to administrators of the same organization, signed in, as long as they may read that report:
the address alone opens nothing.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import FileResponse
from django.utils import timezone, translation
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.permissions import READ_REPORTS, groups_of, has_ability
from accounts.roles import ADMIN
from core.errors import Conflict, RuleViolation
from employees.models import Organization
from reports import services, storage
from reports.base import BACKGROUND_ROW_THRESHOLD, Report
from reports.catalog import REPORTS
from reports.formats import FORMATS, ReportFormat
from reports.models import ReportJob, ReportJobQuerySet

log = logging.getLogger(__name__)

JobState = ReportJob.State
# Why a report could not be made: for the row the code, for people the sentence.
ERROR_MESSAGES: Final[dict[str, Any]] = {
    "no_room": _(
        "The report storage is full. Tell your system administrator, then request the report again."
    ),
    "unwritable": _(
        "The report storage cannot be written. Tell your system administrator, then request the"
        " report again."
    ),
    "not_allowed": _("The user who requested this report no longer has permission to read it."),
    "unknown": _(
        "A site, an employee or the report itself no longer exists. Request the report again."
    ),
    "broken": _(
        "The report failed several times because of a server error. Request it again. If it fails"
        " again, choose fewer days."
    ),
}


class ReportGone(RuleViolation):
    """It was there, and is not any more. Answered 410."""

    status = 410


# --- Ask ------------------------------------------------------------------------------------------
def is_large_report(report: Report) -> bool:
    """Whether a report is better made in the background."""
    return report.estimated_rows() > BACKGROUND_ROW_THRESHOLD


def request_report(
    report_class: type[Report],
    organization: Organization,
    data: Mapping[str, Any],
    report_format: ReportFormat,
    *,
    actor: User,
    request: Any = None,
) -> ReportJob:
    """Have a report made in the background; one that was asked for and is not finished is found
    again.

    Raises ValidationError with the fields named, PermissionDenied, and RuleViolation when somebody
    has too many under way.
    """
    if not can_read_report(actor, report_class):
        raise PermissionDenied(services.report_denied_message(report_class))
    report = services.build_report(report_class, organization, data)
    asked = json.dumps(
        services.saved_parameters(report_class, organization, data),
        sort_keys=True,
        ensure_ascii=False,
    )
    language = translation.get_language() or settings.LANGUAGE_CODE
    question = {
        "report": report_class.name,
        "format": report_format.name,
        "parameters": asked,
        "language": language,
    }
    fingerprint = hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()
    with transaction.atomic():
        # One question of a person at a time: two at once must see each other.
        User.objects.select_for_update(no_key=True).get(pk=actor.pk)
        under_way = ReportJob.objects.of(organization).unfinished().filter(asked_by=actor)
        if found := under_way.filter(fingerprint=fingerprint).first():
            return found
        _check_unfinished_limit(under_way.count())
        job = ReportJob.objects.create(
            organization=organization,
            asked_by=actor,
            fingerprint=fingerprint,
            created_at=timezone.now(),
            name=services.report_file_name(report, report_format),
            **question,
        )
        services.audit_report_export(
            report, report_format, actor=actor, request=request, job=job.pk, step="asked"
        )
        transaction.on_commit(notify_report_workers)
    return job


def _check_unfinished_limit(unfinished: int) -> None:
    most = settings.REPORTS_PER_PERSON
    if unfinished >= most:
        text = _(
            "You can have at most %(number)d unfinished reports. Wait until one is ready, or cancel"
            " one."
        )
        raise RuleViolation(
            text % {"number": most},
            code="too_many_reports",
            rule="reports_per_person",
            details={"most": most},
        )


def request_report_again(job: ReportJob, *, actor: User, request: Any = None) -> ReportJob:
    """Ask the same once more, in the language of whoever asks now. Raises as `request_report` does,
    and Gone.
    """
    kind = REPORTS.get(job.report)
    if kind is None or job.format not in kind.formats:
        raise ReportGone(ERROR_MESSAGES["unknown"], code="unknown")
    return request_report(
        kind,
        job.organization,
        job.parameter_values,
        FORMATS[job.format],
        actor=actor,
        request=request,
    )


# --- Find -----------------------------------------------------------------------------------------
def jobs_visible_to(user: User) -> ReportJobQuerySet:
    """The jobs somebody may know of: their own; for administrators all of their organization."""
    rows = (
        ReportJob.objects.of(user.organization_id)
        if user.organization_id
        else ReportJob.objects.none()
    )
    return rows if ADMIN in groups_of(user) else rows.filter(asked_by=user)


def can_read_report(user: User, report_class: type[Report]) -> bool:
    """Whether somebody may read a report now: the ability, and the kind of row that it shows."""
    return (
        user.is_active
        and has_ability(user, READ_REPORTS)
        and services.has_report_permission(user, report_class)
    )


def job_error_message(job: ReportJob) -> str:
    """Why a job failed, for people; empty when it did not."""
    return (
        str(ERROR_MESSAGES.get(job.error, ERROR_MESSAGES["broken"]))
        if job.state == JobState.FAILED
        else ""
    )


def report_title(job: ReportJob) -> str:
    """What its report is called."""
    kind = REPORTS.get(job.report)
    return str(kind.title) if kind else job.report


# --- Cancel, fetch, throw away --------------------------------------------------------------------
def cancel_report_job(job: ReportJob) -> ReportJob:
    """Stop a job: one that runs stops when it next looks, within a chunk. Raises Conflict when it
    is over.
    """
    stopped = (
        ReportJob.objects.unfinished()
        .filter(pk=job.pk)
        .update(state=JobState.CANCELLED, finished_at=timezone.now(), slot=None, lease_until=None)
    )
    job.refresh_from_db()
    if not stopped and job.state != JobState.CANCELLED:
        raise Conflict(
            _("The report is already finished: %(state)s.") % {"state": job.get_state_display()},
            code="finished",
        )
    return job


def download_report(job: ReportJob, *, actor: User, request: Any = None) -> FileResponse:
    """The file as an attachment, and the note that it went out.

    Raises PermissionDenied, Conflict when there is no file yet, Gone when there is none any more.
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


def delete_report_job(job: ReportJob) -> None:
    """Throw a job away with its file; one that runs is stopped by that. The record of security
    events keeps what went out.
    """
    ReportJob.objects.filter(pk=job.pk).delete()
    _delete_file_or_log(job.file)


def _delete_file_or_log(name: str) -> None:
    """Throw a file away; a folder that does not let go of it is swept later."""
    try:
        storage.delete_report_file(name)
    except OSError:
        log.exception("a report's file could not be removed")


# --- Time passes ----------------------------------------------------------------------------------
# Rows without a file are kept for so long: what was asked for can be asked again.
JOB_RETENTION: Final = timedelta(days=90)
CLEANUP_BATCH: Final = 200


def delete_expired_reports(now: Any = None) -> int:
    """Throw away files whose time is over, and rows nobody needs; returns how many."""
    now = now or timezone.now()
    due = list(ReportJob.objects.filter(state=JobState.DONE, expires_at__lte=now)[:CLEANUP_BATCH])
    for job in due:
        _delete_file_or_log(job.file)
        ReportJob.objects.filter(pk=job.pk, state=JobState.DONE).update(
            state=JobState.EXPIRED, file=""
        )
    old = ReportJob.objects.exclude(state__in=(*ReportJob.UNFINISHED_STATES, JobState.DONE)).filter(
        created_at__lt=now - JOB_RETENTION
    )
    keys = list(old.values_list("pk", flat=True)[:CLEANUP_BATCH])
    ReportJob.objects.filter(pk__in=keys).delete()
    return len(due) + len(keys)


def delete_orphan_files() -> None:
    """Throw away files that no row knows: of workers that were killed, and of jobs that were thrown
    away meanwhile.
    """
    names = list(storage.old_file_names())
    known = (
        set(ReportJob.objects.filter(file__in=names).values_list("file", flat=True))
        if names
        else set()
    )
    storage.delete_unknown_files(names, known)


# --- Tell the workers -----------------------------------------------------------------------------
_notifying = threading.Lock()


def notify_report_workers() -> None:
    """Tell the workers that something waits, where there is a broker to tell them by. Nobody waits
    for it, and it may fail.
    """
    if settings.REPORT_WORKER_NOTIFIER and _notifying.acquire(blocking=False):
        threading.Thread(target=_notify, name="muster-report-notify", daemon=True).start()


def _notify() -> None:
    try:
        import_string(settings.REPORT_WORKER_NOTIFIER)()
    except Exception as error:  # noqa: BLE001
        log.warning("The broker did not take the word that a report waits: %s", error)
    finally:
        _notifying.release()
