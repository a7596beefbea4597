"""What the bodies of leave, tours and regularizations have in common.

Each app derives classes of its own, because their names are those of the OpenAPI components.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from core.serializers import StrictSerializer

MAX_REMARKS: int = 500


def remarks_field(max_length: int = MAX_REMARKS) -> serializers.CharField:
    """Remarks, which may be left out."""
    return serializers.CharField(
        max_length=max_length, required=False, allow_blank=True, allow_null=True, default=""
    )


class ApprovalDecisionSerializer(StrictSerializer):
    """A decision."""

    decision = serializers.ChoiceField(choices=["approve", "reject"])
    remarks = remarks_field()


class ApprovalRemarksSerializer(StrictSerializer):
    """Why."""

    remarks = remarks_field()


class EmployeeSummarySerializer(serializers.Serializer[dict[str, Any]]):
    """An employee in short."""

    id = serializers.UUIDField()
    code = serializers.CharField()
    name = serializers.CharField()
