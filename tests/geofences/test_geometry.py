"""Shapes on the ellipsoid, against the earth written once more (geodesic.py): metres, edges, and
what is refused.
"""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geofences.geometry.bounding_box import BoundingBox, box_around, box_from_bounds
from geofences.geometry.coordinates import normalize_longitude
from geofences.geometry.ellipsoid import distance_m
from geofences.geometry.faults import InvalidShape, ShapeFault
from geofences.geometry.geojson import MAX_VERTICES, parse_area, parse_geojson_text
from geofences.geometry.lookup_grid import grid_square_of, grid_squares_meeting
from geofences.geometry.shapes import Area, Circle, make_circle, stored_area
from tests.geofences.geodesic import direct, inverse

LATITUDES = (0.0, 28.6175, -33.9, 60.0)
LONGITUDES = (77.2085, 0.0, 180.0, -180.0, 179.9995, -179.9995)
latitudes = st.floats(-80, 80)
longitudes = st.floats(-180, 180)
bearings = st.floats(0, 360)


def polygon(*rings: list[list[float]]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]] for ring in rings]}


def square_polygon(lat: float, lng: float, half_m: float, *, wrap: bool = False) -> dict[str, Any]:
    """A block whose four edges are `half_m` metres from its middle, by the independent earth."""
    north, south = direct(lat, lng, 0, half_m)[0], direct(lat, lng, 180, half_m)[0]
    east, west = direct(lat, lng, 90, half_m)[1], direct(lat, lng, 270, half_m)[1]
    turn = normalize_longitude if wrap else float
    return polygon(
        [[turn(west), south], [turn(east), south], [turn(east), north], [turn(west), north]]
    )


def fault_of(value: Any) -> ShapeFault:
    with pytest.raises(InvalidShape) as refused:
        parse_area(value)
    return refused.value.fault


# --- Metres ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("wrap", [False, True])
@pytest.mark.parametrize("lng", LONGITUDES)
@pytest.mark.parametrize("lat", LATITUDES)
@pytest.mark.parametrize("bearing", [0, 90, 180, 270])
@pytest.mark.parametrize("half_m", [40, 650, 5_000])
def test_five_metres_inside_and_outside_an_edge(
    lat: float, lng: float, wrap: bool, bearing: int, half_m: float
) -> None:
    area = parse_area(square_polygon(lat, lng, half_m, wrap=wrap))
    inside, outside = direct(lat, lng, bearing, half_m - 5), direct(lat, lng, bearing, half_m + 5)
    assert area.outside_m(inside[0], normalize_longitude(inside[1])) == 0
    assert area.outside_m(outside[0], normalize_longitude(outside[1])) == pytest.approx(5, abs=0.01)


def test_a_metre_at_the_edge_of_a_fence_as_large_as_a_country() -> None:
    area = parse_area(polygon([[10, 50], [30, 50], [30, 65], [10, 65]]))
    for lat in (50.5, 60, 64.5):
        for bearing, expected in ((90, 5), (270, 0)):
            place = direct(lat, 30, bearing, 5)
            assert area.outside_m(*place) == pytest.approx(expected, abs=0.001)


@given(latitudes, longitudes, bearings, st.floats(1, 100_000))
def test_a_distance_is_what_vincenty_says(
    lat: float, lng: float, bearing: float, metres: float
) -> None:
    place = direct(lat, lng, bearing, metres)
    assert distance_m(lat, lng, *place) == pytest.approx(metres, abs=0.02)
    assert inverse(lat, lng, *place) == pytest.approx(metres, abs=0.001)


@given(latitudes, longitudes, bearings, st.floats(10, 50_000))
def test_a_circle_ends_at_its_radius(
    lat: float, lng: float, bearing: float, radius_m: float
) -> None:
    shape = make_circle(lat, lng, radius_m)
    outside, inside = (
        direct(lat, lng, bearing, radius_m + 5),
        direct(lat, lng, bearing, radius_m - 5),
    )
    assert shape.outside_m(outside[0], normalize_longitude(outside[1])) == pytest.approx(
        5, abs=0.02
    )
    assert shape.outside_m(inside[0], normalize_longitude(inside[1])) == 0


