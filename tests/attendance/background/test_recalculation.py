"""Rows of days follow their causes: whatever changes, in whatever order, and again and again."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attendance import recalculation_queue
from attendance.background import changes, recalculation
from attendance.days import locking
from attendance.days import rollover as day_rollover
from attendance.models import (
    Correction,
    Day,
    DayAdjustment,
    PeriodLock,
    Punch,
    StaleDayRange,
)
from attendance.punches.claims import Claim
from attendance.punches.record import record_punch
from core.append_only import triggers_disabled
from core.errors import Conflict, RuleViolation
from employees.changes import record_change
from employees.models import Assignment, Change, HalfDayReservation
from employees.services import save_assignment, save_employee
from leaves.models import Absence, LeaveApplication, LeaveDay
from leaves.services.absences import save_absence
from leaves.services.calendar_publishing import (
    add_calendar_days,
    draft_holiday_calendar,
    publish_holiday_calendar,
)
from shifts import services as shift_services
from shifts.models import PatternSlot, Roster, ShiftPattern, ShiftSettings, ShiftType
from tests.people import World as People
from tests.people import (
    make_department,
    make_device,
    make_employee,
    make_punch,
    make_site,
    make_world,
)
from tours.models import Tour

pytestmark = pytest.mark.django_db
INDIA = "Asia/Kolkata"
NOW = datetime(2026, 7, 20, 12, tzinfo=UTC)
MONDAY = date(2026, 7, 6)
TUESDAY = MONDAY + timedelta(days=1)


def at(day: date, clock: str, zone: str = INDIA) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), ZoneInfo(zone)).astimezone(UTC)


def comes(world: People, day: date, clock: str, way: str | None = None, **facts: Any) -> Punch:
    """A punch of Asha, and the note that it came, as the way in leaves it."""
    punch = make_punch(
        world.acme, "1001", employee=world.asha, occurred_at=at(day, clock), direction=way, **facts
    )
    recalculation_queue.mark_punch_days_stale(world.acme.pk, [(world.asha.pk, punch.occurred_at)])
    return punch


def settle(now: datetime = NOW) -> int:
    """Work in everything that waits; returns how many stale rows there were."""
    changes.process_changes()
    done = 0
    while more := recalculation.recalculate_next_batch(now):
        done += more
    return done


def day(world: People, on: date = MONDAY) -> Day:
    return Day.objects.get(employee=world.asha, date=on)


def everything() -> list[dict[str, Any]]:
    """All days, without what a row is called."""
    rows = Day.objects.order_by("employee", "date").values()
    return [{name: value for name, value in row.items() if name != "id"} for row in rows]


def shift(world: People, name: str, starts: str, ends: str, **facts: Any) -> ShiftType:
    clock = {"starts": time.fromisoformat(starts), "ends": time.fromisoformat(ends)}
    return ShiftType.objects.create(organization=world.acme, name=name, **clock, **facts)


def roster(
    world: People, *shifts: ShiftType | None, starts_on: date = MONDAY, **whom: Any
) -> Roster:
    pattern = ShiftPattern.objects.create(
        organization=world.acme,
        name=f"pattern {ShiftPattern.objects.count()}",
        begins_on=starts_on,
        calendar_offs=False,
    )
    for number, one in enumerate(shifts, 1):
        PatternSlot.objects.create(
            organization=world.acme, pattern=pattern, position=number, shift=one
        )
    return Roster.objects.create(
        organization=world.acme, pattern=pattern, starts_on=starts_on, **whom
    )


def roster_of(world: People, *shifts: ShiftType | None) -> Roster:
    """A roster of Asha's that is not stored yet; its pattern is."""
    stored = roster(world, *shifts, employee=world.asha)
    Roster.objects.filter(pk=stored.pk).delete()
    stored.pk, stored._state.adding = None, True
    return stored


def general(world: People) -> ShiftType:
    found = ShiftType.objects.filter(organization=world.acme, name="General").first()
    return found or shift(world, "General", "09:00", "17:30", breaks=[["13:00", "13:30"]])


