"""What lists over REST can be narrowed down by: corrections asked for, and the inbox. Nothing else
in the query is heard.
"""

from __future__ import annotations

import django_filters

from attendance.models import DayException, Regularization

DATE = ["%Y-%m-%d"]


class RegularizationFilter(django_filters.FilterSet):
    """By what became of it, and by the date it is about, from one to another, both included."""

    status = django_filters.ChoiceFilter(choices=Regularization.Status.choices)
    to = django_filters.DateFilter(field_name="date", lookup_expr="lte", input_formats=DATE)

    class Meta:
        model = Regularization
        fields: list[str] = []


# A word of Python's own.
RegularizationFilter.base_filters["from"] = django_filters.DateFilter(
    field_name="date", lookup_expr="gte", input_formats=DATE
)


class ExceptionFilter(django_filters.FilterSet):
    """What the inbox can be asked for. Another organization's id finds what an unknown one finds:
    nothing.
    """

    kind = django_filters.ChoiceFilter(choices=DayException.Kind.choices)
    state = django_filters.ChoiceFilter(
        choices=DayException.State.choices, help_text="All of them if left out."
    )
    employee = django_filters.UUIDFilter(field_name="employee_id")
    date = django_filters.DateFilter(help_text="The date it is about.")
