"""Read the times that terminals and clients write, into an instant and what is remarkable about it.
Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

AMBIGUOUS_TIME: Final = "ambiguous_time"
NONEXISTENT_TIME: Final = "nonexistent_time"
LEAP_SECOND: Final = "leap_second"

_TIMESTAMP_PATTERN = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})[ T](?P<clock>[0-9]{2}:[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?"
    r" *(?P<offset>[Zz]|(?:GMT ?)?[+-](?:[0-9]{2}:?[0-9]{2}|[0-9]{1,2}(?::[0-9]{2})?)|GMT)?"
)
# ISO 8601's basic format, the date and the time without separators.
_BASIC_FORMAT = re.compile(
    r"([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})(?:([0-9]{2})(?![0-9]))?(?![0-9:])"
)
_MAX_OFFSET = timedelta(hours=14)
# No clock of any zone has to show a year 0 or 10000 for what lies between them.
_FIRST, _LAST = (
    datetime.min.replace(tzinfo=UTC) + timedelta(days=1),
    datetime.max.replace(tzinfo=UTC) - timedelta(days=1),
)


@dataclass(frozen=True, slots=True)
class ParsedTimestamp:
    """A moment: UTC, the zone or offset it was read with, and flags for what had to be decided."""

    at: datetime
    zone: str
    flags: tuple[str, ...] = ()


def parse_timestamp(text: str, home_zone: str) -> ParsedTimestamp:
    """The instant that `text` names; without an offset it is local time in `home_zone` (an IANA
    name).

    Understood: `2026-06-21 09:30:00`, the same with `T`, ISO 8601 with offset (also `+05` and
    `+5:30`), its basic format `20260621T040000Z`, and `2026-06-21 09:30:00 GMT +0530`. In the hour
    that comes twice the first is meant (flagged); a time in the hour that
    is skipped moves forward (flagged). The first and the last day of the calendar, which only
    broken clocks show, are read as the moments next to them. Raises ValueError for anything else.
    """
    match = _TIMESTAMP_PATTERN.fullmatch(_with_separators(text.strip()))
    if match is None:
        raise ValueError("not a time such as 2026-06-21 09:30:00")
    flags: tuple[str, ...] = ()
    second = match["second"] or "00"
    if second == "60":
        second, flags = "59", (LEAP_SECOND,)
    naive = datetime.fromisoformat(
        f"{match['date']}T{match['clock']}:{second}.{(match['fraction'] or '0')[:6]:0<6}"
    )
    try:
        if match["offset"]:
            zone = _parse_offset(match["offset"])
            return ParsedTimestamp(
                _clamp_to_calendar(naive.replace(tzinfo=zone).astimezone(UTC)),
                _offset_name(zone),
                flags,
            )
        at, found = wall_time_to_utc(naive, ZoneInfo(home_zone))
    except OverflowError as error:
        raise ValueError("outside the calendar") from error
    return ParsedTimestamp(_clamp_to_calendar(at), home_zone, flags + found)


def _with_separators(text: str) -> str:
    basic = _BASIC_FORMAT.match(text)
    if basic is None:
        return text
    year, month, day, hour, minute, second = basic.groups()
    clock = f"{hour}:{minute}" if second is None else f"{hour}:{minute}:{second}"
    return f"{year}-{month}-{day}T{clock}{text[basic.end() :]}"


def _clamp_to_calendar(at: datetime) -> datetime:
    return min(max(at, _FIRST), _LAST)


def wall_time_to_utc(naive: datetime, zone: tzinfo) -> tuple[datetime, tuple[str, ...]]:
    """Local wall-clock time in `zone` as UTC, with a flag when the clocks changed just there."""
    first, second = naive.replace(tzinfo=zone, fold=0), naive.replace(tzinfo=zone, fold=1)
    before, after = first.utcoffset(), second.utcoffset()
    flags: tuple[str, ...] = ()
    if before is not None and after is not None and before != after:
        flags = (AMBIGUOUS_TIME,) if before > after else (NONEXISTENT_TIME,)
    return first.astimezone(UTC), flags


def _parse_offset(text: str) -> timezone:
    digits = text.removeprefix("GMT").strip()
    if digits in ("", "Z", "z"):
        return UTC
    hour_text, colon, minute_text = digits[1:].partition(":")
    if not colon:
        hour_text, minute_text = hour_text[:2], hour_text[2:]
    hours, minutes = int(hour_text), int(minute_text or 0)
    width = timedelta(hours=hours, minutes=minutes)
    if minutes > 59 or width > _MAX_OFFSET:
        raise ValueError("no such offset")
    return timezone(-width if digits[0] == "-" else width)


def _offset_name(zone: timezone) -> str:
    seconds = int(zone.utcoffset(None).total_seconds())
    sign, seconds = ("-", -seconds) if seconds < 0 else ("+", seconds)
    return f"{sign}{seconds // 3600:02}:{seconds % 3600 // 60:02}"


def to_local_time(at: datetime, zone: str) -> datetime:
    """An instant on the wall clock of `zone`: an IANA name, or an offset such as +05:30.

    In the first and the last hours of the calendar, where that clock would show a year 0 or 10000,
    as it is.
    """
    try:
        return at.astimezone(_parse_offset(zone) if zone[:1] in "+-" else ZoneInfo(zone))
    except OverflowError:
        return at
