"""The judgement of a place, without a database: what suffices, what is allowed for, and that doubt
refuses.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geofences.evaluation import (
    REFUSAL_TEXT,
    PositionEvaluation,
    PositionOutcome,
    PositionReading,
    PositionRules,
    evaluate_reading,
)
from geofences.geometry.geojson import parse_area
from geofences.geometry.shapes import Circle, Shape
from tests.geofences.geodesic import direct
from tests.geofences.test_geometry import LATITUDES, LONGITUDES, square_polygon

OFFICE = (28.6175, 77.2085)
CIRCLE = Circle(*OFFICE, 100)


def at(
    metres: float, accuracy_m: float = 1, *, lat: float = OFFICE[0], lng: float = OFFICE[1]
) -> PositionReading:
    """A reading so many metres east of the middle."""
    place = direct(lat, lng, 90, metres)
    return PositionReading(place[0], (place[1] + 180) % 360 - 180, accuracy_m)


def evaluated(
    reading: PositionReading,
    *shapes: Shape,
    network: int | None = None,
    fenced: bool = True,
    **rules: Any,
) -> PositionEvaluation:
    return evaluate_reading(
        reading, enumerate(shapes, 1), network, PositionRules(**rules), lambda: fenced
    )


@pytest.mark.parametrize("lng", LONGITUDES)
@pytest.mark.parametrize("lat", LATITUDES)
def test_five_metres_decide_at_every_latitude_and_across_the_antimeridian(
    lat: float, lng: float
) -> None:
    for shape in (parse_area(square_polygon(lat, lng, 100)), Circle(lat, lng, 100)):
        assert evaluated(at(95, lat=lat, lng=lng), shape).outcome == PositionOutcome.INSIDE
        outside = evaluated(at(105, lat=lat, lng=lng), shape)
        assert (outside.is_accepted, outside.refusal_text) == (
            False,
            "Outside any allowed geo-fence or Wi-Fi SSID not on allowlist",
        )
        assert outside.outside_m == pytest.approx(5, abs=0.02)


def test_the_refusal_is_the_text_of_the_contract() -> None:
    assert REFUSAL_TEXT == "Outside any allowed geo-fence or Wi-Fi SSID not on allowlist"


@pytest.mark.parametrize(
    ("outside_m", "accuracy_m", "accepted"),
    [
        (9.9, 10, True),
        (10.1, 10, False),
        (49.9, 200, True),
        (50.1, 200, False),
        (49.9, 50, True),
        (49.9, 49, False),
        (0.1, 0, False),
    ],
)
def test_outside_by_less_than_the_accuracy_but_never_by_fifty_metres(
    outside_m: float, accuracy_m: float, accepted: bool
) -> None:
    verdict = evaluated(at(100 + outside_m, accuracy_m), CIRCLE)
    assert verdict.is_accepted is accepted
    assert verdict.outcome == (PositionOutcome.NEAR if accepted else PositionOutcome.OUTSIDE)


def test_inside_needs_no_allowance() -> None:
    assert evaluated(at(0, 0), CIRCLE).outcome == PositionOutcome.INSIDE
    assert evaluated(at(0, 1), CIRCLE, tolerance_m=0).outcome == PositionOutcome.INSIDE


def test_a_position_less_sure_than_200_m_is_refused_even_inside() -> None:
    assert evaluated(at(0, 200), CIRCLE).is_accepted
    assert evaluated(at(0, 200.1), CIRCLE).outcome == PositionOutcome.INACCURATE


def test_a_known_wifi_suffices_anywhere_and_with_any_accuracy() -> None:
    for reading in (at(0), at(9000, 5000), PositionReading(math.nan, 0, math.nan)):
        verdict = evaluated(reading, CIRCLE, network=7)
        assert (verdict.outcome, verdict.network_id, verdict.refusal_text) == (
            PositionOutcome.NETWORK,
            7,
            "",
        )


def test_where_wifi_does_not_suffice_it_only_excuses_a_poor_position() -> None:
    assert (
        evaluated(at(0, 5000), CIRCLE, network=7, ssid_sufficient=False).outcome
        == PositionOutcome.INSIDE
    )
    assert (
        evaluated(at(149, 5000), CIRCLE, network=7, ssid_sufficient=False).outcome
        == PositionOutcome.NEAR
    )
    assert not evaluated(at(151, 5000), CIRCLE, network=7, ssid_sufficient=False).is_accepted


def test_any_fence_will_do_not_the_first_only() -> None:
    far = Circle(0, 0, 100)
    verdict = evaluated(at(0), far, CIRCLE, far)
    assert (verdict.outcome, verdict.fence_id) == (PositionOutcome.INSIDE, 2)


def test_no_more_fences_are_taken_than_needed() -> None:
    def fences() -> Iterator[tuple[int, Shape]]:
        yield 1, CIRCLE
        raise AssertionError

    assert evaluate_reading(at(0), fences(), None, PositionRules(), lambda: True).fence_id == 1


def test_a_refusal_names_the_nearest_fence() -> None:
    verdict = evaluated(at(300), Circle(0, 0, 100), CIRCLE)
    assert (verdict.fence_id, round(verdict.outside_m or 0)) == (2, 200)


def test_whom_no_fence_is_for_is_refused_unless_the_organization_says_otherwise() -> None:
    assert evaluated(at(0), fenced=False).outcome == PositionOutcome.UNFENCED
    assert evaluated(at(0), fenced=False).refusal_text == REFUSAL_TEXT
    assert evaluated(at(0, 9000), fenced=False, accept_unfenced=True).is_accepted
    assert not evaluated(at(0), fenced=True, accept_unfenced=True).is_accepted


@pytest.mark.parametrize(
    "reading",
    [
        PositionReading(math.nan, 77, 5),
        PositionReading(28, math.nan, 5),
        PositionReading(28, 77, math.nan),
        PositionReading(math.inf, 77, 5),
        PositionReading(28, 77, math.inf),
        PositionReading(28, 77, -1),
        PositionReading(91, 77, 5),
        PositionReading(28, 181, 5),
    ],
)
def test_what_is_no_place_is_refused_whatever_the_rules(reading: PositionReading) -> None:
    for fenced in (True, False):
        verdict = evaluated(reading, CIRCLE, fenced=fenced, accept_unfenced=True)
        assert (verdict.outcome, verdict.refusal_text) == (PositionOutcome.UNREADABLE, REFUSAL_TEXT)


@given(st.floats(0, 400), st.floats(0, 300), st.floats(0, 500))
def test_the_rule_in_one_line(metres: float, accuracy_m: float, tolerance_m: float) -> None:
    reading = at(metres, accuracy_m)
    outside_m = CIRCLE.outside_m(reading.lat, reading.lng)
    expected = accuracy_m <= 200 and (outside_m == 0 or outside_m < min(accuracy_m, tolerance_m))
    assert evaluated(reading, CIRCLE, tolerance_m=tolerance_m).is_accepted is expected
