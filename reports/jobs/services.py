"""The verbs on reports that are made in the background: request one, request it again, cancel it.

Called by the API and the console; a worker (`runner`) makes the report.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core.errors import Conflict, RuleViolation
from employees.models import Organization
from reports import services
from reports.base import BACKGROUND_ROW_THRESHOLD, Report
from reports.catalog import REPORTS
from reports.formats import FORMATS, ReportFormat
from reports.jobs.errors import ERROR_MESSAGES, ReportGone
from reports.jobs.notification import notify_report_workers
from reports.jobs.permissions import can_read_report
from reports.models import ReportJob

JobState = ReportJob.State


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
    """Request the same once more, in the language of the user who asks now. Raises as
    `request_report` does, and ReportGone.
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


def report_title(job: ReportJob) -> str:
    """What its report is called."""
    kind = REPORTS.get(job.report)
    return str(kind.title) if kind else job.report
