"""What the list of correction requests can be narrowed down by; nothing else in the query
counts.
"""

from __future__ import annotations

import django_filters

from attendance.models import Regularization

DATE_INPUT_FORMATS = ["%Y-%m-%d"]


class RegularizationFilterSet(django_filters.FilterSet):
    """By what became of it, and by the date it is about, from one to another, both included."""

    status = django_filters.ChoiceFilter(choices=Regularization.Status.choices)
    to = django_filters.DateFilter(
        field_name="date", lookup_expr="lte", input_formats=DATE_INPUT_FORMATS
    )

    class Meta:
        model = Regularization
        fields: list[str] = []


# A word of Python's own.
RegularizationFilterSet.base_filters["from"] = django_filters.DateFilter(
    field_name="date", lookup_expr="gte", input_formats=DATE_INPUT_FORMATS
)
