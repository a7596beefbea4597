"""Addresses of reports."""

from django.urls import path

from reports import pages_board
from reports.api import view_of
from reports.catalog import REPORTS
from reports.jobs_api import JobsViewSet

AT = "api/v1/admin/reports"

urlpatterns = [
    path(f"{AT}/jobs", JobsViewSet.as_view({"get": "list", "post": "create"}), name="report-jobs"),
    path(f"{AT}/jobs/<int:pk>", JobsViewSet.as_view({"get": "retrieve"}), name="report-job"),
    path(
        f"{AT}/jobs/<int:pk>/cancel",
        JobsViewSet.as_view({"post": "cancel"}),
        name="report-job-cancel",
    ),
    path(f"{AT}/jobs/<int:pk>/file", JobsViewSet.as_view({"get": "file"}), name="report-job-file"),
    *(
        path(f"{AT}/{name}", view_of(report).as_view(), name=f"report-{name}")
        for name, report in REPORTS.items()
    ),
]
# A screen in the lobby: the address is the secret.
urlpatterns += [
    path("board/<str:token>", pages_board.screen, name="screen"),
    path("board/<str:token>/figures", pages_board.figures, name="screen-figures"),
]
