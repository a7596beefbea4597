"""The box in degrees around a shape, around a search radius, or of the part of a map that is
shown.

Called by the shapes, the services and the map of the console.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from geofences.geometry.coordinates import normalize_longitude
from geofences.geometry.ellipsoid import SMALLEST_RADIUS_M


class BoundingBox(NamedTuple):
    """Degrees. West is in [-180, 180); east is larger, beyond 180 when the box is across the
    antimeridian.
    """

    south: float
    west: float
    north: float
    east: float


def box_around(lat: float, lng: float, radius_m: float) -> BoundingBox:
    """A box that holds every point within `radius_m`; a little too large. Near a pole it goes all
    the way around.
    """
    angle = radius_m / SMALLEST_RADIUS_M
    high = math.degrees(angle)
    south, north = max(-90.0, lat - high), min(90.0, lat + high)
    if abs(lat) + high >= 90:
        return BoundingBox(south, -180.0, north, 180.0)
    wide = math.degrees(math.asin(min(1.0, math.sin(angle) / math.cos(math.radians(lat)))))
    return normalize_box(BoundingBox(south, lng - wide, north, lng + wide))


def box_from_bounds(south: float, west: float, north: float, east: float) -> BoundingBox:
    """A box between these degrees, as a map gives them: in any turn of the globe, perhaps all
    around it.
    """
    if east - west >= 360:
        west, east = -180.0, 180.0
    return normalize_box(BoundingBox(max(-90.0, south), west, min(90.0, north), east))


def normalize_box(box: BoundingBox) -> BoundingBox:
    """The same box with its west in [-180, 180)."""
    west = normalize_longitude(box.west)
    return BoundingBox(box.south, west, box.north, west + (box.east - box.west))
