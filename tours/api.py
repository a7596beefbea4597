"""Tours over REST: `/api/v1/tours…` for people and their approvers. Translation only; `services`
decides.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.db.models import Q, QuerySet
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, NotFound
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.approvals.people import employee_summary, user_display_name
from accounts.approvals.serializers import (
    ApprovalDecisionSerializer,
    ApprovalRemarksSerializer,
    EmployeeSummarySerializer,
)
from accounts.approvals.views import (
    ApprovalViewSet,
    request_employee,
    request_user,
    validated_body,
)
from accounts.audit import record_attachment_download
from accounts.authentication import BearerAuthentication
from accounts.permissions import (
    IsEmployee,
)
from accounts.throttling import V1_LIMIT
from core.attachments import (
    ALLOWED_CONTENT_TYPES,
    FILE_MISSING_TEXT,
    BoundedMultiPartParser,
    FileMissing,
    attachment_response,
)
from core.serializers import StrictSerializer
from tours import attachments as tour_attachments
from tours import drafts, services
from tours.filters import TourFilter
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


class TourViewSet(ApprovalViewSet[Tour]):
    """`/api/v1/tours`: one's own tours, and for approvers those of the people they decide for."""

    filterset_class = TourFilter
    queryset = Tour.objects.none()
    serializer_class = TourReplySerializer  # type: ignore[assignment]
    pending_status = Tour.Status.PENDING
    shared_actions = ("cancel", "complete")
    approver_actions = ("to_decide", "decide", "curtail", "extend")

    def all_rows(self, organization_id: Any) -> QuerySet[Tour]:
        """The tours of an organization."""
        rows = Tour.objects.of(organization_id)
        rows = rows.select_related("employee__organization", "decided_by__employee")
        return rows.prefetch_related("documents")

    def approver_rows(self, rows: QuerySet[Tour], own: Q) -> QuerySet[Tour]:
        """Of a draft nobody but its traveller is told."""
        return rows.filter(own | ~Q(status=Tour.Status.DRAFT))

    def row_body(self, row: Tour) -> dict[str, Any]:
        """A tour as the API gives it."""
        return tour_row(row)

    @extend_schema(responses=TourReplySerializer(many=True))
    def list(self, request: Request) -> Response:
        """My tours, newest first."""
        return self.list_page()

    @extend_schema(responses=TourReplySerializer(many=True))
    def to_decide(self, request: Request) -> Response:
        """Pending tours that the caller may decide."""
        return self.list_page()

    @extend_schema(request=TourBodySerializer, responses={201: TourReplySerializer})
    def create(self, request: Request) -> Response:
        """Apply for a tour, or for other duty away from the office; with `draft` it is only
        kept.
        """
        user, asked = request_user(request), validated_body(TourBodySerializer, request)
        employee, paper_ids = request_employee(request), asked.get("paper_ids", [])
        tour = Tour(
            organization_id=employee.organization_id,
            employee=employee,
            tour_type=asked["tour_type"],
            purpose=asked["purpose"],
            places=asked["places"],
            start_at=asked["start_at"],
            end_at=asked["end_at"],
            order_no=asked["order_no"] or "",
        )
        if asked["draft"]:
            drafts.save_tour_draft(tour, paper_ids)
        else:
            services.apply_for_tour(tour, actor=user, document_ids=paper_ids)
        return Response(tour_row(tour), status=status.HTTP_201_CREATED)

    @extend_schema(request=DraftBodySerializer, responses={200: TourReplySerializer, 409: None})
    def change(self, request: Request, pk: int) -> Response:
        """Change a draft. What was sent in is not changed any more."""
        one, facts = self.row_or_404(pk), validated_body(DraftBodySerializer, request)
        paper_ids = facts.pop("paper_ids", None)
        return Response(tour_row(drafts.change_tour_draft(one, facts, paper_ids)))

    @extend_schema(request=None, responses={200: TourReplySerializer, 409: None, 422: None})
    def submit(self, request: Request, pk: int) -> Response:
        """Send a draft in. It is judged as an application made now, and waits for a decision."""
        return Response(
            tour_row(drafts.submit_tour_draft(self.row_or_404(pk), actor=request_user(request)))
        )

    @extend_schema(responses={204: None, 409: None})
    def discard(self, request: Request, pk: int) -> Response:
        """Take a draft away, with its papers."""
        drafts.discard_tour_draft(self.row_or_404(pk))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        request=TourDecisionBodySerializer,
        responses={200: TourReplySerializer, 403: None, 409: None},
    )
    def decide(self, request: Request, pk: int) -> Response:
        """Decide a pending tour, once."""
        body = validated_body(TourDecisionBodySerializer, request)
        approve = body["decision"] == "approve"
        return Response(
            tour_row(
                services.decide_tour(
                    self.row_or_404(pk),
                    actor=request_user(request),
                    approve=approve,
                    remarks=body["remarks"] or "",
                )
            )
        )

    @extend_schema(
        request=TourRemarksBodySerializer,
        responses={200: TourReplySerializer, 403: None, 409: None},
    )
    def cancel(self, request: Request, pk: int) -> Response:
        """Take a tour back: one's own before it begins, or as its authority."""
        body = validated_body(TourRemarksBodySerializer, request)
        return Response(
            tour_row(
                services.cancel_tour(
                    self.row_or_404(pk), actor=request_user(request), remarks=body["remarks"] or ""
                )
            )
        )

    @extend_schema(request=NewEndBodySerializer, responses={200: TourReplySerializer, 409: None})
    def curtail(self, request: Request, pk: int) -> Response:
        """End a tour earlier."""
        body = validated_body(NewEndBodySerializer, request)
        one = services.curtail_tour(
            self.row_or_404(pk),
            end_at=body["end_at"],
            actor=request_user(request),
            remarks=body["remarks"] or "",
        )
        return Response(tour_row(one))

    @extend_schema(request=NewEndBodySerializer, responses={200: TourReplySerializer, 409: None})
    def extend(self, request: Request, pk: int) -> Response:
        """End a tour later."""
        body = validated_body(NewEndBodySerializer, request)
        one = services.extend_tour(
            self.row_or_404(pk),
            end_at=body["end_at"],
            actor=request_user(request),
            remarks=body["remarks"] or "",
        )
        return Response(tour_row(one))

    @extend_schema(
        request=ReportBodySerializer, responses={200: TourReplySerializer, 403: None, 409: None}
    )
    def complete(self, request: Request, pk: int) -> Response:
        """Hand in the return report."""
        body = validated_body(ReportBodySerializer, request)
        return Response(
            tour_row(
                services.complete_tour(
                    self.row_or_404(pk), actor=request_user(request), report=body["report"]
                )
            )
        )