def grant(world: People, half: str, holder: str) -> None:
    """Monday's half is approved leave or an approved tour, as the apps below leave it behind."""
    common = {"organization": world.acme, "employee": world.asha}
    if holder == "tour":
        held = Tour.objects.create(
            purpose="visit",
            start_at=at(MONDAY, "09:00"),
            end_at=at(MONDAY, "13:00"),
            status="approved",
            **common,
        ).reservation_holder
    else:
        leave = LeaveApplication.objects.create(
            kind="CL",
            starts_on=MONDAY,
            ends_on=MONDAY,
            half=half,
            status="approved",
            reason="",
            **common,
        )
        LeaveDay.objects.create(
            organization=world.acme,
            application=leave,
            date=MONDAY,
            half=half,
            day_class="WORKING",
            part="LEAVE",
            account="CL",
            counted=1,
            half_days=1,
        )
        held = leave.holder
    HalfDayReservation.objects.create(date=MONDAY, half=half, holder=held, **common)
    record_change(world.asha, Change.Kind.LEAVE, MONDAY, MONDAY)


@pytest.fixture
def world(db: None) -> People:
    found = make_world()
    changes.process_changes()
    StaleDayRange.objects.all().delete()
    return found


# --- From punches to rows ------------------------------------------------------------
def test_a_punch_makes_its_day_present_and_says_why(world: People) -> None:
    punch = comes(world, MONDAY, "09:00")
    comes(world, MONDAY, "17:30")
    settle()
    found = day(world)
    assert (found.status, found.worked, found.first_in, found.open_until) == (
        "present",
        480,
        at(MONDAY, "09:00"),
        None,
    )
    assert found.why["punches"][0] == {
        "punch": punch.pk,
        "at": "2026-07-06T03:30:00Z",
        "direction": None,
        "read_as": "in",
        "counted": True,
        "why": "in",
    }
    assert found.why["rule"] == "default"


def test_a_late_upload_in_reverse_gives_the_rows_that_live_punches_gave(world: People) -> None:
    said = [
        (MONDAY + timedelta(days=n), clock)
        for n in range(3)
        for clock in ("08:55", "13:02", "13:31", "17:40")
    ]
    for one in said:
        comes(world, *one)
        settle()
    live = [{**row, "why": None} for row in everything()]
    with triggers_disabled(connection):
        Punch.objects.all().delete()
    Day.objects.all().delete()
    for one in reversed(said):
        comes(world, *one)
        settle()
    assert [{**row, "why": None} for row in everything()] == live


def test_working_out_again_changes_nothing(world: People) -> None:
    comes(world, MONDAY, "09:00")
    settle()
    before = everything()
    rebuilt = recalculation_queue.request_recalculation(
        world.acme.pk, MONDAY, MONDAY + timedelta(days=4)
    )
    settle()
    rebuilt.refresh_from_db()
    kept = [row for row in everything() if row in before]
    assert kept == before
    again = recalculation_queue.request_recalculation(
        world.acme.pk, MONDAY, MONDAY + timedelta(days=4)
    )
    settle()
    again.refresh_from_db()
    assert rebuilt.finished_at is not None
    assert (again.changed, again.total) == (0, 2)


def test_an_out_after_a_night_shift_belongs_to_last_night(world: People) -> None:
    night = shift(world, "Night", "22:00", "06:00", before=240, after=240)
    roster(world, night, employee=world.asha)
    comes(world, MONDAY, "21:55", "in")
    comes(world, TUESDAY, "07:10", "out")
    settle()
    assert (day(world).status, day(world).worked) == ("present", 555)
    assert day(world, TUESDAY).status == "absent"
    assert day(world).shift == night


def test_a_roster_fixed_later_moves_the_punches_to_their_night(world: People) -> None:
    comes(world, MONDAY, "21:55")
    comes(world, TUESDAY, "06:05")
    settle()
    assert day(world).status != "present"
    night = shift(world, "Night", "22:00", "06:00", before=240, after=240)
    shift_services.save_roster(roster_of(world, night))
    settle()
    assert (day(world).status, day(world, TUESDAY).worked) == ("present", 0)


