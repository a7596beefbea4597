"""Addresses of people's phones."""

from django.urls import path

from devices.api import PhoneViewSet

urlpatterns = [
    path("api/v1/devices", PhoneViewSet.as_view({"get": "list"}), name="phones"),
    path(
        "api/v1/devices/register",
        PhoneViewSet.as_view({"post": "register"}),
        name="phone-register",
    ),
    path(
        "api/v1/devices/<int:pk>/deactivate",
        PhoneViewSet.as_view({"post": "deactivate"}),
        name="phone-deactivate",
    ),
]
