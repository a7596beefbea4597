"""`/api/v1/leaves`: applications, for people and their approvers. Requests are translated into
the verbs of `leaves.services`, their results into replies; nothing is decided here.
"""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet, Sum
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.approvals.views import ApprovalViewSet, request_employee, request_user
from core.serializers import validated_body
from leaves import statements
from leaves.api.bodies import (
    ConvertBodySerializer,
    CurtailBodySerializer,
    DecisionBodySerializer,
    ExtendBodySerializer,
    LeaveBodySerializer,
    RecommendationBodySerializer,
    RemarksBodySerializer,
    YearQuerySerializer,
)
from leaves.api.replies import balance_body, leave_body, preview_body, refusal_body, sanction_body
from leaves.api.request_data import application_data_of, calendar_year_of, certificate_of
from leaves.filters import LeaveFilter
from leaves.models import Child, LeaveApplication
from leaves.serializers import (
    BalancesReplySerializer,
    ChildrenReplySerializer,
    LeaveReplySerializer,
    OutlookReplySerializer,
    PreviewReplySerializer,
)
from leaves.services.amendments import cancel_leave, convert_leave, curtail_leave, extend_leave
from leaves.services.application_data import WITHHOLD_OPTIONS, WithheldOffDays
from leaves.services.applications import apply_for_leave, preview_leave
from leaves.services.decisions import decide_leave, preview_decision, recommend_leave


