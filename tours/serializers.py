"""Bodies of requests and replies about tours and their documents.

Called by the views in `api` and `documents_api`; the OpenAPI file is made from them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from rest_framework import serializers

from accounts.approvals.people import employee_summary, user_display_name
from accounts.approvals.serializers import (
    ApprovalDecisionSerializer,
    ApprovalRemarksSerializer,
    EmployeeSummarySerializer,
)
from core.serializers import StrictSerializer
from tours import attachments as tour_attachments
from tours.models import Tour, TourDocument

FIRST_YEAR, LAST_YEAR = 1950, 2200
MAX_PLACES: Final = 20


def validate_tour_year(value: datetime) -> None:
    """Refuse instants no calendar is kept for."""
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise serializers.ValidationError(f"The year must be from {FIRST_YEAR} to {LAST_YEAR}.")


class OffsetDateTimeField(serializers.DateTimeField):
    """An instant with its offset: a time without one would be somebody's guess."""

    default_error_messages = {"naive": "Give the offset, as in 2026-07-06T09:00:00+05:30."}

    def to_internal_value(self, value: Any) -> datetime:
        """The instant. Raises ValidationError."""
        if (
            isinstance(value, str)
            and not value.endswith(("Z", "z"))
            and "+" not in value[10:]
            and "-" not in value[10:]
        ):
            self.fail("naive")
        try:
            return super().to_internal_value(value)
        except OverflowError:
            self.fail("invalid", format="ISO 8601")


def _paper_ids_field() -> serializers.ListField:
    one = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    return serializers.ListField(
        child=one,
        max_length=tour_attachments.MAX_TOUR_DOCUMENTS,
        required=False,
        help_text="Papers of `POST /api/v1/tours/papers`, one's own and of no other tour.",
    )


class TourBodySerializer(StrictSerializer):
    """An application for a tour; with `draft` it is kept, and not asked for yet."""

    tour_type = serializers.ChoiceField(
        choices=Tour.Type.choices, required=False, default=Tour.Type.TOUR
    )
    purpose = serializers.CharField(max_length=500)
    places = serializers.ListField(
        child=serializers.CharField(max_length=200),
        max_length=MAX_PLACES,
        required=False,
        default=list,
    )
    start_at = OffsetDateTimeField(validators=[validate_tour_year])
    end_at = OffsetDateTimeField(validators=[validate_tour_year])
    order_no = serializers.CharField(
        max_length=120, required=False, allow_blank=True, allow_null=True, default=""
    )
    paper_ids = _paper_ids_field()
    draft = serializers.BooleanField(required=False, default=False)


class DraftBodySerializer(StrictSerializer):
    """Other facts of a draft; what is left out stays. `paper_ids` are all its papers from
    now on.
    """

    tour_type = serializers.ChoiceField(choices=Tour.Type.choices, required=False)
    purpose = serializers.CharField(max_length=500, required=False)
    places = serializers.ListField(
        child=serializers.CharField(max_length=200), max_length=MAX_PLACES, required=False
    )
    start_at = OffsetDateTimeField(validators=[validate_tour_year], required=False)
    end_at = OffsetDateTimeField(validators=[validate_tour_year], required=False)
    order_no = serializers.CharField(max_length=120, required=False, allow_blank=True)
    paper_ids = _paper_ids_field()


class PaperBodySerializer(StrictSerializer):
    """A paper about a tour: PDF, JPEG or PNG, at most 1 MiB with everything around it."""

    file = serializers.FileField(max_length=255)
    kind = serializers.ChoiceField(
        choices=TourDocument.Kind.choices, required=False, default=TourDocument.Kind.OTHER
    )


class TourDecisionBodySerializer(ApprovalDecisionSerializer):
    """A decision on a tour."""


class TourRemarksBodySerializer(ApprovalRemarksSerializer):
    """Why."""


class NewEndBodySerializer(TourRemarksBodySerializer):
    """The new time of return."""

    end_at = OffsetDateTimeField(validators=[validate_tour_year])


class ReportBodySerializer(StrictSerializer):
    """What came of it."""

    report = serializers.CharField(max_length=2000)


class TravellerReplySerializer(EmployeeSummarySerializer):
    """Who travels."""


class PaperReplySerializer(serializers.Serializer[dict[str, Any]]):
    """A paper of a tour; `GET /api/v1/tours/papers/{id}` gives it out."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=TourDocument.Kind.values)
    content_type = serializers.CharField()
    size = serializers.IntegerField()
    uploaded_at = serializers.DateTimeField()


class PaperIdReplySerializer(serializers.Serializer[dict[str, Any]]):
    """What to name it by."""

    id = serializers.IntegerField()


class TourReplySerializer(serializers.Serializer[dict[str, Any]]):
    """A tour, and what became of it."""

    id = serializers.IntegerField()
    employee = TravellerReplySerializer()
    tour_type = serializers.ChoiceField(choices=Tour.Type.values)
    purpose = serializers.CharField()
    places = serializers.ListField(child=serializers.CharField())
    start_at = serializers.DateTimeField()
    end_at = serializers.DateTimeField()
    order_no = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(choices=Tour.Status.values)
    applied_at = serializers.DateTimeField(allow_null=True, help_text="null: a draft.")
    decided_by = serializers.CharField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    remarks = serializers.CharField(allow_blank=True)
    report = serializers.CharField(allow_blank=True)
    papers = PaperReplySerializer(many=True)


def tour_row(tour: Tour) -> dict[str, Any]:
    """A tour as the API tells it."""
    return {
        "id": tour.pk,
        "employee": employee_summary(tour.employee),
        "tour_type": tour.tour_type,
        "purpose": tour.purpose,
        "places": tour.places,
        "start_at": tour.start_at,
        "end_at": tour.end_at,
        "order_no": tour.order_no,
        "status": tour.status,
        "applied_at": None if tour.status == Tour.Status.DRAFT else tour.applied_at,
        "decided_by": user_display_name(tour.decided_by),
        "decided_at": tour.decided_at,
        "remarks": tour.remarks,
        "report": tour.report,
        "papers": [_document_row(paper) for paper in tour.documents.all()],
    }


def _document_row(one: TourDocument) -> dict[str, Any]:
    return {
        "id": one.pk,
        "kind": one.kind,
        "content_type": one.content_type,
        "size": one.size,
        "uploaded_at": one.uploaded_at,
    }
