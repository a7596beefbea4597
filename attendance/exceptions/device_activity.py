"""How a device usually behaves, learned from itself: when it speaks, how long it is quiet, how its
clock runs. Pure.

Kept as plain JSON in `DeviceActivityProfile`: `days` is {date: [hours, gap]}, the hours of that
local date in which it spoke as bits, and its longest silence between two signs of life on that date
in seconds; `clock` is [[minute, seconds], …], by the minute in which punches arrived, how far the
device's clock was ahead (below nought: behind). Fed and asked by `exceptions.scan`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from statistics import median
from typing import Final
from zoneinfo import ZoneInfo

ActivityDays = Mapping[str, Sequence[int]]
ClockReadings = Sequence[Sequence[int]]

KEPT_DAYS: Final = 28
# Before so many days nobody can say what is usual.
MIN_DAYS: Final = 3
# Signs of life nearer than this: it was there all the time in between.
PRESENCE_GAP: Final = timedelta(hours=1)
# So many of 24 hours, on so many days in a row: it speaks around the clock.
ROUND_THE_CLOCK_HOURS: Final = 22
# A silence is measured back to here: who was away for longer is silent anyway.
MAX_SILENCE: Final = timedelta(days=14)

KEPT_READINGS: Final = 8
MIN_READINGS: Final = 5
# Readings of one upload say nothing about the clock.
MIN_READINGS_SPAN_MIN: Final = 30
MAX_SPREAD_S: Final = 45
MIN_SKEW_S: Final = 120


# --- Presence -------------------------------------------------------------------------------------
def record_activity(
    days: ActivityDays, before: datetime | None, at: datetime, zone: str
) -> dict[str, list[int]]:
    """What is known once a device has given a sign of life at `at`; the one before was at `before`.
    Both in UTC.
    """
    here = ZoneInfo(zone)
    found = {day: list(values) for day, values in days.items()}
    begins = before if before is not None and timedelta(0) < at - before <= PRESENCE_GAP else at
    for moment in (begins, at):
        there = moment.astimezone(here)
        _day_entry(found, there.date())[0] |= 1 << there.hour
    if before is not None and before.astimezone(here).date() == at.astimezone(here).date():
        entry = _day_entry(found, at.astimezone(here).date())
        entry[1] = max(entry[1], int((at - before).total_seconds()))
    return {day: found[day] for day in sorted(found)[-KEPT_DAYS:]}


def _day_entry(days: dict[str, list[int]], on: date) -> list[int]:
    return days.setdefault(on.isoformat(), [0, 0])


def usual_gap_s(days: ActivityDays, before: date) -> int | None:
    """Seconds a device is quiet at most on a usual day before a date; None while too little is
    known.

    The median of the longest silence of each day: one bad day does not change what is usual.
    """
    gaps = [gap for day, (_hours, gap) in days.items() if day < before.isoformat() and gap > 0]
    return int(median(gaps)) if len(gaps) >= MIN_DAYS else None


def is_around_the_clock(days: ActivityDays, before: date) -> bool:
    """Whether a device spoke in nearly every hour of the last days before a date on which it spoke
    at all.
    """
    last = [days[day][0] for day in sorted(days) if day < before.isoformat()][-MIN_DAYS:]
    return len(last) == MIN_DAYS and all(
        hours.bit_count() >= ROUND_THE_CLOCK_HOURS for hours in last
    )


def active_hours(days: ActivityDays, on: date, before: date) -> range:
    """The hours of a date, from the first to the last, in which a device used to speak on such a
    weekday; none if never.
    """
    same = [
        hours
        for day, (hours, _gap) in days.items()
        if day < before.isoformat() and _weekday(day) == on.weekday()
    ]
    usual = [
        hour
        for hour in range(24)
        if same and 2 * sum(hours >> hour & 1 for hours in same) >= len(same)
    ]
    return range(usual[0], usual[-1] + 1) if usual else range(0)


def _weekday(day: str) -> int:
    return date.fromisoformat(day).weekday()


def silent_seconds(
    days: ActivityDays, since: datetime, now: datetime, zone: str, closed: Collection[date] = ()
) -> int:
    """Seconds from `since` to `now` (UTC) in which a device would usually have been at work.

    What is usual is what was so before the date of `since`: the day on which it fell silent is none
    to learn from. `closed`: dates on which the place was closed; they count only for a device that
    speaks around the clock.
    """
    here = ZoneInfo(zone)
    fell = since.astimezone(here).date()
    begins = max(since, now - MAX_SILENCE)
    if is_around_the_clock(days, fell):
        return int((now - begins).total_seconds())
    found = 0.0
    while begins < now:
        there = begins.astimezone(here)
        ends = min(
            now, begins + timedelta(hours=1) - timedelta(minutes=there.minute, seconds=there.second)
        )
        if there.date() not in closed and there.hour in active_hours(days, there.date(), fell):
            found += (ends - begins).total_seconds()
        begins = ends
    return int(found)


# --- Clocks ---------------------------------------------------------------------------------------
def record_clock_readings(
    clock: ClockReadings, punches: Iterable[tuple[datetime, datetime]]
) -> list[list[int]]:
    """What is known of a clock after punches (when they happened by it, when they were received;
    UTC).

    Of those that arrived in one minute the latest counts: what was kept back offline is older, and
    says nothing.
    """
    found: dict[int, int] = {reading[0]: reading[1] for reading in clock}
    for occurred, received in punches:
        minute, seconds = (
            int(received.timestamp() // 60),
            int((occurred - received).total_seconds()),
        )
        found[minute] = max(seconds, found.get(minute, seconds))
    return [[minute, found[minute]] for minute in sorted(found)[-KEPT_READINGS:]]


def clock_skew_s(clock: ClockReadings) -> int | None:
    """Seconds by which a clock is steadily ahead (behind: below nought); None when it is right, or
    cannot be told.

    Uploads after a time offline are late by amounts that differ; a wrong clock is wrong by the same
    amount again and again.
    """
    if len(clock) < MIN_READINGS or clock[-1][0] - clock[0][0] < MIN_READINGS_SPAN_MIN:
        return None
    off = median(seconds for _minute, seconds in clock)
    spread = median(abs(seconds - off) for _minute, seconds in clock)
    return int(off) if spread <= MAX_SPREAD_S and abs(off) >= MIN_SKEW_S else None
