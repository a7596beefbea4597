"""Days from punches: each test is named after a way in which other systems get somebody's day
wrong.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from attendance.days.calculation import calculate_day
from attendance.days.counted_punches import CountedPunch
from attendance.days.punch_assignment import assign_punches_to_days, is_independent_boundary
from attendance.days.results import DayContext, DayResult
from attendance.days.status import DayStatus
from shifts.schedule import (
    GENERAL_SHIFT,
    HoursMethod,
    MissingOut,
    Pattern,
    RosterRule,
    RosterScope,
    ScheduledShift,
    Shift,
    resolve_scheduled_shift,
    schedule_shift,
)

INDIA = "Asia/Kolkata"
NIGHT = Shift("Night", time(22), time(6), before=240, after=240)
EARLY = Shift("Early", time(6), time(14), before=120, after=240)
MONDAY = date(2026, 7, 6)
TUESDAY = MONDAY + timedelta(days=1)


def at(day: date, clock: str, zone: str = INDIA) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), ZoneInfo(zone)).astimezone(UTC)


def stamps(*said: tuple[date, str, str | None]) -> list[CountedPunch]:
    return [
        CountedPunch(number, at(day, clock), way)
        for number, (day, clock, way) in enumerate(said, 1)
    ]


def days(
    duties: list[ScheduledShift],
    punches: list[CountedPunch],
    facts: dict[date, DayContext] | None = None,
) -> dict[date, DayResult]:
    placed = assign_punches_to_days(punches, duties)
    return {
        one.date: calculate_day(
            one, placed.get(one.date, []), (facts or {}).get(one.date, DayContext())
        )
        for one in duties
    }


def duties(*shifts: Shift, zone: str = INDIA) -> list[ScheduledShift]:
    return [
        schedule_shift(MONDAY + timedelta(days=number), shift, zone)
        for number, shift in enumerate(shifts)
    ]


def one_day(*said: tuple[str, str | None], shift: Shift = GENERAL_SHIFT, **facts: Any) -> DayResult:
    punches = stamps(*((MONDAY, clock, way) for clock, way in said))
    return calculate_day(schedule_shift(MONDAY, shift, INDIA), punches, DayContext(**facts))


def whys(day: DayResult) -> list[str]:
    return [one.why for one in day.punches]


# --- The field's failures ------------------------------------------------------------
def test_a_night_shift_ends_with_the_out_at_ten_past_seven_of_the_next_morning() -> None:
    found = days(duties(NIGHT, NIGHT), stamps((MONDAY, "21:55", "in"), (TUESDAY, "07:10", "out")))
    assert (found[MONDAY].status, found[MONDAY].worked) == (DayStatus.PRESENT, 555)
    assert (found[TUESDAY].status, found[TUESDAY].punches) == (DayStatus.ABSENT, ())


def test_the_out_of_a_night_is_not_taken_by_the_early_shift_of_that_morning() -> None:
    punches = stamps(
        (MONDAY, "21:55", "in"),
        (TUESDAY, "05:58", "out"),
        (TUESDAY, "06:20", "in"),
        (TUESDAY, "14:00", "out"),
    )
    found = days(duties(NIGHT, EARLY), punches)
    assert [one.id for one in assign_punches_to_days(punches, duties(NIGHT, EARLY))[MONDAY]] == [
        1,
        2,
    ]
    assert (found[MONDAY].worked, found[TUESDAY].worked, found[TUESDAY].late_by) == (483, 460, 20)


def test_in_and_out_stay_together_when_one_is_in_the_window_of_the_default_shift() -> None:
    rosters = [RosterRule(RosterScope.EMPLOYEE, Pattern((NIGHT,), MONDAY), MONDAY, MONDAY, 1)]
    both = [
        resolve_scheduled_shift(
            MONDAY + timedelta(days=n), rosters, GENERAL_SHIFT, INDIA, calendar_off=False
        )
        for n in (-1, 0, 1)
    ]
    found = days(both, stamps((MONDAY, "21:50", "in"), (TUESDAY, "06:05", "out")))
    assert (found[MONDAY].worked, found[TUESDAY].status) == (495, DayStatus.ABSENT)
    assert [one.rule for one in both] == ["default", "employee:1", "default"]


def test_a_forgotten_out_does_not_eat_the_in_of_the_next_morning() -> None:
    punches = stamps((MONDAY, "21:55", "in"), (TUESDAY, "06:10", "in"), (TUESDAY, "14:05", "out"))
    found = days(duties(NIGHT, EARLY), punches)
    assert (found[MONDAY].status, found[MONDAY].marks) == (DayStatus.HALF_DAY, ("missing_out",))
    assert (found[TUESDAY].status, found[TUESDAY].worked) == (DayStatus.PRESENT, 475)


def test_a_roster_fixed_later_gives_the_days_it_would_have_given() -> None:
    punches = stamps((MONDAY, "21:55", "in"), (TUESDAY, "06:00", "out"))
    wrong, right = days(duties(EARLY, EARLY), punches), days(duties(NIGHT, NIGHT), punches)
    assert wrong[MONDAY].status == DayStatus.ABSENT
    assert wrong[MONDAY].marks == ("outside_window",)
    assert (right[MONDAY].status, right[MONDAY].worked) == (DayStatus.PRESENT, 485)


def test_three_days_offline_and_uploaded_in_reverse_are_the_days_of_live_punches() -> None:
    live = [
        punch
        for day in range(3)
        for punch in (
            (MONDAY + timedelta(days=day), "21:57", "in"),
            (MONDAY + timedelta(days=day + 1), "06:03", "out"),
        )
    ]
    forward = days(duties(NIGHT, NIGHT, NIGHT, NIGHT), stamps(*live))
    backward = days(duties(NIGHT, NIGHT, NIGHT, NIGHT), stamps(*reversed(live)))
    assert (
        [one.worked for one in forward.values()]
        == [486, 486, 486, 0]
        == [one.worked for one in backward.values()]
    )


def test_a_device_that_sends_no_direction_alternates_within_the_window() -> None:
    found = days(
        duties(NIGHT, NIGHT),
        stamps((MONDAY, "21:55", None), (TUESDAY, "06:05", None), (TUESDAY, "21:58", None)),
    )
    assert [one.read_as for one in found[MONDAY].punches] == ["in", "out"]
    assert [one.read_as for one in found[TUESDAY].punches] == ["in"]


def test_a_card_held_twice_to_the_reader_is_one_punch() -> None:
    punches = [
        CountedPunch(1, at(MONDAY, "09:00"), None),
        CountedPunch(2, at(MONDAY, "09:00") + timedelta(seconds=4), None),
    ]
    day = calculate_day(
        schedule_shift(MONDAY, GENERAL_SHIFT, INDIA),
        [*punches, CountedPunch(3, at(MONDAY, "17:30"), None)],
        DayContext(),
    )
    assert (whys(day), day.worked) == (["in", "repeat", "out"], 480)


def test_two_half_leaves_on_a_day_are_a_day_of_leave() -> None:
    assert one_day(taken=("leave:CL", "leave:CL")).status == "leave:CL"


def test_half_a_day_of_leave_moves_what_is_expected_to_the_end_of_lunch() -> None:
    day = one_day(("13:28", "in"), ("17:30", "out"), taken=("leave:CL", ""))
    assert (day.status, day.halves, day.late_by) == (DayStatus.HALF_DAY, ("leave:CL", "present"), 0)


def test_who_is_on_half_leave_and_does_not_come_is_absent_for_the_other_half() -> None:
    day = one_day(taken=("", "leave:CL"))
    assert (day.status, day.halves, day.marks) == (
        "leave:CL",
        ("absent", "leave:CL"),
        ("half_absent",),
    )


def test_leave_and_a_punch_contradict_each_other() -> None:
    day = one_day(("09:00", "in"), ("17:30", "out"), taken=("leave:EL", "leave:EL"))
    assert (day.status, day.marks) == (DayStatus.CONFLICT, ("leave_and_punch",))


def test_a_punch_on_tour_is_kept_and_the_day_is_tour() -> None:
    day = one_day(("09:00", "in"), ("10:00", "out"), taken=("tour", "tour"))
    assert (day.status, whys(day)) == (DayStatus.TOUR, ["in", "out"])


def test_the_night_in_which_the_clocks_go_forward_is_an_hour_shorter_and_back_an_hour_longer() -> (
    None
):
    berlin = "Europe/Berlin"
    for day, worked in (
        (date(2026, 3, 28), 420),
        (date(2026, 10, 24), 540),
        (date(2026, 7, 6), 480),
    ):
        night = schedule_shift(day, NIGHT, berlin)
        punches = [
            CountedPunch(1, at(day, "22:00", berlin), "in"),
            CountedPunch(2, at(day + timedelta(days=1), "06:00", berlin), "out"),
        ]
        found = calculate_day(night, punches, DayContext())
        assert (found.worked, found.late_by, found.early_by) == (worked, 0, 0)


def test_before_eight_at_utc_plus_eight_it_is_already_that_date() -> None:
    morning = [schedule_shift(MONDAY + timedelta(days=n), EARLY, "Asia/Singapore") for n in (-1, 0)]
    punch = CountedPunch(1, at(MONDAY, "06:00", "Asia/Singapore"), "in")
    assert punch.at.date() == MONDAY - timedelta(days=1)
    assert list(assign_punches_to_days([punch], morning)) == [MONDAY]


# --- Rules of a shift ------------------------------------------------------------
def test_lateness_is_counted_from_the_start_once_the_grace_is_over() -> None:
    shift = Shift("G", time(9), time(17), grace_in=10, grace_out=5)
    assert [
        one_day((clock, "in"), ("17:00", "out"), shift=shift).late_by
        for clock in ("08:50", "09:10", "09:11")
    ] == [
        0,
        0,
        11,
    ]
    assert [
        one_day(("09:00", "in"), (clock, "out"), shift=shift).early_by
        for clock in ("16:55", "16:54")
    ] == [0, 6]


def test_hours_by_pairs_leave_out_the_time_between() -> None:
    said = (("09:00", "in"), ("12:00", "out"), ("14:00", "in"), ("17:30", "out"))
    pairs = Shift("P", time(9), time(17, 30), hours=HoursMethod.PAIRS)
    assert (one_day(*said, shift=pairs).worked, one_day(*said).worked) == (390, 480)


def test_a_missing_out_is_what_the_shift_says_it_is() -> None:
    found = {
        how: one_day(("09:00", "in"), shift=Shift("M", time(9), time(17), missing_out=how))
        for how in MissingOut
    }
    assert [one.status for one in found.values()] == ["present", "half_day", "absent", "present"]
    assert found[MissingOut.SHIFT_END].worked == 480
    assert all(one.marks == ("missing_out",) for one in found.values())


def test_overtime_counts_from_its_threshold_in_whole_multiples() -> None:
    shift = Shift("O", time(9), time(17), overtime_after=30, overtime_round=15)
    found = [
        one_day(("09:00", "in"), (clock, "out"), shift=shift).overtime
        for clock in ("17:29", "17:30", "17:59")
    ]
    assert found == [0, 30, 45]


def test_work_on_a_holiday_is_overtime_and_the_day_stays_a_holiday() -> None:
    shift = Shift("O", time(9), time(17), overtime_after=30)
    day = one_day(("09:00", "in"), ("11:00", "out"), shift=shift, holiday="Diwali")
    assert (day.status, day.overtime, day.late_by) == (DayStatus.HOLIDAY, 120, 0)


def test_a_day_that_is_not_over_is_due_and_then_present_so_far() -> None:
    noon = at(MONDAY, "12:00")
    assert (one_day(now=noon).status, one_day(("09:00", "in"), now=noon).status) == (
        DayStatus.EXPECTED,
        DayStatus.PRESENT,
    )
    assert not one_day(("09:00", "in"), now=noon).marks


# --- Rosters ------------------------------------------------------------
def test_the_nearest_roster_holds_and_of_two_the_later_one() -> None:
    site = RosterRule(RosterScope.SITE, Pattern((EARLY,), MONDAY), MONDAY, None, 1)
    own = RosterRule(RosterScope.EMPLOYEE, Pattern((NIGHT,), MONDAY), TUESDAY, TUESDAY, 2)
    newer = RosterRule(
        RosterScope.SITE, Pattern((GENERAL_SHIFT,), MONDAY), MONDAY + timedelta(days=2), None, 3
    )
    found = [
        resolve_scheduled_shift(
            MONDAY + timedelta(days=n), [site, own, newer], GENERAL_SHIFT, INDIA, calendar_off=True
        )
        for n in range(3)
    ]
    assert [(one.shift.name, one.is_off, one.rule) for one in found] == [
        ("Early", False, "site:1"),
        ("Night", False, "employee:2"),
        ("General", False, "site:3"),
    ]


def test_a_rotation_goes_round_and_a_day_off_keeps_the_shift_before_it() -> None:
    pattern = Pattern((EARLY, NIGHT, None), MONDAY)
    assert [pattern.on(MONDAY + timedelta(days=n)) for n in (-1, 0, 1, 2)] == [
        (NIGHT, True),
        (EARLY, False),
        (NIGHT, False),
        (NIGHT, True),
    ]


def test_a_shift_that_reaches_beyond_the_next_day_is_no_shift() -> None:
    assert Shift("X", time(22), time(6), after=18 * 60 + 1).invalid_field() == "after"
    assert Shift("X", time(2), time(6), before=14 * 60 + 1).invalid_field() == "before"
    assert Shift("X", time(9), time(17), breaks=((time(18), time(19)),)).invalid_field() == "breaks"
    assert [one.invalid_field() for one in (GENERAL_SHIFT, NIGHT, EARLY)] == ["", "", ""]


# --- Properties ------------------------------------------------------------
SHIFTS = st.sampled_from(
    [
        GENERAL_SHIFT,
        NIGHT,
        EARLY,
        Shift("P", time(9), time(17), hours=HoursMethod.PAIRS, missing_out=MissingOut.SHIFT_END),
    ]
)
PUNCHES = st.lists(
    st.tuples(
        st.integers(-600, 8000), st.sampled_from(["in", "out", "break_out", "break_in", None])
    ),
    max_size=24,
    unique=True,
)


@given(PUNCHES, st.lists(SHIFTS, min_size=5, max_size=5), st.randoms(use_true_random=False))
def test_any_order_of_arrival_gives_the_same_days(
    punches: Any, shifts: list[Shift], chance: Any
) -> None:
    def build(order: list[Any]) -> list[Any]:
        midnight = at(MONDAY, "00:00")
        made = [
            CountedPunch(number, midnight + timedelta(minutes=minute), way)
            for number, (minute, way) in enumerate(order)
        ]
        return [_without_ids(one) for one in days(duties(*shifts), made).values()]

    mixed = list(punches)
    chance.shuffle(mixed)
    assert build(punches) == build(mixed)


def _without_ids(day: DayResult) -> tuple[Any, ...]:
    """A day without the numbers of its punches, which are given in order of arrival."""
    reads = [(one.punch.at, one.punch.direction, one.why) for one in day.punches]
    return day.status, day.worked, day.first_in, day.last_out, day.marks, day.overtime, reads


@given(PUNCHES, st.lists(SHIFTS, min_size=5, max_size=5))
def test_work_is_never_negative_nor_longer_than_the_window_and_no_punch_is_lost_or_doubled(
    punches: Any, shifts: Any
) -> None:
    made = [
        CountedPunch(n, at(MONDAY, "00:00") + timedelta(minutes=minute), way)
        for n, (minute, way) in enumerate(punches)
    ]
    placed = assign_punches_to_days(made, duties(*shifts))
    assert sorted(one.id for group in placed.values() for one in group) == [one.id for one in made]
    for one in duties(*shifts):
        day = calculate_day(one, placed.get(one.date, []), DayContext())
        assert 0 <= day.worked <= (one.window.end - one.window.start) / timedelta(minutes=1)
        assert day.overtime >= 0 <= day.late_by


@given(PUNCHES, st.lists(SHIFTS, min_size=5, max_size=5), st.integers(1, 4))
def test_days_after_a_clean_cut_do_not_depend_on_what_was_before(
    punches: Any, shifts: Any, cut: int
) -> None:
    made = [
        CountedPunch(n, at(MONDAY, "00:00") + timedelta(minutes=minute), way)
        for n, (minute, way) in enumerate(punches)
    ]
    every = duties(*shifts)
    if is_independent_boundary(every[:cut], every[cut:], made):
        start = min(one.window.start for one in every[cut:])
        whole, part = (
            assign_punches_to_days(made, every),
            assign_punches_to_days([one for one in made if one.at >= start], every[cut:]),
        )
        for one in every[cut:]:
            inside = [
                stamp
                for stamp in part.get(one.date, [])
                if one.window.start <= stamp.at <= one.window.end
            ]
            assert [
                s for s in whole.get(one.date, []) if one.window.start <= s.at <= one.window.end
            ] == inside
