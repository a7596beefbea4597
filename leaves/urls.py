"""Addresses of leave and holidays."""

from django.urls import path

from leaves.api.applications import LeaveViewSet
from leaves.api.certificates import CertificateView
from leaves.api.holidays import AdminHolidayViewSet, HolidayListView

urlpatterns = [
    path("api/v1/leaves", LeaveViewSet.as_view({"get": "list", "post": "create"}), name="leaves"),
    path("api/v1/leaves/preview", LeaveViewSet.as_view({"post": "preview"}), name="leave-preview"),
    path(
        "api/v1/leaves/balances", LeaveViewSet.as_view({"get": "balances"}), name="leave-balances"
    ),
    path(
        "api/v1/leaves/children", LeaveViewSet.as_view({"get": "children"}), name="leave-children"
    ),
    path("api/v1/leaves/certificates", CertificateView.as_view(), name="leave-certificates"),
    path(
        "api/v1/leaves/to-decide",
        LeaveViewSet.as_view({"get": "to_decide"}),
        name="leaves-to-decide",
    ),
    path(
        "api/v1/leaves/<int:pk>/decision",
        LeaveViewSet.as_view({"get": "decision_preview"}),
        name="leave-decision",
    ),
    path(
        "api/v1/leaves/<int:pk>/recommend",
        LeaveViewSet.as_view({"post": "recommend"}),
        name="leave-recommend",
    ),
    path(
        "api/v1/leaves/<int:pk>/approve",
        LeaveViewSet.as_view({"post": "approve"}),
        name="leave-approve",
    ),
    path(
        "api/v1/leaves/<int:pk>/cancel",
        LeaveViewSet.as_view({"post": "cancel"}),
        name="leave-cancel",
    ),
    path(
        "api/v1/leaves/<int:pk>/curtail",
        LeaveViewSet.as_view({"post": "curtail"}),
        name="leave-curtail",
    ),
    path(
        "api/v1/leaves/<int:pk>/extend",
        LeaveViewSet.as_view({"post": "extend"}),
        name="leave-extend",
    ),
    path(
        "api/v1/leaves/<int:pk>/convert",
        LeaveViewSet.as_view({"post": "convert"}),
        name="leave-convert",
    ),
    path("api/v1/holidays", HolidayListView.as_view(), name="holidays"),
    path(
        "api/v1/admin/holidays",
        AdminHolidayViewSet.as_view({"get": "list"}),
        name="admin-holidays",
    ),
]
