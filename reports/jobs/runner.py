"""The thread of a worker process that makes background reports: it takes jobs, keeps their leases
while they are made, and deletes what has expired.

The scheduler (`config.scheduler`) starts `run_report_loop`. It looks every second; a broker's
message only makes it look at once.
"""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from core.background_loop import run_background_loop
from core.raw_sql import release_idle_connection, write_transaction
from reports.jobs.deletion import delete_expired_reports, delete_orphan_files
from reports.jobs.execution import run_report_job
from reports.jobs.leases import LEASE_TIME, LeasedJob, lease_next_job
from reports.models import ReportJob

log = logging.getLogger(__name__)

JobState = ReportJob.State

RENEW_LEASES_EVERY_S: Final = 10.0
POLL_EVERY_S: Final = 1.0
CLEANUP_EVERY_S: Final = 60.0
ORPHAN_CLEANUP_EVERY_S: Final = 3600.0

_wake_event = threading.Event()


def wake_report_loop() -> None:
    """Let this process's polling thread look at once. Called when the broker says that a report
    waits."""
    _wake_event.set()


class JobRunner:
    """The threads of a worker process that make reports. The polling thread is the only one that
    calls this; it keeps the leases of the running jobs meanwhile.
    """

    def __init__(self, number: int) -> None:
        self._pool = ThreadPoolExecutor(number, thread_name_prefix="muster-report")
        self._number, self._lock = number, threading.Lock()
        self._running: set[LeasedJob] = set()
        self._stopping = threading.Event()
        self._renewed_at = self._cleaned_at = 0.0
        self._orphans_deleted_at: float | None = None

    def run_once(self) -> bool:
        """Renew the leases of running jobs, take jobs that wait, delete what has expired; returns
        whether there was a job to take.
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

    def _run_job(self, leased: LeasedJob) -> None:
        try:
            run_report_job(leased, self._stopping.is_set)
        except Exception:
            log.exception("report job %s is left to its lease", leased.job_id)
            release_idle_connection()
        finally:
            release_idle_connection()
            with self._lock:
                self._running.discard(leased)
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
            delete_expired_reports()
        if (
            self._orphans_deleted_at is None
            or now - self._orphans_deleted_at >= ORPHAN_CLEANUP_EVERY_S
        ):
            self._orphans_deleted_at = now
            delete_orphan_files()

    def close(self) -> None:
        """Stop the running jobs, which go back to the queue."""
        self._stopping.set()
        self._pool.shutdown(wait=True)


def run_report_loop(stop: threading.Event) -> None:
    """Make reports until `stop`."""
    runner = JobRunner(settings.REPORT_THREADS)

    def look() -> float:
        _wake_event.clear()
        if not runner.run_once():
            release_idle_connection()
            _wake_event.wait(POLL_EVERY_S)
        return 0

    run_background_loop(look, stop)
    runner.close()
