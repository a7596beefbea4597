"""Makes reports in the background: takes a job, reads the report as streaming does, writes its
file, and hands it over.

A job is taken by a conditional UPDATE that makes its token greater; all that a worker writes later
names that token, so whoever was stopped and wakes up late changes nothing. A worker that is killed
leaves its lease to run out, and another begins the job anew. The scheduler's thread
(`make_for_ever`) looks every second; a broker's message only makes it look at once.
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

from employees.loops import look_for_ever
from employees.models import Organization
from employees.rows import give_back, turn
from reports import jobs, services, storage
from reports.catalog import REPORTS
from reports.formats import FORMATS, in_language
from reports.frame import Report, Run
from reports.models import ReportJob

log = logging.getLogger(__name__)

State = ReportJob.State
LEASE: Final = timedelta(seconds=60)
RENEW_S: Final = 10.0
# A job that took so many workers with it is not tried again.
MOST_ATTEMPTS: Final = 3
EVERY_S: Final = 1.0
TIDY_S: Final = 60.0
SWEEP_S: Final = 3600.0
# Progress is written no oftener than this; whether the job is still ours is asked with every chunk.
SAY_EVERY_S: Final = 0.5
_FULL: Final = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


class Stopped(Exception):
    """The job is not this worker's any more: cancelled, thrown away, or taken by another."""


class PutBack(Exception):
    """The worker is asked to stop: the job goes back to the queue."""


class Refusal(Exception):
    """The report cannot be made, for a reason of `jobs.ERRORS`."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A job under lease: its id and the token that everything written about it names."""

    job_id: int
    token: int

    def rows(self) -> Any:
        """The row, as long as it is ours."""
        return ReportJob.objects.held(self.job_id, self.token)


# --- Taking ---------------------------------------------------------------------------------------
def take(now: datetime | None = None) -> Taken | None:
    """Take the job whose turn it is: first one whose worker is gone, then of the organization that
    has waited longest.
    """
    now = now or timezone.now()
    if not ReportJob.objects.open().exists():
        return None
    for job in ReportJob.objects.filter(state=State.RUNNING, lease_until__lte=now).order_by(
        "lease_until"
    )[:10]:
        if taken := _take_over(job, now):
            return taken
    for job in _waiting():
        if taken := _begin(job, now):
            return taken
    return None


