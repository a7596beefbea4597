"""Addresses of leave and holidays."""

from django.urls import path

from leaves.api import AdminHolidaysViewSet, CertificatesView, HolidaysView, LeavesViewSet

urlpatterns = [
    path("api/v1/leaves", LeavesViewSet.as_view({"get": "list", "post": "create"}), name="leaves"),
    path("api/v1/leaves/preview", LeavesViewSet.as_view({"post": "preview"}), name="leave-preview"),
    path(
        "api/v1/leaves/balances", LeavesViewSet.as_view({"get": "balances"}), name="leave-balances"
    ),
    path(
        "api/v1/leaves/children", LeavesViewSet.as_view({"get": "children"}), name="leave-children"
    ),
    path("api/v1/leaves/certificates", CertificatesView.as_view(), name="leave-certificates"),
    path(
        "api/v1/leaves/to-decide",
        LeavesViewSet.as_view({"get": "to_decide"}),
        name="leaves-to-decide",
    ),
    path(
        "api/v1/leaves/<int:pk>/decision",
        LeavesViewSet.as_view({"get": "outlook"}),
        name="leave-decision",
    ),
    path(
        "api/v1/leaves/<int:pk>/recommend",
        LeavesViewSet.as_view({"post": "recommend"}),
        name="leave-recommend",
    ),
    path(
        "api/v1/leaves/<int:pk>/approve",
        LeavesViewSet.as_view({"post": "approve"}),
        name="leave-approve",
    ),
    path(
        "api/v1/leaves/<int:pk>/cancel",
        LeavesViewSet.as_view({"post": "cancel"}),
        name="leave-cancel",
    ),
    path(
        "api/v1/leaves/<int:pk>/curtail",
        LeavesViewSet.as_view({"post": "curtail"}),
        name="leave-curtail",
    ),
    path(
        "api/v1/leaves/<int:pk>/extend",
        LeavesViewSet.as_view({"post": "extend"}),
        name="leave-extend",
    ),
    path(
        "api/v1/leaves/<int:pk>/convert",
        LeavesViewSet.as_view({"post": "convert"}),
        name="leave-convert",
    ),
    path("api/v1/holidays", HolidaysView.as_view(), name="holidays"),
    path(
        "api/v1/admin/holidays",
        AdminHolidaysViewSet.as_view({"get": "list"}),
        name="admin-holidays",
    ),
]
