"""The console's pages of reports: which there are, and what one can be asked, for a download at
once or in the background.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.permissions import READ_REPORTS, has_ability
from core.admin_html import changelist_url
from employees.models import Organization
from reports import services
from reports.base import CSV, Report
from reports.catalog import REPORTS
from reports.formats import FORMATS, ReportFormat
from reports.forms import ReportForm
from reports.jobs.services import is_large_report, request_report
from reports.models import ReportJob

# What the two buttons are called when they come back.
DOWNLOAD_NOW, IN_BACKGROUND = "now", "later"
View = Callable[..., HttpResponseBase]


def report_reader_required(view: View) -> View:
    """A page of the console for those who may read reports."""

    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        user = request.user
        if not isinstance(user, User) or not (user.is_superuser or has_ability(user, READ_REPORTS)):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return admin.site.admin_view(checked)


def _page(request: HttpRequest, template: str, **context: Any) -> TemplateResponse:
    request.current_app = admin.site.name
    told = {**admin.site.each_context(request), **context}
    response = TemplateResponse(request, f"admin/console/{template}.html", told)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def report_list(request: HttpRequest) -> HttpResponseBase:
    """Which reports there are, and what each is for."""
    # A template would call the class itself.
    told = [
        (kind.title, kind.description, reverse("report-page", args=(kind.name,)))
        for kind in services.readable_reports(request.user)
    ]
    return _page(
        request, "reports", title=_("Reports"), reports=told, jobs_url=changelist_url(ReportJob)
    )


def report_page(request: HttpRequest, name: str) -> HttpResponseBase:
    """The questions of a report; POST answers them. A large one goes to the background by
    itself.
    """
    kind = REPORTS.get(name)
    if kind is None or not services.has_report_permission(request.user, kind):
        raise Http404
    organization: Organization | None = getattr(request.user, "organization", None)
    if organization is None:
        return _page(
            request,
            "report",
            title=kind.title,
            about=kind.description,
            back=reverse("report-list"),
            no_organization=True,
        )
    if request.method != "POST":
        return _form_page(request, kind, _initial_form(kind, organization, request))
    form = kind.form_class(request.POST, organization)
    if not form.is_valid():
        return _form_page(request, kind, form, status=422)
    chosen = request.POST.get("format", CSV)
    try:
        return _export_or_enqueue(
            request,
            kind,
            organization,
            FORMATS[chosen if chosen in kind.formats else kind.formats[0]],
        )
    except ValidationError as error:
        form.add_error(None, [str(message) for message in error.messages])
        return _form_page(request, kind, form, status=422)


def _export_or_enqueue(
    request: HttpRequest, kind: type[Report], organization: Organization, form: ReportFormat
) -> HttpResponseBase:
    asked = services.build_report(kind, organization, request.POST)
    large = is_large_report(asked)
    if request.POST.get("how") != IN_BACKGROUND and not large:
        return services.export_report(asked, form, actor=request.user, request=request)
    request_report(kind, organization, request.POST, form, actor=request.user, request=request)  # type: ignore[arg-type]
    messages.success(request, LARGE_IN_BACKGROUND_MESSAGE if large else IN_BACKGROUND_MESSAGE)
    return redirect(changelist_url(ReportJob))


IN_BACKGROUND_MESSAGE: Final = _(
    "The report is running in the background. It appears here, also after you sign out."
)
LARGE_IN_BACKGROUND_MESSAGE: Final = _(
    "This report is large, so it is running in the background. It appears here, also after you sign"
    " out."
)


def _initial_form(
    kind: type[Report], organization: Organization, request: HttpRequest
) -> ReportForm:
    """The form with what usually stands in it, or with what the address says."""
    form = kind.form_class(None, organization)
    form.initial = kind.form_class.default_values(organization) | {
        name: request.GET[name] for name in form.fields if name in request.GET
    }
    return form


def _form_page(
    request: HttpRequest, kind: type[Report], form: ReportForm, status: int = 200
) -> HttpResponseBase:
    formats = [FORMATS[name] for name in kind.formats]
    page = _page(
        request,
        "report",
        title=kind.title,
        about=kind.description,
        form=form,
        formats=formats,
        back=reverse("report-list"),
        chosen=request.POST.get("format", CSV),
        now=DOWNLOAD_NOW,
        later=IN_BACKGROUND,
        jobs_url=changelist_url(ReportJob),
    )
    page.status_code = status
    return page