def _waiting() -> list[ReportJob]:
    """Jobs that could begin, one for each organization with a place left; whose last job began
    longest ago comes first.
    """
    running = ReportJob.objects.filter(
        state=State.RUNNING, organization=OuterRef("organization")
    ).order_by()
    latest = ReportJob.objects.filter(organization=OuterRef("organization")).order_by()
    rows = ReportJob.objects.filter(state=State.QUEUED).annotate(
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


def _begin(job: ReportJob, now: datetime) -> Taken | None:
    """Take a waiting job, and one of its organization's places; None when somebody else was
    first.
    """
    of_organization = ReportJob.objects.of(job.organization_id).filter(state=State.RUNNING)
    busy = set(of_organization.values_list("slot", flat=True))
    slot = next((one for one in range(settings.REPORTS_PER_ORGANIZATION) if one not in busy), None)
    return None if slot is None else _hold(job, now, slot=slot, started_at=now)


def _take_over(job: ReportJob, now: datetime) -> Taken | None:
    """Take a job whose worker is gone, in the place it has; one that took several workers with it
    fails instead.
    """
    if job.attempts >= MOST_ATTEMPTS:
        _end(Taken(job.pk, job.token), State.FAILED, error="broken")
        return None
    return _hold(job, now)


def _hold(job: ReportJob, now: datetime, **more: Any) -> Taken | None:
    rows = ReportJob.objects.filter(
        pk=job.pk, state=job.state, token=job.token, lease_until=job.lease_until
    )
    try:
        with transaction.atomic():
            held = rows.update(
                state=State.RUNNING,
                token=job.token + 1,
                lease_until=now + LEASE,
                attempts=F("attempts") + 1,
                done=0,
                rows=0,
                total=0,
                **more,
            )
    except IntegrityError:  # The organization's place was taken at this moment.
        return None
    return Taken(job.pk, job.token + 1) if held else None


# --- Making ---------------------------------------------------------------------------------------
def _never() -> bool:
    return False


def make(taken: Taken, stopping: Callable[[], bool] = _never) -> None:
    """Make the report of a job that was taken, and write down how that ended."""
    try:
        _make(taken, stopping)
    except Stopped:
        log.info("report job %s is no longer this worker's", taken.job_id)
    except PutBack:
        _put_back(taken, F("attempts") - 1)
    except Refusal as error:
        _end(taken, State.FAILED, error=str(error))
    except (OSError, FileCreateError) as error:
        log.exception("report job %s: its file could not be written", taken.job_id)
        _end(taken, State.FAILED, error="no_room" if _is_full(error) else "unwritable")
    except (OperationalError, InterfaceError):
        # The database is away or busy, or a statement took too long: not at once again, but when
        # the lease has run out.
        log.exception("report job %s is left to its lease", taken.job_id)
        give_back()
    except Exception:
        log.exception("report job %s failed", taken.job_id)
        give_back()
        _try_again(taken)


def _make(taken: Taken, stopping: Callable[[], bool]) -> None:
    job = taken.rows().select_related("organization", "asked_by").first()
    if job is None:
        raise Stopped
    report = _report(job)
    with translation.override(job.language):
        total = report.size()
    _Progress(taken, stopping).say(total=total)
    name = storage.place(job.organization_id)
    run = Run(report)
    progress = _Progress(taken, stopping, run)
    run.watch = progress
    size = storage.write(name, in_language(FORMATS[job.format].pieces(run), job.language))
    _hand_over(taken, name, size=size, rows=run.count, done=total, total=total)


def _report(job: ReportJob) -> Report:
    """The report a job asks for. Raises Refusal when its asker may not read it any more, or what it
    names is gone.
    """
    kind = REPORTS.get(job.report)
    if kind is None or job.format not in kind.formats:
        raise Refusal("unknown")
    if not jobs.may_read(job.asked_by, kind):
        raise Refusal("not_allowed")
    try:
        return services.ask(kind, Organization.objects.get(pk=job.organization_id), job.asked)
    except ValidationError as error:
        raise Refusal("unknown") from error


@dataclass(slots=True)
class _Progress:
    """Watches a run: asks with every chunk whether the job is still ours, and says now and then how
    far it is.
    """

    taken: Taken
    stopping: Callable[[], bool]
    run: Run | None = None
    _said: float = field(default=0.0)

    def __call__(self, done: int) -> None:
        """Raises Stopped or PutBack, which end the run."""
        if self.stopping():
            raise PutBack
        if time.monotonic() - self._said < SAY_EVERY_S:
            if not self.taken.rows().exists():
                raise Stopped
            return
        self._said = time.monotonic()
        try:
            self.say(done=done, rows=self.run.count if self.run else 0)
        except (
            OperationalError
        ) as error:  # Busy: how far it is can be said later, and the lease is kept beside this.
            log.warning("report job %s: %s", self.taken.job_id, error)

    def say(self, **facts: int) -> None:
        """Write something down. Raises Stopped when the job is not ours any more."""
        with turn():
            ours = self.taken.rows().update(lease_until=timezone.now() + LEASE, **facts)
        if not ours:
            raise Stopped


def _hand_over(taken: Taken, name: str, **facts: int) -> None:
    """Tell the row of its file. A file nobody wants any more is thrown away."""
    now = timezone.now()
    try:
        with turn():
            ours = taken.rows().update(
                state=State.DONE,
                file=name,
                finished_at=now,
                expires_at=now + timedelta(hours=settings.REPORT_HOURS),
                error="",
                slot=None,
                lease_until=None,
                **facts,
            )
    except BaseException:
        storage.remove(name)
        raise
    if not ours:
        storage.remove(name)
        raise Stopped


def _end(taken: Taken, state: str, **facts: Any) -> None:
    with turn():
        taken.rows().update(
            state=state, finished_at=timezone.now(), slot=None, lease_until=None, **facts
        )


def _put_back(taken: Taken, attempts: Any) -> None:
    """To the queue again. Its token stays: the next to take it makes it greater."""
    with turn():
        taken.rows().update(
            state=State.QUEUED, slot=None, lease_until=None, done=0, rows=0, attempts=attempts
        )


def _try_again(taken: Taken) -> None:
    """After a failure nobody foresaw: to the queue, a few times. If not even that can be written,
    the lease runs out.
    """
    if taken.rows().filter(attempts__gte=MOST_ATTEMPTS).exists():
        _end(taken, State.FAILED, error="broken")
    else:
        _put_back(taken, F("attempts"))


def _is_full(error: Exception) -> bool:
    """Whether it was for want of room; XlsxWriter wraps what the system said."""
    inner = error.args[0] if isinstance(error, FileCreateError) and error.args else error
    return isinstance(inner, OSError) and inner.errno in _FULL


# --- The worker's thread --------------------------------------------------------------------------
_nudged = threading.Event()


def look_now() -> None:
    """Let this process's thread look at once."""
    _nudged.set()


class Makers:
    """The hands of a worker process. The thread that looks is the only one that calls them; it
    keeps their leases meanwhile.
    """

    def __init__(self, number: int) -> None:
        self._pool = ThreadPoolExecutor(number, thread_name_prefix="muster-report")
        self._number, self._lock = number, threading.Lock()
        self._in_hand: set[Taken] = set()
        self._stopping = threading.Event()
        self._renewed = self._tidied = 0.0
        self._swept: float | None = None

    def tick(self) -> bool:
        """Keep what is in hand, take on what waits, throw away what is over; whether there was
        anything to take on.
        """
        self._keep()
        began = False
        while len(self._in_hand) < self._number and (taken := take()):
            began = True
            with self._lock:
                self._in_hand.add(taken)
            self._pool.submit(self._work, taken)
        self._tidy()
        return began

    def _work(self, taken: Taken) -> None:
        try:
            make(taken, self._stopping.is_set)
        except Exception:
            log.exception("report job %s is left to its lease", taken.job_id)
            give_back()
        finally:
            give_back()
            with self._lock:
                self._in_hand.discard(taken)
            look_now()

    def _keep(self) -> None:
        """Make the leases longer: putting a great file together takes its time, in which nothing
        else is said.
        """
        if time.monotonic() - self._renewed < RENEW_S:
            return
        self._renewed = time.monotonic()
        with self._lock:
            mine = [Q(pk=one.job_id, token=one.token) for one in self._in_hand]
        for one in mine:
            with turn():
                ReportJob.objects.filter(one, state=State.RUNNING).update(
                    lease_until=timezone.now() + LEASE
                )

    def _tidy(self) -> None:
        now = time.monotonic()
        if now - self._tidied >= TIDY_S:
            self._tidied = now
            jobs.tidy()
        if self._swept is None or now - self._swept >= SWEEP_S:
            self._swept = now
            jobs.sweep()

    def close(self) -> None:
        """Put back what is in hand."""
        self._stopping.set()
        self._pool.shutdown(wait=True)


def make_for_ever(stop: threading.Event) -> None:
    """Make reports until `stop`."""
    makers = Makers(settings.REPORT_THREADS)

    def look() -> float:
        _nudged.clear()
        if not makers.tick():
            give_back()
            _nudged.wait(EVERY_S)
        return 0

    look_for_ever(look, stop)
    makers.close()
