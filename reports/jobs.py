"""The verbs on reports that are made in the background: ask for one, find it again, cancel it,
fetch its file, throw it away.

Called by the API and the console; `making` does the work. A file is handed to whoever asked for it
and to administrators of the same organization, signed in, as long as they may read that report: the
address alone opens nothing.
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

from accounts.abilities import READ_REPORTS, groups_of, has
from accounts.models import User
from accounts.roles import ADMIN
from employees.models import Organization
from employees.refusals import Conflict, Refused
from reports import services, storage
from reports.catalog import REPORTS
from reports.formats import FORMATS, Format
from reports.frame import LARGE, Report
from reports.models import ReportJob, ReportJobQuerySet

log = logging.getLogger(__name__)

State = ReportJob.State
# Why a report could not be made: for the row the code, for people the sentence.
ERRORS: Final[dict[str, Any]] = {
    "no_room": _(
        "There is no room left where reports are kept. Tell whoever runs this system, then ask"
        " again."
    ),
    "unwritable": _(
        "The folder where reports are kept cannot be written. Tell whoever runs this system, then"
        " ask again."
    ),
    "not_allowed": _("Whoever asked for it may not read this report any more."),
    "unknown": _(
        "What was asked for is no longer there: a site, a person or the report itself. Ask again."
    ),
    "broken": _(
        "Something went wrong on the server, several times over. Ask again; if it fails again, ask"
        " for fewer days."
    ),
}


class Gone(Refused):
    """It was there, and is not any more. Answered 410."""

    status = 410


# --- Ask ------------------------------------------------------------------------------------------
def is_large(report: Report) -> bool:
    """Whether a report is better made in the background."""
    return report.weight() > LARGE


def ask_for(
    kind: type[Report],
    organization: Organization,
    data: Mapping[str, Any],
    form: Format,
    *,
    actor: User,
    request: Any = None,
) -> ReportJob:
    """Have a report made in the background; one that was asked for and is not finished is found
    again.

    Raises ValidationError with the fields named, PermissionDenied, and Refused when somebody has
    too many under way.
    """
    if not may_read(actor, kind):
        raise PermissionDenied(services.refusal(kind))
    report = services.ask(kind, organization, data)
    asked = json.dumps(services.kept(kind, organization, data), sort_keys=True, ensure_ascii=False)
    language = translation.get_language() or settings.LANGUAGE_CODE
    question = {"report": kind.name, "format": form.name, "parameters": asked, "language": language}
    fingerprint = hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()
    with transaction.atomic():
        # One question of a person at a time: two at once must see each other.
        User.objects.select_for_update(no_key=True).get(pk=actor.pk)
        under_way = ReportJob.objects.of(organization).open().filter(asked_by=actor)
        if found := under_way.filter(fingerprint=fingerprint).first():
            return found
        _refuse_more(under_way.count())
        job = ReportJob.objects.create(
            organization=organization,
            asked_by=actor,
            fingerprint=fingerprint,
            created_at=timezone.now(),
            name=services.file_name(report, form),
            **question,
        )
        services.note_export(report, form, actor=actor, request=request, job=job.pk, step="asked")
        transaction.on_commit(nudge)
    return job


def _refuse_more(under_way: int) -> None:
    most = settings.REPORTS_PER_PERSON
    if under_way >= most:
        text = _(
            "No more than %(number)d of your reports can be under way at a time. Wait for one of"
            " them, or cancel one."
        )
        raise Refused(
            text % {"number": most},
            code="too_many_reports",
            rule="reports_per_person",
            details={"most": most},
        )


def again(job: ReportJob, *, actor: User, request: Any = None) -> ReportJob:
    """Ask the same once more, in the language of whoever asks now. Raises as `ask_for` does, and
    Gone.
    """
    kind = REPORTS.get(job.report)
    if kind is None or job.format not in kind.formats:
        raise Gone(ERRORS["unknown"], code="unknown")
    return ask_for(
        kind, job.organization, job.asked, FORMATS[job.format], actor=actor, request=request
    )


# --- Find -----------------------------------------------------------------------------------------
def visible_to(user: User) -> ReportJobQuerySet:
    """The jobs somebody may know of: their own; for administrators all of their organization."""
    rows = (
        ReportJob.objects.of(user.organization_id)
        if user.organization_id
        else ReportJob.objects.none()
    )
    return rows if ADMIN in groups_of(user) else rows.filter(asked_by=user)


def may_read(user: User, kind: type[Report]) -> bool:
    """Whether somebody may read a report now: the ability, and the kind of row that it shows."""
    return user.is_active and has(user, READ_REPORTS) and services.may_read(user, kind)


def sentence(job: ReportJob) -> str:
    """Why a job failed, for people; empty when it did not."""
    return str(ERRORS.get(job.error, ERRORS["broken"])) if job.state == State.FAILED else ""


def title(job: ReportJob) -> str:
    """What its report is called."""
    kind = REPORTS.get(job.report)
    return str(kind.title) if kind else job.report


# --- Cancel, fetch, throw away --------------------------------------------------------------------
def cancel(job: ReportJob) -> ReportJob:
    """Stop a job: one that runs stops when it next looks, within a chunk. Raises Conflict when it
    is over.
    """
    stopped = (
        ReportJob.objects.open()
        .filter(pk=job.pk)
        .update(state=State.CANCELLED, finished_at=timezone.now(), slot=None, lease_until=None)
    )
    job.refresh_from_db()
    if not stopped and job.state != State.CANCELLED:
        raise Conflict(
            _("It is over already: %(state)s.") % {"state": job.get_state_display()},
            code="finished",
        )
    return job


def fetch(job: ReportJob, *, actor: User, request: Any = None) -> FileResponse:
    """The file as an attachment, and the note that it went out.

    Raises PermissionDenied, Conflict when there is no file yet, Gone when there is none any more.
    """
    kind = _readable(job, actor)
    if job.is_expired(timezone.now()):
        raise Gone(
            _("This file was kept until %(at)s and is gone. Ask for it again.")
            % {"at": _told(job)},
            code="expired",
        )
    if job.state != State.DONE:
        raise Conflict(
            sentence(job) or _("There is no file: %(state)s.") % {"state": job.get_state_display()},
            code=job.state,
        )
    try:
        file = storage.opened(job.file)
    except OSError as error:
        log.exception("the file of report job %s is not in its folder", job.pk)
        raise Gone(
            _("The file is no longer where reports are kept. Ask for it again."), code="lost"
        ) from error
    form = FORMATS[job.format]
    services.note_out(
        kind.name,
        job.organization_id,
        form,
        job.asked,
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


def _readable(job: ReportJob, actor: User) -> type[Report]:
    kind = REPORTS.get(job.report)
    if kind is None or job.format not in FORMATS:
        raise Gone(ERRORS["unknown"], code="unknown")
    if not visible_to(actor).filter(pk=job.pk).exists() or not may_read(actor, kind):
        raise PermissionDenied(services.refusal(kind))
    return kind


def _told(job: ReportJob) -> str:
    at = job.expires_at or job.created_at
    return timezone.localtime(at).strftime("%Y-%m-%d %H:%M")


def remove(job: ReportJob) -> None:
    """Throw a job away with its file; one that runs is stopped by that. The record of security
    events keeps what went out.
    """
    ReportJob.objects.filter(pk=job.pk).delete()
    _let_go(job.file)


def _let_go(name: str) -> None:
    """Throw a file away; a folder that does not let go of it is swept later."""
    try:
        storage.remove(name)
    except OSError:
        log.exception("a report's file could not be removed")


# --- Time passes ----------------------------------------------------------------------------------
# Rows without a file are kept for so long: what was asked for can be asked again.
KEPT: Final = timedelta(days=90)
AT_A_TIME: Final = 200


def tidy(now: Any = None) -> int:
    """Throw away files whose time is over, and rows nobody needs; returns how many."""
    now = now or timezone.now()
    due = list(ReportJob.objects.filter(state=State.DONE, expires_at__lte=now)[:AT_A_TIME])
    for job in due:
        _let_go(job.file)
        ReportJob.objects.filter(pk=job.pk, state=State.DONE).update(state=State.EXPIRED, file="")
    old = ReportJob.objects.exclude(state__in=(*ReportJob.OPEN, State.DONE)).filter(
        created_at__lt=now - KEPT
    )
    keys = list(old.values_list("pk", flat=True)[:AT_A_TIME])
    ReportJob.objects.filter(pk__in=keys).delete()
    return len(due) + len(keys)


def sweep() -> None:
    """Throw away files that no row knows: of workers that were killed, and of jobs that were thrown
    away meanwhile.
    """
    names = list(storage.forgotten())
    known = (
        set(ReportJob.objects.filter(file__in=names).values_list("file", flat=True))
        if names
        else set()
    )
    storage.sweep(names, known)


# --- Tell the workers -----------------------------------------------------------------------------
_telling = threading.Lock()


def nudge() -> None:
    """Tell the workers that something waits, where there is a broker to tell them by. Nobody waits
    for it, and it may fail.
    """
    if settings.REPORT_NUDGE and _telling.acquire(blocking=False):
        threading.Thread(target=_tell, name="muster-report-nudge", daemon=True).start()


def _tell() -> None:
    try:
        import_string(settings.REPORT_NUDGE)()
    except Exception as error:  # noqa: BLE001 - Brokers fail in many ways; the workers look by themselves.
        log.warning("The broker did not take the word that a report waits: %s", error)
    finally:
        _telling.release()
