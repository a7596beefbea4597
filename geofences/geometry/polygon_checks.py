"""Whether the rings of a polygon make a valid one, and whether the polygons of one shape overlap.

Called by `geojson` with the rings it has read. The InvalidShape names the reason and the place.
"""

from __future__ import annotations

import re
from typing import Any, Final

import shapely

from geofences.geometry.coordinates import normalize_longitude
from geofences.geometry.ellipsoid import area_m2
from geofences.geometry.faults import InvalidShape, ShapeFault
from geofences.geometry.shapes import MIN_AREA_M2

Ring = list[tuple[float, float]]

_REASONS: Final = {
    "Self-intersection": ShapeFault.CROSSES_ITSELF,
    "Ring Self-intersection": ShapeFault.CROSSES_ITSELF,
    "Hole lies outside shell": ShapeFault.HOLE_OUTSIDE,
    "Holes are nested": ShapeFault.HOLES_OVERLAP,
}
_REASON_PATTERN: Final = re.compile(r"^(?P<reason>[^\[]*)\[(?P<lng>\S+) (?P<lat>\S+)\]$")


def valid_polygon(rings: list[Ring]) -> Any:
    """The polygon of these rings. Raises InvalidShape with the reason and the place."""
    polygon = shapely.Polygon(rings[0], rings[1:])
    # A line there and back also "crosses itself", but that is not what is wrong with it: so the
    # hull is asked first.
    if area_m2(polygon.convex_hull) < MIN_AREA_M2:
        raise InvalidShape(
            ShapeFault.NO_AREA, lat=rings[0][0][1], lng=normalize_longitude(rings[0][0][0])
        )
    if not polygon.is_valid:
        raise _invalid_shape_error(polygon)
    if area_m2(polygon) < MIN_AREA_M2:
        raise InvalidShape(
            ShapeFault.NO_AREA, lat=rings[0][0][1], lng=normalize_longitude(rings[0][0][0])
        )
    return polygon


def _invalid_shape_error(polygon: Any) -> InvalidShape:
    explained = _REASON_PATTERN.match(shapely.is_valid_reason(polygon))
    if explained is None:
        return InvalidShape(
            ShapeFault.BROKEN,
            lat=polygon.exterior.coords[0][1],
            lng=normalize_longitude(polygon.exterior.coords[0][0]),
        )
    lat, lng = (
        round(float(explained["lat"]), 7),
        round(normalize_longitude(float(explained["lng"])), 7),
    )
    return InvalidShape(_REASONS.get(explained["reason"], ShapeFault.BROKEN), lat=lat, lng=lng)


def refuse_overlap(polygons: list[Any]) -> None:
    """Raise InvalidShape when two parts overlap. Parts may touch, as the halves at the antimeridian
    do; ground that is in two parts is a mistake in the drawing.
    """
    if len(polygons) < 2:
        return
    tree = shapely.STRtree(polygons)
    for index, polygon in enumerate(polygons):
        for other in tree.query(polygon):
            if other > index:
                shared = shapely.intersection(polygon, polygons[other])
                if area_m2(shared) > MIN_AREA_M2 / 100:
                    place = shared.representative_point()
                    raise InvalidShape(
                        ShapeFault.PARTS_OVERLAP,
                        lat=round(place.y, 7),
                        lng=round(normalize_longitude(place.x), 7),
                    )
