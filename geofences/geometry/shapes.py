"""The shape of a geofence, a circle or an area of polygons: how many metres a point is outside it,
and the GeoJSON of it.

A point is measured against an area in a plane in metres that is laid through the point itself,
with the radii of WGS84 at its latitude: edges stay straight in it, and what is near, which alone
decides, is right to millimetres however large the shape is. Circles are measured along the
ellipsoid. Called by the models, the services and `evaluation`.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Protocol

import shapely

from geofences.geometry.bounding_box import BoundingBox, box_around, normalize_box
from geofences.geometry.coordinates import check_range, normalize_longitude
from geofences.geometry.ellipsoid import area_m2, distance_m, metres_per_degree
from geofences.geometry.faults import InvalidShape, ShapeFault

MAX_RADIUS_M: Final = 100_000.0
MIN_AREA_M2: Final = 1.0


class Shape(Protocol):
    """What a fence is, for a judgement."""

    def outside_m(self, lat: float, lng: float) -> float:
        """Metres from the point to the shape; 0 when the point is in it or on its edge."""


@dataclass(frozen=True, slots=True)
class Circle:
    """Everything within a radius of a centre."""

    lat: float
    lng: float
    radius_m: float

    def outside_m(self, lat: float, lng: float) -> float:
        """Metres from the point to the circle; 0 inside."""
        return max(0.0, distance_m(self.lat, self.lng, lat, lng) - self.radius_m)

    @property
    def box(self) -> BoundingBox:
        """A box around it."""
        return box_around(self.lat, self.lng, self.radius_m)


@dataclass(frozen=True, slots=True)
class Area:
    """A polygon or several, with holes. `geometry` is shapely's, in degrees, x east and y north."""

    geometry: Any

    def outside_m(self, lat: float, lng: float) -> float:
        """Metres from the point to the area, to the edge of a hole too; 0 inside and on the
        edge.
        """
        per_lng, per_lat = metres_per_degree(lat)
        west, _south, east, _north = self.geometry.bounds
        lng += 360 * round(((west + east) / 2 - lng) / 360)
        # Every call makes its own geometry: GEOS keeps notes in them as it works, and threads share
        # the one in the cache.
        around = shapely.transform(
            self.geometry, lambda places: (places - (lng, lat)) * (per_lng, per_lat)
        )
        return float(shapely.distance(around, shapely.Point(0, 0)))

    @property
    def box(self) -> BoundingBox:
        """The box around it."""
        west, south, east, north = self.geometry.bounds
        return normalize_box(BoundingBox(south, west, north, east))

    @property
    def centre(self) -> tuple[float, float]:
        """Latitude and longitude of its centre of gravity, for a map."""
        middle = self.geometry.centroid
        return round(middle.y, 7), normalize_longitude(round(middle.x, 7))

    @property
    def geojson_text(self) -> str:
        """GeoJSON to keep: outer rings counter-clockwise, longitudes continuous, nothing but the
        geometry.
        """
        return json.dumps(_geojson_mapping(self.geometry), separators=(",", ":"))

    def is_same_area(self, other: Area) -> bool:
        """Whether both are the same area, in one piece or cut at the antimeridian."""
        mine, theirs = shapely.unary_union(self.geometry), shapely.unary_union(other.geometry)
        return area_m2(shapely.symmetric_difference(mine, theirs)) < MIN_AREA_M2 / 100

    def to_rfc7946(self) -> dict[str, Any]:
        """GeoJSON for others: cut at the antimeridian, so that no longitude is beyond 180."""
        if self.geometry.bounds[2] <= 180:
            return _geojson_mapping(self.geometry)
        polygons = []
        for polygon in _polygons_of(self.geometry):
            for shift in (0.0, -360.0):
                half = shapely.intersection(
                    polygon, shapely.box(-180 - shift, -90, 180 - shift, 90)
                )
                polygons += _polygons_of(
                    shapely.transform(half, lambda places, by=shift: places - (-by, 0))
                )
        return _geojson_mapping(
            polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)
        )


def _geojson_mapping(geometry: Any) -> dict[str, Any]:
    """GeoJSON of the geometry, outer rings counter-clockwise."""
    found: dict[str, Any] = json.loads(
        json.dumps(shapely.geometry.mapping(shapely.orient_polygons(geometry)))
    )
    return found


def _polygons_of(geometry: Any) -> list[Any]:
    """The polygons in whatever an intersection left; a line or a point where it only touched is
    nothing.
    """
    return [
        one
        for one in shapely.get_parts(geometry)
        if one.geom_type == "Polygon" and not one.is_empty
    ]


@lru_cache(maxsize=512)
def stored_area(text: str) -> Area:
    """An area from the text that `Area.text` made. Known by its text, so what the cache has is
    never out of date.
    """
    return Area(shapely.from_geojson(text))


def make_circle(lat: float, lng: float, radius_m: float) -> Circle:
    """A circle. Raises InvalidShape for what is no place or no size."""
    if not all(math.isfinite(number) for number in (lat, lng, radius_m)):
        raise InvalidShape(ShapeFault.POSITION)
    check_range(lat, lng, furthest=180)
    if not 1 <= radius_m <= MAX_RADIUS_M:
        raise InvalidShape(ShapeFault.RADIUS, most=int(MAX_RADIUS_M))
    return Circle(lat, lng, radius_m)
