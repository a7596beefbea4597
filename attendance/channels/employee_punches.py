"""The lists of an employee's own punches: `GET /api/v1/punches/today` and
`/api/v1/punches/month/<month>`.

They are for the app on the employee's phone, and use the words of the phone channel. They show the
punches of all channels.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts.authentication import BearerAuthentication
from accounts.permissions import IsEmployee
from accounts.throttling import V1_LIMIT
from attendance.channels.phone_bodies import (
    DIRECTION_PUNCH_TYPES,
    PUNCH_TYPE_DIRECTIONS,
    ReasonsField,
    reason_messages,
)
from attendance.models import Channel, Punch, Verdict
from attendance.punches.record import load_punch_context
from core.times import to_local_time

MONTH_PATTERN: Final = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])")


class PunchRowSerializer(serializers.Serializer[dict[str, Any]]):
    """A punch as the employee sees it."""

    punch_id = serializers.IntegerField()
    punch_type = serializers.ChoiceField(choices=list(PUNCH_TYPE_DIRECTIONS), allow_null=True)
    punched_at = serializers.DateTimeField()
    received_at = serializers.DateTimeField()
    verdict = serializers.ChoiceField(choices=Verdict.values)
    reason = ReasonsField()
    channel = serializers.ChoiceField(choices=Channel.values)
    received_late = serializers.BooleanField()


class PunchesTodaySerializer(serializers.Serializer[dict[str, Any]]):
    """A day's punches, in the zone of the employee's place."""

    date = serializers.DateField()
    timezone = serializers.CharField()
    data = PunchRowSerializer(many=True)  # type: ignore[assignment]


class PunchesOfMonthSerializer(serializers.Serializer[dict[str, Any]]):
    """A month's punches, in the zone of the employee's place."""

    month = serializers.RegexField(f"^{MONTH_PATTERN.pattern}$")
    timezone = serializers.CharField()
    data = PunchRowSerializer(many=True)  # type: ignore[assignment]


class PunchesViewSet(ViewSet):
    """The caller's own punches, by whichever channel they came."""

    authentication_classes = (BearerAuthentication,)
    permission_classes = (IsAuthenticated, IsEmployee)
    limits = (V1_LIMIT,)

    @extend_schema(responses=PunchesTodaySerializer)
    def today(self, request: Request) -> Response:
        """Today's punches, oldest first, refused ones included."""
        organization_id, employee_id = _caller_ids(request.user)
        day, zone = _local_today(organization_id, employee_id)
        data = _punch_rows(organization_id, employee_id, day, day + timedelta(days=1), zone)
        return Response({"date": day.isoformat(), "timezone": zone, "data": data})

    @extend_schema(
        parameters=[OpenApiParameter("month", str, "path", description="Such as 2026-04.")],
        responses={200: PunchesOfMonthSerializer, 422: None},
    )
    def month(self, request: Request, month: str) -> Response:
        """All punches of a month, oldest first, refused ones included."""
        organization_id, employee_id = _caller_ids(request.user)
        _day, zone = _local_today(organization_id, employee_id)
        try:
            first, end = _month_bounds(month)
            data = _punch_rows(organization_id, employee_id, first, end, zone)
        except (ValueError, OverflowError) as error:
            raise ValidationError({"month": [_("A month such as 2026-04 is required.")]}) from error
        return Response({"month": month, "timezone": zone, "data": data})


def _caller_ids(user: Any) -> tuple[int, UUID]:
    """The organization and the employee of the caller; the permissions guarantee that there is
    one.
    """
    return user.organization_id, user.employee_id


def _local_today(organization_id: int, employee_id: UUID) -> tuple[date, str]:
    """The date now where the employee works, and the zone of that place."""
    known, now = load_punch_context(organization_id, ids=[employee_id]), timezone.now()
    zone = known.home_zone(
        known.employees_by_id[employee_id], to_local_time(now, known.zone).date()
    )
    return to_local_time(now, zone).date(), zone


def _month_bounds(month: str) -> tuple[date, date]:
    """The first day of a month and that of the next. Raises ValueError, and OverflowError for the
    last of the calendar.
    """
    if MONTH_PATTERN.fullmatch(month) is None:
        raise ValueError("no month")
    first = date.fromisoformat(f"{month}-01")
    return first, (first + timedelta(days=31)).replace(day=1)


def _punch_rows(
    organization_id: int, employee_id: UUID, first: date, end: date, zone: str
) -> list[dict[str, Any]]:
    """The employee's punches from `first` on and before `end`, days of `zone`. One query."""
    since, until = (
        datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC) for day in (first, end)
    )
    punches = (
        Punch.objects.of(organization_id)
        .of_employee(employee_id)
        .filter(occurred_at__gte=since, occurred_at__lt=until)
    )
    return [
        _punch_row(punch) for punch in punches.select_related("match").order_by("occurred_at", "id")
    ]


def _punch_row(punch: Punch) -> dict[str, Any]:
    matched = hasattr(punch, "match")
    return {
        "punch_id": punch.pk,
        "punch_type": DIRECTION_PUNCH_TYPES.get(punch.direction or ""),
        "punched_at": punch.occurred_at,
        "received_at": punch.received_at,
        "verdict": Verdict.ACCEPTED if matched else punch.verdict,
        "reason": [] if matched else reason_messages(punch.reasons),
        "channel": punch.channel,
        "received_late": punch.received_late,
    }
