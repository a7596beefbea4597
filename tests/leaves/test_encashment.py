"""Encashment (E12): with a leave travel concession 10 days at a time, 60 in a career, 30 to remain;
on leaving 300.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from employees.models import Employee
from leaves.encashment import (
    EncashmentOccasion,
    EncashmentPosition,
    EncashmentRequest,
    encashment_refusals,
    max_encashable,
)
from leaves.models import LeaveAccount, LeaveAdjustment, LeaveLedgerEntry, LeaveProfile
from leaves.policies import LeaveType
from leaves.services.adjustments import decide_adjustment, propose_adjustment, propose_encashment
from leaves.services.encashment_limits import encashment_limits
from leaves.services.policy_publishing import ccs_1972_rules
from leaves.services.profiles import save_leave_profile
from tests.leaves.conftest import Office, publish_leave_policy
from tests.leaves.test_leaving import leave_service
from tests.leaves.test_rules import JANUARY, POLICY, on

LAST = date(2026, 6, 30)
DAYS = st.integers(0, 400).map(lambda days: 2 * days)


def propose(
    office: Office,
    days: float,
    day: str = "2 Feb",
    kind: str = "EL",
    occasion: str = "TRAVEL",
    employee: Any = None,
) -> LeaveAdjustment:
    order = LeaveAdjustment(
        organization=office.organization,
        employee=employee or office.asha,
        kind=kind,
        type="ENCASH",
        occasion=occasion,
        days=-Decimal(str(days)),
        effective_on=on(day),
        reason="LTC 2026",
    )
    return propose_adjustment(order, actor=office.hr)


def encash(office: Office, *values: Any, **more: Any) -> LeaveAdjustment:
    return decide_adjustment(propose(office, *values, **more), actor=office.chief)


def numbers(call: Any, *values: Any, **more: Any) -> dict[str, Any]:
    with pytest.raises(ValidationError) as caught:
        call(*values, **more)
    found: dict[str, Any] = caught.value.details  # type: ignore[attr-defined]
    return found


# --- With a travel concession ---------------------------------------------------------------------
def test_e12_ten_days_a_time_are_debited_and_stand_in_the_statement(office: Office) -> None:
    office.opening("EL", 50)
    encash(office, 10)
    assert office.available("EL") == 55
    assert office.statement_row("EL").debited == 20
    assert LeaveLedgerEntry.objects.get(type="ENCASH").half_days == -20


def test_e12_eleven_days_at_a_time_are_refused_also_in_two_orders_of_one_date(
    office: Office,
) -> None:
    office.opening("EL", 100)
    assert office.violation_code(propose, office, 11) == "ENCASH_AT_A_TIME"
    encash(office, 6)
    assert numbers(propose, office, 5) == {
        "kind": "EL",
        "occasion": "TRAVEL",
        "days": 11.0,
        "limit": 10,
    }
    encash(office, 10, "1 Apr")


def test_e12_sixty_days_in_a_career_with_those_of_the_service_book(office: Office) -> None:
    office.opening("EL", 200)
    save_leave_profile(
        LeaveProfile(
            organization=office.organization,
            employee=office.asha,
            starts_on=JANUARY,
            encashed_before=45,
        )
    )
    encash(office, 10)
    assert numbers(propose, office, 6, "1 Apr") == {
        "kind": "EL",
        "occasion": "TRAVEL",
        "days": 6.0,
        "used": 55.0,
        "limit": 60,
    }
    encash(office, 5, "1 Apr")


@pytest.mark.parametrize(("opening", "expected"), [(25, "done"), (24, "ENCASH_REMAINDER")])
def test_e12_thirty_days_must_remain(office: Office, opening: int, expected: str) -> None:
    office.opening("EL", opening)  # And 15 on 1 January.
    if expected == "done":
        encash(office, 10)
        assert office.available("EL") == 30
    else:
        assert office.violation_code(propose, office, 10) == expected


def test_e12_leave_that_is_asked_for_counts_as_gone(office: Office) -> None:
    office.opening("EL", 25)
    office.apply("EL", "9 Feb")
    assert numbers(propose, office, 10)["left"] == 29.0


def test_e12_only_earned_leave_in_whole_days(office: Office) -> None:
    office.opening("EL", 100)
    office.opening("HPL", 100)
    assert office.violation_code(propose, office, 5, kind="HPL") == "ENCASH_KIND"
    assert office.violation_code(propose, office, 5, kind="CL") == "ENCASH_KIND"
    assert office.violation_code(propose, office, 2.5) == "ENCASH_WHOLE_DAYS"


def test_e12_two_orders_proposed_before_either_is_confirmed_are_judged_again(
    office: Office,
) -> None:
    office.opening("EL", 100)
    first, second = propose(office, 10), propose(office, 10)
    decide_adjustment(first, actor=office.chief)
    assert (
        office.violation_code(decide_adjustment, second, actor=office.chief) == "ENCASH_AT_A_TIME"
    )
    second.refresh_from_db()
    assert second.state == "proposed"


def test_e12_what_is_given_back_may_be_encashed_again_and_no_more_than_was(office: Office) -> None:
    office.opening("EL", 100)
    encash(office, 10)
    assert office.violation_code(propose, office, -11, "1 Mar") == "ENCASH_NOT_TAKEN"
    encash(office, -10, "2 Feb")
    assert office.available("EL") == 115
    encash(office, 10)


def test_an_order_says_the_occasion_of_an_encashment_and_of_nothing_else(office: Office) -> None:
    with pytest.raises(ValidationError, match="which occasion"):
        propose(office, 5, occasion="")
    order = LeaveAdjustment(
        organization=office.organization,
        employee=office.asha,
        kind="EL",
        type="MANUAL",
        days=1,
        occasion="TRAVEL",
        effective_on=JANUARY,
        reason="Audit",
    )
    with pytest.raises(ValidationError, match="Only what is encashed"):
        propose_adjustment(order, actor=office.hr)


def test_the_limits_are_numbers_of_the_version_of_the_day(office: Office) -> None:
    office.opening("EL", 100)
    data = ccs_1972_rules()
    data["switches"] |= {"encash_at_a_time": 15, "encash_remain": 0}
    publish_leave_policy(office.organization, data, on("1 Mar"))
    assert office.violation_code(propose, office, 15, "28 Feb") == "ENCASH_AT_A_TIME"
    encash(office, 15, "1 Mar")


# --- On leaving -----------------------------------------------------------------------------------
def test_e12_on_leaving_earned_and_half_pay_leave_are_300_days_together(office: Office) -> None:
    office.opening("EL", 280)
    office.opening("HPL", 100)
    leave_service(office, "NORMAL", LAST)
    # Half a year more: 15 of earned leave, 10 of half pay leave.
    encash(office, 295, "30 Jun", occasion="LEAVING")
    told = numbers(propose, office, 6, "30 Jun", "HPL", "LEAVING")
    assert told == {"kind": "HPL", "occasion": "LEAVING", "days": 6.0, "used": 295.0, "limit": 300}
    encash(office, 5, "30 Jun", "HPL", "LEAVING")
    assert (office.available("EL"), office.available("HPL")) == (0, 105)


def test_e9_what_was_encashed_with_travel_is_over_and_above(office: Office) -> None:
    office.opening("EL", 300)
    encash(office, 10)
    leave_service(office, "NORMAL", LAST)
    assert (
        office.violation_code(propose, office, 301, "30 Jun", occasion="LEAVING")
        == "ENCASH_LEAVING_LIMIT"
    )
    encash(office, 300, "30 Jun", occasion="LEAVING")


def test_e12_nothing_is_encashed_on_leaving_by_who_stays_nor_on_another_day(office: Office) -> None:
    office.opening("EL", 100)
    assert office.violation_code(propose, office, 50, occasion="LEAVING") == "ENCASH_NOT_LEAVING"
    leave_service(office, "NORMAL", LAST)
    assert numbers(propose, office, 50, "29 Jun", occasion="LEAVING")["left_on"] == "2026-06-30"
    assert (
        office.violation_code(propose, office, 200, "30 Jun", occasion="LEAVING")
        == "INSUFFICIENT_BALANCE"
    )


@pytest.mark.parametrize("manner", ["RESIGNED", "REMOVED"])
def test_g15_who_has_no_claim_encashes_nothing(office: Office, manner: str) -> None:
    office.opening("EL", 100)
    leave_service(office, manner, LAST)
    assert (
        office.violation_code(propose, office, 10, "30 Jun", occasion="LEAVING")
        == "ENCASH_FORFEITED"
    )


# --- The verb, and the arithmetic -----------------------------------------------------------------
def test_the_verb_proposes_and_another_person_confirms(office: Office) -> None:
    office.opening("EL", 50)
    account = LeaveAccount.objects.get(employee=office.asha, kind="EL")
    order = propose_encashment(
        account, "TRAVEL", Decimal(10), on("2 Feb"), actor=office.hr, reason="LTC"
    )
    assert (order.state, order.days, LeaveLedgerEntry.objects.filter(type="ENCASH").count()) == (
        "proposed",
        -10,
        0,
    )
    assert office.violation_code(decide_adjustment, order, actor=office.hr) == "TWO_PERSONS"
    with pytest.raises(ValidationError, match="above zero"):
        propose_encashment(
            account, "TRAVEL", Decimal(-1), on("2 Feb"), actor=office.hr, reason="LTC"
        )


def test_the_room_says_the_most_that_would_not_be_refused(office: Office) -> None:
    office.opening("EL", 22)
    travel, leaving = encashment_limits(office.asha, "EL", on("2 Feb"))
    assert (travel.max_half_days, leaving.max_half_days) == (14, 0)
    propose(office, 7)
    assert office.violation_code(propose, office, 8) == "ENCASH_REMAINDER"
    Employee.objects.filter(pk=office.asha.pk).update(left_on=LAST)
    office.asha.refresh_from_db()
    assert encashment_limits(office.asha, "EL", on("2 Feb"))[1].max_half_days == 2 * 37


@given(
    occasion=st.sampled_from(EncashmentOccasion),
    kind=st.sampled_from([LeaveType.EL, LeaveType.HPL, LeaveType.CL]),
    available=DAYS,
    used=DAYS,
    same_day=DAYS,
    left=st.sampled_from([None, LAST]),
    forfeits=st.booleans(),
)
def test_the_most_is_allowed_and_a_day_more_is_not(
    occasion: EncashmentOccasion,
    kind: LeaveType,
    available: int,
    used: int,
    same_day: int,
    left: date | None,
    forfeits: bool,
) -> None:
    standing = EncashmentPosition(available, max(used, same_day), used, same_day, left, forfeits)

    def allowed(half_days: int) -> bool:
        return not list(
            encashment_refusals(
                EncashmentRequest(kind, occasion, LAST, half_days), standing, POLICY
            )
        )

    room = max_encashable(EncashmentRequest(kind, occasion, LAST, 0), standing, POLICY)
    assert room == 0 or allowed(room)
    assert not allowed(room + 2)