@given(st.floats(-88, 88), longitudes, st.floats(5, 2_000), bearings, st.floats(0.5, 190))
def test_metres_from_a_block_anywhere_on_earth(
    lat: float, lng: float, half_m: float, bearing: float, away_m: float
) -> None:
    """From a corner outwards, the corner is the nearest: there the independent earth has the
    answer.
    """
    area = parse_area(square_polygon(lat, lng, half_m))
    west, south, east, north = area.geometry.bounds
    quarter = 1 + bearing % 88  # strictly to the north-east of the north-east corner
    place = direct(north, east, quarter, away_m)
    assert area.outside_m(place[0], normalize_longitude(place[1])) == pytest.approx(
        away_m, rel=0.001, abs=0.01
    )
    assert area.outside_m((south + north) / 2, normalize_longitude((west + east) / 2)) == 0


def test_an_edge_belongs_to_its_fence_and_a_degree_is_not_a_metre() -> None:
    area = parse_area(square_polygon(60, 10, 100))
    assert area.outside_m(60, area.box.east) == pytest.approx(0, abs=1e-6)
    # 0.001° is 111 m to the north and half of that to the east.
    assert area.outside_m(area.box.north + 0.001, 10) == pytest.approx(111.4, abs=0.1)
    assert area.outside_m(60, area.box.east + 0.001) == pytest.approx(55.8, abs=0.1)


def test_a_hole_is_outside_and_its_edge_is_as_near_as_the_outer_one() -> None:
    outer, inner = (
        square_polygon(28, 77, 200)["coordinates"][0],
        square_polygon(28, 77, 50)["coordinates"][0],
    )
    area = parse_area({"type": "Polygon", "coordinates": [outer, inner]})
    assert area.outside_m(28, 77) == pytest.approx(50, abs=0.01)
    assert area.outside_m(*direct(28, 77, 90, 45)) == pytest.approx(5, abs=0.01)
    assert area.outside_m(*direct(28, 77, 90, 55)) == 0


def test_a_multipolygon_is_all_of_its_parts() -> None:
    parts = [
        square_polygon(28, 77, 50)["coordinates"],
        square_polygon(28.01, 77, 50)["coordinates"],
    ]
    area = parse_area({"type": "MultiPolygon", "coordinates": parts})
    assert [area.outside_m(lat, 77) for lat in (28, 28.01)] == [0, 0]
    assert area.outside_m(28.005, 77) > 400


def test_a_shape_cut_at_the_antimeridian_is_the_shape_that_was_not() -> None:
    whole = polygon([[179.99, -17], [180.01, -17], [180.01, -16.98], [179.99, -16.98]])
    jumping = polygon([[179.99, -17], [-179.99, -17], [-179.99, -16.98], [179.99, -16.98]])
    western = polygon([[-180.01, -17], [-179.99, -17], [-179.99, -16.98], [-180.01, -16.98]])
    halves = parse_area(whole).to_rfc7946()
    assert halves["type"] == "MultiPolygon"
    assert all(
        -180 <= lng <= 180
        for rings in halves["coordinates"]
        for ring in rings
        for lng, _lat in ring
    )
    for value in (whole, jumping, western, halves):
        area = parse_area(value)
        assert area.box == pytest.approx(BoundingBox(-17, 179.99, -16.98, 180.01))
        assert [area.outside_m(-16.99, lng) for lng in (179.995, 180, -180, -179.995)] == [
            0,
            0,
            0,
            0,
        ]
        place = direct(-16.99, -179.99, 90, 5)
        assert area.outside_m(*place) == pytest.approx(5, abs=0.01)
        assert area.outside_m(-16.99, 0) > 1_000_000


def test_a_hole_across_the_antimeridian_finds_its_polygon() -> None:
    ring, hole = (
        [[179, 0], [-179, 0], [-179, 2], [179, 2]],
        [[-179.5, 0.5], [-179.5, 1], [179.5, 1], [179.5, 0.5]],
    )
    area = parse_area(polygon(ring, hole))
    assert area.outside_m(0.75, 180) > 1000
    assert area.outside_m(0.25, 180) == 0


