"""Late coming (L1 to L4 of the leave rules): which days wait for HR, what they cost, and what can
be condoned.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from attendance.lateness import services as lateness_services
from attendance.models import LateDay
from core.errors import RuleViolation
from leaves.models import LateMark, LeaveLedgerEntry
from leaves.services.policy_publishing import ccs_1972_rules
from tests import people
from tests.leaves.conftest import Office, make_office, publish_leave_policy

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    with time_machine.travel("2026-02-27T12:00:00+00:00", tick=False):
        yield


@pytest.fixture
def office(world: people.World) -> Office:
    return make_office(world)


def day(office: Office, on: date, late: int = 20, early: int = 0, **facts: Any) -> LateDay:
    wanted = {
        "organization": office.organization,
        "employee": office.asha,
        "date": on,
        "zone": "Asia/Kolkata",
        "status": "present",
        "first_half": "present",
        "second_half": "present",
        "late_by": late,
        "early_by": early,
    }
    return LateDay.objects.create(**(wanted | facts))


def feb(number: int) -> date:
    return date(2026, 2, number)


def waiting(office: Office) -> list[date]:
    return sorted(
        lateness_services.undecided_late_days(LateDay.objects.of(office.organization)).values_list(
            "date", flat=True
        )
    )


def condone(office: Office, one: LateDay, reason: str = "Train") -> str:
    return lateness_services.decide_late_day(
        one, condone=True, reason=reason, actor=office.hr
    ).outcome


def debit(office: Office, one: LateDay) -> str:
    return lateness_services.decide_late_day(one, condone=False, reason="", actor=office.hr).outcome


# --- Which days wait ------------------------------------------------------------------------------
def test_a_late_day_waits_and_one_in_time_does_not(office: Office) -> None:
    day(office, feb(3)), day(office, feb(4), 0)
    assert waiting(office) == [feb(3)]


def test_leaving_early_is_late_coming_too_l2(office: Office) -> None:
    one = day(office, feb(3), late=10, early=15)
    day(office, feb(4), late=0, early=5)
    assert (waiting(office), lateness_services.late_minutes(one)) == ([feb(3), feb(4)], 25)
    debit(office, one)
    assert LateMark.objects.get(date=feb(3)).minutes == 25


def test_a_day_that_is_not_over_does_not_wait(office: Office) -> None:
    day(office, feb(27), open_until=timezone.now() + timedelta(hours=4))
    assert waiting(office) == []


def test_a_decided_day_and_one_of_long_ago_do_not_wait(office: Office) -> None:
    decided = day(office, feb(3))
    day(office, date(2024, 12, 2))
    debit(office, decided)
    assert waiting(office) == []


def test_a_mark_of_somebody_else_decides_nothing(office: Office, world: people.World) -> None:
    day(office, feb(3))
    debit(office, day(office, feb(3), employee=world.bala))
    assert waiting(office) == [feb(3)]


# --- What it costs --------------------------------------------------------------------------------
def test_half_a_day_of_casual_leave_is_taken_l1(office: Office) -> None:
    assert debit(office, day(office, feb(3))) == "debited"
    assert office.available("CL") == 7.5
    assert LeaveLedgerEntry.objects.get(type=LeaveLedgerEntry.Type.LATE_DEBIT).account.kind == "CL"


def test_nothing_is_taken_until_somebody_decides(office: Office) -> None:
    day(office, feb(3))
    assert office.available("CL") == 8


def test_up_to_an_hour_is_condoned_for_a_reason_and_longer_is_not_l1(office: Office) -> None:
    assert condone(office, day(office, feb(3), 60)) == "condoned"
    assert office.violation_code(condone, office, day(office, feb(4), 61)) == "LATE_TOO_LONG"
    assert office.violation_code(condone, office, day(office, feb(5), 40, 21)) == "LATE_TOO_LONG"
    assert (
        office.violation_code(condone, office, day(office, feb(6)), " ") == "LATE_REASON_REQUIRED"
    )
    assert waiting(office) == [feb(4), feb(5), feb(6)]


def test_twice_a_month_is_condoned_and_not_a_third_time_l1(office: Office) -> None:
    first, second, third = (day(office, feb(number)) for number in (3, 4, 5))
    assert [condone(office, first), condone(office, second)] == ["condoned", "condoned"]
    assert office.violation_code(condone, office, third) == "LATE_LIMIT"
    assert condone(office, day(office, date(2026, 1, 30))) == "condoned"
    assert debit(office, third) == "debited"


def test_without_casual_leave_half_a_day_is_owed_and_no_earned_leave_is_touched_l3(
    office: Office,
) -> None:
    office.opening("EL", 10)
    office.grant("CL", "9 Feb", "13 Feb"), office.grant("CL", "18 Feb", "20 Feb")
    before = office.available("EL")
    assert lateness_services.casual_leave_left(day(office, feb(3))) == 0
    assert debit(office, LateDay.objects.get(date=feb(3))) == "owed"
    assert (office.available("EL"), office.available("CL")) == (before, 0)


def test_where_the_rules_say_so_only_who_has_no_casual_leave_is_condoned_l4(office: Office) -> None:
    data = ccs_1972_rules()
    data["switches"]["late_spent_only"] = True
    publish_leave_policy(office.organization, data | {"name": "Since February"}, date(2026, 2, 1))
    assert office.violation_code(condone, office, day(office, feb(3))) == "LATE_CASUAL_LEFT"
    office.grant("CL", "9 Feb", "13 Feb"), office.grant("CL", "18 Feb", "20 Feb")
    assert condone(office, day(office, feb(4))) == "condoned"


# --- Who decides, and when ------------------------------------------------------------------------
def test_a_day_is_decided_once(office: Office) -> None:
    one = day(office, feb(3))
    debit(office, one)
    assert office.violation_code(condone, office, one) == "ALREADY_DECIDED"
    assert office.available("CL") == 7.5


def test_a_day_that_was_worked_out_anew_meanwhile_costs_nothing(office: Office) -> None:
    one = day(office, feb(3))
    LateDay.objects.filter(pk=one.pk).update(late_by=0)
    assert office.violation_code(debit, office, one) == "NOT_LATE"
    assert office.available("CL") == 8


def test_nobody_decides_on_their_own(office: Office, world: people.World) -> None:
    mine = day(office, feb(3), employee=world.bala)
    with pytest.raises(PermissionDenied):
        lateness_services.decide_late_day(mine, condone=True, reason="Train", actor=office.bala)
    assert waiting(office) == [feb(3)]


def test_a_refusal_leaves_nothing_behind(office: Office) -> None:
    one = day(office, feb(3), 90)
    with pytest.raises(RuleViolation):
        lateness_services.decide_late_day(one, condone=True, reason="Train", actor=office.hr)
    assert not LateMark.objects.exists()
    assert not LeaveLedgerEntry.objects.filter(type=LeaveLedgerEntry.Type.LATE_DEBIT).exists()
