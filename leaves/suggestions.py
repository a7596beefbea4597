"""Holidays that the `holidays` package knows of, to begin a draft calendar with. Pure.

Never asked live for what leave costs: the package lists state governments' holidays (not those of
central offices in the state), its later moon holidays are estimates, and dates move by order.
Called by `publishing.prefill` only.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from datetime import date
from typing import Final

from holidays.constants import GOVERNMENT, OPTIONAL, PUBLIC
from holidays.countries.india import India

from leaves.calendars import CalendarMark

MAX_NAME_LENGTH: Final = 120


def holiday_states() -> dict[str, str]:
    """States and territories the package knows: code → name, by name."""
    names = India.get_subdivision_aliases()
    known = {code: (names.get(code) or [code])[0] for code in India.subdivisions}
    return dict(sorted(known.items(), key=lambda pair: pair[1]))


def suggest_holidays(year: int, state: str = "") -> list[tuple[date, str, str]]:
    """Date, class and name of the holidays of a year in a state, or of all India without one; none
    for an unknown year.

    In some states the full list is in the package's `government` category, in others in `public`:
    both are closed days here. Raises NotImplementedError for a state it does not know.
    """
    closed = _days(year, state, PUBLIC, GOVERNMENT)
    found = {
        day: (CalendarMark.RESTRICTED, name) for day, name in _days(year, state, OPTIONAL).items()
    }
    found |= {day: (CalendarMark.CLOSED, name) for day, name in closed.items()}
    return [(day, str(mark), name[:MAX_NAME_LENGTH]) for day, (mark, name) in sorted(found.items())]


def _days(year: int, state: str, *categories: str) -> Mapping[date, str]:
    with warnings.catch_warnings():
        # It warns where its tables of moon and sun end; the officer is told so in any case.
        warnings.simplefilter("ignore")
        return dict(India(years=year, subdiv=state or None, categories=categories, observed=False))
