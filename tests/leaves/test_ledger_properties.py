"""Whatever happens in whatever order: balances do not depend on jobs, do not fall below the floor,
and come back exactly.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leaves import due_postings
from leaves.accrual import AccrualTerms, ServicePeriod, due_entries
from leaves.balances import BalanceProjection, missing_entries
from leaves.day_counting import (
    Spell,
    calculate_all_day_debits,
    calculate_day_debits,
    total_half_days,
)
from leaves.models import Absence, CalendarDay, HolidayCalendar, LeaveApplication, LeaveLedgerEntry
from leaves.policies import LeavePolicyHistory, LeaveType
from leaves.services.absences import revoke_absence
from leaves.services.amendments import cancel_leave, convert_leave, curtail_leave
from leaves.services.application_data import LeaveApplicationData
from leaves.services.applications import apply_for_leave
from leaves.services.calendar_publishing import (
    add_calendar_days,
    draft_holiday_calendar,
    publish_holiday_calendar,
)
from leaves.services.decisions import decide_leave
from leaves.services.late_marks import LateDecision, record_late_mark
from leaves.services.overstays import record_overstay
from tests.leaves.conftest import Office
from tests.leaves.test_rules import ALMANAC, GROUND, JANUARY, POLICY

DAYS = st.integers(0, 364).map(lambda number: JANUARY + timedelta(days=number))
MOVES = st.lists(st.tuples(DAYS, st.integers(-20, 0)), max_size=12)


def terms(
    kind: LeaveType, joined: date = date(2020, 1, 1), opened: date | None = None
) -> AccrualTerms:
    rules = LeavePolicyHistory((POLICY,))
    return AccrualTerms(
        lambda day: rules.rule_for(kind, day), ServicePeriod(joined), JANUARY, opened_on=opened
    )


@given(
    moves=MOVES,
    ran_on=st.lists(DAYS, max_size=4),
    kind=st.sampled_from([LeaveType.CL, LeaveType.EL, LeaveType.HPL, LeaveType.RH]),
)
def test_what_is_posted_in_the_end_does_not_depend_on_when_the_job_ran(
    moves: list[tuple[date, int]], ran_on: list[date], kind: LeaveType
) -> None:
    last = date(2027, 1, 1)

    def post(days: list[date], upto: int) -> dict[tuple[str, date], int]:
        posted: dict[tuple[str, date], int] = {}
        for number, day in enumerate(days):
            known = moves if number == len(days) - 1 else moves[:upto]
            visible = {
                k: v
                for k, v in posted.items()
                if k[1] < day or (k[1] == day and not k[0].endswith("LAPSE"))
            }
            for due in missing_entries(due_entries(terms(kind), known, day), visible):
                posted[due.slot, due.day] = posted.get((due.slot, due.day), 0) + due.half_days
        return {key: amount for key, amount in posted.items() if amount}

    assert post([last], 0) == post([*ran_on, last], len(moves) // 2)


@given(moves=MOVES, opening=st.integers(0, 700))
def test_no_account_is_carried_over_its_ceiling_and_nothing_lapses_twice(
    moves: list[tuple[date, int]], opening: int
) -> None:
    before = date(2025, 12, 31)
    book = BalanceProjection(terms(LeaveType.EL, opened=before), [(before, opening), *moves])
    assert book.balance_on(date(2026, 6, 30)) <= 600
    assert book.balance_on(date(2026, 12, 31)) <= 600
    lapses = [one for one in book.rule_entries(date(2027, 1, 1)) if one.type == "LAPSE"]
    assert all(one.half_days < 0 for one in lapses)


@given(
    opening=st.integers(0, 60),
    day=DAYS,
    kind=st.sampled_from([LeaveType.CL, LeaveType.EL, LeaveType.RH]),
)
def test_what_is_available_can_be_taken_and_one_half_day_more_cannot(
    opening: int, day: date, kind: LeaveType
) -> None:
    before = date(2025, 12, 31)
    book = BalanceProjection(terms(kind, opened=before), [(before, opening)])
    most = book.available_on(day)
    assert book.can_afford([(day, -most)])
    assert not book.can_afford([(day, -most - 1)])


@given(first=DAYS, length=st.integers(0, 40), cut=st.integers(0, 40))
def test_earned_leave_in_two_parts_costs_what_it_costs_in_one(
    first: date, length: int, cut: int
) -> None:
    last = min(first + timedelta(days=length), date(2026, 12, 31))
    middle = first + timedelta(days=cut)
    if not first <= middle < last:
        return
    whole = calculate_day_debits(Spell(0, LeaveType.EL, first, last), GROUND)
    parts = calculate_all_day_debits(
        [
            Spell(1, LeaveType.EL, first, middle),
            Spell(2, LeaveType.EL, middle + timedelta(days=1), last),
        ],
        GROUND,
    )
    assert total_half_days(parts[1]) + total_half_days(parts[2]) == total_half_days(whole)


@given(first=DAYS, length=st.integers(0, 10))
def test_casual_leave_costs_its_working_days(first: date, length: int) -> None:
    last = min(first + timedelta(days=length), date(2026, 12, 31))
    working = sum(
        not ALMANAC.is_off(first + timedelta(days=n)) for n in range((last - first).days + 1)
    )
    assert (
        total_half_days(calculate_day_debits(Spell(0, LeaveType.CL, first, last), GROUND))
        == 2 * working
    )


STEP = st.one_of(
    st.tuples(
        st.just("apply"),
        st.sampled_from(["CL", "EL", "HPL", "RH"]),
        st.integers(40, 300),
        st.integers(0, 6),
    ),
    st.tuples(
        st.sampled_from(["approve", "reject", "cancel", "curtail"]),
        st.integers(0, 9),
        st.integers(0, 5),
    ),
    st.tuples(st.just("holiday"), st.integers(40, 300), st.booleans()),
    st.tuples(st.just("job"), st.integers(0, 364)),
    st.tuples(st.just("late"), st.integers(40, 300), st.booleans()),
    st.tuples(st.just("overstay"), st.integers(40, 300), st.integers(0, 6)),
    st.tuples(st.just("convert"), st.integers(0, 9), st.sampled_from(["EL", "HPL"])),
)


def act(office: Office, step: tuple[Any, ...]) -> None:
    """One thing that somebody does; what the rules refuse changes nothing."""
    rows = list(LeaveApplication.objects.order_by("pk"))
    try:
        with transaction.atomic():
            if step[0] == "apply":
                first = JANUARY + timedelta(days=step[2])
                wish = LeaveApplicationData(
                    step[1], first, first + timedelta(days=step[3]), reason="x"
                )
                apply_for_leave(office.asha, wish, actor=None)
            elif step[0] == "holiday":
                change_calendar(office, JANUARY + timedelta(days=step[1]), closed=step[2])
            elif step[0] == "job":
                due_postings.settle_employee(office.asha, JANUARY + timedelta(days=step[1]))
            elif step[0] == "late":
                late = LateDecision(30, step[2], "Train")
                record_late_mark(
                    office.asha, JANUARY + timedelta(days=step[1]), late, actor=office.bala
                )
            elif step[0] == "overstay":
                first = JANUARY + timedelta(days=step[1])
                record_overstay(
                    office.asha, first, first + timedelta(days=step[2]), actor=office.hr
                )
            elif rows:
                change(office, rows[step[1] % len(rows)], step[0], step[2])
    except ValidationError:
        pass


def change(office: Office, row: LeaveApplication, what: str, how: Any) -> None:
    if what == "convert":
        convert_leave(row, kind=how, actor=office.bala)
    elif what == "cancel":
        cancel_leave(row, actor=office.bala)
    elif what == "curtail":
        curtail_leave(row, ends_on=row.starts_on + timedelta(days=how), actor=office.bala)
    else:
        decide_leave(row, actor=office.bala, approve=what == "approve")


def change_calendar(office: Office, day: date, *, closed: bool) -> None:
    draft = draft_holiday_calendar(office.organization, None, 2026)
    CalendarDay.objects.filter(calendar=draft, date=day).delete()
    if closed:
        add_calendar_days(draft, [(day, "LOCAL", "Closed")])
    publish_holiday_calendar(draft, actor=None)


def sums() -> dict[tuple[str, date], int]:
    rows = (
        LeaveLedgerEntry.objects.order_by()
        .values_list("account__kind", "effective_on")
        .annotate(total=Sum("half_days"))
    )
    return {(kind, day): total for kind, day, total in rows if total}


def lowest(kind: str) -> int:
    running = found = 0
    rows = (
        LeaveLedgerEntry.objects.filter(account__kind=kind)
        .order_by("effective_on")
        .values_list("effective_on", "half_days")
    )
    days: dict[date, int] = {}
    for day, amount in rows:
        days[day] = days.get(day, 0) + amount
    for day in sorted(days):
        running += days[day]
        found = min(found, running)
    return found


@pytest.mark.django_db
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(STEP, min_size=4, max_size=14))
def test_random_histories_keep_the_books(office: Office, steps: list[tuple[Any, ...]]) -> None:
    with transaction.atomic():
        for step in steps:
            act(office, step)
        due_postings.settle_employee(office.asha, date(2027, 1, 1))
        once = sums()
        assert all(lowest(kind) >= 0 for kind in ("CL", "EL", "HPL", "RH"))
        # Again, late, and for a past day: nothing moves.
        for day in (date(2026, 6, 30), date(2027, 1, 1), date(2026, 7, 1), date(2027, 1, 1)):
            due_postings.settle_employee(office.asha, day)
        assert sums() == once
        # Everything taken back: as if nobody had ever asked.
        for row in LeaveApplication.objects.live():
            cancel_leave(row, actor=office.bala)
        for lost in Absence.objects.all():
            revoke_absence(lost)
        due_postings.settle_employee(office.asha, date(2027, 1, 1))
        left = (
            LeaveLedgerEntry.objects.filter(application__isnull=False).aggregate(
                sum=Sum("half_days")
            )["sum"]
            or 0
        )
        assert left == 0
        assert (
            LeaveLedgerEntry.objects.filter(account__kind="EL").aggregate(sum=Sum("half_days"))[
                "sum"
            ]
            == 90
        )
        assert HolidayCalendar.objects.published().count() >= 1
        transaction.set_rollback(True)
