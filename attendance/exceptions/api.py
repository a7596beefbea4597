"""The inbox over REST: `GET /api/v1/admin/exceptions` and `POST
/api/v1/admin/exceptions/{id}/resolve`. Translation only.
"""

from __future__ import annotations

from typing import Any

from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.authentication import BearerAuthentication
from accounts.models import User
from accounts.permissions import MANAGE_ATTENDANCE, requires_ability
from accounts.throttling import V1_LIMIT
from attendance.exceptions import labels as exception_labels
from attendance.exceptions import services as exception_services
from attendance.exceptions.filters import AttendanceExceptionFilterSet
from attendance.models import AttendanceException
from core.pagination import NewestFirstPagination
from core.serializers import StrictSerializer


class _EmployeeRowSerializer(serializers.Serializer[dict[str, Any]]):
    """Whose day or punch it is."""

    id = serializers.UUIDField()
    code = serializers.CharField()
    name = serializers.CharField()


class _DeviceRowSerializer(serializers.Serializer[dict[str, Any]]):
    """Which device."""

    id = serializers.IntegerField()
    serial = serializers.CharField()
    name = serializers.CharField()


class ExceptionRowSerializer(serializers.Serializer[dict[str, Any]]):
    """Something to look at. `happened` and `to_do` are sentences; `details` the facts behind them,
    by kind.
    """

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=AttendanceException.Kind.choices)
    state = serializers.ChoiceField(choices=AttendanceException.State.choices)
    date = serializers.DateField(allow_null=True)
    employee = _EmployeeRowSerializer(allow_null=True)
    device = _DeviceRowSerializer(allow_null=True)
    site = serializers.CharField(allow_null=True)
    punch_id = serializers.IntegerField(allow_null=True)
    happened = serializers.CharField()
    to_do = serializers.CharField()
    details = serializers.DictField()
    found_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    remarks = serializers.CharField(allow_blank=True)


class ResolveBodySerializer(StrictSerializer):
    """Why nothing more is to be done."""

    remarks = serializers.CharField(max_length=400)


class AttendanceExceptionViewSet(GenericViewSet[AttendanceException]):
    """`/api/v1/admin/exceptions`."""

    authentication_classes = (BearerAuthentication,)
    permission_classes = (requires_ability(MANAGE_ATTENDANCE),)
    limits = (V1_LIMIT,)
    filter_backends = (DjangoFilterBackend,)
    filterset_class = AttendanceExceptionFilterSet
    pagination_class = NewestFirstPagination
    queryset = AttendanceException.objects.none()

    def get_queryset(self) -> Any:
        """The inbox of the speaker's organization."""
        user: User = self.request.user  # type: ignore[assignment]
        return AttendanceException.objects.of(user.organization_id).select_related(
            "employee", "device", "site"
        )

    @extend_schema(responses=ExceptionRowSerializer(many=True))
    def list(self, request: Request) -> Response:
        """What somebody should look at, and what was answered; newest first."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response([_exception_row(one) for one in page or []])

    @extend_schema(
        request=ResolveBodySerializer,
        responses={200: ExceptionRowSerializer, 404: None, 409: None, 422: None},
        filters=False,
    )
    def resolve(self, request: Request, pk: int) -> Response:
        """Say that nothing more is to be done about it, and why. 409 when it is closed already."""
        body = ResolveBodySerializer(data=request.data)
        found = self.get_queryset().filter(pk=pk).first()
        if found is None:
            raise NotFound
        body.is_valid(raise_exception=True)
        user: User = request.user  # type: ignore[assignment]
        return Response(
            _exception_row(
                exception_services.resolve_exception(
                    found, remarks=body.validated_data["remarks"], actor=user
                )
            )
        )


def _exception_row(exception: AttendanceException) -> dict[str, Any]:
    """What `ExceptionRowSerializer` describes."""
    employee, device = exception.employee, exception.device
    return {
        "id": exception.pk,
        "kind": exception.kind,
        "state": exception.state,
        "date": exception.date,
        "employee": employee and {"id": employee.pk, "code": employee.code, "name": employee.name},
        "device": device and {"id": device.pk, "serial": device.serial, "name": device.name},
        "site": exception.site.name if exception.site else None,
        "punch_id": exception.punch_id,
        "happened": exception_labels.describe_exception(exception),
        "to_do": exception_labels.describe_next_step(exception),
        "details": exception.details,
        "found_at": exception.found_at,
        "closed_at": exception.closed_at,
        "remarks": exception.remarks,
    }
