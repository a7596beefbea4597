"""What the list of exceptions can be narrowed down by; nothing else in the query counts."""

from __future__ import annotations

import django_filters

from attendance.models import AttendanceException

DATE_INPUT_FORMATS = ["%Y-%m-%d"]


class AttendanceExceptionFilterSet(django_filters.FilterSet):
    """What the inbox can be asked for. Another organization's id finds what an unknown one finds:
    nothing.
    """

    kind = django_filters.ChoiceFilter(choices=AttendanceException.Kind.choices)
    state = django_filters.ChoiceFilter(
        choices=AttendanceException.State.choices, help_text="All of them if left out."
    )
    employee = django_filters.UUIDFilter(field_name="employee_id")
    date = django_filters.DateFilter(help_text="The date it is about.")
