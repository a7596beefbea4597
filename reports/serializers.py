"""What reports answer: shapes for the OpenAPI file."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from attendance.models import Verdict
from reports.columns import ColumnKind
from reports.models import ReportJob

DictSerializer = serializers.Serializer[dict[str, Any]]


class PivotRowSerializer(DictSerializer):
    """A person's day; both names are null where nobody is known."""

    employee = serializers.CharField(allow_null=True, help_text="The employee code.")
    name = serializers.CharField(allow_null=True)
    date = serializers.DateField()
    counts = serializers.DictField(
        child=serializers.IntegerField(), help_text="Punches by verdict."
    )


class PivotReplySerializer(DictSerializer):
    """Punches by employee, date and verdict. Dates are those of the place somebody worked at."""

    to = serializers.DateField()
    verdicts = serializers.ListField(child=serializers.ChoiceField(choices=Verdict.choices))
    data = PivotRowSerializer(many=True)  # type: ignore[assignment]
    totals = serializers.DictField(
        child=serializers.IntegerField(), help_text="Punches by verdict."
    )


# `from` is a word of the contract, and of Python.
PivotReplySerializer._declared_fields["from"] = serializers.DateField()


class ColumnReplySerializer(DictSerializer):
    """A column: its name in the rows, what people call it, and what its cells are."""

    name = serializers.CharField()
    title = serializers.CharField()
    kind = serializers.ChoiceField(choices=[str(one) for one in ColumnKind])


class ReportReplySerializer(DictSerializer):
    """A report: its columns, its rows by the names of the columns, and what they come to."""

    report = serializers.CharField()
    columns = ColumnReplySerializer(many=True)
    data = serializers.ListField(
        child=serializers.DictField(child=serializers.JSONField(allow_null=True))
    )  # type: ignore[assignment]
    totals = serializers.DictField(child=serializers.JSONField())


class JobErrorReplySerializer(DictSerializer):
    """Why a report could not be made."""

    code = serializers.CharField()
    message = serializers.CharField()


class JobReplySerializer(DictSerializer):
    """A report that is made in the background: `done` of `total` steps are done."""

    id = serializers.IntegerField()
    report = serializers.CharField()
    title = serializers.CharField()
    format = serializers.CharField()
    language = serializers.CharField()
    asked = serializers.DictField(
        child=serializers.CharField(), help_text="The answers to its questions."
    )
    asked_by = serializers.CharField(help_text="The username of whoever asked.")
    state = serializers.ChoiceField(choices=ReportJob.State.values)
    done = serializers.IntegerField()
    total = serializers.IntegerField()
    percent = serializers.IntegerField(min_value=0, max_value=100)
    rows = serializers.IntegerField()
    size_bytes = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(
        allow_null=True, help_text="Until when the file is kept."
    )
    error = JobErrorReplySerializer(allow_null=True)
    file = serializers.CharField(allow_null=True, help_text="Where the file is, when it is ready.")
