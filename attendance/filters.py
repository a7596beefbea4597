"""What the inbox can be narrowed down by over REST. Nothing else in the query is heard."""

from __future__ import annotations

import django_filters

from attendance.models import DayException


class ExceptionFilter(django_filters.FilterSet):
    """What the inbox can be asked for. Another organization's id finds what an unknown one finds: nothing."""

    kind = django_filters.ChoiceFilter(choices=DayException.Kind.choices)
    state = django_filters.ChoiceFilter(choices=DayException.State.choices, help_text="All of them if left out.")
    employee = django_filters.UUIDFilter(field_name="employee_id")
    date = django_filters.DateFilter(help_text="The date it is about.")
