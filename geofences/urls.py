"""Addresses of the fence catalog."""

from django.urls import path

from geofences.api import GeofenceViewSet

urlpatterns = [
    path("api/v1/admin/geo-fences", GeofenceViewSet.as_view({"get": "list"}), name="geo-fences")
]
