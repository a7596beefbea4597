"""What is left at credit when somebody resigns or is removed, and leave under suspension (G15)."""

from __future__ import annotations

import threading
from datetime import date, timedelta

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Conflict
from employees.models import Employee
from leaves.accrual import AccrualTerms, ExitManner, ServicePeriod, due_entries
from leaves.balances import BalanceProjection, missing_entries
from leaves.due_postings import employees_to_settle, settle_due_accounts, settle_employee
from leaves.models import LeaveAdjustment, LeaveLedgerEntry, LeaveProfile, Suspension
from leaves.policies import LeavePolicyHistory, LeaveType
from leaves.services.adjustments import decide_adjustment, propose_adjustment
from leaves.services.amendments import cancel_leave
from leaves.services.decisions import decide_leave
from leaves.services.profiles import save_leave_profile
from leaves.services.suspensions import end_suspension, revoke_suspension, save_suspension
from tests.leaves.conftest import Office
from tests.leaves.test_rules import JANUARY, POLICY, on

LEFT = date(2026, 3, 20)
DAYS = st.integers(0, 364).map(lambda number: JANUARY + timedelta(days=number))


def leave_service(office: Office, manner: str, day: date = LEFT) -> None:
    """Asha's last day of service."""
    Employee.objects.filter(pk=office.asha.pk).update(left_on=day)
    office.asha.refresh_from_db()
    LeaveProfile.objects.filter(employee=office.asha).delete()
    row = LeaveProfile(
        organization=office.organization,
        employee=office.asha,
        starts_on=JANUARY,
        exit_manner=manner,
    )
    save_leave_profile(row)


def forfeited(office: Office) -> dict[str, int]:
    """Half-days taken away, by account."""
    found: dict[str, int] = {}
    for kind, half_days in LeaveLedgerEntry.objects.filter(type="FORFEIT").values_list(
        "account__kind", "half_days"
    ):
        found[kind] = found.get(kind, 0) + half_days
    return {kind: amount for kind, amount in found.items() if amount}


@pytest.mark.parametrize("manner", ["RESIGNED", "REMOVED"])
def test_what_is_left_is_forfeited_by_the_job_after_the_last_day(
    office: Office, manner: str
) -> None:
    office.opening("EL", 50)
    leave_service(office, manner)
    settle_employee(office.asha, LEFT)
    assert forfeited(office) == {}
    settle_employee(office.asha, LEFT + timedelta(days=1))
    # Two whole months of service: 5 days of earned leave beside the 50, 3 of half pay leave.
    assert forfeited(office) == {"CL": -16, "RH": -4, "EL": -110, "HPL": -6}
    assert {one.effective_on for one in LeaveLedgerEntry.objects.filter(type="FORFEIT")} == {LEFT}


@pytest.mark.parametrize("manner", ["NORMAL", "DEATH"])
def test_who_retires_or_dies_keeps_the_claim(office: Office, manner: str) -> None:
    leave_service(office, manner)
    settle_employee(office.asha, LEFT + timedelta(days=30))
    assert forfeited(office) == {}


def test_the_job_may_run_again_and_only_the_difference_is_posted(office: Office) -> None:
    office.opening("EL", 50)
    leave_service(office, "RESIGNED")
    for day in (1, 2, 0, 40):
        settle_employee(office.asha, LEFT + timedelta(days=day))
    entries = LeaveLedgerEntry.objects.filter(type="FORFEIT", account__kind="EL").count()
    assert entries == 1
    assert settle_due_accounts(on=LEFT + timedelta(days=40)) >= 0
    order = LeaveAdjustment(
        organization=office.organization,
        employee=office.asha,
        kind="EL",
        type="MANUAL",
        days=-5,
        effective_on=LEFT,
        reason="Audit",
    )
    decide_adjustment(propose_adjustment(order, actor=office.hr), actor=office.chief)
    settle_employee(office.asha, LEFT + timedelta(days=41))
    rows = LeaveLedgerEntry.objects.filter(type="FORFEIT", account__kind="EL").values_list(
        "half_days", flat=True
    )
    assert list(rows.order_by("id")) == [-110, 10]


def test_the_job_stops_between_two_people_when_it_is_asked_to(office: Office) -> None:
    leave_service(office, "RESIGNED")
    asked = threading.Event()
    asked.set()
    day = LEFT + timedelta(days=30)
    before = len(employees_to_settle(office.organization, day))
    assert before > 1
    assert settle_due_accounts(on=day, stop=asked) == 1
    assert len(employees_to_settle(office.organization, day)) == before - 1


