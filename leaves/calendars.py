"""Which days an office works: weekly-off patterns, holidays, restricted holidays. Pure.

Called by `charging` (what a leave costs) and, through `facts`, by everything that asks what kind of
day a date is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final

_WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_EVERY = frozenset({1, 2, 3, 4, 5})
# What holds where no rules say anything.
FIVE_DAYS: Final = "SAT,SUN"


class Mark(StrEnum):
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

    nth: Mapping[int, frozenset[int]]

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
                frozenset({int(number)}) if number else _EVERY
            )
        return cls(nth)

    def is_off(self, day: date) -> bool:
        """Whether the pattern leaves this date free: the nth weekday of its month is counted from
        the first.
        """
        return (day.day - 1) // 7 + 1 in self.nth.get(day.weekday(), frozenset())


@dataclass(frozen=True, slots=True)
class Marked:
    """A date as a calendar names it."""

    mark: Mark
    name: str


@dataclass(frozen=True, slots=True)
class OfficeYear:
    """One published calendar: an office, a year."""

    offs: WeeklyOffs
    marks: Mapping[date, Marked] = field(default_factory=dict)
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Day:
    """A date at somebody's office. `on_list`: a restricted holiday, even when the office is shut
    anyway.
    """

    date: date
    day_class: DayClass
    name: str = ""
    version: int | None = None
    on_list: bool = False

    @property
    def off(self) -> bool:
        """Whether nobody is expected."""
        return self.day_class in (DayClass.WEEKLY_OFF, DayClass.HOLIDAY)


@dataclass(frozen=True, slots=True)
class Post:
    """Where somebody works from one day to another, both included; None is open."""

    site: Any
    starts_on: date
    ends_on: date | None = None


@dataclass(frozen=True)
class Almanac:
    """The days of one person: the calendar of the office of each day, or the organization's, or
    weekly offs alone.

    `patterns`: weekly offs where there is no calendar, each from its day on, the oldest first;
    `otherwise` before them.
    """

    offices: Mapping[tuple[Any, int], OfficeYear]
    otherwise: WeeklyOffs
    posts: Sequence[Post] = ()
    patterns: Sequence[tuple[date, WeeklyOffs]] = ()

    @classmethod
    def of(
        cls,
        offices: Mapping[tuple[Any, int], OfficeYear],
        posts: Sequence[Post],
        patterns: Sequence[tuple[date, WeeklyOffs]],
    ) -> Almanac:
        """With the weekly offs of the rules of each day: the first ones hold before, and a five-day
        week without rules.
        """
        return cls(
            offices, patterns[0][1] if patterns else WeeklyOffs.parse(FIVE_DAYS), posts, patterns
        )

    def day(self, on: date) -> Day:
        """What `on` is at this person's office."""
        site = next(
            (
                one.site
                for one in self.posts
                if one.starts_on <= on and (one.ends_on is None or on <= one.ends_on)
            ),
            None,
        )
        office = (
            self.offices.get((site, on.year))
            or self.offices.get((None, on.year))
            or OfficeYear(self._pattern(on))
        )
        return classify(office, on)

    def _pattern(self, on: date) -> WeeklyOffs:
        return next(
            (offs for since, offs in reversed(self.patterns) if since <= on), self.otherwise
        )

    def off(self, on: date) -> bool:
        """Whether nobody is expected on this date."""
        return self.day(on).off


def classify(office: OfficeYear, on: date) -> Day:
    """What a date is by one calendar. A Saturday made working counts as working; no substitute for
    a holiday on one.
    """
    marked = office.marks.get(on)
    mark, name = (marked.mark, marked.name) if marked else (None, "")
    listed = mark is Mark.RESTRICTED
    if mark in (Mark.CLOSED, Mark.LOCAL):
        found = DayClass.HOLIDAY
    elif mark is not Mark.WORKING_DAY and office.offs.is_off(on):
        found = DayClass.WEEKLY_OFF
    else:
        found = DayClass.RESTRICTED if listed else DayClass.WORKING
    return Day(on, found, name, office.version, listed)


def days_between(first: date, last: date) -> Iterator[date]:
    """Every date from `first` to `last`, both included; none when they are the wrong way round."""
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)
