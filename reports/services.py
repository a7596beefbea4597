"""The verbs of reports: find one somebody may read, put what was asked for to it, hand it out, and
write down that it went out.

Called by the API, the console and the jobs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import translation

from accounts.audit import record_security_event
from accounts.models import SecurityEvent
from accounts.roles import ROLE_PERMISSIONS, ROLES
from employees.models import Organization
from reports.base import JSON, Report, ReportRun
from reports.catalog import REPORTS
from reports.formats import FORMATS, ReportFormat, render_in_language
from reports.forms import ReportForm

# So much is read before the first byte is sent: what goes wrong until then is answered as a
# failure.
PREFETCH_BYTES: Final = 256 * 1024


def has_report_permission(user: Any, report: type[Report]) -> bool:
    """Whether somebody may look at the kind of row that a report shows; the ability `reports` is
    asked for beside it.
    """
    return bool(user.has_perm(report.required_permission))


def readable_reports(user: Any) -> list[type[Report]]:
    """The reports somebody may read."""
    return [report for report in REPORTS.values() if has_report_permission(user, report)]


def report_denied_message(report: type[Report]) -> str:
    """The text of the 403."""
    app, _sep, action = report.required_permission.partition(".")
    verb, _sep, model = action.partition("_")
    groups = [role for role in ROLES if f"{app}.{model}:{verb}" in ROLE_PERMISSIONS[role]]
    return f"Forbidden: the report '{report.name}' requires one of: {', '.join(groups)}"


def build_report(
    report: type[Report], organization: Organization, data: Mapping[str, Any]
) -> Report:
    """A report with what was asked for. Raises ValidationError with the fields named."""
    form = report.form_class(data, organization)
    if not form.is_valid():
        raise ValidationError({field: list(errors) for field, errors in form.errors.items()})
    return report(organization, form.cleaned_data)


def saved_parameters(
    report: type[Report], organization: Organization, data: Mapping[str, Any]
) -> dict[str, str]:
    """What was asked for as text, to be stored and asked again: fields of the form only, and only
    those that say something.
    """
    form: ReportForm = report.form_class(data, organization)
    return {name: str(data[name]) for name in form.fields if data.get(name) not in (None, "")}


def export_report(
    report: Report, report_format: ReportFormat, *, actor: Any, request: Any
) -> HttpResponseBase:
    """The report as an answer, and the note that it went out. A short one has a length, a long one
    is streamed.
    """
    audit_report_export(report, report_format, actor=actor, request=request)
    pieces = render_in_language(
        report_format.render(ReportRun(report)), translation.get_language() or "en"
    )
    ahead, rest = _prefetch(pieces)
    response = (
        HttpResponse(b"".join(ahead)) if rest is None else StreamingHttpResponse(chain(ahead, rest))
    )
    return file_response(response, report_format, report_file_name(report, report_format))


def audit_report_export(
    report: Report, report_format: ReportFormat, *, actor: Any, request: Any, **more: Any
) -> None:
    """Write down that a report goes out. `more` are details, such as the job that it is made by."""
    asked = {name: str(value) for name, value in report.parameters.items() if value}
    audit_report_export_by_name(
        report.name,
        report.organization.pk,
        report_format,
        asked,
        actor=actor,
        request=request,
        **more,
    )


def audit_report_export_by_name(
    name: str,
    organization_id: int,
    report_format: ReportFormat,
    parameters: Mapping[str, str],
    *,
    actor: Any,
    request: Any,
    **more: Any,
) -> None:
    """The same for a report that is not at hand any more: its name, and what was asked for
    as text.
    """
    record_security_event(
        SecurityEvent.Kind.EXPORTED,
        organization_id,
        actor=actor,
        request=request,
        about=f"report {name}",
        format=report_format.name,
        asked=dict(parameters),
        **more,
    )


def file_response(response: Any, report_format: ReportFormat, name: str) -> HttpResponseBase:
    """An answer as a file of a format, for nobody's cache."""
    response.headers["Content-Type"] = report_format.content_type
    response.headers["Cache-Control"] = "private, no-store"
    if report_format.name != JSON:
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    found: HttpResponseBase = response
    return found


def report_file_name(report: Report, report_format: ReportFormat) -> str:
    """What the file is called: attendance-2026-06-01-2026-06-30.csv."""
    return f"{'-'.join([report.name, *report.period().values()])}.{report_format.name}"


def _prefetch(pieces: Iterator[bytes]) -> tuple[list[bytes], Iterator[bytes] | None]:
    found: list[bytes] = []
    for piece in pieces:
        found.append(piece)
        if sum(map(len, found)) >= PREFETCH_BYTES:
            return found, pieces
    return found, None


def report_formats(report: type[Report]) -> list[ReportFormat]:
    """The files a report can be."""
    return [FORMATS[name] for name in report.formats]
