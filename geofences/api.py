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

from accounts.authentication import BearerAuthentication
from accounts.models import User
from accounts.permissions import MANAGE_ATTENDANCE, requires_ability
from accounts.throttling import V1_LIMIT
from core.pagination import NewestFirstPagination
from geofences.filters import SCOPE_CHOICES, GeofenceFilterSet
from geofences.models import SCOPES, Geofence


class _NamedRowSerializer(serializers.Serializer[dict[str, Any]]):
    """A site or a department."""

    id = serializers.IntegerField()
    name = serializers.CharField()


class _PersonRowSerializer(serializers.Serializer[dict[str, Any]]):
    """An employee."""

    id = serializers.UUIDField()
    code = serializers.CharField()
    name = serializers.CharField()


class _CentreRowSerializer(serializers.Serializer[dict[str, Any]]):
    """A place, in degrees."""

    lat = serializers.FloatField()
    lng = serializers.FloatField()


class FenceRowSerializer(serializers.Serializer[dict[str, Any]]):
    """A fence. `geometry` is GeoJSON by RFC 7946; of a circle it is the centre, and `radius_m`
    metres belong to it.
    """

    id = serializers.IntegerField()
    external_id = serializers.CharField(allow_null=True)
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=Geofence.Kind.values)
    active = serializers.BooleanField()
    starts_at = serializers.DateTimeField(allow_null=True)
    ends_at = serializers.DateTimeField(allow_null=True)
    applies_to = serializers.ChoiceField(choices=SCOPE_CHOICES)
    site = _NamedRowSerializer(allow_null=True)
    department = _NamedRowSerializer(allow_null=True)
    employee = _PersonRowSerializer(allow_null=True)
    centre = _CentreRowSerializer()
    radius_m = serializers.FloatField(allow_null=True)
    geometry = serializers.DictField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class GeofenceViewSet(GenericViewSet[Geofence]):
    """`/api/v1/admin/geo-fences`."""

    authentication_classes = (BearerAuthentication,)
    permission_classes = (requires_ability(MANAGE_ATTENDANCE),)
    limits = (V1_LIMIT,)
    filter_backends = (DjangoFilterBackend,)
    filterset_class = GeofenceFilterSet
    pagination_class = NewestFirstPagination
    queryset = Geofence.objects.none()

    def get_queryset(self) -> Any:
        """The fences of the speaker's organization."""
        user: User = self.request.user  # type: ignore[assignment]
        return Geofence.objects.of(user.organization_id).select_related(*SCOPES)

    @extend_schema(responses=FenceRowSerializer(many=True))
    def list(self, request: Request) -> Response:
        """The fences of the organization, newest first."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response([_geofence_row(fence) for fence in page or []])


def _geofence_row(fence: Geofence) -> dict[str, Any]:
    """What `FenceRowSerializer` describes."""
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
