"""What reports answer: shapes for the OpenAPI file."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from attendance.models import Verdict
from reports.columns import Kind

Shape = serializers.Serializer[dict[str, Any]]


class PivotRow(Shape):
    """A person's day; both names are null where nobody is known."""

    employee = serializers.CharField(allow_null=True, help_text="The employee code.")
    name = serializers.CharField(allow_null=True)
    date = serializers.DateField()
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="Punches by verdict.")


class PivotReply(Shape):
    """Punches by employee, date and verdict. Dates are those of the place somebody worked at."""

    to = serializers.DateField()
    verdicts = serializers.ListField(child=serializers.ChoiceField(choices=Verdict.choices))
    data = PivotRow(many=True)  # type: ignore[assignment]
    totals = serializers.DictField(child=serializers.IntegerField(), help_text="Punches by verdict.")


# `from` is a word of the contract, and of Python.
PivotReply._declared_fields["from"] = serializers.DateField()


class ColumnReply(Shape):
    """A column: its name in the rows, what people call it, and what its cells are."""

    name = serializers.CharField()
    title = serializers.CharField()
    kind = serializers.ChoiceField(choices=[str(one) for one in Kind])


class ReportReply(Shape):
    """A report: its columns, its rows by the names of the columns, and what they come to."""

    report = serializers.CharField()
    columns = ColumnReply(many=True)
    data = serializers.ListField(child=serializers.DictField(child=serializers.JSONField(allow_null=True)))  # type: ignore[assignment]
    totals = serializers.DictField(child=serializers.JSONField())