def test_a_voided_punch_counts_no_more_and_an_entered_time_does(world: People) -> None:
    wrong = comes(world, MONDAY, "12:00")
    comes(world, MONDAY, "17:30")
    settle()
    assert day(world).worked < 480
    facts = {"organization": world.acme, "employee": world.asha, "reason": "forgot", "made_at": NOW}
    Correction.objects.create(kind="void", voids_punch=wrong, at=wrong.occurred_at, **facts)
    entered = Correction.objects.create(kind="add", at=at(MONDAY, "09:00"), direction="in", **facts)
    recalculation_queue.mark_punch_days_stale(world.acme.pk, [(world.asha.pk, entered.at)])
    settle()
    assert (day(world).status, day(world).worked) == ("present", 480)
    assert day(world).why["punches"][0]["correction"] == entered.pk


def test_a_matched_punch_counts_from_then_on(world: People) -> None:
    for clock in ("09:00", "17:30"):
        make_punch(world.acme, "1003", occurred_at=at(MONDAY, clock), direction=None)
    dev = make_employee(world.acme, "1003", "Dev")
    settle()
    assert Day.objects.get(employee=dev, date=MONDAY).status == "present"


def test_a_punch_that_came_in_makes_its_day_stale_once(world: People) -> None:
    device, _token = make_device(world.acme, "SN-1")
    when = at(MONDAY, "09:00")
    claim = Claim(
        channel="device",
        source=f"device:{device.pk}",
        key="k",
        user_code="1001",
        at=when,
        at_text="",
        zone=INDIA,
        home_zone=INDIA,
    )
    record_punch(world.acme.pk, claim)
    assert recalculation_queue.mark_days_of_new_punches_stale() == 1
    waiting = StaleDayRange.objects.get()
    assert (waiting.employee, waiting.background) == (world.asha, False)
    record_punch(world.acme.pk, claim)
    assert recalculation_queue.mark_days_of_new_punches_stale() == 0
    assert StaleDayRange.objects.count() == 1


# --- What else decides a day ------------------------------------------------------------
def test_nobody_has_days_before_joining_or_after_leaving(world: People) -> None:
    world.asha.joined_on, world.asha.left_on = MONDAY, TUESDAY
    save_employee(world.asha)
    recalculation_queue.mark_days_stale(
        world.acme.pk, [world.asha.pk], MONDAY - timedelta(days=5), MONDAY + timedelta(days=5)
    )
    settle()
    assert list(
        Day.objects.filter(employee=world.asha).order_by("date").values_list("date", flat=True)
    ) == [MONDAY, TUESDAY]


def test_days_after_an_end_of_service_entered_late_are_gone(world: People) -> None:
    recalculation_queue.mark_days_stale(
        world.acme.pk, [world.asha.pk], MONDAY, MONDAY + timedelta(days=4)
    )
    settle()
    world.asha.left_on = TUESDAY
    save_employee(world.asha)
    settle()
    assert not Day.objects.filter(employee=world.asha, date__gt=TUESDAY).exists()


def test_a_move_to_another_site_moves_the_day_and_its_zone(world: People) -> None:
    singapore = make_site(world.acme, "Singapore", timezone="Asia/Singapore")
    comes(world, MONDAY, "06:25")
    settle()
    assert day(world).late_by == 0
    save_assignment(
        Assignment(organization=world.acme, employee=world.asha, site=singapore, starts_on=MONDAY)
    )
    settle()
    # 06:25 in India is 08:55 in Singapore.
    assert (day(world).site, day(world).zone, day(world).first_in) == (
        singapore,
        "Asia/Singapore",
        at(MONDAY, "06:25"),
    )
    assert day(world).why["hours"][0] == "2026-07-06T01:00:00Z"


