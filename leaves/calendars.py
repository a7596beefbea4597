"""Which days an office works: weekly-off patterns, holidays, restricted holidays. Pure.

Called by `day_counting` (what a leave costs) and, through `context`, by everything that asks what
kind of day a date is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final

_WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_ALL_WEEKS = frozenset({1, 2, 3, 4, 5})
# What holds where no rules say anything.
DEFAULT_WEEKLY_OFFS: Final = "SAT,SUN"


class CalendarMark(StrEnum):
    """What a calendar may say of a date."""

    CLOSED = "CLOSED"
    RESTRICTED = "RESTRICTED"
    LOCAL = "LOCAL"
    WORKING_DAY = "WORKING_DAY"


class DayClass(StrEnum):
    """What a date turns out to be at an office."""

    WORKING = "WORKING"
    WEEKLY_OFF = "WEEKLY_OFF"
    HOLIDAY = "HOLIDAY"
    RESTRICTED = "RESTRICTED"


@dataclass(frozen=True, slots=True)
class WeeklyOffs:
    """The days of each week that are off, some of them only in some weeks of the month."""

    weeks_by_weekday: Mapping[int, frozenset[int]]

    @classmethod
    def parse(cls, text: str) -> WeeklyOffs:
        """From text such as ``SAT,SUN`` (five-day week), ``SUN`` (six-day week) or
        ``SUN,SAT2,SAT4``.

        Empty text: no day is off. Raises ValueError naming the part that cannot be read.
        """
        nth: dict[int, frozenset[int]] = {}
        for part in (one.strip().upper() for one in text.split(",")):
            if not part:
                continue
            name, number = part[:3], part[3:]
            if name not in _WEEKDAYS or (number and number not in {"1", "2", "3", "4", "5"}):
                raise ValueError(part)
            weekday = _WEEKDAYS.index(name)
            nth[weekday] = nth.get(weekday, frozenset()) | (
                frozenset({int(number)}) if number else _ALL_WEEKS
            )
        return cls(nth)

    def is_off(self, day: date) -> bool:
        """Whether the pattern leaves this date free: the nth weekday of its month is counted from
        the first.
        """
        return (day.day - 1) // 7 + 1 in self.weeks_by_weekday.get(day.weekday(), frozenset())


@dataclass(frozen=True, slots=True)
class MarkedDate:
    """A date as a calendar names it."""

    mark: CalendarMark
    name: str


@dataclass(frozen=True, slots=True)
class OfficeCalendar:
    """One published calendar: an office, a year."""

    weekly_offs: WeeklyOffs
    marks: Mapping[date, MarkedDate] = field(default_factory=dict)
    calendar_id: int | None = None


@dataclass(frozen=True, slots=True)
class OfficeDay:
    """A date at somebody's office. `on_restricted_list`: a restricted holiday, even when the office
    is shut anyway.
    """

    date: date
    day_class: DayClass
    name: str = ""
    calendar_id: int | None = None
    on_restricted_list: bool = False

    @property
    def is_off(self) -> bool:
        """Whether nobody is expected."""
        return self.day_class in (DayClass.WEEKLY_OFF, DayClass.HOLIDAY)


@dataclass(frozen=True, slots=True)
class SiteAssignment:
    """Where somebody works from one day to another, both included; None is open."""

    site: Any
    starts_on: date
    ends_on: date | None = None


@dataclass(frozen=True)
class WorkCalendar:
    """The days of one person: the calendar of the office of each day, or the organization's, or
    weekly offs alone.

    `weekly_off_patterns`: weekly offs where there is no calendar, each from its day on, the oldest
    first; `default_weekly_offs` before them.
    """

    office_calendars: Mapping[tuple[Any, int], OfficeCalendar]
    default_weekly_offs: WeeklyOffs
    assignments: Sequence[SiteAssignment] = ()
    weekly_off_patterns: Sequence[tuple[date, WeeklyOffs]] = ()

    @classmethod
    def from_policies(
        cls,
        office_calendars: Mapping[tuple[Any, int], OfficeCalendar],
        assignments: Sequence[SiteAssignment],
        weekly_off_patterns: Sequence[tuple[date, WeeklyOffs]],
    ) -> WorkCalendar:
        """With the weekly offs of the rules of each day: the first ones hold before, and a five-day
        week without rules.
        """
        return cls(
            office_calendars,
            weekly_off_patterns[0][1]
            if weekly_off_patterns
            else WeeklyOffs.parse(DEFAULT_WEEKLY_OFFS),
            assignments,
            weekly_off_patterns,
        )

    def day(self, on: date) -> OfficeDay:
        """What `on` is at this person's office."""
        site = next(
            (
                one.site
                for one in self.assignments
                if one.starts_on <= on and (one.ends_on is None or on <= one.ends_on)
            ),
            None,
        )
        office = (
            self.office_calendars.get((site, on.year))
            or self.office_calendars.get((None, on.year))
            or OfficeCalendar(self._weekly_offs_on(on))
        )
        return classify_day(office, on)

    def _weekly_offs_on(self, on: date) -> WeeklyOffs:
        return next(
            (offs for since, offs in reversed(self.weekly_off_patterns) if since <= on),
            self.default_weekly_offs,
        )

    def is_off(self, on: date) -> bool:
        """Whether nobody is expected on this date."""
        return self.day(on).is_off


def classify_day(office: OfficeCalendar, on: date) -> OfficeDay:
    """What a date is by one calendar. A Saturday made working counts as working; no substitute for
    a holiday on one.
    """
    marked = office.marks.get(on)
    mark, name = (marked.mark, marked.name) if marked else (None, "")
    listed = mark is CalendarMark.RESTRICTED
    if mark in (CalendarMark.CLOSED, CalendarMark.LOCAL):
        found = DayClass.HOLIDAY
    elif mark is not CalendarMark.WORKING_DAY and office.weekly_offs.is_off(on):
        found = DayClass.WEEKLY_OFF
    else:
        found = DayClass.RESTRICTED if listed else DayClass.WORKING
    return OfficeDay(on, found, name, office.calendar_id, listed)


def days_between(first: date, last: date) -> Iterator[date]:
    """Every date from `first` to `last`, both included; none when they are the wrong way round."""
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)
