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

from geofences.geometry import Circle, Shape, read_area
from geofences.places import REFUSAL, PlaceJudgement, Policy, Reading, Why, judge
from tests.geofences.geodesic import direct
from tests.geofences.test_geometry import LATITUDES, LONGITUDES, block

OFFICE = (28.6175, 77.2085)
CIRCLE = Circle(*OFFICE, 100)


def at(
    metres: float, accuracy_m: float = 1, *, lat: float = OFFICE[0], lng: float = OFFICE[1]
) -> Reading:
    """A reading so many metres east of the middle."""
    place = direct(lat, lng, 90, metres)
    return Reading(place[0], (place[1] + 180) % 360 - 180, accuracy_m)


def judged(
    reading: Reading, *shapes: Shape, network: int | None = None, fenced: bool = True, **rules: Any
) -> PlaceJudgement:
    return judge(reading, enumerate(shapes, 1), network, Policy(**rules), lambda: fenced)


@pytest.mark.parametrize("lng", LONGITUDES)
@pytest.mark.parametrize("lat", LATITUDES)
def test_five_metres_decide_at_every_latitude_and_across_the_antimeridian(
    lat: float, lng: float
) -> None:
    for shape in (read_area(block(lat, lng, 100)), Circle(lat, lng, 100)):
        assert judged(at(95, lat=lat, lng=lng), shape).why == Why.INSIDE
        outside = judged(at(105, lat=lat, lng=lng), shape)
        assert (outside.accepted, outside.reason) == (
            False,
            "Outside any allowed geo-fence or Wi-Fi SSID not on allowlist",
        )
        assert outside.outside_m == pytest.approx(5, abs=0.02)


def test_the_refusal_is_the_text_of_the_contract() -> None:
    assert REFUSAL == "Outside any allowed geo-fence or Wi-Fi SSID not on allowlist"


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
    verdict = judged(at(100 + outside_m, accuracy_m), CIRCLE)
    assert verdict.accepted is accepted
    assert verdict.why == (Why.NEAR if accepted else Why.OUTSIDE)


def test_inside_needs_no_allowance() -> None:
    assert judged(at(0, 0), CIRCLE).why == Why.INSIDE
    assert judged(at(0, 1), CIRCLE, tolerance_m=0).why == Why.INSIDE


def test_a_position_less_sure_than_200_m_is_refused_even_inside() -> None:
    assert judged(at(0, 200), CIRCLE).accepted
    assert judged(at(0, 200.1), CIRCLE).why == Why.INACCURATE


def test_a_known_wifi_suffices_anywhere_and_with_any_accuracy() -> None:
    for reading in (at(0), at(9000, 5000), Reading(math.nan, 0, math.nan)):
        verdict = judged(reading, CIRCLE, network=7)
        assert (verdict.why, verdict.network_id, verdict.reason) == (Why.NETWORK, 7, "")


def test_where_wifi_does_not_suffice_it_only_excuses_a_poor_position() -> None:
    assert judged(at(0, 5000), CIRCLE, network=7, ssid_sufficient=False).why == Why.INSIDE
    assert judged(at(149, 5000), CIRCLE, network=7, ssid_sufficient=False).why == Why.NEAR
    assert not judged(at(151, 5000), CIRCLE, network=7, ssid_sufficient=False).accepted


def test_any_fence_will_do_not_the_first_only() -> None:
    far = Circle(0, 0, 100)
    verdict = judged(at(0), far, CIRCLE, far)
    assert (verdict.why, verdict.fence_id) == (Why.INSIDE, 2)


def test_no_more_fences_are_taken_than_needed() -> None:
    def fences() -> Iterator[tuple[int, Shape]]:
        yield 1, CIRCLE
        raise AssertionError

    assert judge(at(0), fences(), None, Policy(), lambda: True).fence_id == 1


def test_a_refusal_names_the_nearest_fence() -> None:
    verdict = judged(at(300), Circle(0, 0, 100), CIRCLE)
    assert (verdict.fence_id, round(verdict.outside_m or 0)) == (2, 200)


def test_whom_no_fence_is_for_is_refused_unless_the_organization_says_otherwise() -> None:
    assert judged(at(0), fenced=False).why == Why.UNFENCED
    assert judged(at(0), fenced=False).reason == REFUSAL
    assert judged(at(0, 9000), fenced=False, accept_unfenced=True).accepted
    assert not judged(at(0), fenced=True, accept_unfenced=True).accepted


@pytest.mark.parametrize(
    "reading",
    [
        Reading(math.nan, 77, 5),
        Reading(28, math.nan, 5),
        Reading(28, 77, math.nan),
        Reading(math.inf, 77, 5),
        Reading(28, 77, math.inf),
        Reading(28, 77, -1),
        Reading(91, 77, 5),
        Reading(28, 181, 5),
    ],
)
def test_what_is_no_place_is_refused_whatever_the_rules(reading: Reading) -> None:
    for fenced in (True, False):
        verdict = judged(reading, CIRCLE, fenced=fenced, accept_unfenced=True)
        assert (verdict.why, verdict.reason) == (Why.UNREADABLE, REFUSAL)


@given(st.floats(0, 400), st.floats(0, 300), st.floats(0, 500))
def test_the_rule_in_one_line(metres: float, accuracy_m: float, tolerance_m: float) -> None:
    reading = at(metres, accuracy_m)
    outside_m = CIRCLE.outside_m(reading.lat, reading.lng)
    expected = accuracy_m <= 200 and (outside_m == 0 or outside_m < min(accuracy_m, tolerance_m))
    assert judged(reading, CIRCLE, tolerance_m=tolerance_m).accepted is expected