def test_a_correction_of_how_service_ended_gives_it_back(office: Office) -> None:
    leave_service(office, "RESIGNED")
    settle_employee(office.asha, LEFT + timedelta(days=1))
    leave_service(office, "NORMAL")
    settle_employee(office.asha, LEFT + timedelta(days=1))
    assert forfeited(office) == {}


def test_a_statement_shows_what_was_forfeited_as_lapsed(office: Office) -> None:
    leave_service(office, "RESIGNED", on("30 Jan"))
    row = office.statement_row("CL")
    assert (row.credited, row.lapsed, row.available) == (16, 16, 0)


@given(
    moves=st.lists(st.tuples(DAYS, st.integers(-20, 6)), max_size=8),
    left=DAYS,
    ran_on=st.lists(DAYS, max_size=3),
    manner=st.sampled_from(list(ExitManner)),
    kind=st.sampled_from([LeaveType.CL, LeaveType.EL, LeaveType.HPL]),
)
def test_nothing_is_left_after_a_forfeiture_whenever_the_job_ran(
    moves: list[tuple[date, int]],
    left: date,
    ran_on: list[date],
    manner: ExitManner,
    kind: LeaveType,
) -> None:
    rules, end = LeavePolicyHistory((POLICY,)), date(2027, 1, 1)
    terms = AccrualTerms(
        lambda day: rules.rule_for(kind, day),
        ServicePeriod(date(2020, 1, 1), left, manner),
        JANUARY,
    )
    posted: dict[tuple[str, date], int] = {}
    for day in (*ran_on, end):
        visible = {
            key: amount
            for key, amount in posted.items()
            if key[1] < day or (key[1] == day and not key[0].endswith(("LAPSE", "FORFEIT")))
        }
        for due in missing_entries(due_entries(terms, moves, day), visible):
            posted[due.slot, due.day] = posted.get((due.slot, due.day), 0) + due.half_days
    assert {key: amount for key, amount in posted.items() if amount} == {
        (due.slot, due.day): due.half_days for due in due_entries(terms, moves, end)
    }
    forfeits = manner in (ExitManner.RESIGNED, ExitManner.REMOVED)
    balance = BalanceProjection(terms, moves).balance_on(left)
    assert balance <= 0 if forfeits else True


# --- Suspension -----------------------------------------------------------------------------------
def suspend(office: Office, first: str, last: str | None = None) -> Suspension:
    row = Suspension(
        organization=office.organization,
        employee=office.asha,
        starts_on=on(first),
        ends_on=on(last) if last else None,
        reason="Order 7",
    )
    return save_suspension(row, actor=office.hr)


def test_no_leave_is_asked_for_nor_granted_under_suspension(office: Office) -> None:
    pending = office.apply("CL", "6 Jul")
    suspend(office, "1 Jul")
    assert office.violation_code(office.apply, "CL", "13 Jul") == "SUSPENDED"
    assert office.violation_code(office.apply, "CL", "30 Jun", "1 Jul") == "SUSPENDED"
    assert (
        office.violation_code(decide_leave, pending, actor=office.bala, approve=True) == "SUSPENDED"
    )
    assert decide_leave(pending, actor=office.bala, approve=False).status == "rejected"
    office.apply("CL", "30 Jun")


def test_a_suspension_ends_or_is_taken_back_and_is_not_changed(office: Office) -> None:
    row = suspend(office, "1 Jul")
    assert office.violation_code(end_suspension, row, on("30 Jun")) == "DATES_REVERSED"
    end_suspension(row, on("10 Jul"))
    office.apply("CL", "13 Jul")
    assert office.violation_code(office.apply, "CL", "10 Jul") == "SUSPENDED"
    revoke_suspension(row)
    office.apply("CL", "9 Jul")
    with pytest.raises(Conflict):
        end_suspension(row, on("12 Jul"))
    with pytest.raises(ValidationError):
        save_suspension(row)


def test_leave_granted_before_a_suspension_stays_until_hr_takes_it_back(office: Office) -> None:
    granted = office.grant("CL", "6 Jul")
    suspend(office, "1 Jul")
    granted.refresh_from_db()
    assert granted.status == "approved"
    cancel_leave(granted, actor=office.hr)
