"""Addresses of reports."""

from django.urls import path

from reports.api import view_of
from reports.catalog import REPORTS

urlpatterns = [
    path(f"api/v1/admin/reports/{name}", view_of(report).as_view(), name=f"report-{name}") for name, report in REPORTS.items()
]
