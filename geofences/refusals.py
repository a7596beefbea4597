"""What is wrong with a shape, in words for the person who drew it. Called by the models and the
import.
"""

from __future__ import annotations

from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from geofences.geometry import Fault, InvalidShape

TEXTS: Final[dict[Fault, Promise]] = {
    Fault.NOT_JSON: _("This is not JSON. Copy the whole text, from the first brace to the last."),
    Fault.TOO_LONG: _("The text is longer than %(most)s characters."),
    Fault.KIND: _(
        "A fence is a GeoJSON Polygon or MultiPolygon, or one Feature of these; this is “%(kind)s”."
    ),
    Fault.EMPTY: _("The shape has no coordinates."),
    Fault.POSITION: _(
        "A position is a longitude and a latitude, two plain numbers, in this order: [77.2085,"
        " 28.6175]."
    ),
    Fault.OUT_OF_RANGE: _(
        "Latitude %(lat)s, longitude %(lng)s is no place on earth: 90 and 180 are the most."
    ),
    Fault.SWAPPED: _(
        "Latitude and longitude look swapped: GeoJSON has the longitude first. Read as it is, this"
        " is latitude %(lat)s, longitude %(lng)s; meant is probably latitude %(lng)s, longitude"
        " %(lat)s."
    ),
    Fault.SHORT_RING: _("A ring needs at least four positions, the last the same as the first."),
    Fault.OPEN_RING: _(
        "A ring is not closed: it starts at latitude %(lat)s, longitude %(lng)s and ends at"
        " latitude %(last_lat)s, longitude %(last_lng)s. Repeat the first position at the end."
    ),
    Fault.TOO_MANY: _("The shape has %(count)s corners; %(most)s are the most. Simplify it."),
    Fault.NO_AREA: _(
        "The shape at latitude %(lat)s, longitude %(lng)s encloses no ground, or less than a square"
        " metre."
    ),
    Fault.CROSSES_ITSELF: _(
        "The outline crosses or touches itself at latitude %(lat)s, longitude %(lng)s."
    ),
    Fault.HOLE_OUTSIDE: _(
        "The hole at latitude %(lat)s, longitude %(lng)s lies outside its polygon."
    ),
    Fault.HOLES_OVERLAP: _("Two holes overlap at latitude %(lat)s, longitude %(lng)s."),
    Fault.PARTS_OVERLAP: _(
        "Two parts of the shape overlap at latitude %(lat)s, longitude %(lng)s. Draw them as one."
    ),
    Fault.BROKEN: _(
        "The outline falls apart at latitude %(lat)s, longitude %(lng)s: holes and edges meet"
        " there."
    ),
    Fault.TOO_WIDE: _("The shape reaches around half the world. Draw the place itself."),
    Fault.POLE: _(
        "The shape lies around or beside a pole at latitude %(lat)s, longitude %(lng)s. Use a"
        " circle there."
    ),
    Fault.RADIUS: _("The radius is between 1 m and %(most)s m."),
}


def in_words(refusal: InvalidShape) -> str:
    """Why the shape is refused."""
    # Numbers as they stand in GeoJSON, in every language: they are looked for in the file.
    values: dict[str, Any] = {name: f"{value}" for name, value in refusal.values.items()}
    return str(TEXTS[refusal.fault]) % values


def swapped_in_words(lat: float, lng: float) -> str:
    """Why a place is refused that is one only the other way round."""
    text = _(
        "Latitude and longitude look swapped: no other fence is anywhere near latitude %(lat)s,"
        " longitude %(lng)s, but the other way round there is one nearby."
    )
    return str(text) % {"lat": f"{round(lat, 6)}", "lng": f"{round(lng, 6)}"}
