"""Times are put right beside the punches, by one verb, and the days follow."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
import time_machine
from django.core.exceptions import PermissionDenied
from hypothesis import given
from hypothesis import strategies as st

from attendance import recalculation_queue
from attendance.background import changes
from attendance.corrections.inputs import CorrectionInput, CorrectionOrigin, TimeEntry
from attendance.corrections.services import bulk_correct_times, correct_times
from attendance.corrections.superseded import ProposedTimes, superseded_punches
from attendance.days import locking
from attendance.days.calculation import calculate_day
from attendance.days.counted_punches import CountedPunch
from attendance.days.results import DayContext
from attendance.models import (
    Correction,
    DayAdjustment,
    PeriodLock,
    Punch,
    PunchMatch,
    StaleDayRange,
)
from core.errors import RuleViolation
from employees.models import Assignment
from employees.services import save_assignment, save_employee
from shifts.schedule import GENERAL_SHIFT, resolve_scheduled_shift
from tests.attendance.background.test_recalculation import MONDAY, NOW, at, comes, day, settle
from tests.people import World as People
from tests.people import make_punch, make_site, make_staff, make_world

pytestmark = pytest.mark.django_db
DUTY = resolve_scheduled_shift(MONDAY, [], GENERAL_SHIFT, "Asia/Kolkata", calendar_off=False)


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


def enter(
    world: People, *times: tuple[str, str | None], on: date = MONDAY, **more: Any
) -> list[Correction]:
    entries = [TimeEntry(at(on, clock), way) for clock, way in times]
    return correct_times(world.asha, reason="forgot the card", enter=entries, **more)


def refused(call: Any, *values: Any, **more: Any) -> tuple[str, str]:
    """The code of a refusal and its field."""
    with pytest.raises(RuleViolation) as caught:
        call(*values, **more)
    return caught.value.code, next(iter(caught.value.error_dict))


# --- The verb ------------------------------------------------------------------------
def test_an_entered_time_counts_and_the_punches_stay_as_they_came(world: People) -> None:
    punch = comes(world, MONDAY, "17:30")
    before = Punch.objects.values().get()
    hr = make_staff(world.acme, "hr")
    (row,) = enter(world, ("09:00", "in"), origin=CorrectionOrigin(hr))
    settle()
    assert (day(world).status, day(world).worked) == ("present", 480)
    assert (row.made_by, row.reason, row.kind) == (hr, "forgot the card", "add")
    assert Punch.objects.values().get() == before
    assert [one.get("punch") or one.get("correction") for one in day(world).why["punches"]] == [
        row.pk,
        punch.pk,
    ]


def test_a_voided_punch_and_a_voided_entry_count_no_more(world: People) -> None:
    wrong = comes(world, MONDAY, "05:00")
    (entered,) = enter(world, ("09:00", "in"))
    correct_times(world.asha, reason="not hers", void=[wrong.pk, -entered.pk])
    settle()
    assert (day(world).status, day(world).why["punches"]) == ("absent", [])


def test_what_is_put_right_notes_its_days_in_the_same_transaction(world: People) -> None:
    StaleDayRange.objects.all().delete()
    enter(world, ("09:00", "in"))
    row = StaleDayRange.objects.get()
    assert (row.employee, row.background) == (world.asha, False)
    assert row.starts_on <= MONDAY <= row.ends_on


def test_a_matched_punch_is_voided_for_whom_it_was_matched_to_only(world: People) -> None:
    punch = make_punch(world.acme, "77", occurred_at=at(MONDAY, "09:00"))
    PunchMatch.objects.create(
        organization=world.acme, punch=punch, employee=world.asha, matched_at=NOW
    )
    assert refused(correct_times, world.bala, reason="x", void=[punch.pk]) == ("NOT_THEIRS", "void")
    correct_times(world.asha, reason="not hers", void=[punch.pk])
    assert refused(correct_times, world.asha, reason="x", void=[punch.pk]) == (
        "VOIDED_BEFORE",
        "void",
    )


def test_nothing_of_another_organization_is_voided(world: People) -> None:
    theirs = make_punch(
        world.zenith, "1001", employee=world.chitra, occurred_at=at(MONDAY, "09:00")
    )
    (entry,) = correct_times(world.chitra, reason="x", enter=[TimeEntry(at(MONDAY, "10:00"), "in")])
    for number in (theirs.pk, -entry.pk, 10**12, -(10**12)):
        assert refused(correct_times, world.asha, reason="x", void=[number]) == (
            "NOT_THEIRS",
            "void",
        )


def test_nobody_puts_their_own_times_right_whatever_their_role(world: People) -> None:
    hr = make_staff(world.acme, "hr", employee=world.asha)
    with pytest.raises(PermissionDenied, match="your own attendance"):
        enter(world, ("09:00", "in"), origin=CorrectionOrigin(hr))
    wishes = [
        CorrectionInput(one, "fair", [TimeEntry(at(MONDAY, "09:00"), "in")])
        for one in (world.bala, world.asha)
    ]
    with pytest.raises(PermissionDenied):
        bulk_correct_times(world.acme.pk, wishes, CorrectionOrigin(hr))
    assert not Correction.objects.exists()
    assert len(bulk_correct_times(world.acme.pk, wishes[:1], CorrectionOrigin(hr))) == 1


@pytest.mark.parametrize(
    ("times", "code"),
    [
        ([("09:00", "in"), ("08:00", "out")], "OUT_BEFORE_IN"),
        ([("09:00", "in"), ("09:00", "out")], "OUT_BEFORE_IN"),
        ([("09:00", "in"), ("09:00", "in")], "ENTERED_BEFORE"),
        ([], "NOTHING"),
    ],
)
def test_times_that_contradict_each_other_are_refused(
    world: People, times: list[Any], code: str
) -> None:
    assert refused(enter, world, *times)[0] == code
    assert not Correction.objects.exists()


@pytest.mark.parametrize(
    ("moment", "code"),
    [
        (NOW + timedelta(seconds=1), "FUTURE"),
        (datetime(2019, 12, 31, 18, tzinfo=UTC), "NOT_EMPLOYED"),
        (datetime(1, 1, 1, tzinfo=UTC), "TOO_OLD"),
    ],
)
def test_a_time_that_cannot_be_is_refused_at_its_field(
    world: People, moment: datetime, code: str
) -> None:
    assert refused(
        correct_times, world.asha, reason="x", enter=[TimeEntry(moment, "in", "in_at")]
    ) == (
        code,
        "in_at",
    )


def test_two_days_are_the_most_that_is_put_right_at_once(world: People) -> None:
    entries = [
        TimeEntry(at(MONDAY, "09:00"), "in"),
        TimeEntry(at(MONDAY, "09:01") + timedelta(days=2), "out"),
    ]
    assert refused(correct_times, world.asha, reason="x", enter=entries)[0] == "TOO_LONG"


def test_a_reason_is_needed_and_has_an_end(world: People) -> None:
    for reason in (" ", "x" * 401):
        assert refused(
            correct_times, world.asha, reason=reason, enter=[TimeEntry(at(MONDAY, "09:00"))]
        ) == (
            "REASON",
            "reason",
        )


def test_the_last_night_ends_the_morning_after_service(world: People) -> None:
    world.asha.left_on = MONDAY
    save_employee(world.asha)
    morning = MONDAY + timedelta(days=1)
    assert len(enter(world, ("07:00", "out"), on=morning)) == 1
    assert (
        refused(enter, world, ("07:00", "out"), on=morning + timedelta(days=1))[0] == "NOT_EMPLOYED"
    )


def test_a_time_that_was_voided_can_be_entered_again(world: People) -> None:
    (first,) = enter(world, ("09:00", "in"))
    assert refused(enter, world, ("09:00", "in"))[0] == "ENTERED_BEFORE"
    correct_times(world.asha, reason="wrong", void=[-first.pk])
    (again,) = enter(world, ("09:00", "in"))
    settle()
    assert [one["correction"] for one in day(world).why["punches"]] == [again.pk]


def test_in_a_locked_month_it_becomes_an_adjustment(world: People) -> None:
    recalculation_queue.mark_days_stale(
        world.acme.pk, [world.asha.pk], MONDAY - timedelta(days=9), MONDAY + timedelta(days=9)
    )
    settle()
    PeriodLock.objects.create(organization=world.acme, month=MONDAY.replace(day=1))
    enter(world, ("09:00", "in"), ("17:30", "out"))
    settle()
    posted = DayAdjustment.objects.get()
    assert (day(world).status, posted.before["status"], posted.after["status"]) == (
        "absent",
        "absent",
        "present",
    )
    assert locking.current_open_month(world.acme.pk, NOW) == date(2026, 8, 1) == posted.posted_to


def test_service_is_asked_by_the_clock_on_the_wall(world: People) -> None:
    tokyo = make_site(world.acme, "Tokyo", timezone="Asia/Tokyo")
    save_assignment(
        Assignment(
            organization=world.acme, employee=world.asha, site=tokyo, starts_on=date(2026, 7, 1)
        )
    )
    world.asha.joined_on = MONDAY
    save_employee(world.asha)
    sunday_in_india = datetime(2026, 7, 5, 15, 30, tzinfo=UTC)
    assert len(correct_times(world.asha, reason="x", enter=[TimeEntry(sunday_in_india, "in")])) == 1
    assert (
        refused(
            correct_times,
            world.asha,
            reason="x",
            enter=[TimeEntry(sunday_in_india - timedelta(hours=1))],
        )[0]
        == "NOT_EMPLOYED"
    )


# --- What a proposal takes the place of --------------------------------------------------
def stamps(*said: tuple[str, str | None]) -> list[CountedPunch]:
    return [
        CountedPunch(number, at(MONDAY, clock), way) for number, (clock, way) in enumerate(said, 1)
    ]


def gone(proposal: tuple[str | None, str | None], *said: tuple[str, str | None]) -> list[int]:
    came, left = (at(MONDAY, one) if one else None for one in proposal)
    return [
        one.id
        for one in superseded_punches(DUTY, stamps(*said), DayContext(), ProposedTimes(came, left))
    ]


@pytest.mark.parametrize(
    ("proposal", "said", "expected"),
    [
        (("09:00", None), [], []),
        # An earlier IN is added to punches that say which way; the stored one no longer begins the
        # day.
        (("09:00", None), [("10:00", "in"), ("17:30", "out")], []),
        # Without directions one more time would turn the rest round: the first is replaced.
        (("09:00", None), [("10:00", None), ("17:30", None)], [1]),
        # The forgotten IN: what was read as an IN turns into the OUT it was.
        (("09:00", None), [("17:30", None)], []),
        (("10:00", None), [("05:00", "in"), ("17:30", "out")], [1]),
        ((None, "18:30"), [("09:00", "in"), ("17:30", "out")], []),
        ((None, "18:30"), [("09:00", None), ("17:30", None)], []),
        ((None, "17:00"), [("09:00", "in"), ("17:30", "out")], [2]),
        ((None, "17:30"), [("09:00", "in")], []),
        (
            ("09:00", "17:30"),
            [("08:00", None), ("12:00", None), ("12:30", None), ("20:00", None)],
            [1, 4],
        ),
    ],
)
def test_as_few_punches_go_as_the_proposal_needs(
    proposal: Any, said: Any, expected: list[int]
) -> None:
    assert gone(proposal, *said) == expected


clocks = st.times(min_value=time(6), max_value=time(20))
punches = st.lists(
    st.tuples(clocks.map(lambda one: f"{one:%H:%M}"), st.sampled_from(["in", "out", None])),
    max_size=7,
)


@given(punches, clocks, st.integers(1, 200))
def test_a_day_says_what_was_approved_whatever_was_punched(
    said: list[Any], came: Any, stay: int
) -> None:
    start = at(MONDAY, f"{came:%H:%M}")
    proposal = ProposedTimes(start, start + timedelta(minutes=stay))
    voided = superseded_punches(DUTY, stamps(*said), DayContext(), proposal)
    after = calculate_day(
        DUTY,
        [*(one for one in stamps(*said) if one not in voided), *proposal.punches],
        DayContext(),
    )
    assert (after.first_in, after.last_out) == (proposal.in_at, proposal.out_at)