def test_the_nearest_roster_holds_and_the_default_of_the_organization_beneath(
    world: People,
) -> None:
    stores = make_department(world.acme)
    head = make_site(world.acme)
    save_assignment(
        Assignment(
            organization=world.acme,
            employee=world.asha,
            site=head,
            department=stores,
            starts_on=MONDAY,
        )
    )
    names = {}
    for number, (name, whom) in enumerate(
        {
            "everybody": {},
            "site": {"site": head},
            "department": {"department": stores},
            "own": {"employee": world.asha},
        }.items()
    ):
        roster(world, shift(world, name, f"0{6 + number}:00", "15:00"), **whom)
        recalculation_queue.mark_days_stale(world.acme.pk, [world.asha.pk], MONDAY, MONDAY)
        settle()
        names[name] = day(world).shift.name
    assert names == {name: name for name in names}
    Roster.objects.all().delete()
    ShiftSettings.objects.create(
        organization=world.acme, default_shift=ShiftType.objects.get(name="site")
    )
    recalculation_queue.mark_days_stale(world.acme.pk, [world.asha.pk], MONDAY, MONDAY)
    settle()
    assert day(world).shift.name == "site"


def test_approved_leave_and_tours_are_the_day_and_each_half_its_own(world: People) -> None:
    for half, holder in (("FN", "tour"), ("AN", "leave")):
        grant(world, half, holder)
    settle()
    found = day(world)
    assert (found.first_half, found.second_half, found.status) == ("tour", "leave:CL", "leave:CL")


def test_extraordinary_leave_entered_by_hr_is_leave_and_a_dies_non_is_absence(
    world: People,
) -> None:
    for kind, on in (("EOL", MONDAY), ("DIES_NON", TUESDAY)):
        save_absence(
            Absence(
                organization=world.acme,
                employee=world.asha,
                kind=kind,
                starts_on=on,
                ends_on=on,
                reason="order",
            )
        )
    settle()
    assert (day(world).status, day(world, TUESDAY).status) == ("leave:EOL", "absent")


def test_a_holiday_published_later_changes_the_day(world: People) -> None:
    recalculation_queue.mark_days_stale(world.acme.pk, [world.asha.pk], MONDAY, MONDAY)
    settle()
    assert day(world).status == "absent"
    calendar = draft_holiday_calendar(world.acme, None, 2026)
    add_calendar_days(calendar, [(MONDAY, "CLOSED", "Rath Yatra")])
    publish_holiday_calendar(calendar, actor=None)
    settle()
    assert (day(world).status, day(world).why["holiday"]) == ("holiday", "Rath Yatra")


# --- The clock ------------------------------------------------------------
def test_everybody_in_service_gets_a_row_when_the_date_begins_where_they_work(
    world: People,
) -> None:
    before_midnight = at(MONDAY, "23:59")
    day_rollover.open_days(before_midnight, lookback_days=0)
    settle(before_midnight)
    assert Day.objects.latest("date").date == MONDAY
    day_rollover.open_days(at(TUESDAY, "00:01"), lookback_days=0)
    settle(at(TUESDAY, "00:01"))
    assert Day.objects.filter(date=TUESDAY).count() == 3
    assert day(world, TUESDAY).status == "due"


def test_a_worker_that_was_away_makes_up_for_the_days_it_missed(world: People) -> None:
    day_rollover.open_days(at(MONDAY, "12:00"), lookback_days=0)
    settle(at(MONDAY, "12:00"))
    later = at(MONDAY + timedelta(days=9), "12:00")
    day_rollover.open_days(later, day_rollover.LONG_LOOKBACK_DAYS)
    settle(later)
    dates = set(Day.objects.filter(employee=world.asha).values_list("date", flat=True))
    assert {MONDAY + timedelta(days=number) for number in range(10)} <= dates


def test_a_day_is_judged_for_good_when_its_window_is_over(world: People) -> None:
    noon = at(MONDAY, "12:00")
    day_rollover.open_days(noon, lookback_days=0)
    settle(noon)
    assert (day(world).status, day(world).open_until) == ("due", at(TUESDAY, "00:00"))
    assert day_rollover.close_days(noon) == 0
    assert day_rollover.close_days(at(TUESDAY, "00:01")) == 3
    settle(at(TUESDAY, "00:01"))
    assert (day(world).status, day(world).open_until) == ("absent", None)


def test_a_date_that_has_not_begun_is_not_worked_out(world: People) -> None:
    recalculation_queue.mark_days_stale(world.acme.pk, [world.asha.pk], MONDAY, TUESDAY)
    settle(at(MONDAY, "12:00"))
    assert set(Day.objects.values_list("date", flat=True)) == {MONDAY - timedelta(days=1), MONDAY}


