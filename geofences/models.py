"""Where a phone may punch: fences, Wi-Fi networks, and each organization's rules about them."""

from __future__ import annotations

import functools
import operator
from datetime import datetime
from typing import Any, ClassVar, Self, TypeVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.tenancy import TenantModel, TenantQuerySet
from employees.models import Department, Employee, Site
from geofences import geometry
from geofences.geometry import Area, BoundingBox, Circle, InvalidShape
from geofences.shape_messages import describe_invalid_shape

_M_co = TypeVar("_M_co", bound=models.Model, covariant=True)

SCOPES = ("site", "department", "employee")
MAX_SSID_BYTES = 32


class ScopedQuerySet(TenantQuerySet[_M_co]):
    """Vocabulary of rules that apply to somebody."""

    def applying_to(self, employee_id: Any, site_id: int | None, department_id: int | None) -> Self:
        """Active rules of the whole organization, of this employee, or of where they work."""
        reach = Q(site__isnull=True, department__isnull=True, employee__isnull=True)
        for name, pk in zip(SCOPES, (site_id, department_id, employee_id), strict=True):
            if pk is not None:
                reach |= Q(**{f"{name}_id": pk})
        return self.filter(reach, active=True)


class ScopedModel(TenantModel):
    """A rule that applies to a site, a department or an employee; to the whole organization when
    none is named.
    """

    site = models.ForeignKey(
        Site, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("site")
    )
    department = models.ForeignKey(
        Department, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("department")
    )
    employee = models.ForeignKey(
        Employee, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("employee")
    )
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        abstract = True
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(site__isnull=True, department__isnull=True)
                | Q(site__isnull=True, employee__isnull=True)
                | Q(department__isnull=True, employee__isnull=True),
                name="%(class)s_one_scope",
                violation_error_message=_(
                    "Choose one: a site, a department or an employee; or none for everybody."
                ),
            )
        ]

    @property
    def applies_to(self) -> str:
        """What kind of scope this is: organization, site, department or employee."""
        return next(
            (name for name in SCOPES if getattr(self, f"{name}_id") is not None), "organization"
        )


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
        squares = geometry.grid_squares_meeting(box)
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
        self.square = geometry.grid_square_of(shape.box)

    def _clean_circle(self) -> Circle:
        given = {"latitude": self.latitude, "longitude": self.longitude, "radius_m": self.radius_m}
        if missing := [name for name, value in given.items() if value is None]:
            raise ValidationError(
                {name: _("A circle needs its centre and its radius.") for name in missing}
            )
        try:
            return geometry.make_circle(self.latitude, self.longitude, self.radius_m or 0)
        except InvalidShape as error:
            field = "radius_m" if error.fault == geometry.ShapeFault.RADIUS else "latitude"
            raise ValidationError({field: describe_invalid_shape(error)}) from error

    def _clean_area(self) -> Area:
        if not self.geojson.strip():
            raise ValidationError(
                {"geojson": _("Draw the geofence on the map, or paste its GeoJSON here.")}
            )
        try:
            return geometry.parse_area(geometry.parse_geojson_text(self.geojson))
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
    return geometry.stored_area(geojson)


class AllowedNetwork(ScopedModel):
    """A Wi-Fi network that shows somebody to be at work. Its name is the phone's own word."""

    ssid = models.CharField(
        _("Wi-Fi name (SSID)"),
        max_length=MAX_SSID_BYTES,
        help_text=_("Exactly as phones show it: capitals count."),
    )
    note = models.CharField(_("note"), max_length=200, blank=True)

    objects = ScopedQuerySet["AllowedNetwork"].as_manager()

    class Meta(ScopedModel.Meta):
        ordering = ("ssid", "id")
        verbose_name = _("Wi-Fi network")
        verbose_name_plural = _("Wi-Fi networks")
        constraints: ClassVar = [
            *ScopedModel.Meta.constraints,
            models.CheckConstraint(condition=~Q(ssid=""), name="network_ssid_given"),
            *(
                models.UniqueConstraint(
                    fields=("organization", name, "ssid"),
                    condition=Q(**{f"{name}__isnull": False}),
                    name=f"network_once_for_{name}",
                )
                for name in SCOPES
            ),
            models.UniqueConstraint(
                fields=("organization", "ssid"),
                name="network_once_for_all",
                condition=Q(site__isnull=True, department__isnull=True, employee__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.ssid

    def clean(self) -> None:
        super().clean()
        if len(self.ssid.encode(errors="replace")) > MAX_SSID_BYTES:
            raise ValidationError({"ssid": _("A Wi-Fi name has at most 32 bytes.")})


class GeofencePolicy(TenantModel):
    """An organization's rules about places. Without a row the defaults hold."""

    class Unfenced(models.TextChoices):
        REFUSE = "refuse", _("Refuse the punch")
        ACCEPT = "accept", _("Accept the punch")

    ssid_sufficient = models.BooleanField(
        _("an allowed Wi-Fi name is enough"),
        default=True,
        help_text=_(
            "Off: the phone must also be inside a geofence. The Wi-Fi name then only allows an"
            " inaccurate position."
        ),
    )
    unfenced = models.CharField(
        _("when no geofence applies to an employee"),
        max_length=8,
        choices=Unfenced,
        default=Unfenced.REFUSE,
    )
    max_accuracy_m = models.PositiveIntegerField(
        _("minimum accuracy (metres)"),
        default=200,
        validators=(MinValueValidator(1), MaxValueValidator(10_000)),
        help_text=_("A position that is less accurate than this is refused."),
    )
    tolerance_m = models.PositiveIntegerField(
        _("tolerance (metres)"),
        default=50,
        validators=(MaxValueValidator(500),),
        help_text=_(
            "How far outside a geofence a phone may be, within the accuracy of its position."
        ),
    )

    objects = TenantQuerySet["GeofencePolicy"].as_manager()

    class Meta:
        verbose_name = _("geofence policy")
        verbose_name_plural = _("geofence policy")
        constraints = (models.UniqueConstraint(fields=("organization",), name="fence_policy_once"),)

    def __str__(self) -> str:
        return str(_("Geofence policy"))
