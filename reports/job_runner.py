"""Makes reports in the background: takes a job, reads the report as streaming does, writes its
file, and hands it over.

A job is taken by a conditional UPDATE that makes its token greater; all that a worker writes later
names that token, so whoever was stopped and wakes up late changes nothing. A worker that is killed
leaves its lease to run out, and another begins the job anew. The scheduler's thread
(`run_report_loop`) looks every second; a broker's message only makes it look at once.
"""

from __future__ import annotations

import errno
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models import Count, F, Max, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone, translation
from xlsxwriter.exceptions import FileCreateError

from core.background_loop import run_background_loop
from core.raw_sql import release_idle_connection, write_transaction
from employees.models import Organization
from reports import jobs, services, storage
from reports.base import Report, ReportRun
from reports.catalog import REPORTS
from reports.formats import FORMATS, render_in_language
from reports.models import ReportJob

log = logging.getLogger(__name__)

JobState = ReportJob.State
LEASE_TIME: Final = timedelta(seconds=60)
RENEW_LEASES_EVERY_S: Final = 10.0
# A job that took so many workers with it is not tried again.
MAX_ATTEMPTS: Final = 3
POLL_EVERY_S: Final = 1.0
CLEANUP_EVERY_S: Final = 60.0
ORPHAN_CLEANUP_EVERY_S: Final = 3600.0
# Progress is written no oftener than this; whether the job is still ours is asked with every chunk.
SAVE_PROGRESS_EVERY_S: Final = 0.5
_DISK_FULL_ERRORS: Final = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


class LeaseLost(Exception):
    """The job is not this worker's any more: cancelled, thrown away, or taken by another."""


class WorkerStopping(Exception):
    """The worker is asked to stop: the job goes back to the queue."""


class ReportFailed(Exception):
    """The report cannot be made, for a reason of `jobs.ERROR_MESSAGES`."""


@dataclass(frozen=True, slots=True)
class LeasedJob:
    """A job under lease: its id and the token that everything written about it names."""

    job_id: int
    token: int

    def row_if_leased(self) -> Any:
        """The row, as long as it is ours."""
        return ReportJob.objects.leased(self.job_id, self.token)


# --- Taking ---------------------------------------------------------------------------------------
def lease_next_job(now: datetime | None = None) -> LeasedJob | None:
    """Take the job whose turn it is: first one whose worker is gone, then of the organization that
    has waited longest.
    """
    now = now or timezone.now()
    if not ReportJob.objects.unfinished().exists():
        return None
    for job in ReportJob.objects.filter(state=JobState.RUNNING, lease_until__lte=now).order_by(
        "lease_until"
    )[:10]:
        if taken := _lease_expired_job(job, now):
            return taken
    for job in _startable_jobs():
        if taken := _lease_queued_job(job, now):
            return taken
    return None


def _startable_jobs() -> list[ReportJob]:
    """Jobs that could begin, one for each organization with a place left; whose last job began
    longest ago comes first.
    """
    running = ReportJob.objects.filter(
        state=JobState.RUNNING, organization=OuterRef("organization")
    ).order_by()
    latest = ReportJob.objects.filter(organization=OuterRef("organization")).order_by()
    rows = ReportJob.objects.filter(state=JobState.QUEUED).annotate(
        busy=Coalesce(
            Subquery(running.values("organization").annotate(n=Count("pk")).values("n")), 0
        ),
        latest=Subquery(latest.values("organization").annotate(at=Max("started_at")).values("at")),
    )
    free = rows.filter(busy__lt=settings.REPORTS_PER_ORGANIZATION).order_by(
        F("latest").asc(nulls_first=True), "pk"
    )
    found: dict[int, ReportJob] = {}
    for job in free[:100]:
        found.setdefault(job.organization_id, job)
    return list(found.values())


