"""Addresses for customers' servers."""

from django.urls import path

from webhooks.api import EventsViewSet

urlpatterns = [
    path("api/v1/events", EventsViewSet.as_view({"get": "list"}), name="events"),
    path("api/v1/events/replay", EventsViewSet.as_view({"post": "replay"}), name="events-replay"),
]
