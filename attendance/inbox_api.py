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

from accounts.abilities import KEEP_ATTENDANCE, requires
from accounts.api import Fields
from accounts.authentication import BearerAuthentication
from accounts.limits import V1
from accounts.models import User
from attendance import inbox, inbox_words
from attendance.filters import ExceptionFilter
from attendance.models import DayException
from employees.pages import NewestFirst


class _EmployeeRow(serializers.Serializer[dict[str, Any]]):
    """Whose day or punch it is."""

    id = serializers.UUIDField()
    code = serializers.CharField()
    name = serializers.CharField()


class _DeviceRow(serializers.Serializer[dict[str, Any]]):
    """Which device."""

    id = serializers.IntegerField()
    serial = serializers.CharField()
    name = serializers.CharField()


class ExceptionRow(serializers.Serializer[dict[str, Any]]):
    """Something to look at. `happened` and `to_do` are sentences; `details` the facts behind them,
    by kind.
    """

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=DayException.Kind.choices)
    state = serializers.ChoiceField(choices=DayException.State.choices)
    date = serializers.DateField(allow_null=True)
    employee = _EmployeeRow(allow_null=True)
    device = _DeviceRow(allow_null=True)
    site = serializers.CharField(allow_null=True)
    punch_id = serializers.IntegerField(allow_null=True)
    happened = serializers.CharField()
    to_do = serializers.CharField()
    details = serializers.DictField()
    found_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    remarks = serializers.CharField(allow_blank=True)


class ResolveBody(Fields):
    """Why nothing more is to be done."""

    remarks = serializers.CharField(max_length=400)


class ExceptionsViewSet(GenericViewSet[DayException]):
    """`/api/v1/admin/exceptions`."""

    authentication_classes = (BearerAuthentication,)
    permission_classes = (requires(KEEP_ATTENDANCE),)
    limits = (V1,)
    filter_backends = (DjangoFilterBackend,)
    filterset_class = ExceptionFilter
    pagination_class = NewestFirst
    queryset = DayException.objects.none()

    def get_queryset(self) -> Any:
        """The inbox of the speaker's organization."""
        user: User = self.request.user  # type: ignore[assignment]
        return DayException.objects.of(user.organization_id).select_related(
            "employee", "device", "site"
        )

    @extend_schema(responses=ExceptionRow(many=True))
    def list(self, request: Request) -> Response:
        """What somebody should look at, and what was answered; newest first."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response([_row(one) for one in page or []])

    @extend_schema(
        request=ResolveBody,
        responses={200: ExceptionRow, 404: None, 409: None, 422: None},
        filters=False,
    )
    def resolve(self, request: Request, pk: int) -> Response:
        """Say that nothing more is to be done about it, and why. 409 when it is closed already."""
        body = ResolveBody(data=request.data)
        found = self.get_queryset().filter(pk=pk).first()
        if found is None:
            raise NotFound
        body.is_valid(raise_exception=True)
        user: User = request.user  # type: ignore[assignment]
        return Response(_row(inbox.resolve(found, note=body.validated_data["remarks"], actor=user)))


def _row(one: DayException) -> dict[str, Any]:
    """What `ExceptionRow` describes."""
    employee, device = one.employee, one.device
    return {
        "id": one.pk,
        "kind": one.kind,
        "state": one.state,
        "date": one.date,
        "employee": employee and {"id": employee.pk, "code": employee.code, "name": employee.name},
        "device": device and {"id": device.pk, "serial": device.serial, "name": device.name},
        "site": one.site.name if one.site else None,
        "punch_id": one.punch_id,
        "happened": inbox_words.happened(one),
        "to_do": inbox_words.to_do(one),
        "details": one.details,
        "found_at": one.found_at,
        "closed_at": one.closed_at,
        "remarks": one.note,
    }
