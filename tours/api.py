"""Tours over REST: `/api/v1/tours…` for people and their approvers. Translation only; the services
decide.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.approvals.views import ApprovalViewSet, request_employee, request_user
from core.serializers import validated_body
from tours import drafts
from tours.filters import TourFilter
from tours.models import Tour
from tours.serializers import (
    DraftBodySerializer,
    NewEndBodySerializer,
    ReportBodySerializer,
    TourBodySerializer,
    TourDecisionBodySerializer,
    TourRemarksBodySerializer,
    TourReplySerializer,
    tour_row,
)
from tours.services.applications import apply_for_tour
from tours.services.changes import cancel_tour, complete_tour, curtail_tour, extend_tour
from tours.services.decisions import decide_tour


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
            apply_for_tour(tour, actor=user, document_ids=paper_ids)
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
                decide_tour(
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
                cancel_tour(
                    self.row_or_404(pk), actor=request_user(request), remarks=body["remarks"] or ""
                )
            )
        )

    @extend_schema(request=NewEndBodySerializer, responses={200: TourReplySerializer, 409: None})
    def curtail(self, request: Request, pk: int) -> Response:
        """End a tour earlier."""
        body = validated_body(NewEndBodySerializer, request)
        one = curtail_tour(
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
        one = extend_tour(
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
                complete_tour(
                    self.row_or_404(pk), actor=request_user(request), report=body["report"]
                )
            )
        )