# --- The queue ------------------------------------------------------------
def test_a_day_that_cannot_be_worked_out_holds_up_nobody_elses(
    world: People, caplog: pytest.LogCaptureFixture
) -> None:
    broken = shift(world, "Broken", "09:00", "17:00")
    roster(world, broken, employee=world.asha)
    ShiftType.objects.filter(pk=broken.pk).update(breaks=[["nonsense"]])
    recalculation_queue.mark_days_stale(
        world.acme.pk, [world.asha.pk, world.bala.pk], MONDAY, MONDAY
    )
    settle()
    assert Day.objects.filter(employee=world.bala).exists()
    left = StaleDayRange.objects.get()
    assert (left.employee, left.failures) == (world.asha, 1)
    assert left.not_before is not None
    assert left.not_before > timezone.now()


def test_what_happens_now_goes_before_the_past_of_many(world: People) -> None:
    recalculation_queue.mark_days_stale(world.acme.pk, [world.bala.pk], MONDAY, MONDAY)
    comes(world, MONDAY, "09:00")
    recalculation.recalculate_next_batch(NOW)
    assert list(StaleDayRange.objects.values_list("employee", flat=True)) == [world.bala.pk]


def test_another_organization_is_not_touched(world: People) -> None:
    comes(world, MONDAY, "09:00")
    settle()
    assert not Day.objects.filter(organization=world.zenith).exists()
    recalculation_queue.request_recalculation(world.acme.pk, MONDAY, MONDAY)
    assert set(StaleDayRange.objects.values_list("organization", flat=True)) == {world.acme.pk}


