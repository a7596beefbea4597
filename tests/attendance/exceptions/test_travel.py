"""Nobody is at two places at once, unless the places or the clocks allow it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from attendance.exceptions.travel import (
    LocatedPunch,
    Location,
    find_impossible_movements,
    min_distance_m,
)

NOON = datetime(2026, 7, 6, 6, 30, tzinfo=UTC)
DELHI, AGRA = Location(28.6139, 77.2090, 100), Location(27.1767, 78.0081, 100)  # 178 km apart.


def seen(number: int, minutes: float, *spots: Location) -> LocatedPunch:
    return LocatedPunch(number, NOON + timedelta(minutes=minutes), spots)


def test_delhi_to_agra_in_half_an_hour_is_impossible_and_in_an_hour_it_is_not() -> None:
    (one,) = find_impossible_movements([seen(1, 0, DELHI), seen(2, 30, AGRA)], 200)
    assert (one.earlier.id, one.later.id, one.kmh) == (1, 2, 355)
    assert find_impossible_movements([seen(1, 0, DELHI), seen(2, 60, AGRA)], 200) == []


def test_the_order_in_which_they_came_is_no_matter() -> None:
    assert find_impossible_movements([seen(2, 30, AGRA), seen(1, 0, DELHI)], 200)[0].later.id == 2


def test_two_gates_of_a_campus_at_once_are_possible() -> None:
    gate = Location(28.6139, 77.2290, 100)  # 2 km away.
    assert find_impossible_movements([seen(1, 0, DELHI), seen(2, 0, gate)], 200) == []


def test_a_position_that_may_be_far_off_accuses_nobody() -> None:
    rough = Location(AGRA.lat, AGRA.lng, 120_000)
    assert find_impossible_movements([seen(1, 0, DELHI), seen(2, 30, rough)], 200) == []


def test_of_several_places_the_nearest_is_believed() -> None:
    assert find_impossible_movements([seen(1, 0, DELHI), seen(2, 5, AGRA, DELHI)], 200) == []


def test_punches_without_a_place_are_passed_over() -> None:
    assert (
        find_impossible_movements([seen(1, 0, DELHI), seen(2, 10), seen(3, 30, AGRA)], 200)[
            0
        ].earlier.id
        == 1
    )


def test_at_the_same_moment_there_is_no_speed() -> None:
    assert find_impossible_movements([seen(1, 0, DELHI), seen(2, 0, AGRA)], 200)[0].kmh is None


@given(st.floats(-80, 80), st.floats(-180, 180), st.floats(0, 5000), st.integers(0, 2880))
def test_staying_is_always_possible(lat: float, lng: float, within: float, minutes: int) -> None:
    spot = Location(lat, lng, within)
    assert find_impossible_movements([seen(1, 0, spot), seen(2, minutes, spot)], 1) == []
    assert min_distance_m([spot], [DELHI]) == min_distance_m([DELHI], [spot])
