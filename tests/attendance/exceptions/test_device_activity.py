"""What is usual for a device, learned from itself; and when it is missed, or its clock is wrong."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from attendance.exceptions import device_activity

INDIA = "Asia/Kolkata"
MONDAY = datetime(2026, 7, 6, tzinfo=UTC)


def office(weeks: int = 3, first: datetime = MONDAY, *hours: float) -> dict[str, list[int]]:
    """An office whose terminal speaks at some hours (UTC) of Mondays to Fridays."""
    days: dict[str, list[int]] = {}
    before = None
    for day in range(7 * weeks):
        for hour in hours or (4, 4.5, 8, 8.5, 12) if day % 7 < 5 else ():
            at = first + timedelta(days=day, hours=hour)
            days, before = device_activity.record_activity(days, before, at, "UTC"), at
    return days


def heartbeats(days: int, every_min: int = 1) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    before = None
    for minute in range(0, days * 24 * 60, every_min):
        at = MONDAY + timedelta(minutes=minute)
        found, before = device_activity.record_activity(found, before, at, "UTC"), at
    return found


def test_the_usual_gap_is_the_longest_of_a_usual_day() -> None:
    assert device_activity.usual_gap_s(office(), date(2026, 7, 27)) == 3.5 * 3600
    assert device_activity.usual_gap_s(heartbeats(4, 5), date(2026, 7, 10)) == 300


def test_nothing_is_usual_before_three_days() -> None:
    assert device_activity.usual_gap_s(heartbeats(2, 10), date(2026, 7, 8)) is None


def test_one_bad_day_does_not_change_what_is_usual() -> None:
    days = heartbeats(5, 10)
    days["2026-07-08"][1] = 9 * 3600
    assert device_activity.usual_gap_s(days, date(2026, 7, 11)) == 600


def test_today_is_not_yet_usual() -> None:
    assert device_activity.usual_gap_s(office(1), date(2026, 7, 8)) is None


def test_nights_and_weekends_of_an_office_are_no_silence() -> None:
    friday = MONDAY + timedelta(days=18, hours=12)
    monday = MONDAY + timedelta(days=21, hours=4)
    assert (
        device_activity.silent_seconds(office(), friday, monday, "UTC") == 3600
    )  # The rest of Friday's last hour.
    assert (
        device_activity.silent_seconds(office(), friday, monday + timedelta(hours=5), "UTC")
        == 6 * 3600
    )


def test_a_closed_day_is_no_silence_for_an_office_but_is_for_what_speaks_around_the_clock() -> None:
    tuesday, evening = MONDAY + timedelta(days=15), MONDAY + timedelta(days=15, hours=20)
    closed = {tuesday.date()}
    assert device_activity.silent_seconds(office(), tuesday, evening, "UTC", closed) == 0
    always = {f"2026-07-{day:02}": [2**24 - 1, 120] for day in range(6, 21)}
    assert device_activity.silent_seconds(always, tuesday, evening, "UTC", closed) == 20 * 3600


def test_the_day_on_which_it_fell_silent_does_not_make_it_usual() -> None:
    fell = MONDAY + timedelta(days=4, hours=5)
    days = heartbeats(4, 30) | {"2026-07-10": [0b11111, 1800]}
    for later in (1, 24, 72):
        assert (
            device_activity.silent_seconds(days, fell, fell + timedelta(hours=later), "UTC")
            == later * 3600
        )


def test_hours_are_those_of_the_place() -> None:
    at = datetime(2026, 7, 6, 20, tzinfo=UTC)
    assert device_activity.record_activity({}, None, at, INDIA) == {"2026-07-07": [1 << 1, 0]}


@given(st.lists(st.integers(1, 90 * 60), min_size=1, max_size=60))
def test_what_is_known_has_bounds_and_is_the_same_however_often_it_is_asked(
    steps: list[int],
) -> None:
    days: dict[str, list[int]] = {}
    before, at = None, MONDAY
    for minutes in steps:
        at += timedelta(minutes=minutes)
        days, before = device_activity.record_activity(days, before, at, INDIA), at
    assert len(days) <= device_activity.KEPT_DAYS
    assert all(0 <= gap <= 86400 and 0 <= hours < 2**24 for hours, gap in days.values())
    assert 0 <= device_activity.silent_seconds(days, at, at + timedelta(days=3), INDIA) <= 3 * 86400


# --- Clocks ---------------------------------------------------------------------------------------
def clock(*readings: tuple[int, int]) -> list[list[int]]:
    """Readings: punches that arrived so many minutes after noon with a clock so many
    seconds ahead.
    """
    punches = [
        (MONDAY + timedelta(minutes=minute, seconds=off), MONDAY + timedelta(minutes=minute))
        for minute, off in readings
    ]
    return device_activity.record_clock_readings([], punches)


def test_a_clock_that_is_always_five_and_a_half_hours_behind_is_wrong() -> None:
    assert device_activity.clock_skew_s(
        clock(*((minute, -19800 + minute % 7) for minute in range(0, 60, 10)))
    ) in range(-19800, -19790)


def test_a_clock_two_minutes_ahead_is_wrong_and_one_that_is_right_is_not() -> None:
    assert (
        device_activity.clock_skew_s(clock(*((minute, 130) for minute in range(0, 60, 10)))) == 130
    )
    assert (
        device_activity.clock_skew_s(clock(*((minute, -2) for minute in range(0, 60, 10)))) is None
    )


def test_an_upload_after_days_offline_says_nothing_about_the_clock() -> None:
    assert (
        device_activity.clock_skew_s(clock(*((5, -86400 + minute) for minute in range(300))))
        is None
    )
    assert (
        device_activity.clock_skew_s(
            clock(*((minute, -minute * 55) for minute in range(0, 60, 10)))
        )
        is None
    )


def test_a_few_readings_or_a_few_minutes_are_not_enough() -> None:
    assert device_activity.clock_skew_s(clock((0, 300), (20, 300), (40, 300))) is None
    assert device_activity.clock_skew_s(clock(*((minute, 300) for minute in range(8)))) is None


def test_a_clock_that_was_put_right_is_soon_believed() -> None:
    wrong = [(minute, 300) for minute in range(0, 80, 10)]
    assert (
        device_activity.clock_skew_s(clock(*wrong, *((minute, 0) for minute in range(80, 120, 10))))
        is None
    )
