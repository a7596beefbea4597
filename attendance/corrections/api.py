"""Corrections people ask for, over REST: `/api/v1/regularizations…`. Translation only:
`corrections.regularization` decides.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.approvals.people import employee_summary, user_display_name
from accounts.approvals.serializers import ApprovalDecisionSerializer, remarks_field
from accounts.approvals.views import ApprovalViewSet, request_employee, request_user
from attendance.corrections import regularization
from attendance.corrections.employee_zones import EmployeeZones
from attendance.corrections.filters import RegularizationFilterSet
from attendance.models import Regularization
from core.serializers import StrictSerializer, validated_body
from core.times import parse_timestamp
from leaves.serializers import ApplicantReplySerializer

_CLOCK_HELP = "Such as 2026-07-06T09:00 on the clock of one's own office, or with an offset."


class RegularizationBodySerializer(StrictSerializer):
    """When one came and left on a date; at least one of the two. Without an offset it is the
    office's own time.
    """

    date = serializers.DateField(help_text="The date of the shift: its night may end on the next.")
    in_at = serializers.CharField(
        max_length=40, required=False, allow_null=True, allow_blank=True, help_text=_CLOCK_HELP
    )
    out_at = serializers.CharField(
        max_length=40, required=False, allow_null=True, allow_blank=True, help_text=_CLOCK_HELP
    )
    reason = serializers.CharField(max_length=400)


class RegularizationDecisionBodySerializer(ApprovalDecisionSerializer):
    """A decision."""

    remarks = remarks_field(400)


class RegularizationReplySerializer(serializers.Serializer[dict[str, Any]]):
    """A correction somebody asked for, and what became of it. Instants in UTC."""

    id = serializers.IntegerField()
    employee = ApplicantReplySerializer()
    date = serializers.DateField()
    in_at = serializers.DateTimeField(allow_null=True)
    out_at = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField()
    status = serializers.ChoiceField(choices=Regularization.Status.values)
    applied_at = serializers.DateTimeField()
    decided_by = serializers.CharField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    remarks = serializers.CharField(allow_blank=True)


class RegularizationViewSet(ApprovalViewSet[Regularization]):
    """`/api/v1/regularizations`: one's own, and for approvers those of the people they
    decide for.
    """

    filterset_class = RegularizationFilterSet
    queryset = Regularization.objects.none()
    serializer_class = RegularizationReplySerializer  # type: ignore[assignment]
    pending_status = Regularization.Status.PENDING
    approver_actions = ("to_decide", "decide")

    def all_rows(self, organization_id: Any) -> QuerySet[Regularization]:
        """The correction requests of an organization."""
        rows = Regularization.objects.of(organization_id)
        return rows.select_related("employee__organization", "decided_by__employee")

    def row_body(self, row: Regularization) -> dict[str, Any]:
        """A correction request as the API gives it."""
        return regularization_row(row)

    @extend_schema(responses=RegularizationReplySerializer(many=True))
    def list(self, request: Request) -> Response:
        """My corrections, newest first."""
        return self.list_page()

    @extend_schema(responses=RegularizationReplySerializer(many=True))
    def to_decide(self, request: Request) -> Response:
        """Corrections that wait, and that the caller may decide."""
        return self.list_page()

    @extend_schema(
        request=RegularizationBodySerializer,
        responses={201: RegularizationReplySerializer, 409: None},
    )
    def create(self, request: Request) -> Response:
        """Ask to have the times of a day put right. A refusal names its code, its rule and the
        numbers it used.
        """
        user, asked = request_user(request), validated_body(RegularizationBodySerializer, request)
        employee = request_employee(request)
        zone = EmployeeZones(employee.organization_id, [employee.pk]).zone_on(
            employee, asked["date"]
        )
        wish = Regularization(
            organization_id=employee.organization_id,
            employee=employee,
            date=asked["date"],
            reason=asked["reason"],
            in_at=_parse_instant(asked.get("in_at"), zone, "in_at"),
            out_at=_parse_instant(asked.get("out_at"), zone, "out_at"),
        )
        return Response(
            regularization_row(regularization.apply_for_regularization(wish, actor=user)),
            status=status.HTTP_201_CREATED,
        )

    @extend_schema(
        request=RegularizationDecisionBodySerializer,
        responses={200: RegularizationReplySerializer, 403: None, 409: None},
    )
    def decide(self, request: Request, pk: int) -> Response:
        """Decide what waits, once; what is approved counts at once."""
        one, body = (
            self.row_or_404(pk),
            validated_body(RegularizationDecisionBodySerializer, request),
        )
        approve = body["decision"] == "approve"
        return Response(
            regularization_row(
                regularization.decide_regularization(
                    one,
                    actor=request_user(request),
                    approve=approve,
                    remarks=body["remarks"] or "",
                )
            )
        )

    @extend_schema(request=None, responses={200: RegularizationReplySerializer, 409: None})
    def withdraw(self, request: Request, pk: int) -> Response:
        """Take one's own back while it waits."""
        return Response(
            regularization_row(
                regularization.withdraw_regularization(
                    self.row_or_404(pk), actor=request_user(request)
                )
            )
        )


def _parse_instant(text: str | None, zone: str, field: str) -> datetime | None:
    """What somebody wrote as an instant; None where they wrote nothing. Raises ValidationError
    naming the field.
    """
    if not text:
        return None
    try:
        return parse_timestamp(text, zone).at
    except ValueError as error:
        raise ValidationError(
            {field: [_("Write a date and a time, such as 2026-07-06T09:00.")]}
        ) from error


def regularization_row(regularization: Regularization) -> dict[str, Any]:
    """A correction somebody asked for, as the API tells it."""
    return {
        "id": regularization.pk,
        "employee": employee_summary(regularization.employee),
        "date": regularization.date,
        "in_at": regularization.in_at,
        "out_at": regularization.out_at,
        "reason": regularization.reason,
        "status": regularization.status,
        "applied_at": regularization.applied_at,
        "decided_by": user_display_name(regularization.decided_by),
        "decided_at": regularization.decided_at,
        "remarks": regularization.remarks,
    }
