"""Days over REST: `/api/v1/days` and why a day is what it is. Translation only:
`background.recalculation` worked them out.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts.authentication import BearerAuthentication
from accounts.models import User
from accounts.permissions import MANAGE_ATTENDANCE, decidable_employees, has_ability, local_today
from accounts.throttling import V1_LIMIT
from attendance.days import labels as day_labels
from attendance.days.locking import locked_months
from attendance.models import Day, DayAdjustment
from employees.models import Employee

MAX_PERIOD_DAYS: Final = 366
EMPLOYEE_PARAMETER = OpenApiParameter(
    "employee", UUID, description="Somebody you decide for; yourself if left out."
)


class WorkedDayReplySerializer(serializers.Serializer[dict[str, Any]]):
    """A day. Minutes are whole; instants in UTC."""

    date = serializers.DateField()
    status = serializers.CharField(
        help_text="present, absent, half_day, tour, holiday, weekly_off, conflict, due, leave:KIND"
    )
    first_half = serializers.CharField()
    second_half = serializers.CharField()
    first_in = serializers.DateTimeField(allow_null=True)
    last_out = serializers.DateTimeField(allow_null=True)
    worked_minutes = serializers.IntegerField()
    late_by_minutes = serializers.IntegerField()
    early_by_minutes = serializers.IntegerField()
    overtime_minutes = serializers.IntegerField()
    marks = serializers.ListField(child=serializers.CharField())
    timezone = serializers.CharField()
    shift = serializers.CharField()
    site = serializers.CharField(allow_null=True)
    final = serializers.BooleanField()
    locked = serializers.BooleanField()


class WorkedDaysReplySerializer(serializers.Serializer[dict[str, Any]]):
    """Days of a period, oldest first."""

    employee_id = serializers.UUIDField()
    first = serializers.DateField()
    last = serializers.DateField()
    data = WorkedDayReplySerializer(many=True)  # type: ignore[assignment]


class ReadReplySerializer(serializers.Serializer[dict[str, Any]]):
    """A punch (or a time entered by hand), and how it was read."""

    punch_id = serializers.IntegerField(allow_null=True)
    correction_id = serializers.IntegerField(allow_null=True)
    at = serializers.DateTimeField()
    direction = serializers.CharField(allow_null=True)
    counted = serializers.BooleanField()
    why = serializers.CharField()
    text = serializers.CharField()


class RosterReplySerializer(serializers.Serializer[dict[str, Any]]):
    """What was expected, and which roster said so."""

    rule = serializers.CharField()
    shift = serializers.CharField()
    off = serializers.BooleanField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    window_from = serializers.DateTimeField()
    window_until = serializers.DateTimeField()


class AdjustmentReplySerializer(serializers.Serializer[dict[str, Any]]):
    """What a late fact changed after the month was locked."""

    posted_to = serializers.DateField()
    posted_at = serializers.DateTimeField()
    before = serializers.DictField()
    after = serializers.DictField()


class ExplainReplySerializer(serializers.Serializer[dict[str, Any]]):
    """A day, and why it is what it is."""

    day = WorkedDayReplySerializer()
    roster = RosterReplySerializer()
    holiday = serializers.CharField(allow_null=True)
    taken = serializers.ListField(
        child=serializers.CharField(allow_blank=True), help_text="Who has each half of the day."
    )
    decided_by = serializers.CharField()
    reasons = serializers.ListField(child=serializers.CharField())
    punches = ReadReplySerializer(many=True)
    adjustments = AdjustmentReplySerializer(many=True)


class DayViewSet(ViewSet):
    """`/api/v1/days`: one's own, and those of the people one decides for."""

    authentication_classes = (BearerAuthentication,)
    permission_classes = (IsAuthenticated,)
    limits = (V1_LIMIT,)

    @extend_schema(
        parameters=[
            OpenApiParameter("from", date, required=True, description="First day."),
            OpenApiParameter(
                "to",
                date,
                required=True,
                description=f"Last day, included; at most {MAX_PERIOD_DAYS} days.",
            ),
            EMPLOYEE_PARAMETER,
        ],
        responses={200: WorkedDaysReplySerializer, 404: None},
    )
    def list(self, request: Request) -> Response:
        """Days of a period, oldest first."""
        employee = _requested_employee(request)
        first, last = (
            _parse_date(request.query_params.get("from"), "from"),
            _parse_date(request.query_params.get("to"), "to"),
        )
        if last < first:
            raise ValidationError({"to": [_("The last day is before the first.")]})
        if (last - first).days >= MAX_PERIOD_DAYS:
            raise ValidationError(
                {"to": [_("At most %(days)d days at a time.") % {"days": MAX_PERIOD_DAYS}]}
            )
        locked = set(locked_months(employee.organization_id))
        rows = _days_of(employee).filter(date__range=(first, last)).order_by("date")
        data = [day_row(one, locked) for one in rows]
        return Response(
            {"employee_id": str(employee.pk), "first": first, "last": last, "data": data}
        )

    @extend_schema(
        parameters=[
            OpenApiParameter("date", date, "path", description="Such as 2026-07-06."),
            EMPLOYEE_PARAMETER,
        ],
        responses={200: ExplainReplySerializer, 404: None},
    )
    def explain(self, request: Request, date: str) -> Response:
        """Why a day is what it is: which punches counted, which did not and why, which window,
        which rule.
        """
        employee, on = _requested_employee(request), _parse_date(date, "date")
        day = _days_of(employee).filter(date=on).first()
        if day is None:
            raise NotFound
        return Response(day_explanation(day))