def _lease_queued_job(job: ReportJob, now: datetime) -> LeasedJob | None:
    """Take a waiting job, and one of its organization's places; None when somebody else was
    first.
    """
    of_organization = ReportJob.objects.of(job.organization_id).filter(state=JobState.RUNNING)
    busy = set(of_organization.values_list("slot", flat=True))
    slot = next((one for one in range(settings.REPORTS_PER_ORGANIZATION) if one not in busy), None)
    return None if slot is None else _lease(job, now, slot=slot, started_at=now)


def _lease_expired_job(job: ReportJob, now: datetime) -> LeasedJob | None:
    """Take a job whose worker is gone, in the place it has; one that took several workers with it
    fails instead.
    """
    if job.attempts >= MAX_ATTEMPTS:
        _finish_job(LeasedJob(job.pk, job.token), JobState.FAILED, error="broken")
        return None
    return _lease(job, now)


def _lease(job: ReportJob, now: datetime, **more: Any) -> LeasedJob | None:
    rows = ReportJob.objects.filter(
        pk=job.pk, state=job.state, token=job.token, lease_until=job.lease_until
    )
    try:
        with transaction.atomic():
            held = rows.update(
                state=JobState.RUNNING,
                token=job.token + 1,
                lease_until=now + LEASE_TIME,
                attempts=F("attempts") + 1,
                done=0,
                rows=0,
                total=0,
                **more,
            )
    except IntegrityError:  # The organization's place was taken at this moment.
        return None
    return LeasedJob(job.pk, job.token + 1) if held else None


# --- Making ---------------------------------------------------------------------------------------
def _never() -> bool:
    return False


