"""Addresses of reports."""

from django.urls import path

from reports import board_views
from reports.api import report_view_class
from reports.catalog import REPORTS
from reports.jobs.api import ReportJobViewSet

REPORTS_PATH = "api/v1/admin/reports"

urlpatterns = [
    path(
        f"{REPORTS_PATH}/jobs",
        ReportJobViewSet.as_view({"get": "list", "post": "create"}),
        name="report-jobs",
    ),
    path(
        f"{REPORTS_PATH}/jobs/<int:pk>",
        ReportJobViewSet.as_view({"get": "retrieve"}),
        name="report-job",
    ),
    path(
        f"{REPORTS_PATH}/jobs/<int:pk>/cancel",
        ReportJobViewSet.as_view({"post": "cancel"}),
        name="report-job-cancel",
    ),
    path(
        f"{REPORTS_PATH}/jobs/<int:pk>/file",
        ReportJobViewSet.as_view({"get": "file"}),
        name="report-job-file",
    ),
    *(
        path(f"{REPORTS_PATH}/{name}", report_view_class(report).as_view(), name=f"report-{name}")
        for name, report in REPORTS.items()
    ),
]
# A screen in the lobby: the address is the secret.
urlpatterns += [
    path("board/<str:token>", board_views.public_board, name="public-board"),
    path(
        "board/<str:token>/figures", board_views.public_board_figures, name="public-board-figures"
    ),
]