class TourDocumentGone(APIException):
    """The row is there, its file is not."""

    status_code = status.HTTP_410_GONE
    default_detail = FILE_MISSING_TEXT
    default_code = "gone"


class TourDocumentsView(APIView):
    """`POST /api/v1/tours/papers`: papers are kept privately and named by id."""

    authentication_classes = (BearerAuthentication,)
    permission_classes = (IsAuthenticated, IsEmployee)
    parser_classes = (BoundedMultiPartParser,)
    limits = (V1_LIMIT,)

    @extend_schema(
        request={"multipart/form-data": PaperBodySerializer},
        responses={201: PaperIdReplySerializer},
    )
    def post(self, request: Request) -> Response:
        """Hand in a paper about a tour: an order, an invitation."""
        body = validated_body(PaperBodySerializer, request)
        paper = tour_attachments.store_tour_document(
            request_employee(request), body["file"].read(), body["kind"]
        )
        return Response({"id": paper.pk}, status=status.HTTP_201_CREATED)


class TourDocumentView(APIView):
    """`GET /api/v1/tours/papers/{id}`: for its owner, and for whoever decides on their tours once
    it was sent in.
    """

    authentication_classes = (BearerAuthentication,)
    permission_classes = (IsAuthenticated,)
    limits = (V1_LIMIT,)

    @extend_schema(
        responses={(200, kind): OpenApiTypes.BINARY for kind in ALLOWED_CONTENT_TYPES} | {410: None}
    )
    def get(self, request: Request, pk: int) -> HttpResponseBase:
        """The paper itself, as an attachment. Who was given it is written down."""
        user = request_user(request)
        one = (
            tour_attachments.readable_tour_documents(user).filter(pk=pk).first()
            if pk < 2**63
            else None
        )
        if one is None:
            raise NotFound
        try:
            reply = attachment_response(one.file, f"tour-paper-{one.pk}", one.content_type)
        except FileMissing as error:
            raise TourDocumentGone from error
        record_attachment_download(one, actor=user, request=request)
        return reply


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
