"""Addresses for customers' servers."""

from django.urls import path

from webhooks.api import EventFeedViewSet

urlpatterns = [
    path("api/v1/events", EventFeedViewSet.as_view({"get": "list"}), name="events"),
    path(
        "api/v1/events/replay", EventFeedViewSet.as_view({"post": "replay"}), name="events-replay"
    ),
]
