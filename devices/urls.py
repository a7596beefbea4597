"""Addresses of people's phones."""

from django.urls import path

from devices.api import PhonesViewSet

urlpatterns = [
    path("api/v1/devices", PhonesViewSet.as_view({"get": "list"}), name="phones"),
    path(
        "api/v1/devices/register",
        PhonesViewSet.as_view({"post": "register"}),
        name="phone-register",
    ),
    path(
        "api/v1/devices/<int:pk>/deactivate",
        PhonesViewSet.as_view({"post": "deactivate"}),
        name="phone-deactivate",
    ),
]