class LeaveViewSet(ApprovalViewSet[LeaveApplication]):
    """`/api/v1/leaves`: one's own leave, and for approvers that of the people they decide for."""

    filterset_class = LeaveFilter
    queryset = LeaveApplication.objects.none()
    serializer_class = LeaveReplySerializer  # type: ignore[assignment]
    pending_status = LeaveApplication.Status.PENDING
    shared_actions = ("cancel",)
    approver_actions = (
        "to_decide",
        "decision_preview",
        "recommend",
        "approve",
        "curtail",
        "convert",
    )

    def all_rows(self, organization_id: Any) -> QuerySet[LeaveApplication]:
        """The applications of an organization."""
        return _with_related(LeaveApplication.objects.of(organization_id))

    def row_body(self, row: LeaveApplication) -> dict[str, Any]:
        """An application as the API gives it."""
        return leave_body(row)

    @extend_schema(responses=LeaveReplySerializer(many=True))
    def list(self, request: Request) -> Response:
        """My applications, newest first."""
        return self.list_page()

    @extend_schema(responses=LeaveReplySerializer(many=True))
    def to_decide(self, request: Request) -> Response:
        """Pending applications that the caller may decide."""
        return self.list_page()

    @extend_schema(request=LeaveBodySerializer, responses={201: LeaveReplySerializer})
    def create(self, request: Request) -> Response:
        """Apply for leave. A refusal names its code, its rule and the numbers it used."""
        employee = request_employee(request)
        application = apply_for_leave(
            employee, application_data_of(request, employee), actor=request_user(request)
        )
        return Response(leave_body(_reloaded(application)), status=status.HTTP_201_CREATED)

    @extend_schema(request=LeaveBodySerializer, responses={200: PreviewReplySerializer})
    def preview(self, request: Request) -> Response:
        """What this would cost and why, without applying."""
        employee = request_employee(request)
        seen = preview_leave(employee, application_data_of(request, employee))
        return Response(preview_body(seen))

    @extend_schema(
        parameters=[YearQuerySerializer], responses=BalancesReplySerializer, filters=False
    )
    def balances(self, request: Request) -> Response:
        """The year's balances of the six kinds, in days."""
        employee = request_employee(request)
        year = calendar_year_of(request, employee)
        as_of, standings = statements.leave_statement(employee, year)
        return Response(
            {"year": year, "as_of": as_of, "data": [balance_body(one) for one in standings]}
        )

    @extend_schema(responses=ChildrenReplySerializer, filters=False)
    def children(self, request: Request) -> Response:
        """One's own children on record: `child_id` of an application for child care leave."""
        employee = request_employee(request)
        rows = Child.objects.of(employee.organization_id).filter(
            employee=employee, died_on__isnull=True
        )
        return Response(
            {
                "data": [
                    {"id": c.pk, "name": c.name, "born_on": c.born_on, "disabled": c.disabled}
                    for c in rows
                ]
            }
        )

    @extend_schema(responses={200: OutlookReplySerializer, 403: None}, filters=False)
    def decision_preview(self, request: Request, pk: int) -> Response:
        """What a decision would come to: who decides, why it is not the caller's to approve, and
        what withholding costs.
        """
        one = self.row_or_404(pk)
        seen = preview_decision(one, request_user(request))
        return Response(
            {
                "status": one.status,
                "who_decides": sanction_body(seen.eligibility),
                "recommendation": one.recommendation or None,
                "refusal": refusal_body(seen.refusal) if seen.refusal else None,
                "days_debited": {name: seen.days_debited.get(name) for name in WITHHOLD_OPTIONS},
            }
        )

    @extend_schema(
        request=RecommendationBodySerializer,
        responses={200: LeaveReplySerializer, 403: None, 409: None},
    )
    def recommend(self, request: Request, pk: int) -> Response:
        """Say, once, whether pending leave should be sanctioned. Another officer decides."""
        body = validated_body(RecommendationBodySerializer, request)
        favour = body["recommendation"] == LeaveApplication.Recommendation.RECOMMENDED
        one = recommend_leave(
            self.row_or_404(pk),
            actor=request_user(request),
            recommended=favour,
            remarks=body["remarks"] or "",
        )
        return Response(leave_body(_reloaded(one)))

    @extend_schema(
        request=DecisionBodySerializer, responses={200: LeaveReplySerializer, 403: None, 409: None}
    )
    def approve(self, request: Request, pk: int) -> Response:
        """Decide a pending application, once."""
        body = validated_body(DecisionBodySerializer, request)
        one = decide_leave(
            self.row_or_404(pk),
            actor=request_user(request),
            approve=body["decision"] == "approve",
            remarks=body["remarks"] or "",
            withhold=WithheldOffDays(body["withhold_prefix"], body["withhold_suffix"]),
        )
        return Response(leave_body(_reloaded(one)))

    @extend_schema(
        request=RemarksBodySerializer, responses={200: LeaveReplySerializer, 403: None, 409: None}
    )
    def cancel(self, request: Request, pk: int) -> Response:
        """Take an application back: one's own before it begins, or as its authority."""
        body = validated_body(RemarksBodySerializer, request)
        return Response(
            leave_body(
                _reloaded(
                    cancel_leave(
                        self.row_or_404(pk),
                        actor=request_user(request),
                        remarks=body["remarks"] or "",
                    )
                )
            )
        )

    @extend_schema(request=CurtailBodySerializer, responses={200: LeaveReplySerializer, 409: None})
    def curtail(self, request: Request, pk: int) -> Response:
        """End leave earlier; the days after it are given back."""
        body = validated_body(CurtailBodySerializer, request)
        one = curtail_leave(
            self.row_or_404(pk),
            ends_on=body["end_date"],
            actor=request_user(request),
            remarks=body["remarks"] or "",
        )
        return Response(leave_body(_reloaded(one)))

    @extend_schema(request=ExtendBodySerializer, responses={201: LeaveReplySerializer, 409: None})
    def extend(self, request: Request, pk: int) -> Response:
        """Ask for more of the same: a new application for the days after it."""
        body = validated_body(ExtendBodySerializer, request)
        one = extend_leave(
            self.row_or_404(pk),
            ends_on=body["end_date"],
            actor=request_user(request),
            reason=body["reason"],
        )
        return Response(leave_body(_reloaded(one)), status=status.HTTP_201_CREATED)

    @extend_schema(request=ConvertBodySerializer, responses={200: LeaveReplySerializer, 409: None})
    def convert(self, request: Request, pk: int) -> Response:
        """Change the kind of leave that was taken, within the window after rejoining."""
        body, one = validated_body(ConvertBodySerializer, request), self.row_or_404(pk)
        paper = certificate_of(body["certificate_id"], one.employee)
        done = convert_leave(
            one,
            kind=body["leave_type"],
            actor=request_user(request),
            certificate=paper,
            remarks=body["remarks"] or "",
        )
        return Response(leave_body(_reloaded(done)))


def _with_related(rows: QuerySet[LeaveApplication]) -> QuerySet[LeaveApplication]:
    rows = rows.select_related(
        "employee__organization", "decided_by__employee", "recommended_by__employee"
    )
    return rows.annotate(counted=Sum("days__counted"))


def _reloaded(application: LeaveApplication) -> LeaveApplication:
    return _with_related(LeaveApplication.objects.of(application.organization_id)).get(
        pk=application.pk
    )
