"""Pages of the console about reports that are no rows."""

from django.urls import path

from reports import views

urlpatterns = [
    path("report/", views.report_reader_required(views.report_list), name="report-list"),
    path(
        "report/<slug:name>/", views.report_reader_required(views.report_page), name="report-page"
    ),
]
