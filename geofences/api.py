"""The catalog of fences, for whoever keeps attendance: `GET /api/v1/admin/geo-fences`, newest
first.
"""

from __future__ import annotations

from typing import Any

from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.abilities import KEEP_ATTENDANCE, requires
from accounts.authentication import BearerAuthentication
from accounts.limits import V1
from accounts.models import User
from employees.pages import NewestFirst
from geofences.filters import REACHES, FenceFilter
from geofences.models import SCOPES, Fence


class _NamedRow(serializers.Serializer[dict[str, Any]]):
    """A site or a department."""

    id = serializers.IntegerField()
    name = serializers.CharField()


class _PersonRow(serializers.Serializer[dict[str, Any]]):
    """An employee."""

    id = serializers.UUIDField()
    code = serializers.CharField()
    name = serializers.CharField()


class _CentreRow(serializers.Serializer[dict[str, Any]]):
    """A place, in degrees."""

    lat = serializers.FloatField()
    lng = serializers.FloatField()


class FenceRow(serializers.Serializer[dict[str, Any]]):
    """A fence. `geometry` is GeoJSON by RFC 7946; of a circle it is the centre, and `radius_m`
    metres belong to it.
    """

    id = serializers.IntegerField()
    external_id = serializers.CharField(allow_null=True)
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=Fence.Kind.values)
    active = serializers.BooleanField()
    starts_at = serializers.DateTimeField(allow_null=True)
    ends_at = serializers.DateTimeField(allow_null=True)
    applies_to = serializers.ChoiceField(choices=REACHES)
    site = _NamedRow(allow_null=True)
    department = _NamedRow(allow_null=True)
    employee = _PersonRow(allow_null=True)
    centre = _CentreRow()
    radius_m = serializers.FloatField(allow_null=True)
    geometry = serializers.DictField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class FencesViewSet(GenericViewSet[Fence]):
    """`/api/v1/admin/geo-fences`."""

    authentication_classes = (BearerAuthentication,)
    permission_classes = (requires(KEEP_ATTENDANCE),)
    limits = (V1,)
    filter_backends = (DjangoFilterBackend,)
    filterset_class = FenceFilter
    pagination_class = NewestFirst
    queryset = Fence.objects.none()

    def get_queryset(self) -> Any:
        """The fences of the speaker's organization."""
        user: User = self.request.user  # type: ignore[assignment]
        return Fence.objects.of(user.organization_id).select_related(*SCOPES)

    @extend_schema(responses=FenceRow(many=True))
    def list(self, request: Request) -> Response:
        """The fences of the organization, newest first."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response([_row(fence) for fence in page or []])


def _row(fence: Fence) -> dict[str, Any]:
    """What `FenceRow` describes."""
    site, department, employee = fence.site, fence.department, fence.employee
    return {
        "id": fence.pk,
        "external_id": fence.external_id or None,
        "name": fence.name,
        "kind": fence.kind,
        "active": fence.active,
        "starts_at": fence.starts_at,
        "ends_at": fence.ends_at,
        "applies_to": fence.applies_to,
        "site": site and {"id": site.pk, "name": site.name},
        "department": department and {"id": department.pk, "name": department.name},
        "employee": employee and {"id": employee.pk, "code": employee.code, "name": employee.name},
        "centre": {"lat": fence.latitude, "lng": fence.longitude},
        "radius_m": fence.radius_m,
        "geometry": fence.geometry,
        "created_at": fence.created_at,
        "updated_at": fence.updated_at,
    }