def test_what_is_stored_reads_back_as_the_same_shape_on_both_sides_of_the_antimeridian() -> None:
    for value in (
        square_polygon(28, 77, 100),
        square_polygon(0, 180, 100),
        square_polygon(0, 180, 100, wrap=True),
    ):
        area = parse_area(value)
        assert stored_area(area.geojson_text).geometry.equals(area.geometry)
        assert parse_area(parse_geojson_text(area.geojson_text)).geojson_text == area.geojson_text
        assert parse_area(area.to_rfc7946()).box == pytest.approx(area.box)


def test_a_feature_and_a_collection_of_one_are_their_geometry() -> None:
    geometry = square_polygon(28, 77, 100)
    feature = {"type": "Feature", "properties": None, "geometry": geometry}
    plain = parse_area(geometry).geojson_text
    assert parse_area(feature).geojson_text == plain
    assert parse_area({"type": "FeatureCollection", "features": [feature]}).geojson_text == plain


def test_an_altitude_is_left_out() -> None:
    geometry = square_polygon(28, 77, 100)
    high = {
        "type": "Polygon",
        "coordinates": [[[*place, 216.0] for place in geometry["coordinates"][0]]],
    }
    assert parse_area(high).geojson_text == parse_area(geometry).geojson_text


# --- What is refused ------------------------------------------------------------------------------
SQUARE = [[77.0, 28.0], [77.01, 28.0], [77.01, 28.01], [77.0, 28.01]]
CLOSED = [*SQUARE, SQUARE[0]]


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (None, ShapeFault.KIND),
        ([], ShapeFault.KIND),
        ("Polygon", ShapeFault.KIND),
        (7, ShapeFault.KIND),
        ({}, ShapeFault.KIND),
        ({"type": "Point", "coordinates": [77, 28]}, ShapeFault.KIND),
        ({"type": ["Polygon"]}, ShapeFault.KIND),
        ({"type": "GeometryCollection", "geometries": []}, ShapeFault.KIND),
        ({"type": "FeatureCollection", "features": []}, ShapeFault.KIND),
        (
            {
                "type": "FeatureCollection",
                "features": [{"type": "FeatureCollection", "features": []}],
            },
            ShapeFault.KIND,
        ),
        ({"type": "Feature", "geometry": None}, ShapeFault.KIND),
        ({"type": "Feature"}, ShapeFault.KIND),
        ({"type": "Polygon"}, ShapeFault.EMPTY),
        ({"type": "Polygon", "coordinates": []}, ShapeFault.EMPTY),
        ({"type": "MultiPolygon", "coordinates": [[]]}, ShapeFault.EMPTY),
        ({"type": "MultiPolygon", "coordinates": []}, ShapeFault.EMPTY),
        ({"type": "Polygon", "coordinates": "77 28"}, ShapeFault.EMPTY),
        ({"type": "MultiPolygon", "coordinates": [7]}, ShapeFault.EMPTY),
        ({"type": "Polygon", "coordinates": [SQUARE[:2]]}, ShapeFault.SHORT_RING),
        ({"type": "Polygon", "coordinates": [[]]}, ShapeFault.SHORT_RING),
        ({"type": "Polygon", "coordinates": [7]}, ShapeFault.SHORT_RING),
        ({"type": "MultiPolygon", "coordinates": [CLOSED]}, ShapeFault.SHORT_RING),
        ({"type": "Polygon", "coordinates": [SQUARE]}, ShapeFault.OPEN_RING),
        ({"type": "Polygon", "coordinates": [[["77", 28], *CLOSED]]}, ShapeFault.POSITION),
        ({"type": "Polygon", "coordinates": [[[True, False], *CLOSED]]}, ShapeFault.POSITION),
        ({"type": "Polygon", "coordinates": [[[77], *CLOSED]]}, ShapeFault.POSITION),
        ({"type": "Polygon", "coordinates": [[[math.nan, 28], *CLOSED]]}, ShapeFault.POSITION),
        ({"type": "Polygon", "coordinates": [[[math.inf, 28], *CLOSED]]}, ShapeFault.POSITION),
        ({"type": "Polygon", "coordinates": [[[10**400, 28], *CLOSED]]}, ShapeFault.POSITION),
        (polygon([[28.0, 177.0], [28.01, 177.0], [28.01, 177.01]]), ShapeFault.SWAPPED),
        (polygon([[120.0, 177.0], [28.01, 177.0], [28.01, 177.01]]), ShapeFault.OUT_OF_RANGE),
        (polygon([[720.0, 28.0], [720.01, 28.0], [720.01, 28.01]]), ShapeFault.OUT_OF_RANGE),
        (polygon([[277.0, 28.0], [277.01, 28.0], [277.01, 28.01]]), ShapeFault.OUT_OF_RANGE),
        (
            polygon([[77.0, 28.0], [77.01, 28.01], [77.01, 28.0], [77.0, 28.01]]),
            ShapeFault.CROSSES_ITSELF,
        ),
        (polygon([[77.0, 28.0], [77.01, 28.0], [77.02, 28.0]]), ShapeFault.NO_AREA),
        (polygon([[77.0, 28.0], [77.0, 28.0], [77.0, 28.0]]), ShapeFault.NO_AREA),
        (polygon([[77.0, 28.0], [77.000001, 28.0], [77.0, 28.000001]]), ShapeFault.NO_AREA),
        (polygon(SQUARE, [[78.0, 28.0], [78.01, 28.0], [78.01, 28.01]]), ShapeFault.HOLE_OUTSIDE),
        (
            polygon(
                [[70, 20], [80, 20], [80, 30], [70, 30]],
                [[71, 21], [79, 21], [79, 29], [71, 29]],
                [[72, 22], [73, 22], [73, 23], [72, 23]],
            ),
            ShapeFault.HOLES_OVERLAP,
        ),
        (
            polygon([[0, 0], [9, 0], [9, 9], [0, 9]], [[0, 5], [5, 9], [9, 5], [5, 0]]),
            ShapeFault.BROKEN,
        ),
        ({"type": "MultiPolygon", "coordinates": [[CLOSED], [CLOSED]]}, ShapeFault.PARTS_OVERLAP),
        (polygon([[-90, 0], [0, 1], [90, 0], [89, -1], [0, -1], [-90, -1]]), ShapeFault.TOO_WIDE),
        (polygon([[0, 80], [90, 80], [180, 80], [-90, 80]]), ShapeFault.POLE),
        (polygon([[0, 89.5], [1, 89.5], [1, 89.9]]), ShapeFault.POLE),
    ],
)
def test_an_invalid_shape_is_refused_for_what_is_wrong_with_it(
    value: Any, fault: ShapeFault
) -> None:
    assert fault_of(value) == fault


