"""How leave is told over REST: the rows of the contract, for `api` and for the OpenAPI file."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.approvals.serializers import EmployeeSummarySerializer
from employees.models import HalfDayReservation
from leaves.models import AuthorityChoices, CalendarDay, LeaveApplication, LeaveTypeChoices

HALF_DAY_CHOICES = HalfDayReservation.Half.choices


class ApplicantReplySerializer(EmployeeSummarySerializer):
    """Whose it is."""


class LeaveReplySerializer(serializers.Serializer[dict[str, Any]]):
    """An application, and what became of it."""

    id = serializers.IntegerField()
    employee = ApplicantReplySerializer()
    leave_type = serializers.ChoiceField(choices=LeaveTypeChoices.choices)
    start_date = serializers.DateField()
    end_date = serializers.DateField()
    is_half_day = serializers.BooleanField()
    half_day_session = serializers.ChoiceField(choices=HALF_DAY_CHOICES, allow_null=True)
    reason = serializers.CharField()
    child_id = serializers.IntegerField(allow_null=True)
    certificate_id = serializers.IntegerField(allow_null=True)
    for_study = serializers.BooleanField()
    extends_id = serializers.IntegerField(allow_null=True)
    status = serializers.ChoiceField(choices=LeaveApplication.Status.values)
    chargeable_days = serializers.FloatField()
    applied_at = serializers.DateTimeField()
    decided_by = serializers.CharField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    remarks = serializers.CharField(allow_blank=True)
    withhold_prefix = serializers.BooleanField()
    withhold_suffix = serializers.BooleanField()
    recommendation = serializers.ChoiceField(
        choices=LeaveApplication.Recommendation.values, allow_null=True
    )
    recommended_by = serializers.CharField(allow_null=True)
    recommended_at = serializers.DateTimeField(allow_null=True)


class RefusalReplySerializer(serializers.Serializer[dict[str, Any]]):
    """One reason against it."""

    code = serializers.CharField()
    rule = serializers.CharField()
    field = serializers.CharField()
    message = serializers.CharField()
    details = serializers.DictField()


class DayReplySerializer(serializers.Serializer[dict[str, Any]]):
    """One date of it."""

    date = serializers.DateField()
    session = serializers.ChoiceField(choices=HALF_DAY_CHOICES, allow_null=True)
    day_class = serializers.CharField()
    part = serializers.CharField()
    days_debited = serializers.FloatField()


class WhoDecidesReplySerializer(serializers.Serializer[dict[str, Any]]):
    """By whose authority leave of this length is sanctioned; null: whoever may decide for the
    employee.
    """

    authority = serializers.ChoiceField(choices=AuthorityChoices.choices, allow_null=True)
    days_at_a_stretch = serializers.FloatField()
    recommendation_needed = serializers.BooleanField()


class PreviewReplySerializer(serializers.Serializer[dict[str, Any]]):
    """What it would cost, and why not."""

    allowed = serializers.BooleanField()
    chargeable_days = serializers.FloatField()
    available_before = serializers.FloatField()
    available_after = serializers.FloatField()
    days = DayReplySerializer(many=True)
    refusals = RefusalReplySerializer(many=True)
    who_decides = WhoDecidesReplySerializer()


class WithheldReplySerializer(serializers.Serializer[dict[str, Any]]):
    """Days debited when off days beside the leave are withheld; null where they are not leave in
    any case.
    """

    none = serializers.FloatField()
    prefix = serializers.FloatField(allow_null=True)
    suffix = serializers.FloatField(allow_null=True)
    both = serializers.FloatField(allow_null=True)


class OutlookReplySerializer(serializers.Serializer[dict[str, Any]]):
    """What a decision comes to: who decides, and why it is not the caller's to approve, if so."""

    status = serializers.ChoiceField(choices=LeaveApplication.Status.values)
    who_decides = WhoDecidesReplySerializer()
    recommendation = serializers.ChoiceField(
        choices=LeaveApplication.Recommendation.values, allow_null=True
    )
    refusal = RefusalReplySerializer(allow_null=True)
    days_debited = WithheldReplySerializer()


class BalanceReplySerializer(serializers.Serializer[dict[str, Any]]):
    """One kind, in days."""

    leave_type = serializers.CharField()
    opening = serializers.FloatField()
    credited = serializers.FloatField()
    debited = serializers.FloatField()
    lapsed = serializers.FloatField()
    held = serializers.FloatField()
    available = serializers.FloatField()


class BalancesReplySerializer(serializers.Serializer[dict[str, Any]]):
    """A year's balances."""

    year = serializers.IntegerField()
    as_of = serializers.DateField()
    data = BalanceReplySerializer(many=True)  # type: ignore[assignment]


class IdReplySerializer(serializers.Serializer[dict[str, Any]]):
    """What to name it by."""

    id = serializers.IntegerField()


class ChildReplySerializer(serializers.Serializer[dict[str, Any]]):
    """A child, for child care leave."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    born_on = serializers.DateField()
    disabled = serializers.BooleanField()


class ChildrenReplySerializer(serializers.Serializer[dict[str, Any]]):
    """One's own children."""

    data = ChildReplySerializer(many=True)  # type: ignore[assignment]


class HolidayReplySerializer(serializers.Serializer[dict[str, Any]]):
    """A date that is not as its weekday would be."""

    date = serializers.DateField()
    name = serializers.CharField()


class HolidaysReplySerializer(serializers.Serializer[dict[str, Any]]):
    """A year's list of one office."""

    year = serializers.IntegerField()
    office = serializers.CharField(allow_null=True)
    data = HolidayReplySerializer(many=True)  # type: ignore[assignment]


# `class` is a word of the contract, and of Python.
HolidayReplySerializer._declared_fields["class"] = serializers.ChoiceField(
    choices=CalendarDay.Mark.values
)


class AdminHolidayReplySerializer(HolidayReplySerializer):
    """The same, and where it stands."""

    id = serializers.IntegerField()
    office = serializers.CharField(allow_null=True)
    year = serializers.IntegerField()
    version = serializers.IntegerField()
    published = serializers.BooleanField()
