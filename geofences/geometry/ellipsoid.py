"""Measuring on the WGS84 ellipsoid: metres in a degree, metres between two points, square metres
of an area.

Called by the shapes, boxes and polygon checks of this package, and by attendance for the distance
between punches.
"""

from __future__ import annotations

import math
from typing import Any, Final

# WGS84: half the equator's width in metres, and the square of the eccentricity.
EQUATOR_M: Final = 6_378_137.0
ECCENTRICITY_2: Final = 0.006_694_379_990_14
# For the small part by which an arc is longer than its chord; and the tightest bend anywhere, for
# boxes that must hold all.
MEAN_RADIUS_M: Final = 6_371_008.8
SMALLEST_RADIUS_M: Final = 6_335_000.0


def metres_per_degree(lat: float) -> tuple[float, float]:
    """Metres of one degree of longitude and of latitude, at this latitude on WGS84."""
    sine, cosine = math.sin(math.radians(lat)), math.cos(math.radians(lat))
    flat = 1 - ECCENTRICITY_2 * sine * sine
    across = EQUATOR_M / math.sqrt(flat)
    along = EQUATOR_M * (1 - ECCENTRICITY_2) / flat**1.5
    return math.radians(across * cosine), math.radians(along)


def distance_m(lat: float, lng: float, other_lat: float, other_lng: float) -> float:
    """Metres between two points along the ellipsoid: the straight line through the earth, bent. 1
    cm wrong at 100 km.
    """
    chord = math.dist(_to_cartesian_m(lat, lng), _to_cartesian_m(other_lat, other_lng))
    return 2 * MEAN_RADIUS_M * math.asin(min(1.0, chord / (2 * MEAN_RADIUS_M)))


def _to_cartesian_m(lat: float, lng: float) -> tuple[float, float, float]:
    """The point as metres from the earth's centre."""
    sine, cosine = math.sin(math.radians(lat)), math.cos(math.radians(lat))
    across = EQUATOR_M / math.sqrt(1 - ECCENTRICITY_2 * sine * sine)
    x, y = math.cos(math.radians(lng)), math.sin(math.radians(lng))
    return across * cosine * x, across * cosine * y, across * (1 - ECCENTRICITY_2) * sine


def area_m2(geometry: Any) -> float:
    """Square metres of a shapely geometry in degrees, measured at the latitude of its centre."""
    if geometry.is_empty:
        return 0.0
    per_lng, per_lat = metres_per_degree(geometry.centroid.y)
    return float(geometry.area) * per_lng * per_lat