def day_explanation(day: Day) -> dict[str, Any]:
    """A day with its reasons, as the API tells it."""
    why = day.why
    adjustments = DayAdjustment.objects.of(day.organization_id).filter(
        employee=day.employee_id, date=day.date
    )
    return {
        "day": day_row(day, set(locked_months(day.organization_id))),
        "roster": {
            "rule": why["rule"],
            "shift": why["shift"]["name"],
            "off": why["off"],
            "starts_at": why["hours"][0],
            "ends_at": why["hours"][1],
            "window_from": why["window"][0],
            "window_until": why["window"][1],
        },
        "holiday": why["holiday"],
        "taken": why["taken"],
        "decided_by": why["status"],
        "reasons": day_labels.explanation_sentences(day),
        "punches": [
            {
                "punch_id": one.get("punch"),
                "correction_id": one.get("correction"),
                "at": one["at"],
                "direction": one["direction"],
                "counted": one["counted"],
                "why": one["why"],
                "text": day_labels.interpretation_text(one["why"]),
            }
            for one in why["punches"]
        ],
        "adjustments": [
            {
                "posted_to": one.posted_to,
                "posted_at": one.posted_at,
                "before": one.before,
                "after": one.after,
            }
            for one in adjustments.order_by("id")
        ],
    }


def day_row(day: Day, locked_months: set[date]) -> dict[str, Any]:
    """A day as the API tells it."""
    return {
        "date": day.date,
        "status": day.status,
        "first_half": day.first_half,
        "second_half": day.second_half,
        "first_in": day.first_in,
        "last_out": day.last_out,
        "worked_minutes": day.worked,
        "late_by_minutes": day.late_by,
        "early_by_minutes": day.early_by,
        "overtime_minutes": day.overtime,
        "marks": day.marks,
        "timezone": day.zone,
        "shift": day.why.get("shift", {}).get("name", ""),
        "site": day.site.name if day.site else None,
        "final": day.open_until is None,
        "locked": day.date.replace(day=1) in locked_months,
    }


def _days_of(employee: Employee) -> QuerySet[Day]:
    return Day.objects.of(employee.organization_id).filter(employee=employee).select_related("site")


def _parse_date(text: str | None, field: str) -> date:
    """A date such as 2026-07-06. Raises ValidationError naming the field."""
    try:
        # Python reads 20260706 and 2026-W28-1 as well: this channel does not.
        return datetime.strptime(text or "", "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError as error:
        raise ValidationError({field: [_("A date such as 2026-07-06 is required.")]}) from error


def _requested_employee(request: Request) -> Employee:
    """Whose days are asked for: the caller's, or those of somebody they decide for. Raises NotFound
    for anybody else.
    """
    user: User = request.user  # type: ignore[assignment]
    asked = request.query_params.get("employee")
    if asked is None:
        if user.employee is None:
            raise NotFound
        return user.employee
    try:
        wanted = UUID(asked)
    except ValueError as error:
        raise ValidationError({"employee": [_("This is not an employee's id.")]}) from error
    people = Employee.objects.of(user.organization_id)
    if wanted != user.employee_id and not has_ability(user, MANAGE_ATTENDANCE):
        people = people.filter(
            decidable_employees(
                user, local_today(user.employee) if user.employee else timezone.now().date()
            )
        )
    found = people.filter(pk=wanted).first()
    if found is None:
        raise NotFound
    return found
