"""What lists of tours can be narrowed down by. Nothing else in the query is heard."""

from __future__ import annotations

import django_filters

from tours.models import Tour


class TourFilter(django_filters.FilterSet):
    """One's tours, by type and status."""

    tour_type = django_filters.ChoiceFilter(choices=Tour.Type.choices)
    status = django_filters.ChoiceFilter(choices=Tour.Status.choices)

    class Meta:
        model = Tour
        fields: list[str] = []
