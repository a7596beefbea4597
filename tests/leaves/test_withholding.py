"""Off days beside leave that the authority does not let be free (G5): what they cost, before and
after the decision.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaves.day_counting import Spell, SpellPart, calculate_all_day_debits, total_half_days
from leaves.models import LeaveApplication, LeaveEvent, LeaveLedgerEntry
from leaves.policies import LeaveType
from leaves.services.amendments import cancel_leave
from leaves.services.application_data import WITHHOLD_OPTIONS, WithheldOffDays
from leaves.services.decisions import decide_leave, preview_decision
from tests import people
from tests.leaves.conftest import Office
from tests.leaves.test_api import Chair
from tests.leaves.test_rules import ALMANAC, GROUND, JANUARY, on, spell

DAYS = st.integers(0, 350).map(lambda number: JANUARY + timedelta(days=number))


def cost(*spells: Spell) -> list[float]:
    every = calculate_all_day_debits(spells, GROUND)
    return [total_half_days(every[one.id]) / 2 for one in spells]


def test_withheld_days_are_leave_whether_or_not_they_were_asked_for() -> None:
    assert (
        cost(spell("EL", "30 Apr", withhold_suffix=True))
        == cost(spell("EL", "30 Apr", "3 May", withhold_suffix=True))
        == [4]
    )
    assert cost(spell("EL", "4 May", withhold_prefix=True)) == [4]
    assert cost(spell("EL", "4 May", withhold_suffix=True)) == [1]


def test_days_withheld_from_both_neighbours_are_charged_once() -> None:
    pair = spell("EL", "30 Apr", withhold_suffix=True), spell("EL", "4 May", withhold_prefix=True)
    assert cost(*pair) == [4, 1]
    assert cost(
        spell("EL", "30 Apr", fit_on=on("4 May")), spell("HPL", "4 May", sick_on=on("1 May"))
    ) == [4, 1]


def test_casual_leave_has_nothing_to_withhold() -> None:
    assert cost(spell("CL", "30 Apr", withhold_suffix=True)) == [1]


@given(first=DAYS, length=st.integers(0, 10), prefix=st.booleans(), suffix=st.booleans())
def test_withholding_costs_exactly_the_off_days_beside_the_leave(
    first: date, length: int, prefix: bool, suffix: bool
) -> None:
    last = first + timedelta(days=length)
    every = calculate_all_day_debits(
        [Spell(1, LeaveType.EL, first, last, withhold_prefix=prefix, withhold_suffix=suffix)],
        GROUND,
    )[1]
    beside = [one for one in every if one.part in (SpellPart.BEFORE, SpellPart.AFTER)]
    assert total_half_days(every) == cost(Spell(1, LeaveType.EL, first, last))[0] * 2 + 2 * len(
        beside
    )
    assert all(ALMANAC.is_off(one.day) for one in beside)
    assert {one.part for one in beside} <= {
        part for part, so in ((SpellPart.BEFORE, prefix), (SpellPart.AFTER, suffix)) if so
    }


@pytest.fixture
def asked(office: Office) -> LeaveApplication:
    """Thursday before three days off, pending."""
    office.opening("EL", 50)
    return office.apply("EL", "30 Apr")


def test_the_difference_is_told_first_and_charged_with_the_decision(
    office: Office, asked: LeaveApplication
) -> None:
    assert preview_decision(asked, office.bala).days_debited == {
        "none": 1,
        "prefix": 1,
        "suffix": 4,
        "both": 4,
    }
    assert office.statement_row("EL").held == 2
    decide_leave(asked, actor=office.bala, approve=True, withhold=WITHHOLD_OPTIONS["suffix"])
    assert (office.statement_row("EL").held, office.statement_row("EL").debited) == (0, 8)
    days = LeaveLedgerEntry.objects.filter(application=asked).values_list("effective_on", flat=True)
    assert list(days) == [on("30 Apr"), on("1 May"), on("2 May"), on("3 May")]
    assert LeaveEvent.objects.get(action="approved").details == {"withheld": ["suffix"]}


def test_a_spell_after_it_does_not_pay_for_the_same_days_again(
    office: Office, asked: LeaveApplication
) -> None:
    later = office.grant("EL", "4 May")
    decide_leave(asked, actor=office.bala, approve=True, withhold=WITHHOLD_OPTIONS["suffix"])
    assert office.statement_row("EL").debited == 10
    cancel_leave(asked, actor=office.bala)
    assert (office.statement_row("EL").debited, later.status) == (2, "approved")


def test_a_cancellation_gives_withheld_days_back(office: Office, asked: LeaveApplication) -> None:
    before = office.statement_row("EL").available
    decide_leave(asked, actor=office.bala, approve=True, withhold=WITHHOLD_OPTIONS["both"])
    cancel_leave(asked, actor=office.bala)
    assert office.statement_row("EL").available == before + 2  # What it held comes back too.


def test_withheld_days_that_the_balance_does_not_cover_are_refused(office: Office) -> None:
    application = office.apply("EL", "16 Apr", "30 Apr")
    code = office.violation_code(
        decide_leave,
        application,
        actor=office.bala,
        approve=True,
        withhold=WITHHOLD_OPTIONS["suffix"],
    )
    assert code == "INSUFFICIENT_BALANCE"
    assert not LeaveApplication.objects.get().withhold_suffix


@pytest.mark.parametrize("kind", ["CL", "RH"])
def test_kinds_that_leave_off_days_out_refuse_it(office: Office, kind: str) -> None:
    application = office.apply(kind, "16 Jul")
    assert preview_decision(application, office.bala).days_debited == {"none": 1}
    code = office.violation_code(
        decide_leave,
        application,
        actor=office.bala,
        approve=True,
        withhold=WithheldOffDays(prefix=True),
    )
    assert code == "NOTHING_TO_WITHHOLD"


def test_over_rest_the_decision_carries_the_switch(office: Office, asked: LeaveApplication) -> None:
    bala = Chair(office.bala)
    told = bala.get(f"leaves/{asked.pk}/decision").json()["days_debited"]
    assert told == {"none": 1, "prefix": 1, "suffix": 4, "both": 4}
    body: dict[str, Any] = {"decision": "reject", "withhold_suffix": True}
    refused = bala.post(f"leaves/{asked.pk}/approve", body)
    assert (refused.status_code, refused.json()["code"]) == (422, "NOTHING_TO_WITHHOLD")
    assert (
        bala.post(f"leaves/{asked.pk}/approve", body | {"withhold_suffix": "perhaps"}).status_code
        == 422
    )
    row = bala.post(f"leaves/{asked.pk}/approve", body | {"decision": "approve"}).json()
    assert (row["chargeable_days"], row["withhold_prefix"], row["withhold_suffix"]) == (
        4,
        False,
        True,
    )
    mine = Chair(people.make_user(office.asha, "asha")).get("leaves").json()["data"][0]
    assert mine == row
