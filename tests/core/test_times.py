"""Times as terminals write them."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.times import AMBIGUOUS_TIME, LEAP_SECOND, NONEXISTENT_TIME, parse_timestamp

DELHI, NEW_YORK = "Asia/Kolkata", "America/New_York"


@pytest.mark.parametrize(
    ("text", "zone", "utc", "flags"),
    [
        ("2026-06-21 09:30:00", DELHI, "2026-06-21T04:00:00", ()),
        ("2026-06-21T09:30:00", DELHI, "2026-06-21T04:00:00", ()),
        ("2026-06-21 09:30", DELHI, "2026-06-21T04:00:00", ()),
        ("2026-06-21T09:30:00Z", DELHI, "2026-06-21T09:30:00", ()),
        ("2026-06-21T09:30:00.123456+05:30", NEW_YORK, "2026-06-21T04:00:00.123456", ()),
        ("2026-06-21T09:30:00.1234567Z", NEW_YORK, "2026-06-21T09:30:00.123456", ()),
        ("2026-06-21 09:30:00 GMT +0530", NEW_YORK, "2026-06-21T04:00:00", ()),
        ("20241201T083000Z", DELHI, "2024-12-01T08:30:00", ()),
        ("20241201T0830", DELHI, "2024-12-01T03:00:00", ()),
        ("20241201T083000.5+0530", NEW_YORK, "2024-12-01T03:00:00.500000", ()),
        ("20241201T083060Z", DELHI, "2024-12-01T08:30:59", (LEAP_SECOND,)),
        ("20261101T013000", NEW_YORK, "2026-11-01T05:30:00", (AMBIGUOUS_TIME,)),
        ("2024-12-01 08:30:00+05", NEW_YORK, "2024-12-01T03:30:00", ()),
        ("2024-12-01 08:30:00.25-03", DELHI, "2024-12-01T11:30:00.250000", ()),
        ("2024-12-01T08:30:00+5:30", NEW_YORK, "2024-12-01T03:00:00", ()),
        ("2024-12-01T08:30:00 GMT +5:30", NEW_YORK, "2024-12-01T03:00:00", ()),
        ("2026-06-21 09:30:00 GMT", DELHI, "2026-06-21T09:30:00", ()),
        ("2024-02-29 00:00:00", DELHI, "2024-02-28T18:30:00", ()),
        ("2026-12-31 23:59:60", "UTC", "2026-12-31T23:59:59", (LEAP_SECOND,)),
        ("2026-11-01 01:30:00", NEW_YORK, "2026-11-01T05:30:00", (AMBIGUOUS_TIME,)),
        ("2026-03-08 02:30:00", NEW_YORK, "2026-03-08T07:30:00", (NONEXISTENT_TIME,)),
        ("2026-11-01 01:30:00-05:00", NEW_YORK, "2026-11-01T06:30:00", ()),
    ],
)
def test_a_time_is_read_as_its_writer_meant(
    text: str, zone: str, utc: str, flags: tuple[str, ...]
) -> None:
    instant = parse_timestamp(text, zone)
    assert (instant.at, instant.flags) == (datetime.fromisoformat(utc).replace(tzinfo=UTC), flags)


@pytest.mark.parametrize(
    "text",
    ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "9999-12-31 23:59:59", "0001-01-02 00:00:00"],
)
@pytest.mark.parametrize("zone", [DELHI, NEW_YORK, "Pacific/Kiritimati", "Etc/GMT+12"])
def test_whatever_is_read_can_be_shown_in_every_zone(text: str, zone: str) -> None:
    with suppress(ValueError):
        at = parse_timestamp(text, zone).at
        assert all(
            at.astimezone(ZoneInfo(other)).year in {1, 9999}
            for other in (DELHI, NEW_YORK, "Pacific/Kiritimati")
        )


@pytest.mark.parametrize(
    "text",
    [
        "20241201T08300Z",
        "20241201T08:30:00Z",
        "2024-12-01T083000Z",
        "20241201083000",
        "20241201",
        "20241301T083000Z",
        "2024-12-01 08:30:00+530",
        "2024-12-01 08:30:00+5:3",
        "2024-12-01 08:30:00+15",
        "2024-12-01 08:30:00+05:",
        "2024-12-01 08:30:00+",
        "٢٠٢٤١٢٠١T083000Z",
    ],
)
def test_half_of_a_format_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_timestamp(text, DELHI)


@given(st.text(max_size=40))
def test_anything_else_is_refused_as_unreadable_and_never_breaks(text: str) -> None:
    with suppress(ValueError):
        assert parse_timestamp(text, DELHI).at.tzinfo is UTC


@given(
    st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2037, 12, 31)),  # noqa: DTZ001
    st.sampled_from(
        [
            DELHI,
            NEW_YORK,
            "Europe/London",
            "Australia/Lord_Howe",
            "Asia/Kathmandu",
            "Pacific/Apia",
            "UTC",
        ]
    ),
)
def test_a_time_on_the_wall_comes_back_as_itself_unless_it_never_was(
    naive: datetime, zone: str
) -> None:
    text = naive.isoformat(sep=" ", timespec="seconds")
    instant = parse_timestamp(text, zone)
    back = instant.at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    if NONEXISTENT_TIME in instant.flags:
        assert timedelta(0) < back - naive.replace(microsecond=0) <= timedelta(days=1)
    else:
        assert back == naive.replace(microsecond=0)


@given(
    st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2090, 1, 1)),  # noqa: DTZ001
    st.integers(-14 * 60, 14 * 60),
)
def test_an_offset_means_what_it_says(naive: datetime, minutes: int) -> None:
    sign, width = "-" if minutes < 0 else "+", abs(minutes)
    text = f"{naive.isoformat(timespec='seconds')}{sign}{width // 60:02}:{width % 60:02}"
    assert parse_timestamp(text, DELHI).at == (
        naive.replace(microsecond=0) - timedelta(minutes=minutes)
    ).replace(tzinfo=UTC)


@given(
    st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2090, 1, 1)),  # noqa: DTZ001
    st.integers(-14 * 60, 14 * 60),
    st.sampled_from(["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y%m%dT%H%M%S"]),
)
def test_every_form_of_one_moment_is_that_moment(naive: datetime, minutes: int, clock: str) -> None:
    moment = naive.replace(microsecond=0)
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    offsets = [f"{hours:02}:{rest:02}", f"{hours:02}{rest:02}", f"{hours}:{rest:02}"]
    offsets += [] if rest else [f"{hours:02}", f"{hours}"]
    read = [parse_timestamp(f"{moment.strftime(clock)}{sign}{width}", DELHI) for width in offsets]
    at = (moment - timedelta(minutes=minutes)).replace(tzinfo=UTC)
    assert {(one.at, one.zone) for one in read} == {(at, read[0].zone)}


@given(
    st.from_regex(
        r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}[T ][0-9]{2}:?[0-9]{2}[-+Z0-9:.,]{0,9}", fullmatch=True
    )
)
def test_what_is_nearly_a_time_is_read_or_refused_as_unreadable(text: str) -> None:
    with suppress(ValueError):
        read = parse_timestamp(text, DELHI)
        assert read.at.tzinfo is UTC
