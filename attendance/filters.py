"""What lists of corrections that people ask for can be narrowed down by. Nothing else in the query is heard."""

from __future__ import annotations

import django_filters

from attendance.models import Regularization

DATE = ["%Y-%m-%d"]


class RegularizationFilter(django_filters.FilterSet):
    """By what became of it, and by the date it is about, from one to another, both included."""

    status = django_filters.ChoiceFilter(choices=Regularization.Status.choices)
    to = django_filters.DateFilter(field_name="date", lookup_expr="lte", input_formats=DATE)

    class Meta:
        model = Regularization
        fields: list[str] = []


# A word of Python's own.
RegularizationFilter.base_filters["from"] = django_filters.DateFilter(field_name="date", lookup_expr="gte", input_formats=DATE)
