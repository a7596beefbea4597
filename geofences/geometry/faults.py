"""Why a shape is refused, as an enum and an exception.

Raised by the checks in this package; `geofences.shape_messages` has the words for the person who
drew the shape.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class ShapeFault(StrEnum):
    """Why a shape is refused. `shape_messages` has the words."""

    NOT_JSON = "not_json"
    TOO_LONG = "too_long"
    KIND = "kind"
    EMPTY = "empty"
    POSITION = "position"
    OUT_OF_RANGE = "out_of_range"
    SWAPPED = "swapped"
    SHORT_RING = "short_ring"
    OPEN_RING = "open_ring"
    TOO_MANY = "too_many"
    NO_AREA = "no_area"
    CROSSES_ITSELF = "crosses_itself"
    HOLE_OUTSIDE = "hole_outside"
    HOLES_OVERLAP = "holes_overlap"
    PARTS_OVERLAP = "parts_overlap"
    BROKEN = "broken"
    TOO_WIDE = "too_wide"
    POLE = "pole"
    RADIUS = "radius"


class InvalidShape(ValueError):
    """A shape that is refused: the fault, and the values its text names, such as lat and lng of the
    place.
    """

    def __init__(self, fault: ShapeFault, **values: Any) -> None:
        super().__init__(f"{fault} {values}" if values else str(fault))
        self.fault, self.values = fault, values
