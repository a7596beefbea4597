"""Files of times: each row is judged alone, what is good is stored in one go, and the same file
twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from attendance.background import changes
from attendance.corrections import imports as correction_imports
from attendance.corrections.import_rows import JudgedRow
from attendance.corrections.imports import ImportFile
from attendance.corrections.inputs import TimeEntry
from attendance.corrections.services import correct_times
from attendance.corrections.sheet_lines import COLUMNS, SheetLine
from attendance.models import Correction, ManualImport, PeriodLock, StaleDayRange
from employees.models import Assignment
from employees.services import save_assignment, save_employee
from tests.attendance.background.test_recalculation import (
    MONDAY,
    NOW,
    at,
    comes,
    day,
    roster,
    settle,
    shift,
)
from tests.people import World as People
from tests.people import make_employee, make_site, make_staff, make_world

pytestmark = pytest.mark.django_db
TUESDAY = MONDAY + timedelta(days=1)


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def world(db: None) -> People:
    found = make_world()
    changes.process_changes()
    StaleDayRange.objects.all().delete()
    return found


@pytest.fixture
def hr(world: People) -> User:
    return make_staff(world.acme, "hr", role="hr_admin")


def file(*rows: str, name: str = "times.csv") -> ImportFile:
    """Rows as `1001 2026-07-06 09:00 17:30 why`, a dash for an empty cell."""
    split = [[cell.replace("–", "") for cell in row.split(" ", 4)] for row in rows]
    lines = [
        SheetLine(number, dict(zip(COLUMNS, row, strict=True)))
        for number, row in enumerate(split, 2)
    ]
    return ImportFile.from_content(name, repr(rows).encode(), lines)


def judged(world: People, hr: User | None, *rows: str) -> list[JudgedRow]:
    return correction_imports.judge_import(world.acme, file(*rows), actor=hr)


def told(found: list[JudgedRow]) -> list[tuple[str, str]]:
    return [(one.outcome.value, one.field) for one in found]


def entered() -> set[tuple[str, Any, str | None]]:
    return {
        (row.employee.code, row.at, row.direction)
        for row in Correction.objects.select_related("employee")
    }


GOOD = ("1001 2026-07-06 09:00 17:30 reader broken", "1002 06/07/2026 09:15 – reader broken")


def test_good_rows_are_stored_in_one_go_and_the_days_follow(world: People, hr: User) -> None:
    kept, found = correction_imports.save_import(world.acme, file(*GOOD), actor=hr)
    assert told(found) == [("ok", ""), ("ok", "")]
    assert entered() == {
        ("1001", at(MONDAY, "09:00"), "in"),
        ("1001", at(MONDAY, "17:30"), "out"),
        ("1002", at(MONDAY, "09:15"), "in"),
    }
    assert kept is not None
    assert (kept.name, kept.rows, kept.imported_by, kept.corrections.count()) == (
        "times.csv",
        2,
        hr,
        3,
    )
    settle()
    assert (day(world).status, day(world).worked) == ("present", 480)


def test_judging_stores_nothing(world: People, hr: User) -> None:
    judged(world, hr, *GOOD)
    assert not Correction.objects.exists()
    assert not ManualImport.objects.exists()


def test_the_same_file_twice_changes_nothing(world: People, hr: User) -> None:
    first, _found = correction_imports.save_import(world.acme, file(*GOOD), actor=hr)
    again, found = correction_imports.save_import(world.acme, file(*GOOD), actor=hr)
    assert (again, told(found)) == (first, [("there", ""), ("there", "")])
    assert (Correction.objects.count(), ManualImport.objects.count()) == (3, 1)


def test_the_same_file_again_stores_what_could_not_be_stored_then(world: People, hr: User) -> None:
    rows = (*GOOD, "1003 2026-07-06 09:00 17:30 reader broken")
    first, found = correction_imports.save_import(world.acme, file(*rows), actor=hr)
    assert told(found)[2] == ("fault", "code")
    make_employee(world.acme, "1003", "Dev")
    again, found = correction_imports.save_import(world.acme, file(*rows), actor=hr)
    assert (again, told(found)) == (first, [("there", ""), ("there", ""), ("ok", "")])
    assert (Correction.objects.count(), ManualImport.objects.count()) == (5, 1)


def test_what_somebody_voided_does_not_come_back_with_the_same_file(
    world: People, hr: User
) -> None:
    correction_imports.save_import(world.acme, file(*GOOD), actor=hr)
    wrong = Correction.objects.get(employee=world.bala)
    correct_times(world.bala, reason="was ill", void=[-wrong.pk])
    _kept, found = correction_imports.save_import(world.acme, file(*GOOD), actor=hr)
    assert told(found) == [("there", ""), ("there", "")]


def test_a_file_with_nothing_good_leaves_no_trace(world: People, hr: User) -> None:
    assert (
        correction_imports.save_import(world.acme, file("77 2026-07-06 09:00 17:30 x"), actor=hr)[0]
        is None
    )
    assert not ManualImport.objects.exists()


@pytest.mark.parametrize(
    ("row", "field", "sentence"),
    [
        ("– 2026-07-06 09:00 17:30 x", "code", "Enter the employee code."),
        ("77 2026-07-06 09:00 17:30 x", "code", "No employee has the code 77."),
        ("1001 7/2026 09:00 17:30 x", "date", "Write a date as"),
        ("1001 2026-02-30 09:00 17:30 x", "date", "Write a date as"),
        ("1001 31/13/2026 09:00 17:30 x", "date", "Write a date as"),
        ("1001 2019-12-31 09:00 17:30 x", "date", "outside the period of service"),
        ("1001 2026-07-21 09:00 17:30 x", "date", "in the future"),
        ("1001 9999-12-31 09:00 17:30 x", "date", "in the future"),
        ("1001 0001-01-01 09:00 17:30 x", "date", "outside the period of service"),
        ("1001 2026-07-06 9 17:30 x", "in", "Write a time as"),
        ("1001 2026-07-06 25:00 17:30 x", "in", "Write a time as"),
        ("1001 2026-07-06 09:00 5pm x", "out", "Write a time as"),
        ("1001 2026-07-06 09:00 09:00 x", "out", "The out time must be after the in time."),
        ("1001 2026-07-06 03:00 – x", "in", "A time of this day must be between"),
        ("1001 2026-07-06 – – x", "in", "Enter a time"),
        ("1001 2026-07-06 09:00 17:30 –", "reason", "Enter a reason."),
        ("1001 2026-07-06 09:00 17:30 " + "x" * 401, "reason", "400 characters"),
        ("1001 2026-07-06 09:00 17:30 a\x00b", "reason", "This cell has unreadable characters."),
        ("1001 2026-07-20 09:00 18:00 x", "out", "in the future"),
    ],
)
def test_a_row_that_is_wrong_says_where_and_why(
    world: People, hr: User, row: str, field: str, sentence: str
) -> None:
    (found,) = judged(world, hr, row)
    assert (found.outcome, found.field) == ("fault", field)
    assert sentence in found.message


def test_a_faulty_row_holds_up_no_other(world: People, hr: User) -> None:
    _kept, found = correction_imports.save_import(
        world.acme, file("77 2026-07-06 09:00 17:30 x", *GOOD), actor=hr
    )
    assert (told(found), Correction.objects.count()) == (
        [("fault", "code"), ("ok", ""), ("ok", "")],
        3,
    )


def test_a_formula_is_a_fault_of_its_column(world: People, hr: User) -> None:
    lines = [SheetLine(2, dict(zip(COLUMNS, GOOD[0].split(" ", 4), strict=True)), formula="out")]
    (found,) = correction_imports.judge_import(
        world.acme, ImportFile("x", "0" * 64, lines), actor=hr
    )
    assert told([found]) == [("fault", "out")]


def test_nobody_imports_their_own_times(world: People) -> None:
    clerk = make_staff(world.acme, "bala-hr", employee=world.bala)
    assert told(judged(world, clerk, *GOOD)) == [("ok", ""), ("fault", "code")]


def test_a_code_of_another_organization_is_nobodys(world: People, hr: User) -> None:
    make_employee(world.zenith, "2002", "Elsewhere")
    assert told(judged(world, hr, "2002 2026-07-06 09:00 17:30 x")) == [("fault", "code")]
    correction_imports.save_import(world.acme, file(GOOD[0]), actor=hr)
    assert not Correction.objects.filter(employee=world.chitra).exists()


def test_who_leaves_before_they_came_leaves_the_next_day(world: People, hr: User) -> None:
    roster(world, shift(world, "Night", "22:00", "06:00"), employee=world.asha)
    correction_imports.save_import(world.acme, file("1001 2026-07-06 21:55 06:05 night"), actor=hr)
    assert {row[1] for row in entered()} == {at(MONDAY, "21:55"), at(TUESDAY, "06:05")}


def test_who_leaves_a_night_without_having_come_leaves_the_next_day(
    world: People, hr: User
) -> None:
    roster(world, shift(world, "Night", "22:00", "06:00"), employee=world.asha)
    correction_imports.save_import(world.acme, file("1001 2026-07-06 – 07:10 night"), actor=hr)
    assert {row[1] for row in entered()} == {at(TUESDAY, "07:10")}


def test_times_are_read_where_somebody_works_on_that_date(world: People, hr: User) -> None:
    tokyo = make_site(world.acme, "Tokyo", timezone="Asia/Tokyo")
    save_assignment(
        Assignment(organization=world.acme, employee=world.asha, site=tokyo, starts_on=TUESDAY)
    )
    correction_imports.save_import(
        world.acme, file("1001 2026-07-06 09:00 – x", "1001 2026-07-07 09:00 – x"), actor=hr
    )
    assert {row[1] for row in entered()} == {
        at(MONDAY, "09:00"),
        at(TUESDAY, "09:00", "Asia/Tokyo"),
    }


def test_a_time_that_a_reader_saw_is_there_already(world: People, hr: User) -> None:
    comes(world, MONDAY, "09:00", "in")
    comes(world, MONDAY, "17:30", None)
    assert told(judged(world, hr, GOOD[0])) == [("there", "")]


def test_of_a_row_only_what_is_missing_is_entered(world: People, hr: User) -> None:
    correct_times(world.asha, reason="x", enter=[TimeEntry(at(MONDAY, "09:00"), "in")])
    _kept, (found,) = correction_imports.save_import(world.acme, file(GOOD[0]), actor=hr)
    assert (found.outcome, found.message) == ("ok", "One of the two times is already entered.")
    assert Correction.objects.filter(employee=world.asha).count() == 2


def test_a_row_that_repeats_one_above_says_which(world: People, hr: User) -> None:
    _kept, found = correction_imports.save_import(
        world.acme, file(GOOD[0], "1001 06/07/2026 9:00 17:30 again"), actor=hr
    )
    assert (told(found)[1], found[1].message) == (("there", ""), "The same as row 2.")
    assert Correction.objects.count() == 2


def test_rows_of_a_locked_month_say_where_they_will_count(world: People, hr: User) -> None:
    PeriodLock.objects.create(organization=world.acme, month=date(2026, 6, 1))
    first, second = judged(world, hr, "1001 2026-06-30 09:00 17:30 x", GOOD[0])
    assert (first.posted_to, second.posted_to) == (date(2026, 7, 1), None)


def test_the_last_night_of_service_may_end_after_it(world: People, hr: User) -> None:
    world.asha.left_on = MONDAY
    save_employee(world.asha)
    roster(world, shift(world, "Night", "22:00", "06:00"), employee=world.asha)
    assert told(
        judged(world, hr, "1001 2026-07-06 22:00 06:00 x", "1001 2026-07-07 22:00 – x")
    ) == [
        ("ok", ""),
        ("fault", "date"),
    ]


def test_how_many_people_there_are_does_not_change_how_many_queries_it_takes(
    world: People, hr: User
) -> None:
    people = [
        make_employee(world.acme, f"9{number:02}", f"Person {number}") for number in range(20)
    ]
    rows = [f"{one.code} 2026-07-06 09:00 17:30 x" for one in people]
    counts = []
    for some in (rows[:2], rows[2:]):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            correction_imports.save_import(world.acme, file(*some), actor=hr)
        counts.append(len(queries))
    assert counts[0] == counts[1]


clocks = st.one_of(st.just("–"), st.times().map(lambda one: f"{one:%H:%M}"))
days = st.sampled_from(["2026-07-06", "07/07/2026", "soon"])
rows_of = st.lists(
    st.tuples(st.sampled_from(["1001", "1002", "77"]), days, clocks, clocks), min_size=1, max_size=6
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None
)
@given(rows_of)
def test_whatever_is_in_a_file_the_second_time_finds_all_of_it_there(
    world: People, rows: list[tuple[str, ...]]
) -> None:
    wanted = file(*(" ".join([*row, "x"]) for row in rows))
    _kept, first = correction_imports.save_import(world.acme, wanted, actor=None)
    before = entered()
    _kept, second = correction_imports.save_import(world.acme, wanted, actor=None)
    assert {"ok": "there"}.get(first[0].outcome, first[0].outcome) == second[0].outcome
    assert (correction_imports.count_outcomes(second)["ok"], entered()) == (0, before)
