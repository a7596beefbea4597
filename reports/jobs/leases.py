"""The queue of background reports: a worker takes a job by a lease, and ends it under that lease.

A job is taken by a conditional UPDATE that makes its token greater; all that a worker writes later
names that token, so a worker that was stopped and wakes up late changes nothing. A worker that is
killed leaves its lease to run out, and another begins the job from the start. Called by `runner`
and `execution`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, F, Max, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from core.raw_sql import write_transaction
from reports.models import ReportJob

JobState = ReportJob.State

LEASE_TIME: Final = timedelta(seconds=60)
# A job that has failed or lost its worker so many times is not tried again.
MAX_ATTEMPTS: Final = 3


class LeaseLost(Exception):
    """The job is not this worker's any more: cancelled, deleted, or taken by another."""


@dataclass(frozen=True, slots=True)
class LeasedJob:
    """A job under lease: its id and the token that everything written about it names."""

    job_id: int
    token: int

    def row_if_leased(self) -> Any:
        """The row, as long as it is ours."""
        return ReportJob.objects.leased(self.job_id, self.token)


# --- Take -----------------------------------------------------------------------------------------
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
    """Take a job whose worker is gone, in the place it has; one that lost several workers fails
    instead.
    """
    if job.attempts >= MAX_ATTEMPTS:
        finish_job(LeasedJob(job.pk, job.token), JobState.FAILED, error="broken")
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


# --- End ------------------------------------------------------------------------------------------
def finish_job(leased: LeasedJob, state: str, **facts: Any) -> None:
    """End a job in `state`, if it is still under this lease."""
    with write_transaction():
        leased.row_if_leased().update(
            state=state, finished_at=timezone.now(), slot=None, lease_until=None, **facts
        )


def requeue_job(leased: LeasedJob, attempts: Any) -> None:
    """Put a job back into the queue. Its token stays: the next to take it makes it greater."""
    with write_transaction():
        leased.row_if_leased().update(
            state=JobState.QUEUED, slot=None, lease_until=None, done=0, rows=0, attempts=attempts
        )


def requeue_or_fail_job(leased: LeasedJob) -> None:
    """After an unexpected failure: back into the queue, a few times. If not even that can be
    written, the lease runs out.
    """
    if leased.row_if_leased().filter(attempts__gte=MAX_ATTEMPTS).exists():
        finish_job(leased, JobState.FAILED, error="broken")
    else:
        requeue_job(leased, F("attempts"))
