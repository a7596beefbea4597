"""`/api/v1/holidays` and `/api/v1/admin/holidays`: the holidays of one's own office, and every
office's list for HR.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts.approvals.views import request_user
from accounts.authentication import BearerAuthentication
from accounts.permissions import MANAGE_ATTENDANCE, local_today, requires_ability
from accounts.throttling import V1_LIMIT
from core.pagination import NewestFirstPagination
from employees.models import Assignment
from leaves.api.bodies import YearQuerySerializer
from leaves.filters import HolidayFilter
from leaves.models import CalendarDay, HolidayCalendar
from leaves.serializers import AdminHolidayReplySerializer, HolidaysReplySerializer


class HolidayListView(APIView):
    """`GET /api/v1/holidays?year=`: the list of one's own office."""

    authentication_classes = (BearerAuthentication,)
    permission_classes = (IsAuthenticated,)
    limits = (V1_LIMIT,)

    @extend_schema(parameters=[YearQuerySerializer], responses=HolidaysReplySerializer)
    def get(self, request: Request) -> Response:
        """The holidays of a year at the caller's office; the common list when it has none of its
        own.
        """
        user = request_user(request)
        asked = YearQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        place = Assignment.current(user.employee) if user.employee else None
        site = place.site if place else None
        year = asked.validated_data.get("year") or (
            local_today(user.employee).year if user.employee else date.today().year  # noqa: DTZ011
        )
        published = (
            HolidayCalendar.objects.of(user.organization_id)
            .published()
            .filter(year=year)
            .order_by("-version")
        )
        calendar = (published.filter(site=site).first() if site else None) or published.filter(
            site__isnull=True
        ).first()
        days = calendar.days.all() if calendar else []
        return Response(
            {
                "year": year,
                "office": site.name if site else None,
                "data": [_holiday_body(day) for day in days],
            }
        )


class AdminHolidayViewSet(GenericViewSet[CalendarDay]):
    """`GET /api/v1/admin/holidays`: every office's list in force, and drafts."""

    authentication_classes = (BearerAuthentication,)
    permission_classes = (IsAuthenticated, requires_ability(MANAGE_ATTENDANCE))
    limits = (V1_LIMIT,)
    pagination_class = NewestFirstPagination
    filter_backends = (DjangoFilterBackend,)
    filterset_class = HolidayFilter
    queryset = CalendarDay.objects.none()
    serializer_class = AdminHolidayReplySerializer  # type: ignore[assignment]

    def get_queryset(self) -> QuerySet[CalendarDay]:
        """Of the versions in force and of drafts; versions that were replaced are history."""
        later = HolidayCalendar.objects.published().filter(
            organization=OuterRef("calendar__organization"),
            year=OuterRef("calendar__year"),
            version__gt=OuterRef("calendar__version"),
        )
        of_site, common = (
            later.filter(site=OuterRef("calendar__site")),
            later.filter(site__isnull=True),
        )
        replaced = Exists(of_site) | (Q(calendar__site__isnull=True) & Exists(common))
        rows = CalendarDay.objects.of(request_user(self.request).organization_id).exclude(
            Q(calendar__published_at__isnull=False) & replaced
        )
        return rows.select_related("calendar__site")

    @extend_schema(responses=AdminHolidayReplySerializer(many=True))
    def list(self, request: Request) -> Response:
        """Holidays by year, office, class and whether they are published."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(
            [
                _holiday_body(day)
                | {
                    "id": day.pk,
                    "office": day.calendar.site.name if day.calendar.site else None,
                    "year": day.calendar.year,
                    "version": day.calendar.version,
                    "published": day.calendar.published_at is not None,
                }
                for day in page or []
            ]
        )


def _holiday_body(day: CalendarDay) -> dict[str, Any]:
    return {"date": day.date, "name": day.name, "class": day.mark}
