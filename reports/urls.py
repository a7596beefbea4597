"""Addresses of reports."""

from django.urls import path

from reports import pages_board
from reports.api import view_of
from reports.catalog import REPORTS

urlpatterns = [
    path(f"api/v1/admin/reports/{name}", view_of(report).as_view(), name=f"report-{name}") for name, report in REPORTS.items()
]
# A screen in the lobby: the address is the secret.
urlpatterns += [
    path("board/<str:token>", pages_board.screen, name="screen"),
    path("board/<str:token>/figures", pages_board.figures, name="screen-figures"),
]
