"""Reading the area of a geofence from GeoJSON by RFC 7946: a Polygon, a MultiPolygon, or one
Feature of these.

Called by the models and the GeoJSON import.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, Final

import shapely

from geofences.geometry.coordinates import check_range, normalize_longitude
from geofences.geometry.faults import InvalidShape, ShapeFault
from geofences.geometry.polygon_checks import Ring, refuse_overlap, valid_polygon
from geofences.geometry.shapes import Area

MAX_GEOJSON_CHARS: Final = 1_000_000
MAX_VERTICES: Final = 5_000

# Beyond it a straight line in longitude and latitude is no line anybody would walk; circles are
# good everywhere.
MAX_POLYGON_LATITUDE: Final = 89.0


def parse_geojson_text(text: str, *, max_length: int = MAX_GEOJSON_CHARS) -> Any:
    """The value of a JSON text. Raises InvalidShape."""
    if len(text) > max_length:
        raise InvalidShape(ShapeFault.TOO_LONG, most=max_length)
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidShape(ShapeFault.NOT_JSON) from error


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def parse_area(value: Any) -> Area:
    """The area that a GeoJSON Polygon, MultiPolygon, or a Feature of one describes. Raises
    InvalidShape.
    """
    parts = [[_read_ring(ring) for ring in rings] for rings in _rings_of(value)]
    if not parts or not all(parts):
        raise InvalidShape(ShapeFault.EMPTY)
    count = sum(len(ring) for rings in parts for ring in rings)
    if count > MAX_VERTICES:
        raise InvalidShape(ShapeFault.TOO_MANY, count=count, most=MAX_VERTICES)
    longitudes = [lng for rings in parts for ring in rings for lng, _lat in ring]
    if min(longitudes) > 180 or max(longitudes) < -180:
        raise InvalidShape(ShapeFault.OUT_OF_RANGE, lat=parts[0][0][0][1], lng=parts[0][0][0][0])
    polygons = [valid_polygon(_continuous(rings, around=parts[0][0])) for rings in parts]
    refuse_overlap(polygons)
    return Area(
        _shift_to_standard_range(
            polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)
        )
    )


def _rings_of(value: Any) -> list[Any]:
    """The coordinates of each polygon."""
    geometry = _geometry_of(value)
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind not in ("Polygon", "MultiPolygon"):
        raise InvalidShape(ShapeFault.KIND, kind=kind[:40] if isinstance(kind, str) else "–")
    coordinates = geometry.get("coordinates")
    polygons = [coordinates] if kind == "Polygon" else coordinates
    if not isinstance(polygons, list) or not all(isinstance(rings, list) for rings in polygons):
        raise InvalidShape(ShapeFault.EMPTY)
    return polygons


def _geometry_of(value: Any) -> Any:
    """The geometry in a Feature, in a collection of one Feature, or the value itself."""
    kind = value.get("type") if isinstance(value, dict) else None
    if (
        kind == "FeatureCollection"
        and isinstance(value.get("features"), list)
        and len(value["features"]) == 1
    ):
        value = value["features"][0]
        kind = value.get("type") if isinstance(value, dict) else None
    return value.get("geometry") if kind == "Feature" else value


def _read_ring(value: Any) -> Ring:
    if not isinstance(value, list) or len(value) < 4:
        raise InvalidShape(ShapeFault.SHORT_RING)
    if len(value) > MAX_VERTICES:
        raise InvalidShape(ShapeFault.TOO_MANY, count=len(value), most=MAX_VERTICES)
    ring = [_read_position(one) for one in value]
    if ring[0] != ring[-1]:
        (lng, lat), (last_lng, last_lat) = ring[0], ring[-1]
        raise InvalidShape(
            ShapeFault.OPEN_RING, lat=lat, lng=lng, last_lat=last_lat, last_lng=last_lng
        )
    return ring


def _read_position(value: Any) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) < 2:
        raise InvalidShape(ShapeFault.POSITION)
    if any(isinstance(one, bool) or not isinstance(one, int | float) for one in value[:2]):
        raise InvalidShape(ShapeFault.POSITION)
    try:
        lng, lat = float(value[0]), float(value[1])
    except OverflowError as error:
        raise InvalidShape(ShapeFault.POSITION) from error
    if not (math.isfinite(lng) and math.isfinite(lat)):
        raise InvalidShape(ShapeFault.POSITION)
    check_range(lat, lng, furthest=360)
    if abs(lat) > MAX_POLYGON_LATITUDE:
        raise InvalidShape(ShapeFault.POLE, lat=lat, lng=lng)
    return lng, lat


def _without_jumps(ring: Ring) -> Ring:
    """The ring without jumps: nobody draws an edge around half the world, so one that wide goes the
    other way.
    """
    found = [ring[0]]
    for lng, lat in ring[1:]:
        found.append((lng - 360 * round((lng - found[-1][0]) / 360), lat))
    if found[0] != found[-1]:
        raise InvalidShape(ShapeFault.POLE, lat=ring[0][1], lng=ring[0][0])
    return found


def _continuous(rings: Sequence[Ring], around: Ring) -> list[Ring]:
    """The rings of a polygon on the same side of the antimeridian as `around`, the shape's first
    ring.
    """
    home = _middle_longitude(_without_jumps(around))
    found = []
    for ring in rings:
        whole = _without_jumps(ring)
        shift = 360 * round((home - _middle_longitude(whole)) / 360)
        found.append([(lng + shift, lat) for lng, lat in whole] if shift else whole)
        home = _middle_longitude(found[0])
    return found


def _middle_longitude(ring: Ring) -> float:
    longitudes = [lng for lng, _lat in ring]
    return (min(longitudes) + max(longitudes)) / 2


def _shift_to_standard_range(geometry: Any) -> Any:
    """The shape with its west in [-180, 180)."""
    west, south, east, _north = geometry.bounds
    if east - west >= 180:
        raise InvalidShape(ShapeFault.TOO_WIDE, lat=south, lng=normalize_longitude(west))
    shift = normalize_longitude(west) - west
    return shapely.transform(geometry, lambda places: places - (-shift, 0)) if shift else geometry
