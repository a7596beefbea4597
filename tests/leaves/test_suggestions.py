"""What a draft calendar is pre-filled with: held against the list of central offices in Delhi,
never published by itself.
"""

from __future__ import annotations

import pytest

from leaves import suggestions
from leaves.models import HolidayCalendar
from leaves.services.calendar_publishing import (
    add_calendar_days,
    delhi_2026_days,
    draft_holiday_calendar,
    prefill_holidays,
)
from tests import people
from tests.leaves.conftest import Office
from tests.leaves.test_rules import on

RESTRICTED = {day for day, mark, _name in delhi_2026_days() if mark == "RESTRICTED"}
DELHI = {day for day, mark, _name in delhi_2026_days() if mark == "CLOSED"}


def test_the_suggestion_for_delhi_is_the_list_of_central_offices_and_one_day_of_the_state() -> None:
    closed = {
        day for day, mark, _name in suggestions.suggest_holidays(2026, "DL") if mark == "CLOSED"
    }
    assert closed - DELHI == {on("14 Apr")}
    assert not DELHI - closed


def test_the_restricted_list_of_delhi_is_the_suggested_one_but_for_govardhan_puja() -> None:
    suggested = {
        day for day, mark, _name in suggestions.suggest_holidays(2026, "DL") if mark == "RESTRICTED"
    }
    # 14 April is closed in the suggestion: the state's holiday is no holiday of central offices,
    # where it is restricted.
    assert RESTRICTED - suggested == {on("14 Apr"), on("9 Nov")}
    assert suggested - RESTRICTED == {on("10 Nov")}


def test_the_list_of_delhi_has_seventeen_closed_days_and_names_each_date_once() -> None:
    dates = [day for day, _mark, _name in delhi_2026_days()]
    assert (len(DELHI), dates) == (17, sorted(set(dates)))
    assert not DELHI & RESTRICTED


def test_a_day_is_suggested_once_and_closed_wins_over_restricted() -> None:
    days = [day for day, _mark, _name in suggestions.suggest_holidays(2026, "DL")]
    assert days == sorted(set(days))
    assert (on("26 Aug"), "CLOSED", "Prophet's Birthday") in suggestions.suggest_holidays(
        2026, "DL"
    )


@pytest.mark.parametrize("year", [1950, 2036, 2200])
def test_years_at_the_edge_of_the_tables_give_little_but_no_error(year: int) -> None:
    assert all(
        day.year == year
        for state in ("", *suggestions.holiday_states())
        for day, _mark, _name in suggestions.suggest_holidays(year, state)
    )


def test_a_draft_keeps_what_an_officer_entered_and_is_not_published_by_it(office: Office) -> None:
    draft = draft_holiday_calendar(
        office.organization, people.make_site(office.organization, "Chennai"), 2026
    )
    add_calendar_days(draft, [(on("26 Jan"), "LOCAL", "As we call it")])
    added = prefill_holidays(draft, "TN")
    assert draft.days.get(date=on("26 Jan")).name == "As we call it"
    assert draft.days.count() == added + 1
    assert prefill_holidays(draft, "TN") == 0
    assert HolidayCalendar.objects.get(pk=draft.pk).published_at is None


def test_a_published_calendar_is_not_pre_filled(office: Office) -> None:
    assert (
        office.violation_code(prefill_holidays, HolidayCalendar.objects.published().get())
        == "PUBLISHED"
    )
