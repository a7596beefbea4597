"""Half-days between two instants on the wall clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tours.half_days import half_days_within, local_dates, parse_half_day_boundary

DELHI = ZoneInfo("Asia/Kolkata")
NOON = parse_half_day_boundary("13:00-13:30")
SIXTH, SEVENTH = date(2026, 7, 6), date(2026, 7, 7)


def at(day: date, clock: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), DELHI)


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("09:00", "13:00", ["FN"]),
        ("09:00", "13:30", ["FN"]),
        ("13:00", "18:00", ["AN"]),
        ("09:00", "17:30", ["FN", "AN"]),
        ("13:05", "13:20", ["AN"]),
        ("12:59", "13:31", ["FN", "AN"]),
    ],
)
def test_a_local_tour_takes_the_halves_it_falls_into(
    first: str, last: str, expected: list[str]
) -> None:
    assert half_days_within(at(SIXTH, first), at(SIXTH, last), DELHI, NOON) == [
        (SIXTH, half) for half in expected
    ]


def test_a_tour_over_night_takes_what_lies_between() -> None:
    assert half_days_within(at(SIXTH, "14:00"), at(SEVENTH, "10:00"), DELHI, NOON) == [
        (SIXTH, "AN"),
        (SEVENTH, "FN"),
    ]


def test_a_return_at_midnight_belongs_to_the_day_before() -> None:
    assert local_dates(at(SIXTH, "09:00"), at(SEVENTH, "00:00"), DELHI) == (SIXTH, SIXTH)


@given(
    start=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    length=st.timedeltas(timedelta(seconds=1), timedelta(days=30)),
    zone=st.sampled_from(["Asia/Kolkata", "Europe/Berlin", "America/St_Johns", "Pacific/Apia"]),
)
def test_halves_are_in_order_without_repeats_and_within_the_dates(
    start: datetime, length: timedelta, zone: str
) -> None:
    where = ZoneInfo(zone)
    found = half_days_within(start, start + length, where, NOON)
    first, last = local_dates(start, start + length, where)
    order = [(day, half == "AN") for day, half in found]
    assert order == sorted(set(order))
    assert found
    assert first <= found[0][0]
    assert found[-1][0] <= last


@pytest.mark.parametrize("text", ["", "13:00", "14:00-13:00", "noon-one"])
def test_a_lunch_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_half_day_boundary(text)