def test_a_crossing_is_told_with_its_place() -> None:
    with pytest.raises(InvalidShape) as refused:
        parse_area(polygon([[77.0, 28.0], [77.01, 28.01], [77.01, 28.0], [77.0, 28.01]]))
    assert refused.value.values == {"lat": 28.005, "lng": 77.005}


def test_swapped_coordinates_are_told_both_ways() -> None:
    with pytest.raises(InvalidShape) as refused:
        parse_area(polygon([[28.0, 177.0], [28.01, 177.0], [28.01, 177.01]]))
    assert refused.value.values == {"lat": 177.0, "lng": 28.0}


def test_more_corners_than_anybody_needs_are_refused_before_anything_is_done_with_them() -> None:
    turn = math.tau / MAX_VERTICES
    ring = [
        [77 + math.cos(n * turn) / 100, 28 + math.sin(n * turn) / 100] for n in range(MAX_VERTICES)
    ]
    assert fault_of(polygon(ring)) == ShapeFault.TOO_MANY
    assert fault_of(polygon(ring[1:-1:2], ring[::2], ring[1::2])) == ShapeFault.TOO_MANY
    assert isinstance(parse_area(polygon(ring[:-1])), Area)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[NaN]", "[Infinity]", "[" * 100_000, '{"a":' * 50_000, "1" * 5_000, "\0", "\ud800"],
)
def test_a_text_that_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(InvalidShape) as refused:
        parse_geojson_text(text)
    assert refused.value.fault == ShapeFault.NOT_JSON


def test_a_text_without_end_is_refused() -> None:
    with pytest.raises(InvalidShape) as refused:
        parse_geojson_text(" " * 1_000_001)
    assert refused.value.fault == ShapeFault.TOO_LONG


