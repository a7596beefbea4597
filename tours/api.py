"""Tours over REST: `/api/v1/tours…` for people and their approvers. Translation only; `services` decides."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.abilities import APPROVE_LEAVE, IsEmployee, decides_for, has, requires, today
from accounts.api import Fields
from accounts.authentication import BearerAuthentication
from accounts.limits import V1
from accounts.models import User
from employees.models import Employee
from employees.pages import NewestFirst
from tours import services
from tours.filters import TourFilter
from tours.models import Tour

FIRST_YEAR, LAST_YEAR = 1950, 2200
MOST_PLACES: Final = 20


def in_range(value: datetime) -> None:
    """Refuse instants no calendar is kept for."""
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise serializers.ValidationError(f"The year must be from {FIRST_YEAR} to {LAST_YEAR}.")


class Instant(serializers.DateTimeField):
    """An instant with its offset: a time without one would be somebody's guess."""

    default_error_messages = {"naive": "Give the offset, as in 2026-07-06T09:00:00+05:30."}

    def to_internal_value(self, value: Any) -> datetime:
        """The instant. Raises ValidationError."""
        if isinstance(value, str) and not value.endswith(("Z", "z")) and "+" not in value[10:] and "-" not in value[10:]:
            self.fail("naive")
        try:
            return super().to_internal_value(value)
        except OverflowError:
            self.fail("invalid", format="ISO 8601")


class TourBody(Fields):
    """An application for a tour."""

    tour_type = serializers.ChoiceField(choices=Tour.Type.choices, required=False, default=Tour.Type.TOUR)
    purpose = serializers.CharField(max_length=500)
    places = serializers.ListField(
        child=serializers.CharField(max_length=200), max_length=MOST_PLACES, required=False, default=list
    )
    start_at = Instant(validators=[in_range])
    end_at = Instant(validators=[in_range])
    order_no = serializers.CharField(max_length=120, required=False, allow_blank=True, allow_null=True, default="")


class TourDecisionBody(Fields):
    """A decision on a tour."""

    decision = serializers.ChoiceField(choices=["approve", "reject"])
    remarks = serializers.CharField(max_length=500, required=False, allow_blank=True, allow_null=True, default="")


class TourRemarksBody(Fields):
    """Why."""

    remarks = serializers.CharField(max_length=500, required=False, allow_blank=True, allow_null=True, default="")


class NewEndBody(TourRemarksBody):
    """The new time of return."""

    end_at = Instant(validators=[in_range])


class ReportBody(Fields):
    """What came of it."""

    report = serializers.CharField(max_length=2000)


class TravellerReply(serializers.Serializer[dict[str, Any]]):
    """Who travels."""

    id = serializers.UUIDField()
    code = serializers.CharField()
    name = serializers.CharField()


class TourReply(serializers.Serializer[dict[str, Any]]):
    """A tour, and what became of it."""

    id = serializers.IntegerField()
    employee = TravellerReply()
    tour_type = serializers.ChoiceField(choices=Tour.Type.values)
    purpose = serializers.CharField()
    places = serializers.ListField(child=serializers.CharField())
    start_at = serializers.DateTimeField()
    end_at = serializers.DateTimeField()
    order_no = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(choices=Tour.Status.values)
    applied_at = serializers.DateTimeField()
    decided_by = serializers.CharField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    remarks = serializers.CharField(allow_blank=True)
    report = serializers.CharField(allow_blank=True)


