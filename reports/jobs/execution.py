"""Makes one background report: reads it as streaming does, writes its file, and writes down how
that ended.

Called by `runner` in a thread of a worker, for a job under lease.
"""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import InterfaceError, OperationalError
from django.db.models import F
from django.utils import timezone, translation
from xlsxwriter.exceptions import FileCreateError

from core.raw_sql import release_idle_connection, write_transaction
from employees.models import Organization
from reports import services
from reports.base import Report, ReportRun
from reports.catalog import REPORTS
from reports.formats import FORMATS, render_in_language
from reports.jobs import storage
from reports.jobs.leases import (
    LEASE_TIME,
    LeasedJob,
    LeaseLost,
    finish_job,
    requeue_job,
    requeue_or_fail_job,
)
from reports.jobs.permissions import can_read_report
from reports.models import ReportJob

log = logging.getLogger(__name__)

JobState = ReportJob.State

# Progress is written no oftener than this; whether the job is still ours is asked with every chunk.
SAVE_PROGRESS_EVERY_S: Final = 0.5
_DISK_FULL_ERRORS: Final = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


class WorkerStopping(Exception):
    """The worker is asked to stop: the job goes back to the queue."""


class ReportFailed(Exception):
    """The report cannot be made, for a reason of `errors.ERROR_MESSAGES`."""


def _never() -> bool:
    return False


def run_report_job(leased: LeasedJob, is_stopping: Callable[[], bool] = _never) -> None:
    """Make the report of a job that was leased, and write down how that ended."""
    try:
        _make_report_file(leased, is_stopping)
    except LeaseLost:
        log.info("report job %s is no longer this worker's", leased.job_id)
    except WorkerStopping:
        requeue_job(leased, F("attempts") - 1)
    except ReportFailed as error:
        finish_job(leased, JobState.FAILED, error=str(error))
    except (OSError, FileCreateError) as error:
        log.exception("report job %s: its file could not be written", leased.job_id)
        finish_job(
            leased, JobState.FAILED, error="no_room" if _is_disk_full(error) else "unwritable"
        )
    except (OperationalError, InterfaceError):
        # The database is away or busy, or a statement took too long: not at once again, but when
        # the lease has run out.
        log.exception("report job %s is left to its lease", leased.job_id)
        release_idle_connection()
    except Exception:
        log.exception("report job %s failed", leased.job_id)
        release_idle_connection()
        requeue_or_fail_job(leased)


def _make_report_file(leased: LeasedJob, stopping: Callable[[], bool]) -> None:
    job = leased.row_if_leased().select_related("organization", "asked_by").first()
    if job is None:
        raise LeaseLost
    report = _build_report(job)
    with translation.override(job.language):
        total = report.step_count()
    _Progress(leased, stopping).save(total=total)
    name = storage.new_file_name(job.organization_id)
    run = ReportRun(report)
    progress = _Progress(leased, stopping, run)
    run.on_progress = progress
    size = storage.write_report_file(
        name, render_in_language(FORMATS[job.format].render(run), job.language)
    )
    _complete_job(leased, name, size=size, rows=run.row_count, done=total, total=total)


def _build_report(job: ReportJob) -> Report:
    """The report a job asks for. Raises ReportFailed when the user who requested it may not read it
    any more, or what it names is gone.
    """
    kind = REPORTS.get(job.report)
    if kind is None or job.format not in kind.formats:
        raise ReportFailed("unknown")
    if not can_read_report(job.asked_by, kind):
        raise ReportFailed("not_allowed")
    try:
        return services.build_report(
            kind, Organization.objects.get(pk=job.organization_id), job.parameter_values
        )
    except ValidationError as error:
        raise ReportFailed("unknown") from error


@dataclass(slots=True)
class _Progress:
    """Watches a run: asks with every chunk whether the job is still ours, and says now and then how
    far it is.
    """

    leased: LeasedJob
    is_stopping: Callable[[], bool]
    run: ReportRun | None = None
    _saved_at: float = field(default=0.0)

    def __call__(self, done: int) -> None:
        """Raises LeaseLost or WorkerStopping, which end the run."""
        if self.is_stopping():
            raise WorkerStopping
        if time.monotonic() - self._saved_at < SAVE_PROGRESS_EVERY_S:
            if not self.leased.row_if_leased().exists():
                raise LeaseLost
            return
        self._saved_at = time.monotonic()
        try:
            self.save(done=done, rows=self.run.row_count if self.run else 0)
        except (
            OperationalError
        ) as error:  # Busy: how far it is can be said later, and the lease is kept beside this.
            log.warning("report job %s: %s", self.leased.job_id, error)

    def save(self, **facts: int) -> None:
        """Write something down. Raises LeaseLost when the job is not ours any more."""
        with write_transaction():
            ours = self.leased.row_if_leased().update(
                lease_until=timezone.now() + LEASE_TIME, **facts
            )
        if not ours:
            raise LeaseLost


def _complete_job(leased: LeasedJob, name: str, **facts: int) -> None:
    """Write the file into the row. A file that is not needed any more is deleted."""
    now = timezone.now()
    try:
        with write_transaction():
            ours = leased.row_if_leased().update(
                state=JobState.DONE,
                file=name,
                finished_at=now,
                expires_at=now + timedelta(hours=settings.REPORT_RETENTION_HOURS),
                error="",
                slot=None,
                lease_until=None,
                **facts,
            )
    except BaseException:
        storage.delete_report_file(name)
        raise
    if not ours:
        storage.delete_report_file(name)
        raise LeaseLost


def _is_disk_full(error: Exception) -> bool:
    """Whether it was because the disk is full; XlsxWriter wraps what the system said."""
    inner = error.args[0] if isinstance(error, FileCreateError) and error.args else error
    return isinstance(inner, OSError) and inner.errno in _DISK_FULL_ERRORS
