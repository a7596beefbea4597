"""A geofence: its shape, its period, and whom it applies to.

Written by the console and the GeoJSON import; read by the services, the API and attendance.
"""

from __future__ import annotations

import functools
import operator
from datetime import datetime
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from geofences.geometry.bounding_box import BoundingBox
from geofences.geometry.faults import InvalidShape, ShapeFault
from geofences.geometry.geojson import parse_area, parse_geojson_text
from geofences.geometry.lookup_grid import grid_square_of, grid_squares_meeting
from geofences.geometry.shapes import Area, Circle, make_circle, stored_area
from geofences.models.scopes import ScopedModel, ScopedQuerySet
from geofences.shape_messages import describe_invalid_shape


class GeofenceQuerySet(ScopedQuerySet["Geofence"]):
    """Vocabulary of fences."""

    def valid_at(self, instant: datetime) -> GeofenceQuerySet:
        """Fences whose period holds this instant: from its start until just before its end."""
        return self.filter(
            Q(starts_at__isnull=True) | Q(starts_at__lte=instant),
            Q(ends_at__isnull=True) | Q(ends_at__gt=instant),
        )

    def intersecting(self, box: BoundingBox) -> GeofenceQuerySet:
        """Fences whose box has a point in common with this one, wherever the antimeridian is."""
        across = [
            Q(west__lte=box.east + turn, east__gte=box.west + turn) for turn in (-360, 0, 360)
        ]
        found = self.filter(
            functools.reduce(operator.or_, across), south__lte=box.north, north__gte=box.south
        )
        squares = grid_squares_meeting(box)
        return found if squares is None else found.filter(square__in=squares)


class Geofence(ScopedModel):
    """A place where a phone may punch: a polygon, several, or a circle."""

    class Kind(models.TextChoices):
        POLYGON = "polygon", _("Polygon")
        CIRCLE = "circle", _("Circle")

    name = models.CharField(_("name"), max_length=200)
    external_id = models.CharField(
        _("external id"),
        max_length=100,
        blank=True,
        help_text=_("The id in other systems. An import matches on it."),
    )
    kind = models.CharField(_("shape"), max_length=8, choices=Kind, default=Kind.POLYGON)
    geojson = models.TextField(
        _("GeoJSON"),
        blank=True,
        help_text=_("A Polygon or MultiPolygon, holes included: longitude first, then latitude."),
    )
    # Of a circle: given. Of a polygon: worked out.
    latitude = models.FloatField(
        _("latitude of the centre"),
        blank=True,
        validators=(MinValueValidator(-90), MaxValueValidator(90)),
    )
    longitude = models.FloatField(
        _("longitude of the centre"),
        blank=True,
        validators=(MinValueValidator(-180), MaxValueValidator(180)),
    )
    radius_m = models.FloatField(_("radius (metres)"), null=True, blank=True)
    starts_at = models.DateTimeField(
        _("from"), null=True, blank=True, help_text=_("Empty: no start.")
    )
    ends_at = models.DateTimeField(_("until"), null=True, blank=True, help_text=_("Empty: no end."))
    # The box around the shape, in degrees, and the square it is filed under: how a few are found
    # among many.
    south = models.FloatField(editable=False)
    west = models.FloatField(editable=False)
    north = models.FloatField(editable=False)
    east = models.FloatField(editable=False)
    square = models.BigIntegerField(editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    objects = GeofenceQuerySet.as_manager()

    class Meta(ScopedModel.Meta):
        ordering = ("name", "id")
        verbose_name = _("geofence")
        verbose_name_plural = _("geofences")
        indexes: ClassVar = [
            models.Index(fields=("organization", "square"), name="fence_by_square")
        ]
        constraints: ClassVar = [
            *ScopedModel.Meta.constraints,
            models.UniqueConstraint(
                fields=("organization", "external_id"),
                name="fence_external_id_once",
                condition=~Q(external_id=""),
            ),
            models.CheckConstraint(
                condition=Q(kind="circle", radius_m__gt=0)
                | (Q(kind="polygon", radius_m__isnull=True) & ~Q(geojson="")),
                name="fence_has_its_shape",
            ),
            models.CheckConstraint(
                condition=Q(starts_at__isnull=True)
                | Q(ends_at__isnull=True)
                | Q(ends_at__gt=F("starts_at")),
                name="fence_ends_after_start",
                violation_error_message=_("The geofence ends before it starts."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        super().clean()
        self.name = self.name.strip()
        self.external_id = self.external_id.strip()
        self.clean_shape()

    def clean_shape(self) -> None:
        """Check the shape and work out what is kept beside it. Raises ValidationError with the
        reason, at its field.
        """
        if self.kind == self.Kind.CIRCLE:
            shape: Area | Circle = self._clean_circle()
            self.geojson = ""
        else:
            shape = self._clean_area()
            self.geojson, self.radius_m = shape.geojson_text, None
            self.latitude, self.longitude = shape.centre
        self.south, self.west, self.north, self.east = shape.box
        self.square = grid_square_of(shape.box)

    def _clean_circle(self) -> Circle:
        given = {"latitude": self.latitude, "longitude": self.longitude, "radius_m": self.radius_m}
        if missing := [name for name, value in given.items() if value is None]:
            raise ValidationError(
                {name: _("A circle needs its centre and its radius.") for name in missing}
            )
        try:
            return make_circle(self.latitude, self.longitude, self.radius_m or 0)
        except InvalidShape as error:
            field = "radius_m" if error.fault == ShapeFault.RADIUS else "latitude"
            raise ValidationError({field: describe_invalid_shape(error)}) from error

    def _clean_area(self) -> Area:
        if not self.geojson.strip():
            raise ValidationError(
                {"geojson": _("Draw the geofence on the map, or paste its GeoJSON here.")}
            )
        try:
            return parse_area(parse_geojson_text(self.geojson))
        except InvalidShape as error:
            raise ValidationError({"geojson": describe_invalid_shape(error)}) from error

    @property
    def shape(self) -> Area | Circle:
        """The stored shape, to measure with."""
        return shape_from_columns(
            self.kind, self.geojson, self.latitude, self.longitude, self.radius_m
        )

    @property
    def geometry(self) -> dict[str, Any]:
        """GeoJSON of the shape: of a circle its centre, whose radius stands beside it."""
        shape = self.shape
        if isinstance(shape, Circle):
            return {"type": "Point", "coordinates": [shape.lng, shape.lat]}
        return shape.to_rfc7946()


def shape_from_columns(
    kind: str, geojson: str, latitude: float, longitude: float, radius_m: float | None
) -> Area | Circle:
    """The shape in a fence's columns."""
    if kind == Geofence.Kind.CIRCLE:
        return Circle(latitude, longitude, radius_m or 0)
    return stored_area(geojson)
