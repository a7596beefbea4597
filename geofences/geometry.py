"""Shapes on the ellipsoid: reading them from GeoJSON, and how many metres a point lies outside one.
Knows no Django.

Edges are straight lines in longitude and latitude, as RFC 7946 has them. A point is measured in a
plane in metres that is laid through the point itself, with the radii of WGS84 at its latitude:
edges stay straight in it, and what is near, which alone decides, is right to millimetres however
large the shape is. Circles are measured along the ellipsoid.

Longitudes of one shape are continuous: across the antimeridian they run on beyond 180. Called by
models, services and places.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, NamedTuple, Protocol

import shapely

# WGS84: half the equator's width in metres, and the square of the eccentricity.
EQUATOR_M: Final = 6_378_137.0
ECCENTRICITY_2: Final = 0.006_694_379_990_14
# For the small part by which an arc is longer than its chord; and the tightest bend anywhere, for
# boxes that must hold all.
MEAN_RADIUS_M: Final = 6_371_008.8
SMALLEST_RADIUS_M: Final = 6_335_000.0

MAX_GEOJSON_CHARS: Final = 1_000_000
MAX_VERTICES: Final = 5_000
MAX_RADIUS_M: Final = 100_000.0
MIN_AREA_M2: Final = 1.0
# Beyond it a straight line in longitude and latitude is no line anybody would walk; circles are
# good everywhere.
MAX_POLYGON_LATITUDE: Final = 89.0


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


class BoundingBox(NamedTuple):
    """Degrees. West is in [-180, 180); east is larger, beyond 180 when the box lies across the
    antimeridian.
    """

    south: float
    west: float
    north: float
    east: float


class Shape(Protocol):
    """What a fence is, for a judgement."""

    def outside_m(self, lat: float, lng: float) -> float:
        """Metres from the point to the shape; 0 when the point is in it or on its edge."""


# --- Measuring ------------------------------------------------------------------------------------
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
    return _normalize_box(BoundingBox(south, lng - wide, north, lng + wide))


def box_from_bounds(south: float, west: float, north: float, east: float) -> BoundingBox:
    """A box between these degrees, as a map gives them: in any turn of the globe, perhaps all
    around it.
    """
    if east - west >= 360:
        west, east = -180.0, 180.0
    return _normalize_box(BoundingBox(max(-90.0, south), west, min(90.0, north), east))


def normalize_longitude(lng: float) -> float:
    """The same meridian in [-180, 180); one that is there already stays as it is, to the
    last bit.
    """
    return lng if -180 <= lng < 180 else (lng + 180) % 360 - 180


def _normalize_box(box: BoundingBox) -> BoundingBox:
    west = normalize_longitude(box.west)
    return BoundingBox(box.south, west, box.north, west + (box.east - box.west))


# --- Shapes ---------------------------------------------------------------------------------------
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
        return _normalize_box(BoundingBox(south, west, north, east))

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
        return _area_m2(shapely.symmetric_difference(mine, theirs)) < MIN_AREA_M2 / 100

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
    _check_range(lat, lng, furthest=180)
    if not 1 <= radius_m <= MAX_RADIUS_M:
        raise InvalidShape(ShapeFault.RADIUS, most=int(MAX_RADIUS_M))
    return Circle(lat, lng, radius_m)


# --- Reading GeoJSON ------------------------------------------------------------------------------
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
    polygons = [_valid_polygon(_continuous(rings, around=parts[0][0])) for rings in parts]
    _refuse_overlap(polygons)
    return Area(
        _shift_to_standard_range(
            polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)
        )
    )


_Ring = list[tuple[float, float]]


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


def _read_ring(value: Any) -> _Ring:
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
    _check_range(lat, lng, furthest=360)
    if abs(lat) > MAX_POLYGON_LATITUDE:
        raise InvalidShape(ShapeFault.POLE, lat=lat, lng=lng)
    return lng, lat


def _check_range(lat: float, lng: float, *, furthest: float) -> None:
    if abs(lat) > 90 and abs(lat) <= 180 and abs(lng) <= 90:
        raise InvalidShape(ShapeFault.SWAPPED, lat=lat, lng=lng)
    if abs(lat) > 90 or abs(lng) > furthest:
        raise InvalidShape(ShapeFault.OUT_OF_RANGE, lat=lat, lng=lng)


def _without_jumps(ring: _Ring) -> _Ring:
    """The ring without jumps: nobody draws an edge around half the world, so one that wide goes the
    other way.
    """
    found = [ring[0]]
    for lng, lat in ring[1:]:
        found.append((lng - 360 * round((lng - found[-1][0]) / 360), lat))
    if found[0] != found[-1]:
        raise InvalidShape(ShapeFault.POLE, lat=ring[0][1], lng=ring[0][0])
    return found


def _continuous(rings: Sequence[_Ring], around: _Ring) -> list[_Ring]:
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


def _middle_longitude(ring: _Ring) -> float:
    longitudes = [lng for lng, _lat in ring]
    return (min(longitudes) + max(longitudes)) / 2


def _shift_to_standard_range(geometry: Any) -> Any:
    """The shape with its west in [-180, 180)."""
    west, south, east, _north = geometry.bounds
    if east - west >= 180:
        raise InvalidShape(ShapeFault.TOO_WIDE, lat=south, lng=normalize_longitude(west))
    shift = normalize_longitude(west) - west
    return shapely.transform(geometry, lambda places: places - (-shift, 0)) if shift else geometry


_REASONS: Final = {
    "Self-intersection": ShapeFault.CROSSES_ITSELF,
    "Ring Self-intersection": ShapeFault.CROSSES_ITSELF,
    "Hole lies outside shell": ShapeFault.HOLE_OUTSIDE,
    "Holes are nested": ShapeFault.HOLES_OVERLAP,
}
_REASON_PATTERN: Final = re.compile(r"^(?P<reason>[^\[]*)\[(?P<lng>\S+) (?P<lat>\S+)\]$")


def _valid_polygon(rings: list[_Ring]) -> Any:
    """The polygon of these rings. Raises InvalidShape with the reason and the place."""
    polygon = shapely.Polygon(rings[0], rings[1:])
    # A line there and back also "crosses itself", but that is not what is wrong with it: so the
    # hull is asked first.
    if _area_m2(polygon.convex_hull) < MIN_AREA_M2:
        raise InvalidShape(
            ShapeFault.NO_AREA, lat=rings[0][0][1], lng=normalize_longitude(rings[0][0][0])
        )
    if not polygon.is_valid:
        raise _invalid_shape_error(polygon)
    if _area_m2(polygon) < MIN_AREA_M2:
        raise InvalidShape(
            ShapeFault.NO_AREA, lat=rings[0][0][1], lng=normalize_longitude(rings[0][0][0])
        )
    return polygon


def _invalid_shape_error(polygon: Any) -> InvalidShape:
    told = _REASON_PATTERN.match(shapely.is_valid_reason(polygon))
    if told is None:
        return InvalidShape(
            ShapeFault.BROKEN,
            lat=polygon.exterior.coords[0][1],
            lng=normalize_longitude(polygon.exterior.coords[0][0]),
        )
    lat, lng = round(float(told["lat"]), 7), round(normalize_longitude(float(told["lng"])), 7)
    return InvalidShape(_REASONS.get(told["reason"], ShapeFault.BROKEN), lat=lat, lng=lng)


def _area_m2(geometry: Any) -> float:
    if geometry.is_empty:
        return 0.0
    per_lng, per_lat = metres_per_degree(geometry.centroid.y)
    return float(geometry.area) * per_lng * per_lat


def _refuse_overlap(polygons: list[Any]) -> None:
    """Parts may touch, as the halves at the antimeridian do; ground that is in two parts is a
    mistake in the drawing.
    """
    if len(polygons) < 2:
        return
    tree = shapely.STRtree(polygons)
    for index, polygon in enumerate(polygons):
        for other in tree.query(polygon):
            if other > index:
                shared = shapely.intersection(polygon, polygons[other])
                if _area_m2(shared) > MIN_AREA_M2 / 100:
                    place = shared.representative_point()
                    raise InvalidShape(
                        ShapeFault.PARTS_OVERLAP,
                        lat=round(place.y, 7),
                        lng=round(normalize_longitude(place.x), 7),
                    )


# --- Guessing what was meant ----------------------------------------------------------------------
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


# --- Finding the few shapes that may hold a point -------------------------------------------------
# A box is filed under one square of a grid: of the finest grid whose squares are no smaller than
# the box, the square of its south-west corner. So a look-up of a few numbers finds all boxes that
# can meet another one, large boxes and small.
LEVELS: Final = tuple(360.0 / 4**level for level in range(9))
# A box that wide is near a pole, where squares in degrees say nothing.
_WIDEST_SEARCH: Final = 1.0


def grid_square_of(box: BoundingBox) -> int:
    """The number of the square this box is filed under."""
    size = max(box.north - box.south, box.east - box.west)
    level = max(level for level, side in enumerate(LEVELS) if side >= size)
    return _square(
        level,
        math.floor((box.south + 90) / LEVELS[level]),
        math.floor((box.west + 180) / LEVELS[level]),
    )


def grid_squares_meeting(box: BoundingBox) -> list[int] | None:
    """Every number under which a box that meets this one may be filed; None when they are too many
    to name.
    """
    if max(box.east - box.west, box.north - box.south) > _WIDEST_SEARCH:
        return None
    return sorted({square for level in range(len(LEVELS)) for square in _squares_at(level, box)})


def _squares_at(level: int, box: BoundingBox) -> Iterator[int]:
    side = LEVELS[level]
    for row in range(
        math.floor((box.south + 90) / side) - 1, math.floor((box.north + 90) / side) + 1
    ):
        for column in range(
            math.floor((box.west + 180) / side) - 1, math.floor((box.east + 180) / side) + 1
        ):
            yield _square(level, row, column)


def _square(level: int, row: int, column: int) -> int:
    around: int = 4**level
    return (level << 40) + (max(row, 0) << 20) + column % around
