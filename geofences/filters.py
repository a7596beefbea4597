"""What the catalog of fences can be narrowed down by. Nothing else in the query is heard."""

from __future__ import annotations

from typing import Any, Final

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from geofences.models import SCOPES, Geofence
from geofences.services import geofence_ids_near

NEAR_M: Final = 500.0
_BOOLEAN_CHOICES: Final = (("true", "true"), ("false", "false"))
SCOPE_CHOICES: Final = tuple((name, name) for name in ("organization", *SCOPES))


class _PositionField(forms.CharField):
    """A place as `latitude,longitude`."""

    def to_python(self, value: Any) -> Any:
        """The two numbers; None when nothing was given. Raises ValidationError."""
        text = super().to_python(value)
        if not text:
            return None
        try:
            lat, lng = (float(part) for part in text.split(","))
        except ValueError as error:
            raise ValidationError("Give a latitude and a longitude: 28.6175,77.2085.") from error
        if not (abs(lat) <= 90 and abs(lng) <= 180):
            raise ValidationError("This is no place on earth.")
        return lat, lng


class _IdFilter(django_filters.Filter):
    """An integer id."""

    field_class = forms.IntegerField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, min_value=1, max_value=2**63 - 1, **kwargs)


class _PositionFilter(django_filters.Filter):
    """A place."""

    field_class = _PositionField


class GeofenceFilterSet(django_filters.FilterSet):
    """What the catalog can be asked for. Another organization's id finds what an unknown one finds:
    nothing.
    """

    active = django_filters.ChoiceFilter(choices=_BOOLEAN_CHOICES, method="filter_active")
    applies_to = django_filters.ChoiceFilter(choices=SCOPE_CHOICES, method="filter_applies_to")
    site = _IdFilter(field_name="site_id")
    department = _IdFilter(field_name="department_id")
    employee = django_filters.UUIDFilter(field_name="employee_id")
    external_id = django_filters.CharFilter(help_text="Exactly this.")
    name = django_filters.CharFilter(lookup_expr="icontains", help_text="A part of it.")
    near = _PositionFilter(
        method="filter_near",
        help_text=(
            "`28.6175,77.2085`: fences that hold the place or are at most 500 m away from it."
        ),
    )

    def filter_active(self, rows: QuerySet[Geofence], _name: str, value: str) -> QuerySet[Geofence]:
        """Switched on, or off."""
        return rows.filter(active=value == "true")

    def filter_applies_to(
        self, rows: QuerySet[Geofence], _name: str, value: str
    ) -> QuerySet[Geofence]:
        """By what kind of scope they have."""
        if value == "organization":
            return rows.filter(**{f"{name}__isnull": True for name in SCOPES})
        return rows.filter(**{f"{value}__isnull": False})

    def filter_near(self, rows: Any, _name: str, value: tuple[float, float]) -> QuerySet[Geofence]:
        """Fences that hold a place or are at most 500 m away from it."""
        found: QuerySet[Geofence] = rows.filter(pk__in=geofence_ids_near(rows, *value, NEAR_M))
        return found
