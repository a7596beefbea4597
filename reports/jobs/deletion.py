"""Deletes background reports: one that a user deletes, files that have expired, old rows, and files
that no row knows.

Called by the console, and by the worker's thread (`runner`) as time passes.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any, Final

from django.utils import timezone

from reports.jobs import storage
from reports.models import ReportJob

log = logging.getLogger(__name__)

JobState = ReportJob.State

# Rows without a file are kept for so long: what was asked for can be asked again.
JOB_RETENTION: Final = timedelta(days=90)

CLEANUP_BATCH: Final = 200


def delete_report_job(job: ReportJob) -> None:
    """Delete a job with its file; one that runs is stopped by that. The record of security
    events keeps what went out.
    """
    ReportJob.objects.filter(pk=job.pk).delete()
    _delete_file_or_log(job.file)


def _delete_file_or_log(name: str) -> None:
    """Delete a file; if the folder refuses, it is deleted later as an orphan."""
    try:
        storage.delete_report_file(name)
    except OSError:
        log.exception("a report's file could not be removed")


def delete_expired_reports(now: Any = None) -> int:
    """Delete files that have expired, and rows older than `JOB_RETENTION`; returns how many."""
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
    """Delete files that no row knows: of workers that were killed, and of jobs that were deleted
    meanwhile.
    """
    names = list(storage.old_file_names())
    known = (
        set(ReportJob.objects.filter(file__in=names).values_list("file", flat=True))
        if names
        else set()
    )
    storage.delete_unknown_files(names, known)
