"""Addresses of tours."""

from django.urls import path

from tours.api import TourViewSet
from tours.documents_api import TourDocumentsView, TourDocumentView

urlpatterns = [
    path("api/v1/tours", TourViewSet.as_view({"get": "list", "post": "create"}), name="tours"),
    path(
        "api/v1/tours/to-decide", TourViewSet.as_view({"get": "to_decide"}), name="tours-to-decide"
    ),
    path("api/v1/tours/papers", TourDocumentsView.as_view(), name="tour-documents"),
    path("api/v1/tours/papers/<int:pk>", TourDocumentView.as_view(), name="tour-document"),
    path(
        "api/v1/tours/<int:pk>",
        TourViewSet.as_view({"patch": "change", "delete": "discard"}),
        name="tour",
    ),
    path(
        "api/v1/tours/<int:pk>/submit", TourViewSet.as_view({"post": "submit"}), name="tour-submit"
    ),
    path(
        "api/v1/tours/<int:pk>/decide", TourViewSet.as_view({"post": "decide"}), name="tour-decide"
    ),
    path(
        "api/v1/tours/<int:pk>/cancel", TourViewSet.as_view({"post": "cancel"}), name="tour-cancel"
    ),
    path(
        "api/v1/tours/<int:pk>/curtail",
        TourViewSet.as_view({"post": "curtail"}),
        name="tour-curtail",
    ),
    path(
        "api/v1/tours/<int:pk>/extend", TourViewSet.as_view({"post": "extend"}), name="tour-extend"
    ),
    path(
        "api/v1/tours/<int:pk>/complete",
        TourViewSet.as_view({"post": "complete"}),
        name="tour-complete",
    ),
]
