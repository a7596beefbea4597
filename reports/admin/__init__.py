"""The console's pages of reports, in one list: Django looks for them in this package."""

from __future__ import annotations

from django.contrib import admin

from reports.admin.jobs import ReportJobAdmin
from reports.admin.screens import ScreenAdmin
from reports.models import ReportJob, Screen

PAGES = (
    (ReportJob, ReportJobAdmin),
    (Screen, ScreenAdmin),
)
for model, page in PAGES:
    admin.site.register(model, page)