class ToursViewSet(GenericViewSet[Tour]):
    """`/api/v1/tours`: one's own tours, and for approvers those of the people they decide for."""

    authentication_classes = (BearerAuthentication,)
    limits = (V1,)
    pagination_class = NewestFirst
    filter_backends = (DjangoFilterBackend,)
    filterset_class = TourFilter
    queryset = Tour.objects.none()
    serializer_class = TourReply  # type: ignore[assignment]
    for_approvers = ("to_decide", "decide", "curtail", "extend")

    def get_permissions(self) -> Any:
        """Deciding is for approvers; the rest for employees, and for approvers who are none."""
        if self.action in self.for_approvers:
            return [IsAuthenticated(), requires(APPROVE_LEAVE)()]
        return [IsAuthenticated()] if self.action in ("cancel", "complete") else [IsAuthenticated(), IsEmployee()]

    def get_queryset(self) -> QuerySet[Tour]:
        """What the caller may know of: their own; what they may decide; nothing else of their organization."""
        user = _user(self.request)
        rows = Tour.objects.of(user.organization_id).select_related("employee__organization", "decided_by__employee")
        if self.action == "to_decide":
            return rows.filter(status=Tour.Status.PENDING, employee__in=_people(user))
        if self.action in (*self.for_approvers, "cancel", "complete") and has(user, APPROVE_LEAVE):
            # Whose it is not to decide is told so: 403, by the verb.
            return rows
        return rows.filter(employee=user.employee_id) if user.employee_id else rows.none()

    def _one(self, pk: int) -> Tour:
        found = self.get_queryset().filter(pk=pk).first() if pk < 2**63 else None
        if found is None:
            raise NotFound
        return found

    def _page(self) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response([row(one) for one in page or []])

    @extend_schema(responses=TourReply(many=True))
    def list(self, request: Request) -> Response:
        """My tours, newest first."""
        return self._page()

    @extend_schema(responses=TourReply(many=True))
    def to_decide(self, request: Request) -> Response:
        """Pending tours that the caller may decide."""
        return self._page()

    @extend_schema(request=TourBody, responses={201: TourReply})
    def create(self, request: Request) -> Response:
        """Apply for a tour, or for other duty away from the office."""
        user, asked = _user(request), checked(TourBody, request)
        if user.employee is None:
            raise NotFound
        tour = Tour(
            organization_id=user.employee.organization_id, employee=user.employee, tour_type=asked["tour_type"],
            purpose=asked["purpose"], places=asked["places"], start_at=asked["start_at"], end_at=asked["end_at"],
            order_no=asked["order_no"] or "",
        )  # fmt: skip
        return Response(row(services.apply(tour, actor=user)), status=status.HTTP_201_CREATED)

    @extend_schema(request=TourDecisionBody, responses={200: TourReply, 403: None, 409: None})
    def decide(self, request: Request, pk: int) -> Response:
        """Decide a pending tour, once."""
        body = checked(TourDecisionBody, request)
        approve = body["decision"] == "approve"
        return Response(
            row(services.decide(self._one(pk), actor=_user(request), approve=approve, remarks=body["remarks"] or ""))
        )

    @extend_schema(request=TourRemarksBody, responses={200: TourReply, 403: None, 409: None})
    def cancel(self, request: Request, pk: int) -> Response:
        """Take a tour back: one's own before it begins, or as its authority."""
        body = checked(TourRemarksBody, request)
        return Response(row(services.cancel(self._one(pk), actor=_user(request), remarks=body["remarks"] or "")))

    @extend_schema(request=NewEndBody, responses={200: TourReply, 409: None})
    def curtail(self, request: Request, pk: int) -> Response:
        """End a tour earlier."""
        body = checked(NewEndBody, request)
        one = services.curtail(self._one(pk), end_at=body["end_at"], actor=_user(request), remarks=body["remarks"] or "")
        return Response(row(one))

    @extend_schema(request=NewEndBody, responses={200: TourReply, 409: None})
    def extend(self, request: Request, pk: int) -> Response:
        """End a tour later."""
        body = checked(NewEndBody, request)
        one = services.extend(self._one(pk), end_at=body["end_at"], actor=_user(request), remarks=body["remarks"] or "")
        return Response(row(one))

    @extend_schema(request=ReportBody, responses={200: TourReply, 403: None, 409: None})
    def complete(self, request: Request, pk: int) -> Response:
        """Hand in the return report."""
        body = checked(ReportBody, request)
        return Response(row(services.complete(self._one(pk), actor=_user(request), report=body["report"])))


def checked(kind: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """The fields of a body. Raises ValidationError."""
    body = kind(data=request.data)
    body.is_valid(raise_exception=True)
    found: dict[str, Any] = body.validated_data
    return found


def _user(request: Request) -> User:
    user: User = request.user  # type: ignore[assignment]
    return user


def _people(user: User) -> QuerySet[Employee]:
    day = today(user.employee) if user.employee else date.today()  # noqa: DTZ011
    return Employee.objects.of(user.organization_id).filter(decides_for(user, day))


def _name(user: User | None) -> str | None:
    if user is None:
        return None
    return user.get_full_name() or (user.employee.name if user.employee else user.get_username())


def row(one: Tour) -> dict[str, Any]:
    """A tour as the API tells it."""
    traveller = one.employee
    return {
        "id": one.pk, "employee": {"id": str(traveller.pk), "code": traveller.code, "name": traveller.name},
        "tour_type": one.tour_type, "purpose": one.purpose, "places": one.places, "start_at": one.start_at,
        "end_at": one.end_at, "order_no": one.order_no, "status": one.status, "applied_at": one.applied_at,
        "decided_by": _name(one.decided_by), "decided_at": one.decided_at, "remarks": one.remarks, "report": one.report,
    }  # fmt: skip
