"""What a request on leave names: the application data of its body, a child, a certificate, a
year. Called by `leaves.api.applications`.
"""

from __future__ import annotations

from rest_framework import serializers
from rest_framework.request import Request

from accounts.permissions import local_today
from core.serializers import validated_body
from employees.models import Employee, HalfDayReservation
from leaves.api.bodies import LeaveBodySerializer, YearQuerySerializer
from leaves.models import Certificate, Child
from leaves.services.application_data import LeaveApplicationData


def application_data_of(request: Request, employee: Employee) -> LeaveApplicationData:
    """What the body of a request asks for. Raises ValidationError."""
    asked = validated_body(LeaveBodySerializer, request)
    half = (asked["half_day_session"] or HalfDayReservation.Half.FN) if asked["is_half_day"] else ""
    return LeaveApplicationData(
        asked["leave_type"],
        asked["start_date"],
        asked["end_date"],
        half,
        asked["is_half_day"],
        asked["reason"],
        asked["for_study"],
        _child(asked["child_id"], employee),
        certificate_of(asked["certificate_id"], employee),
    )


def _child(pk: int | None, employee: Employee) -> Child | None:
    """One's own child. Another's id is answered like one that does not exist."""
    if pk is None:
        return None
    found = Child.objects.of(employee.organization_id).filter(employee=employee, pk=pk).first()
    if found is None:
        raise serializers.ValidationError({"child_id": ["There is no such child on record."]})
    return found


def certificate_of(pk: int | None, employee: Employee) -> Certificate | None:
    """A paper of that employee. Another's id is answered like one that does not exist."""
    if pk is None:
        return None
    found = (
        Certificate.objects.of(employee.organization_id).filter(employee=employee, pk=pk).first()
    )
    if found is None:
        raise serializers.ValidationError({"certificate_id": ["There is no such certificate."]})
    return found


def calendar_year_of(request: Request, employee: Employee) -> int:
    """The year of the query; this year when it names none."""
    asked = YearQuerySerializer(data=request.query_params)
    asked.is_valid(raise_exception=True)
    return int(asked.validated_data.get("year") or local_today(employee).year)
