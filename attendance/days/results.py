"""The result of a day, and the context it is calculated in. Pure.

`days.inputs` builds the context, `days.calculation` and `days.status` fill the result, and
`days.explanation` and `background.day_ranges` read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from attendance.days.counted_punches import InterpretedPunch


@dataclass(frozen=True, slots=True)
class DayResult:
    """What a date was. Instants UTC, durations in whole minutes.

    `halves`: what each half (FN, AN) counts as: present, absent, tour, off, or `leave:` and its
    kind. `final`: the window was over when this was worked out; before that it is the state so far.
    `marks` are things to look at, as missing_out.
    """

    date: date
    status: str
    halves: tuple[str, str]
    first_in: datetime | None = None
    last_out: datetime | None = None
    worked: int = 0
    late_by: int = 0
    early_by: int = 0
    overtime: int = 0
    final: bool = True
    marks: tuple[str, ...] = ()
    punches: tuple[InterpretedPunch, ...] = ()
    rules: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DayContext:
    """What stands beside the punches: who has each half (`leave:CL`, `tour`, or empty), a holiday's
    name, and the clock.

    `long_after`: from the first punch to the last, what is longer is a very long day.
    """

    taken: tuple[str, str] = ("", "")
    holiday: str | None = None
    now: datetime | None = None
    long_after: timedelta = timedelta(hours=16)
