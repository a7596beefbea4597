"""Many hands on one account at once, with real threads and real commits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, connections, transaction

from core.errors import RuleViolation
from employees.models import HalfDayReservation
from leaves import due_postings
from leaves.models import (
    CalendarDay,
    LeaveAdjustment,
    LeaveApplication,
    LeaveDay,
    LeaveEvent,
    LeaveLedgerEntry,
)
from leaves.services.adjustments import decide_adjustment, propose_adjustment
from leaves.services.application_data import LeaveApplicationData
from leaves.services.applications import apply_for_leave
from leaves.services.calendar_publishing import draft_holiday_calendar, publish_holiday_calendar
from leaves.services.decisions import decide_leave, recommend_leave
from leaves.services.policy_publishing import (
    ccs_1972_rules,
    draft_leave_policy,
    publish_leave_policy,
)
from tests import people
from tests.leaves.conftest import Office, make_office
from tests.leaves.test_rules import on

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def office(transactional_db: None) -> Iterator[Office]:
    yield make_office(people.make_world())


def at_once(calls: list[Callable[[], Any]]) -> list[str]:
    """Run all at once; what each came to: "done", or the code it was refused with."""

    def outcome(call: Callable[[], Any]) -> str:
        try:
            call()
        except ValidationError as error:
            assert isinstance(error, RuleViolation)
            return error.code
        finally:
            connections.close_all()
        return "done"

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(outcome, calls))


def test_parallel_applications_do_not_overdraw(office: Office) -> None:
    days = [f"{day} Jul" for day in (1, 2, 6, 7, 8, 9, 13, 14, 20, 21, 22, 27)]
    outcomes = at_once([lambda day=day: office.apply("CL", day) for day in days])  # type: ignore[misc]
    assert outcomes.count("done") == 8
    assert set(outcomes) == {"done", "INSUFFICIENT_BALANCE"} or "MAX_AT_A_STRETCH" in outcomes
    assert office.available("CL") == 0


@pytest.mark.skipif(connection.vendor != "postgresql", reason="on SQLite all writers take turns")
def test_nobody_waits_for_the_application_of_somebody_else(office: Office) -> None:
    other = people.make_employee(office.organization, "2002", "Dev")
    with transaction.atomic():
        apply_for_leave(
            office.asha,
            LeaveApplicationData("CL", on("6 Jul"), on("6 Jul"), reason="personal"),
            actor=None,
        )
        assert at_once([lambda: office.apply("CL", "6 Jul", employee=other)]) == ["done"]


def test_parallel_applications_for_the_same_days_leave_one(office: Office) -> None:
    outcomes = at_once([lambda: office.apply("CL", "6 Jul", "8 Jul")] * 6)
    assert sorted(outcomes) == ["OVERLAP"] * 5 + ["done"]
    assert (LeaveApplication.objects.count(), HalfDayReservation.objects.count()) == (1, 6)


def test_parallel_applications_of_kinds_that_do_not_mix_leave_one(office: Office) -> None:
    outcomes = at_once([lambda: office.apply("CL", "9 Jul"), lambda: office.apply("EL", "10 Jul")])
    assert sorted(outcomes) == ["COMBINATION_NOT_ALLOWED", "done"]


def test_two_approvers_at_once_are_one_decision(office: Office) -> None:
    application = office.apply("CL", "6 Jul")
    decide = decide_leave
    outcomes = at_once(
        [
            lambda: decide(application, actor=office.bala, approve=True),
            lambda: decide(application, actor=office.hr, approve=False),
            lambda: decide(application, actor=office.chief, approve=True),
        ]
    )
    assert sorted(outcomes) == ["ALREADY_DECIDED", "ALREADY_DECIDED", "done"]
    assert LeaveEvent.objects.filter(application=application).count() == 2
    application.refresh_from_db()
    assert LeaveLedgerEntry.objects.filter(application=application).count() == (
        1 if application.status == "approved" else 0
    )


def test_the_job_in_many_places_at_once_posts_once(office: Office) -> None:
    at_once([lambda: due_postings.settle_employee(office.asha, date(2026, 7, 1))] * 6)
    slots = list(
        LeaveLedgerEntry.objects.filter(account__employee=office.asha).values_list(
            "account__kind", "slot", "number"
        )
    )
    assert {number for _kind, _slot, number in slots} == {1}
    assert len(slots) == len(set(slots)) == 6


def test_a_calendar_published_while_leave_is_approved_is_worked_in(office: Office) -> None:
    application = office.apply("CL", "6 Jul", "8 Jul")
    draft = draft_holiday_calendar(office.organization, None, 2026)
    CalendarDay.objects.create(
        organization=office.organization,
        calendar=draft,
        date=on("7 Jul"),
        mark="LOCAL",
        name="Flood",
    )
    outcomes = at_once(
        [
            lambda: publish_holiday_calendar(draft, actor=None),
            lambda: decide_leave(application, actor=office.bala, approve=True),
        ]
    )
    assert outcomes == ["done", "done"]
    assert {
        day.date: day.half_days for day in LeaveDay.objects.filter(application=application)
    } == {
        on("6 Jul"): 2,
        on("7 Jul"): 0,
        on("8 Jul"): 2,
    }
    assert office.available("CL") == 6


def test_two_officers_who_recommend_at_once_are_one_recommendation(office: Office) -> None:
    application = office.apply("CL", "6 Jul")
    recommend = recommend_leave
    outcomes = at_once(
        [
            lambda: recommend(application, actor=office.bala, recommended=True),
            lambda: recommend(application, actor=office.hr, recommended=False),
        ]
    )
    assert sorted(outcomes) == ["ALREADY_RECOMMENDED", "done"]
    assert LeaveEvent.objects.filter(application=application).count() == 2


def test_rules_published_while_leave_is_asked_for_are_worked_in(office: Office) -> None:
    office.opening("EL", 50)
    data = ccs_1972_rules()
    data["kinds"]["EL"]["counts_off_days"] = False
    draft = draft_leave_policy(office.organization, data, on("1 Feb"))
    outcomes = at_once(
        [
            lambda: publish_leave_policy(draft, actor=None),
            lambda: office.apply("EL", "2 Jul", "7 Jul"),
            lambda: office.apply("EL", "6 Aug", "11 Aug"),
        ]
    )
    assert outcomes == ["done", "done", "done"]
    assert office.statement_row("EL").held == 16


def test_two_encashments_confirmed_at_once_do_not_pass_the_limit(office: Office) -> None:
    office.opening("EL", 100)
    orders = [
        propose_adjustment(
            LeaveAdjustment(
                organization=office.organization,
                employee=office.asha,
                kind="EL",
                type="ENCASH",
                occasion="TRAVEL",
                days=-10,
                effective_on=on("2 Feb"),
                reason="LTC",
            ),
            actor=office.hr,
        )
        for _ in range(3)
    ]
    outcomes = at_once(
        [lambda one=one: decide_adjustment(one, actor=office.chief) for one in orders]
    )  # type: ignore[misc]
    assert sorted(outcomes) == ["ENCASH_AT_A_TIME", "ENCASH_AT_A_TIME", "done"]
    assert office.available("EL") == 105
