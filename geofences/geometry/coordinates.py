"""Latitudes and longitudes: their range, one number for each meridian, and whether the two look
swapped.

Called by the other modules of this package, and by the services and the GeoJSON import for swapped
coordinates.
"""

from __future__ import annotations

import math
from collections.abc import Set

from geofences.geometry.faults import InvalidShape, ShapeFault


def normalize_longitude(lng: float) -> float:
    """The same meridian in [-180, 180); one that is there already stays as it is, to the
    last bit.
    """
    return lng if -180 <= lng < 180 else (lng + 180) % 360 - 180


def check_range(lat: float, lng: float, *, furthest: float) -> None:
    """Raise InvalidShape for a latitude beyond 90 or a longitude beyond `furthest` degrees."""
    if abs(lat) > 90 and abs(lat) <= 180 and abs(lng) <= 90:
        raise InvalidShape(ShapeFault.SWAPPED, lat=lat, lng=lng)
    if abs(lat) > 90 or abs(lng) > furthest:
        raise InvalidShape(ShapeFault.OUT_OF_RANGE, lat=lat, lng=lng)


def degree_square_of(lat: float, lng: float) -> tuple[int, int]:
    """The square of one degree that a place is in."""
    return math.floor(lat), math.floor(normalize_longitude(lng))


def looks_swapped(lat: float, lng: float, known: Set[tuple[int, int]]) -> bool:
    """Whether a place is far (ten degrees) from all squares of `known`, but beside one of them if
    read the other way round.

    28° N 77° E read as 77° N 28° E is a place on earth too: only other places can tell.
    """
    return (
        abs(lng) <= 90
        and _is_near_known(lng, lat, known, 1)
        and not _is_near_known(lat, lng, known, 10)
    )


def _is_near_known(lat: float, lng: float, known: Set[tuple[int, int]], degrees: int) -> bool:
    row, column = degree_square_of(lat, lng)
    around = range(-degrees, degrees + 1)
    return any(
        (row + north, (column + east + 180) % 360 - 180) in known
        for north in around
        for east in around
    )
