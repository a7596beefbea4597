"""What lists of leave can be narrowed down by. Nothing else in the query is heard."""

from __future__ import annotations

from datetime import date
from typing import Any

import django_filters

from leaves.models import CalendarDay, LeaveApplication, LeaveTypeChoices

FIRST_YEAR, LAST_YEAR = 1950, 2200


class LeaveFilter(django_filters.FilterSet):
    """One's applications, by kind, status and year."""

    leave_type = django_filters.ChoiceFilter(field_name="kind", choices=LeaveTypeChoices.choices)
    status = django_filters.ChoiceFilter(choices=LeaveApplication.Status.choices)
    year = django_filters.NumberFilter(
        method="filter_year", min_value=FIRST_YEAR, max_value=LAST_YEAR
    )

    class Meta:
        model = LeaveApplication
        fields: list[str] = []

    def filter_year(self, rows: Any, name: str, value: Any) -> Any:
        """Those with a day in that year."""
        return rows.overlapping(date(int(value), 1, 1), date(int(value), 12, 31))


class HolidayFilter(django_filters.FilterSet):
    """Holidays by year, office (its name), class, and whether they are published."""

    year = django_filters.NumberFilter(
        field_name="calendar__year", min_value=FIRST_YEAR, max_value=LAST_YEAR
    )
    office = django_filters.CharFilter(field_name="calendar__site__name", max_length=200)
    published = django_filters.ChoiceFilter(
        method="filter_published", choices=[("true", "true"), ("false", "false")]
    )

    class Meta:
        model = CalendarDay
        fields: list[str] = []

    def filter_published(self, rows: Any, name: str, value: str) -> Any:
        """In force, or still a draft."""
        return rows.filter(calendar__published_at__isnull=value == "false")


HolidayFilter.base_filters["class"] = django_filters.ChoiceFilter(
    field_name="mark", choices=CalendarDay.Mark.choices
)
