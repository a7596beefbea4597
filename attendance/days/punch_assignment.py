"""Gives each punch to the one date it belongs to. Pure.

The order in which punches arrived is not an input, so a buffer of three days that is uploaded
backwards gives the days it would have given live. Called by `background.day_ranges` and
`corrections.day_context`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from attendance.days.counted_punches import DIRECTIONS, IN, OUT, CountedPunch, is_repeat
from shifts.schedule import ScheduledShift, local_date


@dataclass(slots=True)
class _ShiftState:
    """A shift while punches are assigned: its last punch, and whether the employee is in."""

    scheduled_shift: ScheduledShift
    is_inside: bool = False
    has_punches: bool = False
    last_punch: CountedPunch | None = None


def assign_punches_to_days(
    punches: Iterable[CountedPunch], scheduled_shifts: Sequence[ScheduledShift]
) -> dict[date, list[CountedPunch]]:
    """Each punch by the date it belongs to, in order of time; each on exactly one date.

    Of several windows it goes to the shift it continues: an open IN first, then a shift that is
    still going on, then the nearest. A punch in no window is kept with the date on the wall clock,
    where it does not count.
    """
    states = [_ShiftState(one) for one in sorted(scheduled_shifts, key=lambda one: one.hours.start)]
    zones = {state.scheduled_shift.date: state.scheduled_shift.zone for state in states}
    found: dict[date, list[CountedPunch]] = {}
    for stamp in sorted(punches, key=lambda one: one.sort_key):
        near = [
            one
            for one in states
            if one.scheduled_shift.window.start <= stamp.at <= one.scheduled_shift.window.end
        ]
        if not near:
            found.setdefault(_local_date(stamp, zones), []).append(stamp)
            continue
        chosen = near[0] if len(near) == 1 else _continued_shift(stamp, near)
        _add_punch(stamp, chosen)
        found.setdefault(chosen.scheduled_shift.date, []).append(stamp)
    return found


def _local_date(punch: CountedPunch, zones: Mapping[date, str]) -> date:
    around = [punch.at.date() + timedelta(days=number) for number in (0, -1, 1)]
    return next(
        (day for day in around if day in zones and local_date(punch.at, zones[day]) == day),
        punch.at.date(),
    )


def _add_punch(punch: CountedPunch, state: _ShiftState) -> None:
    again = state.last_punch is not None and is_repeat(
        punch, state.last_punch, state.scheduled_shift.shift.repeat_s
    )
    if not again:
        said = DIRECTIONS.get(punch.direction or "")
        state.is_inside = said == IN if said else not state.is_inside
        state.last_punch = punch
    state.has_punches = True


def _continued_shift(punch: CountedPunch, candidates: Sequence[_ShiftState]) -> _ShiftState:
    said = DIRECTIONS.get(punch.direction or "")
    twice = [
        one
        for one in candidates
        if one.last_punch is not None
        and is_repeat(punch, one.last_punch, one.scheduled_shift.shift.repeat_s)
    ]
    if twice:
        return twice[-1]
    inside = [one for one in candidates if one.is_inside]
    if said != IN and inside:
        return inside[-1]
    if said == OUT:
        return min(
            candidates,
            key=lambda one: (
                abs(punch.at - one.scheduled_shift.hours.end),
                -one.scheduled_shift.hours.end.timestamp(),
            ),
        )
    going_on = [
        one for one in candidates if one.has_punches and punch.at < one.scheduled_shift.hours.end
    ]
    if going_on:
        return going_on[-1]
    return min(
        candidates,
        key=lambda one: (
            abs(punch.at - one.scheduled_shift.hours.start),
            -one.scheduled_shift.hours.start.timestamp(),
        ),
    )


def is_independent_boundary(
    earlier: Iterable[ScheduledShift],
    later: Iterable[ScheduledShift],
    punches: Iterable[CountedPunch],
) -> bool:
    """Whether nothing before a boundary can matter after it: no punch lies in a window of each
    side.
    """
    ends = max((one.window.end for one in earlier), default=None)
    starts = min((one.window.start for one in later), default=None)
    if ends is None or starts is None or ends < starts:
        return True
    return not any(starts <= one.at <= ends for one in punches)
