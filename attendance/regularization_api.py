"""Corrections people ask for, over REST: `/api/v1/regularizations…`. Translation only:
`regularization` decides.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.abilities import APPROVE_LEAVE, IsEmployee, decides_for, has, requires, today
from accounts.api import Fields
from accounts.authentication import BearerAuthentication
from accounts.limits import V1
from accounts.models import User
from attendance import regularization
from attendance.corrections import Zones
from attendance.filters import RegularizationFilter
from attendance.models import Regularization
from attendance.times import read_time
from employees.models import Employee
from employees.pages import NewestFirst
from leaves.api import checked, name_of, person
from leaves.replies import ApplicantReply

_CLOCK = "Such as 2026-07-06T09:00 on the clock of one's own office, or with an offset."


class RegularizationBody(Fields):
    """When one came and left on a date; at least one of the two. Without an offset it is the
    office's own time.
    """

    date = serializers.DateField(help_text="The date of the shift: its night may end on the next.")
    in_at = serializers.CharField(
        max_length=40, required=False, allow_null=True, allow_blank=True, help_text=_CLOCK
    )
    out_at = serializers.CharField(
        max_length=40, required=False, allow_null=True, allow_blank=True, help_text=_CLOCK
    )
    reason = serializers.CharField(max_length=400)


class RegularizationDecisionBody(Fields):
    """A decision."""

    decision = serializers.ChoiceField(choices=["approve", "reject"])
    remarks = serializers.CharField(
        max_length=400, required=False, allow_blank=True, allow_null=True, default=""
    )


class RegularizationReply(serializers.Serializer[dict[str, Any]]):
    """A correction somebody asked for, and what became of it. Instants in UTC."""

    id = serializers.IntegerField()
    employee = ApplicantReply()
    date = serializers.DateField()
    in_at = serializers.DateTimeField(allow_null=True)
    out_at = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField()
    status = serializers.ChoiceField(choices=Regularization.Status.values)
    applied_at = serializers.DateTimeField()
    decided_by = serializers.CharField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    remarks = serializers.CharField(allow_blank=True)


class RegularizationsViewSet(GenericViewSet[Regularization]):
    """`/api/v1/regularizations`: one's own, and for approvers those of the people they
    decide for.
    """

    authentication_classes = (BearerAuthentication,)
    limits = (V1,)
    pagination_class = NewestFirst
    filter_backends = (DjangoFilterBackend,)
    filterset_class = RegularizationFilter
    queryset = Regularization.objects.none()
    serializer_class = RegularizationReply  # type: ignore[assignment]
    for_approvers = ("to_decide", "decide")

    def get_permissions(self) -> Any:
        """Deciding is for approvers; the rest for employees."""
        mine = requires(APPROVE_LEAVE) if self.action in self.for_approvers else IsEmployee
        return [IsAuthenticated(), mine()]

    def get_queryset(self) -> QuerySet[Regularization]:
        """What the caller may know of: their own; what they may decide; nothing else of their
        organization.
        """
        user = _user(self.request)
        rows = Regularization.objects.of(user.organization_id).select_related(
            "employee__organization", "decided_by__employee"
        )
        if self.action == "to_decide":
            return rows.filter(status=Regularization.Status.PENDING, employee__in=_people(user))
        if self.action == "decide" and has(user, APPROVE_LEAVE):
            # Whose it is not to decide is told so: 403, by the verb.
            return rows
        return rows.filter(employee=user.employee_id) if user.employee_id else rows.none()

    def _one(self, pk: int) -> Regularization:
        found = self.get_queryset().filter(pk=pk).first() if pk < 2**63 else None
        if found is None:
            raise NotFound
        return found

    def _page(self) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response([row(one) for one in page or []])

    @extend_schema(responses=RegularizationReply(many=True))
    def list(self, request: Request) -> Response:
        """My corrections, newest first."""
        return self._page()

    @extend_schema(responses=RegularizationReply(many=True))
    def to_decide(self, request: Request) -> Response:
        """Corrections that wait, and that the caller may decide."""
        return self._page()

    @extend_schema(request=RegularizationBody, responses={201: RegularizationReply, 409: None})
    def create(self, request: Request) -> Response:
        """Ask to have the times of a day put right. A refusal names its code, its rule and the
        numbers it used.
        """
        user, asked = _user(request), checked(RegularizationBody, request)
        if user.employee is None:
            raise NotFound
        employee = user.employee
        zone = Zones(employee.organization_id, [employee.pk]).of(employee, asked["date"])
        wish = Regularization(
            organization_id=employee.organization_id,
            employee=employee,
            date=asked["date"],
            reason=asked["reason"],
            in_at=_instant(asked.get("in_at"), zone, "in_at"),
            out_at=_instant(asked.get("out_at"), zone, "out_at"),
        )
        return Response(row(regularization.apply(wish, actor=user)), status=status.HTTP_201_CREATED)

    @extend_schema(
        request=RegularizationDecisionBody,
        responses={200: RegularizationReply, 403: None, 409: None},
    )
    def decide(self, request: Request, pk: int) -> Response:
        """Decide what waits, once; what is approved counts at once."""
        one, body = self._one(pk), checked(RegularizationDecisionBody, request)
        approve = body["decision"] == "approve"
        return Response(
            row(
                regularization.decide(
                    one, actor=_user(request), approve=approve, remarks=body["remarks"] or ""
                )
            )
        )

    @extend_schema(request=None, responses={200: RegularizationReply, 409: None})
    def withdraw(self, request: Request, pk: int) -> Response:
        """Take one's own back while it waits."""
        return Response(row(regularization.withdraw(self._one(pk), actor=_user(request))))


def _instant(text: str | None, zone: str, field: str) -> datetime | None:
    """What somebody wrote as an instant; None where they wrote nothing. Raises ValidationError
    naming the field.
    """
    if not text:
        return None
    try:
        return read_time(text, zone).at
    except ValueError as error:
        raise ValidationError(
            {field: [_("Write a date and a time, such as 2026-07-06T09:00.")]}
        ) from error


def _user(request: Request) -> User:
    user: User = request.user  # type: ignore[assignment]
    return user


def _people(user: User) -> QuerySet[Employee]:
    day = today(user.employee) if user.employee else date.today()  # noqa: DTZ011
    return Employee.objects.of(user.organization_id).filter(decides_for(user, day))


def row(one: Regularization) -> dict[str, Any]:
    """A correction somebody asked for, as the API tells it."""
    return {
        "id": one.pk,
        "employee": person(one.employee),
        "date": one.date,
        "in_at": one.in_at,
        "out_at": one.out_at,
        "reason": one.reason,
        "status": one.status,
        "applied_at": one.applied_at,
        "decided_by": name_of(one.decided_by),
        "decided_at": one.decided_at,
        "remarks": one.remarks,
    }
