"""Request bodies and query parameters of leave over REST. Used by the views in this package and
by the OpenAPI file.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from rest_framework import serializers

from accounts.approvals.serializers import (
    ApprovalDecisionSerializer,
    ApprovalRemarksSerializer,
    remarks_field,
)
from core.serializers import StrictSerializer
from leaves.filters import FIRST_YEAR, LAST_YEAR
from leaves.models import LeaveApplication, LeaveTypeChoices
from leaves.serializers import HALF_DAY_CHOICES

# The six of the contract; special casual leave is HR's.
SELF_SERVICE_TYPES: Final = [
    (kind.value, kind.label) for kind in LeaveTypeChoices if kind != LeaveTypeChoices.SCL
]


def validate_calendar_year(value: date) -> None:
    """Refuse dates no calendar is kept for."""
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise serializers.ValidationError(f"The year must be from {FIRST_YEAR} to {LAST_YEAR}.")


def date_field(**more: Any) -> serializers.DateField:
    """A date in a body, in a year that calendars are kept for."""
    return serializers.DateField(validators=[validate_calendar_year], **more)


class LeaveBodySerializer(StrictSerializer):
    """An application for leave. `half_day_session` says which half; a half day without it is the
    forenoon.
    """

    leave_type = serializers.ChoiceField(choices=SELF_SERVICE_TYPES)
    start_date = date_field()
    end_date = date_field()
    is_half_day = serializers.BooleanField(required=False, allow_null=True, default=None)
    half_day_session = serializers.ChoiceField(
        choices=HALF_DAY_CHOICES, required=False, allow_null=True, default=None
    )
    reason = serializers.CharField(max_length=500)
    child_id = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=1, max_value=2**63 - 1
    )
    certificate_id = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=1, max_value=2**63 - 1
    )
    for_study = serializers.BooleanField(required=False, default=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A session without a half day contradicts itself."""
        if attrs["half_day_session"] and attrs["is_half_day"] is False:
            raise serializers.ValidationError({"half_day_session": ["A whole day has no session."]})
        attrs["is_half_day"] = bool(attrs["is_half_day"] or attrs["half_day_session"])
        if attrs["is_half_day"] and attrs["start_date"] != attrs["end_date"]:
            raise serializers.ValidationError({"end_date": ["A half day is taken on one date."]})
        return attrs


class DecisionBodySerializer(ApprovalDecisionSerializer):
    """A decision. `withhold_prefix`, `withhold_suffix`: off days just before, or after, are leave
    and are debited.
    """

    withhold_prefix = serializers.BooleanField(required=False, default=False)
    withhold_suffix = serializers.BooleanField(required=False, default=False)


class RecommendationBodySerializer(StrictSerializer):
    """What an officer recommends to the one who decides."""

    recommendation = serializers.ChoiceField(choices=LeaveApplication.Recommendation.choices)
    remarks = remarks_field()


class RemarksBodySerializer(ApprovalRemarksSerializer):
    """Why."""


class CurtailBodySerializer(RemarksBodySerializer):
    """The new last day."""

    end_date = date_field()


class ExtendBodySerializer(StrictSerializer):
    """The new last day, and why."""

    end_date = date_field()
    reason = serializers.CharField(max_length=500)


class ConvertBodySerializer(RemarksBodySerializer):
    """The other kind, which was due then."""

    leave_type = serializers.ChoiceField(choices=SELF_SERVICE_TYPES)
    certificate_id = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=1, max_value=2**63 - 1
    )


class CertificateBodySerializer(StrictSerializer):
    """A medical certificate: PDF, JPEG or PNG, at most 1 MiB with everything around it."""

    file = serializers.FileField(max_length=255)
    sick_on = date_field(required=False, allow_null=True)
    fit_on = date_field(required=False, allow_null=True)


class YearQuerySerializer(StrictSerializer):
    """Which year; without it this one."""

    # A query: nothing else in it is heard.
    ignores_unknown_fields = True
    year = serializers.IntegerField(min_value=FIRST_YEAR, max_value=LAST_YEAR, required=False)
