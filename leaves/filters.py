"""What lists of leave can be narrowed down by. Nothing else in the query is heard."""

from __future__ import annotations

from datetime import date
from typing import Any

import django_filters
from django.db.models import Exists, OuterRef, Q

from employees.models import Site
from leaves.models import CalendarDay, HolidayCalendar, LeaveApplication, LeaveTypeChoices

FIRST_YEAR, LAST_YEAR = 1950, 2200
# So many that either engine can look it up.
MAX_ID_DIGITS = 18


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


class OfficeFilter(django_filters.CharFilter):
    """The holidays of an office, as `/api/v1/holidays` tells them to its people; drafts too."""

    def filter(self, qs: Any, value: Any) -> Any:
        """By the name of a site, else by its id. Without the parameter: all."""
        if value == "" and self.field_name in self.parent.data:
            return qs.filter(calendar__site__isnull=True)
        if not value:
            return qs
        sites = Site.objects.of(self.parent.request.user.organization_id)
        site = sites.filter(name=value).first()
        if site is None and value.isascii() and value.isdigit() and len(value) <= MAX_ID_DIGITS:
            site = sites.filter(pk=int(value)).first()
        if site is None:
            return qs.none()
        own = HolidayCalendar.objects.of(site.organization_id).published()
        own = own.filter(site=site, year=OuterRef("calendar__year"))
        return qs.filter(Q(calendar__site=site) | Q(calendar__site__isnull=True) & ~Exists(own))


class HolidayFilter(django_filters.FilterSet):
    """Holidays by year, office, class, and whether they are published."""

    year = django_filters.NumberFilter(
        field_name="calendar__year", min_value=FIRST_YEAR, max_value=LAST_YEAR
    )
    office = OfficeFilter(
        max_length=200,
        help_text="The name or id of a site: what holds there, which is the general list for a year"
        " without a published list of its own. Empty: the general list.",
    )
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