def test_the_number_of_queries_does_not_depend_on_the_number_of_people(
    world: People, django_assert_max_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(recalculation.BATCH_DAYS, connection.vendor, 1000)
    people = [
        make_employee(world.acme, f"2{number:03}", f"Person {number}") for number in range(25)
    ]
    changes.process_changes()
    StaleDayRange.objects.all().delete()
    recalculation_queue.mark_days_stale(world.acme.pk, [one.pk for one in people], MONDAY, MONDAY)
    with django_assert_max_num_queries(32):
        recalculation.recalculate_next_batch(NOW)
    assert Day.objects.filter(date=MONDAY).count() == 25


# --- Locked months ------------------------------------------------------------
JUNE = date(2026, 6, 1)
IN_JUNE = date(2026, 6, 15)


def lock_june(world: People) -> PeriodLock:
    recalculation_queue.request_recalculation(world.acme.pk, JUNE, date(2026, 6, 30))
    settle()
    with time_machine.travel(NOW):
        return locking.lock_month(world.acme, IN_JUNE, actor=None)


def test_a_locked_day_stands_and_a_late_fact_is_an_adjustment_in_the_open_month(
    world: People,
) -> None:
    lock_june(world)
    for clock in ("09:00", "17:30"):
        comes(world, IN_JUNE, clock)
    settle()
    assert day(world, IN_JUNE).status == "absent"
    posted = DayAdjustment.objects.get()
    assert (posted.date, posted.posted_to, posted.before["status"]) == (
        IN_JUNE,
        date(2026, 7, 1),
        "absent",
    )
    assert (posted.after["status"], posted.after["worked"]) == ("present", 480)


def test_working_out_a_locked_day_again_posts_nothing_twice(world: People) -> None:
    lock_june(world)
    comes(world, IN_JUNE, "09:00")
    settle()
    comes(world, IN_JUNE, "17:30")
    settle()
    recalculation_queue.mark_days_stale(world.acme.pk, [world.asha.pk], IN_JUNE, IN_JUNE)
    settle()
    first, second = DayAdjustment.objects.order_by("id")
    assert first.after == second.before
    assert second.after["worked"] == 480


def test_lifting_a_lock_takes_back_what_was_posted_and_the_day_follows_again(world: People) -> None:
    lock = lock_june(world)
    for clock in ("09:00", "17:30"):
        comes(world, IN_JUNE, clock)
    settle()
    locking.unlock_month(lock, actor=None, reason="wrong month")
    settle()
    assert day(world, IN_JUNE).status == "present"
    posted, back = DayAdjustment.objects.order_by("id")
    assert (back.before, back.after) == (posted.after, posted.before)


def test_a_month_is_not_locked_while_it_lasts_nor_while_days_wait(world: People) -> None:
    with time_machine.travel(NOW):
        with pytest.raises(RuleViolation) as lasting:
            locking.lock_month(world.acme, date(2026, 7, 1), actor=None)
        recalculation_queue.mark_days_stale(world.acme.pk, [world.asha.pk], IN_JUNE, IN_JUNE)
        with pytest.raises(RuleViolation) as waiting:
            locking.lock_month(world.acme, JUNE, actor=None)
    assert [error.value.code for error in (lasting, waiting)] == ["NOT_OVER", "NOT_SETTLED"]


def test_a_month_of_which_days_were_never_worked_out_is_not_locked(world: People) -> None:
    comes(world, IN_JUNE, "09:00")
    settle()
    with time_machine.travel(NOW), pytest.raises(RuleViolation) as missing:
        locking.lock_month(world.acme, JUNE, actor=None)
    assert missing.value.code == "NEVER_WORKED_OUT"


def test_a_month_is_locked_once(world: People) -> None:
    lock_june(world)
    with time_machine.travel(NOW), pytest.raises(Conflict):
        locking.lock_month(world.acme, JUNE, actor=None)


# --- Any order of arrival ------------------------------------------------------------
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_order_of_punches_and_of_work_gives_the_rows_of_a_full_rebuild(
    world: People, data: st.DataObject
) -> None:
    with transaction.atomic():
        night = shift(
            world, f"Night {data.draw(st.uuids())}", "20:00", "04:00", before=480, after=600
        )
        roster(world, night, None, general(world), night, employee=world.asha, starts_on=MONDAY)
        minutes = data.draw(
            st.lists(st.integers(0, 6 * 24 * 60), min_size=1, max_size=14, unique=True)
        )
        ways = st.sampled_from([None, "in", "out"])
        for minute in minutes:
            when = datetime.combine(MONDAY, time(), UTC) + timedelta(minutes=minute)
            make_punch(
                world.acme, "1001", employee=world.asha, occurred_at=when, direction=data.draw(ways)
            )
            recalculation_queue.mark_punch_days_stale(world.acme.pk, [(world.asha.pk, when)])
            if data.draw(st.booleans()):
                settle()
        settle()
        piecemeal = [
            row for row in everything() if row["status"] != "absent" or row["why"]["punches"]
        ]
        recalculation_queue.mark_days_stale(
            world.acme.pk, [world.asha.pk], MONDAY - timedelta(days=3), MONDAY + timedelta(days=10)
        )
        settle()
        whole = [row for row in everything() if row["status"] != "absent" or row["why"]["punches"]]
        keep = {row["date"] for row in piecemeal}
        assert [row for row in whole if row["date"] in keep] == piecemeal
        counted = [one["punch"] for row in whole for one in row["why"]["punches"]]
        assert len(counted) == len(set(counted)) == len(minutes)
        transaction.set_rollback(True)


def test_what_is_asked_for_again_and_again_is_worked_out_once() -> None:
    world = make_world()
    settle()
    for minute in range(30):
        comes(world, MONDAY, f"09:{minute:02}")
    assert StaleDayRange.objects.count() == 30
    assert recalculation.recalculate_next_batch(NOW) == 30
    assert day(world).first_in == at(MONDAY, "09:00")


def test_a_portion_is_bounded_and_takes_the_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(recalculation.BATCH_DAYS, connection.vendor, 20)
    world = make_world()
    settle()
    others = [make_employee(world.acme, f"20{number:02}", "Somebody") for number in range(5)]
    StaleDayRange.objects.all().delete()
    for one in (world.asha, *others, world.asha):
        recalculation_queue.mark_punch_days_stale(world.acme.pk, [(one.pk, at(MONDAY, "09:00"))])
    assert (
        recalculation.recalculate_next_batch(NOW) == 3
    )  # Two people of eight days each, and the first one's second row.
    assert list(StaleDayRange.objects.order_by("id").values_list("employee", flat=True)) == [
        one.pk for one in others[1:]
    ]
