"""Every address Muster answers at."""

from django.contrib import admin
from django.urls import include, path

from config import documentation, health

urlpatterns = [
    path("admin/", include("accounts.console_urls")),
    path("admin/", include("reports.console_urls")),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/healthz", health.HealthzView.as_view()),
    path("api/readyz", health.ReadyzView.as_view()),
    path("api/documentation", documentation.swagger_ui, name="documentation"),
    path("docs", documentation.openapi_file, name="docs"),
    path("", include("accounts.urls")),
    path("", include("reports.urls")),
    path("", include("attendance.urls")),
    path("", include("devices.urls")),
    path("", include("leaves.urls")),
    path("", include("tours.urls")),
    path("", include("geofences.urls")),
    path("", include("webhooks.urls")),
]

handler400 = "config.error_views.bad_request"
handler403 = "config.error_views.forbidden"
handler404 = "config.error_views.not_found"
handler500 = "config.error_views.server_error"
