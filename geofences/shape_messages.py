"""What is wrong with a shape, in words for the person who drew it. Called by the models and the
import.
"""

from __future__ import annotations

from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from geofences.geometry.faults import InvalidShape, ShapeFault

FAULT_MESSAGES: Final[dict[ShapeFault, Promise]] = {
    ShapeFault.NOT_JSON: _(
        "This is not JSON. Copy the whole text, from the first brace to the last."
    ),
    ShapeFault.TOO_LONG: _("The text is longer than %(most)s characters."),
    ShapeFault.KIND: _(
        "A geofence is a GeoJSON Polygon or MultiPolygon, or one Feature of these; this is"
        " “%(kind)s”."
    ),
    ShapeFault.EMPTY: _("The shape has no coordinates."),
    ShapeFault.POSITION: _(
        "A position is a longitude and a latitude, two plain numbers, in this order: [77.2085,"
        " 28.6175]."
    ),
    ShapeFault.OUT_OF_RANGE: _(
        "Latitude %(lat)s, longitude %(lng)s is out of range: the limits are 90 and 180."
    ),
    ShapeFault.SWAPPED: _(
        "Latitude and longitude look swapped: GeoJSON has the longitude first. The file says"
        " latitude %(lat)s, longitude %(lng)s; you probably mean latitude %(lng)s, longitude"
        " %(lat)s."
    ),
    ShapeFault.SHORT_RING: _(
        "A ring needs at least four positions, the last the same as the first."
    ),
    ShapeFault.OPEN_RING: _(
        "A ring is not closed: it starts at latitude %(lat)s, longitude %(lng)s and ends at"
        " latitude %(last_lat)s, longitude %(last_lng)s. Repeat the first position at the end."
    ),
    ShapeFault.TOO_MANY: _(
        "The shape has %(count)s corners; the maximum is %(most)s. Simplify it."
    ),
    ShapeFault.NO_AREA: _(
        "The shape at latitude %(lat)s, longitude %(lng)s has no area, or less than a square metre."
    ),
    ShapeFault.CROSSES_ITSELF: _(
        "The outline crosses or touches itself at latitude %(lat)s, longitude %(lng)s."
    ),
    ShapeFault.HOLE_OUTSIDE: _(
        "The hole at latitude %(lat)s, longitude %(lng)s is outside its polygon."
    ),
    ShapeFault.HOLES_OVERLAP: _("Two holes overlap at latitude %(lat)s, longitude %(lng)s."),
    ShapeFault.PARTS_OVERLAP: _(
        "Two parts of the shape overlap at latitude %(lat)s, longitude %(lng)s. Draw them as one."
    ),
    ShapeFault.BROKEN: _(
        "The outline is broken at latitude %(lat)s, longitude %(lng)s: holes and edges touch there."
    ),
    ShapeFault.TOO_WIDE: _("The shape spans half the world. Draw only the site."),
    ShapeFault.POLE: _(
        "The shape is around or near a pole at latitude %(lat)s, longitude %(lng)s. Use a circle"
        " there."
    ),
    ShapeFault.RADIUS: _("The radius is between 1 m and %(most)s m."),
}


def describe_invalid_shape(refusal: InvalidShape) -> str:
    """Why the shape is refused."""
    # Numbers as they stand in GeoJSON, in every language: they are looked for in the file.
    values: dict[str, Any] = {name: f"{value}" for name, value in refusal.values.items()}
    return str(FAULT_MESSAGES[refusal.fault]) % values


def describe_swapped_coordinates(lat: float, lng: float) -> str:
    """Why a place is refused that is one only the other way round."""
    text = _(
        "Latitude and longitude look swapped: no other geofence is near latitude %(lat)s, longitude"
        " %(lng)s, but one is near if they are exchanged."
    )
    return str(text) % {"lat": f"{round(lat, 6)}", "lng": f"{round(lng, 6)}"}
