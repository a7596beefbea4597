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

from accounts.audit import note
from accounts.models import SecurityEvent
from accounts.roles import GRANTS, ROLES
from employees.models import Organization
from reports.catalog import REPORTS
from reports.formats import FORMATS, Format, in_language
from reports.forms import ReportForm
from reports.frame import JSON, Report, Run

# So much is read before the first byte is sent: what goes wrong until then is answered as a
# failure.
AHEAD_BYTES: Final = 256 * 1024


def may_read(user: Any, report: type[Report]) -> bool:
    """Whether somebody may look at the kind of row that a report shows; the ability `reports` is
    asked for beside it.
    """
    return bool(user.has_perm(report.permission))


def readable(user: Any) -> list[type[Report]]:
    """The reports somebody may read."""
    return [report for report in REPORTS.values() if may_read(user, report)]


def refusal(report: type[Report]) -> str:
    """The text of the 403."""
    app, _sep, action = report.permission.partition(".")
    verb, _sep, model = action.partition("_")
    groups = [role for role in ROLES if f"{app}.{model}:{verb}" in GRANTS[role]]
    return f"Forbidden: the report '{report.name}' requires one of: {', '.join(groups)}"


def ask(report: type[Report], organization: Organization, data: Mapping[str, Any]) -> Report:
    """A report with what was asked for. Raises ValidationError with the fields named."""
    form = report.form(data, organization)
    if not form.is_valid():
        raise ValidationError({field: list(errors) for field, errors in form.errors.items()})
    return report(organization, form.cleaned_data)


def kept(
    report: type[Report], organization: Organization, data: Mapping[str, Any]
) -> dict[str, str]:
    """What was asked for as text, to be stored and asked again: fields of the form only, and only
    those that say something.
    """
    form: ReportForm = report.form(data, organization)
    return {name: str(data[name]) for name in form.fields if data.get(name) not in (None, "")}


def hand_out(report: Report, form: Format, *, actor: Any, request: Any) -> HttpResponseBase:
    """The report as an answer, and the note that it went out. A short one has a length, a long one
    is streamed.
    """
    note_export(report, form, actor=actor, request=request)
    pieces = in_language(form.pieces(Run(report)), translation.get_language() or "en")
    ahead, rest = _ahead(pieces)
    response = (
        HttpResponse(b"".join(ahead)) if rest is None else StreamingHttpResponse(chain(ahead, rest))
    )
    return dressed(response, form, file_name(report, form))


def note_export(report: Report, form: Format, *, actor: Any, request: Any, **more: Any) -> None:
    """Write down that a report goes out. `more` are details, such as the job that it is made by."""
    asked = {name: str(value) for name, value in report.asked.items() if value}
    note_out(report.name, report.organization.pk, form, asked, actor=actor, request=request, **more)


def note_out(
    name: str,
    organization_id: int,
    form: Format,
    asked: Mapping[str, str],
    *,
    actor: Any,
    request: Any,
    **more: Any,
) -> None:
    """The same for a report that is not at hand any more: its name, and what was asked for
    as text.
    """
    note(
        SecurityEvent.Kind.EXPORTED,
        organization_id,
        actor=actor,
        request=request,
        about=f"report {name}",
        format=form.name,
        asked=dict(asked),
        **more,
    )


def dressed(response: Any, form: Format, name: str) -> HttpResponseBase:
    """An answer as a file of a format, for nobody's cache."""
    response.headers["Content-Type"] = form.content_type
    response.headers["Cache-Control"] = "private, no-store"
    if form.name != JSON:
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    found: HttpResponseBase = response
    return found


def file_name(report: Report, form: Format) -> str:
    """What the file is called: attendance-2026-06-01-2026-06-30.csv."""
    return f"{'-'.join([report.name, *report.span().values()])}.{form.name}"


def _ahead(pieces: Iterator[bytes]) -> tuple[list[bytes], Iterator[bytes] | None]:
    found: list[bytes] = []
    for piece in pieces:
        found.append(piece)
        if sum(map(len, found)) >= AHEAD_BYTES:
            return found, pieces
    return found, None


def formats_of(report: type[Report]) -> list[Format]:
    """The files a report can be."""
    return [FORMATS[name] for name in report.formats]
