"""Addresses of tours."""

from django.urls import path

from tours.api import TourPapersView, TourPaperView, ToursViewSet

urlpatterns = [
    path("api/v1/tours", ToursViewSet.as_view({"get": "list", "post": "create"}), name="tours"),
    path(
        "api/v1/tours/to-decide", ToursViewSet.as_view({"get": "to_decide"}), name="tours-to-decide"
    ),
    path("api/v1/tours/papers", TourPapersView.as_view(), name="tour-papers"),
    path("api/v1/tours/papers/<int:pk>", TourPaperView.as_view(), name="tour-paper"),
    path(
        "api/v1/tours/<int:pk>",
        ToursViewSet.as_view({"patch": "change", "delete": "discard"}),
        name="tour",
    ),
    path(
        "api/v1/tours/<int:pk>/submit", ToursViewSet.as_view({"post": "submit"}), name="tour-submit"
    ),
    path(
        "api/v1/tours/<int:pk>/decide", ToursViewSet.as_view({"post": "decide"}), name="tour-decide"
    ),
    path(
        "api/v1/tours/<int:pk>/cancel", ToursViewSet.as_view({"post": "cancel"}), name="tour-cancel"
    ),
    path(
        "api/v1/tours/<int:pk>/curtail",
        ToursViewSet.as_view({"post": "curtail"}),
        name="tour-curtail",
    ),
    path(
        "api/v1/tours/<int:pk>/extend", ToursViewSet.as_view({"post": "extend"}), name="tour-extend"
    ),
    path(
        "api/v1/tours/<int:pk>/complete",
        ToursViewSet.as_view({"post": "complete"}),
        name="tour-complete",
    ),
]
