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

from accounts.abilities import READ_REPORTS, has
from accounts.models import User
from employees.console import list_url
from employees.models import Organization
from reports import jobs, services
from reports.catalog import REPORTS
from reports.formats import FORMATS, Format
from reports.forms import ReportForm
from reports.frame import CSV, Report
from reports.models import ReportJob

# What the two buttons are called when they come back.
NOW, LATER = "now", "later"
View = Callable[..., HttpResponseBase]


def of_console(view: View) -> View:
    """A page of the console for those who may read reports."""

    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        user = request.user
        if not isinstance(user, User) or not (user.is_superuser or has(user, READ_REPORTS)):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return admin.site.admin_view(checked)


def _page(request: HttpRequest, template: str, **context: Any) -> TemplateResponse:
    request.current_app = admin.site.name
    told = {**admin.site.each_context(request), **context}
    response = TemplateResponse(request, f"admin/console/{template}.html", told)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def catalog(request: HttpRequest) -> HttpResponseBase:
    """Which reports there are, and what each is for."""
    # A template would call the class itself.
    told = [
        (kind.title, kind.about, reverse("report-page", args=(kind.name,)))
        for kind in services.readable(request.user)
    ]
    return _page(request, "reports", title=_("Reports"), reports=told, jobs_url=list_url(ReportJob))


def report(request: HttpRequest, name: str) -> HttpResponseBase:
    """The questions of a report; POST answers them. A large one goes to the background by
    itself.
    """
    kind = REPORTS.get(name)
    if kind is None or not services.may_read(request.user, kind):
        raise Http404
    organization: Organization | None = getattr(request.user, "organization", None)
    if organization is None:
        return _page(
            request,
            "report",
            title=kind.title,
            about=kind.about,
            back=reverse("report-list"),
            nobodys=True,
        )
    if request.method != "POST":
        return _questions(request, kind, _opened(kind, organization, request))
    form = kind.form(request.POST, organization)
    if not form.is_valid():
        return _questions(request, kind, form, status=422)
    chosen = request.POST.get("format", CSV)
    try:
        return _answer(
            request,
            kind,
            organization,
            FORMATS[chosen if chosen in kind.formats else kind.formats[0]],
        )
    except ValidationError as error:
        form.add_error(None, [str(message) for message in error.messages])
        return _questions(request, kind, form, status=422)


def _answer(
    request: HttpRequest, kind: type[Report], organization: Organization, form: Format
) -> HttpResponseBase:
    asked = services.ask(kind, organization, request.POST)
    large = jobs.is_large(asked)
    if request.POST.get("how") != LATER and not large:
        return services.hand_out(asked, form, actor=request.user, request=request)
    jobs.ask_for(kind, organization, request.POST, form, actor=request.user, request=request)  # type: ignore[arg-type]
    messages.success(request, LARGE_SO_LATER if large else SO_LATER)
    return redirect(list_url(ReportJob))


SO_LATER: Final = _(
    "It is being made in the background. You may go on, or sign out: you find it here."
)
LARGE_SO_LATER: Final = _(
    "This report is large, so it is being made in the background. You may go on, or sign out: you"
    " find it here."
)


def _opened(kind: type[Report], organization: Organization, request: HttpRequest) -> ReportForm:
    """The form with what usually stands in it, or with what the address says."""
    form = kind.form(None, organization)
    form.initial = kind.form.beginning(organization) | {
        name: request.GET[name] for name in form.fields if name in request.GET
    }
    return form


def _questions(
    request: HttpRequest, kind: type[Report], form: ReportForm, status: int = 200
) -> HttpResponseBase:
    formats = [FORMATS[name] for name in kind.formats]
    page = _page(
        request,
        "report",
        title=kind.title,
        about=kind.about,
        form=form,
        formats=formats,
        back=reverse("report-list"),
        chosen=request.POST.get("format", CSV),
        now=NOW,
        later=LATER,
        jobs_url=list_url(ReportJob),
    )
    page.status_code = status
    return page
