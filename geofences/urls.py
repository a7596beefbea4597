"""Addresses of the fence catalog."""

from django.urls import path

from geofences.api import FencesViewSet

urlpatterns = [
    path("api/v1/admin/geo-fences", FencesViewSet.as_view({"get": "list"}), name="geo-fences")
]