@pytest.mark.parametrize(
    ("lat", "lng", "radius_m", "fault"),
    [
        (28, 77, 0, ShapeFault.RADIUS),
        (28, 77, -5, ShapeFault.RADIUS),
        (28, 77, 1e6, ShapeFault.RADIUS),
        (28, 77, math.nan, ShapeFault.POSITION),
        (math.inf, 77, 9, ShapeFault.POSITION),
        (177, 28, 9, ShapeFault.SWAPPED),
        (28, 181, 9, ShapeFault.OUT_OF_RANGE),
    ],
)
def test_a_circle_that_is_none_is_refused(
    lat: float, lng: float, radius_m: float, fault: ShapeFault
) -> None:
    with pytest.raises(InvalidShape) as refused:
        make_circle(lat, lng, radius_m)
    assert refused.value.fault == fault


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "coordinates", "geometry", "features"]), inner, max_size=3
        )
    ),
    max_leaves=12,
)


@given(st.sampled_from(["Polygon", "MultiPolygon", "Feature", "FeatureCollection"]), json_values)
def test_whatever_is_read_is_an_area_or_a_refusal(kind: str, value: Any) -> None:
    for given_value in (
        value,
        {"type": kind, "coordinates": value, "geometry": value, "features": [value]},
    ):
        try:
            assert isinstance(parse_area(given_value), Area)
        except InvalidShape as refused:
            assert refused.fault in ShapeFault


@given(st.lists(st.tuples(st.floats(76, 78), st.floats(27, 29)), min_size=3, max_size=8))
def test_any_ring_is_a_fence_that_holds_its_corners_or_is_refused(
    corners: list[tuple[float, float]],
) -> None:
    try:
        area = parse_area(polygon([list(corner) for corner in corners]))
    except InvalidShape:
        return
    assert all(area.outside_m(lat, lng) < 0.001 for lng, lat in corners)
    assert json.loads(area.geojson_text)["type"] == "Polygon"


# --- Boxes and squares: no fence is overlooked ----------------------------------------------------
@given(st.floats(-89, 89), longitudes, st.floats(1, 100_000), bearings, st.floats(0, 1))
def test_a_box_around_a_place_holds_all_that_is_near(
    lat: float, lng: float, radius_m: float, bearing: float, part: float
) -> None:
    box = box_around(lat, lng, radius_m)
    place = direct(lat, lng, bearing, radius_m * part)
    assert box.south - 1e-9 <= place[0] <= box.north + 1e-9
    assert any(
        box.west - 1e-9 <= normalize_longitude(place[1]) + turn <= box.east + 1e-9
        for turn in (0, 360)
    )
    assert -180 <= box.west < 180


@given(
    st.floats(-85, 85),
    longitudes,
    st.floats(1, 100_000),
    bearings,
    st.floats(0, 1.2),
    st.sampled_from([0.0, 50.0, 500.0]),
)
def test_a_look_up_finds_every_shape_that_is_near_enough(
    lat: float, lng: float, radius_m: float, bearing: float, part: float, tolerance_m: float
) -> None:
    shape = Circle(lat, lng, radius_m)
    place = direct(lat, lng, bearing, radius_m * part)
    asked = box_around(place[0], normalize_longitude(place[1]), tolerance_m + 1)
    squares = grid_squares_meeting(asked)
    if (
        shape.outside_m(place[0], normalize_longitude(place[1])) <= tolerance_m
        and squares is not None
    ):
        assert grid_square_of(shape.box) in squares


def test_a_look_up_is_a_few_numbers() -> None:
    assert all(
        len(grid_squares_meeting(box_around(lat, 180, 51)) or ()) < 100 for lat in (0, 28, 60, 80)
    )
    assert grid_squares_meeting(box_around(89.99, 0, 51)) is None


def test_a_map_may_show_the_globe_in_any_turn() -> None:
    assert box_from_bounds(-95, -700, 95, 700) == BoundingBox(-90, -180, 90, 180)
    assert box_from_bounds(10, 350, 20, 370) == BoundingBox(10, -10, 20, 10)
