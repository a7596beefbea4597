"""Pages of the console about reports that are no rows."""

from django.urls import path

from reports import pages

urlpatterns = [
    path("report/", pages.of_console(pages.catalog), name="report-list"),
    path("report/<slug:name>/", pages.of_console(pages.report), name="report-page"),
]