def run_report_job(leased: LeasedJob, is_stopping: Callable[[], bool] = _never) -> None:
    """Make the report of a job that was taken, and write down how that ended."""
    try:
        _make_report_file(leased, is_stopping)
    except LeaseLost:
        log.info("report job %s is no longer this worker's", leased.job_id)
    except WorkerStopping:
        _requeue(leased, F("attempts") - 1)
    except ReportFailed as error:
        _finish_job(leased, JobState.FAILED, error=str(error))
    except (OSError, FileCreateError) as error:
        log.exception("report job %s: its file could not be written", leased.job_id)
        _finish_job(
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
        _requeue_or_fail(leased)


def _make_report_file(taken: LeasedJob, stopping: Callable[[], bool]) -> None:
    job = taken.row_if_leased().select_related("organization", "asked_by").first()
    if job is None:
        raise LeaseLost
    report = _build_report(job)
    with translation.override(job.language):
        total = report.step_count()
    _Progress(taken, stopping).save(total=total)
    name = storage.new_file_name(job.organization_id)
    run = ReportRun(report)
    progress = _Progress(taken, stopping, run)
    run.on_progress = progress
    size = storage.write_report_file(
        name, render_in_language(FORMATS[job.format].render(run), job.language)
    )
    _complete_job(taken, name, size=size, rows=run.row_count, done=total, total=total)


def _build_report(job: ReportJob) -> Report:
    """The report a job asks for. Raises Refusal when its asker may not read it any more, or what it
    names is gone.
    """
    kind = REPORTS.get(job.report)
    if kind is None or job.format not in kind.formats:
        raise ReportFailed("unknown")
    if not jobs.can_read_report(job.asked_by, kind):
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
        """Raises Stopped or PutBack, which end the run."""
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
        """Write something down. Raises Stopped when the job is not ours any more."""
        with write_transaction():
            ours = self.leased.row_if_leased().update(
                lease_until=timezone.now() + LEASE_TIME, **facts
            )
        if not ours:
            raise LeaseLost


def _complete_job(taken: LeasedJob, name: str, **facts: int) -> None:
    """Tell the row of its file. A file nobody wants any more is thrown away."""
    now = timezone.now()
    try:
        with write_transaction():
            ours = taken.row_if_leased().update(
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


def _finish_job(taken: LeasedJob, state: str, **facts: Any) -> None:
    with write_transaction():
        taken.row_if_leased().update(
            state=state, finished_at=timezone.now(), slot=None, lease_until=None, **facts
        )


def _requeue(taken: LeasedJob, attempts: Any) -> None:
    """To the queue again. Its token stays: the next to take it makes it greater."""
    with write_transaction():
        taken.row_if_leased().update(
            state=JobState.QUEUED, slot=None, lease_until=None, done=0, rows=0, attempts=attempts
        )


def _requeue_or_fail(taken: LeasedJob) -> None:
    """After a failure nobody foresaw: to the queue, a few times. If not even that can be written,
    the lease runs out.
    """
    if taken.row_if_leased().filter(attempts__gte=MAX_ATTEMPTS).exists():
        _finish_job(taken, JobState.FAILED, error="broken")
    else:
        _requeue(taken, F("attempts"))


def _is_disk_full(error: Exception) -> bool:
    """Whether it was for want of room; XlsxWriter wraps what the system said."""
    inner = error.args[0] if isinstance(error, FileCreateError) and error.args else error
    return isinstance(inner, OSError) and inner.errno in _DISK_FULL_ERRORS


# --- The worker's thread --------------------------------------------------------------------------
_wake_event = threading.Event()


def wake_report_loop() -> None:
    """Let this process's thread look at once."""
    _wake_event.set()


class JobRunner:
    """The hands of a worker process. The thread that looks is the only one that calls them; it
    keeps their leases meanwhile.
    """

    def __init__(self, number: int) -> None:
        self._pool = ThreadPoolExecutor(number, thread_name_prefix="muster-report")
        self._number, self._lock = number, threading.Lock()
        self._running: set[LeasedJob] = set()
        self._stopping = threading.Event()
        self._renewed_at = self._cleaned_at = 0.0
        self._orphans_deleted_at: float | None = None

    def run_once(self) -> bool:
        """Keep what is in hand, take on what waits, throw away what is over; whether there was
        anything to take on.
        """
        self._renew_leases()
        began = False
        while len(self._running) < self._number and (taken := lease_next_job()):
            began = True
            with self._lock:
                self._running.add(taken)
            self._pool.submit(self._run_job, taken)
        self._clean_up()
        return began

    def _run_job(self, taken: LeasedJob) -> None:
        try:
            run_report_job(taken, self._stopping.is_set)
        except Exception:
            log.exception("report job %s is left to its lease", taken.job_id)
            release_idle_connection()
        finally:
            release_idle_connection()
            with self._lock:
                self._running.discard(taken)
            wake_report_loop()

    def _renew_leases(self) -> None:
        """Make the leases longer: putting a great file together takes its time, in which nothing
        else is said.
        """
        if time.monotonic() - self._renewed_at < RENEW_LEASES_EVERY_S:
            return
        self._renewed_at = time.monotonic()
        with self._lock:
            mine = [Q(pk=one.job_id, token=one.token) for one in self._running]
        for one in mine:
            with write_transaction():
                ReportJob.objects.filter(one, state=JobState.RUNNING).update(
                    lease_until=timezone.now() + LEASE_TIME
                )

    def _clean_up(self) -> None:
        now = time.monotonic()
        if now - self._cleaned_at >= CLEANUP_EVERY_S:
            self._cleaned_at = now
            jobs.delete_expired_reports()
        if (
            self._orphans_deleted_at is None
            or now - self._orphans_deleted_at >= ORPHAN_CLEANUP_EVERY_S
        ):
            self._orphans_deleted_at = now
            jobs.delete_orphan_files()

    def close(self) -> None:
        """Put back what is in hand."""
        self._stopping.set()
        self._pool.shutdown(wait=True)


def run_report_loop(stop: threading.Event) -> None:
    """Make reports until `stop`."""
    makers = JobRunner(settings.REPORT_THREADS)

    def look() -> float:
        _wake_event.clear()
        if not makers.run_once():
            release_idle_connection()
            _wake_event.wait(POLL_EVERY_S)
        return 0

    run_background_loop(look, stop)
    makers.close()
