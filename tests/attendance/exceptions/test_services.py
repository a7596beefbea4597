"""Exceptions are found as days are worked out and in the background, are asked once, and close when
their cause goes away.
"""

from __future__ import annotations

import json
import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction

from attendance import recalculation_queue
from attendance.background.changes import process_changes
from attendance.corrections.services import correct_times
from attendance.days.policy import save_attendance_policy
from attendance.exceptions import scan as exception_scan
from attendance.exceptions import services as exception_services
from attendance.exceptions.code_scan import last_match_id, scan_new_matches
from attendance.models import (
    AttendanceException,
    AttendancePolicy,
    Day,
    DeviceActivityProfile,
    Punch,
    PunchEvidence,
    Verdict,
)
from attendance.punches.matching import match_unmatched_punches
from core.errors import Conflict, RuleViolation
from devices.models import Device
from employees.changes import record_change
from employees.models import Change, Organization
from leaves.models import LeaveApplication
from tests.attendance.background.test_recalculation import (
    MONDAY,
    NOW,
    TUESDAY,
    at,
    comes,
    grant,
    settle,
    world,
)
from tests.people import World as People
from tests.people import (
    make_device,
    make_employee,
    make_geofence,
    make_punch,
    make_site,
    make_staff,
)

__all__ = ["world"]  # A fixture.
pytestmark = pytest.mark.django_db


def rows(kind: str, state: str | None = None) -> list[AttendanceException]:
    found = AttendanceException.objects.filter(kind=kind).order_by("pk")
    return list(found.filter(state=state) if state else found)


def states(kind: str) -> list[str]:
    return [row.state for row in rows(kind)]


def everything() -> list[dict[str, Any]]:
    return list(AttendanceException.objects.order_by("pk").values())


# --- Days -----------------------------------------------------------------------------------------
def test_a_day_without_an_out_is_asked_about_and_closes_when_the_late_punch_arrives(
    world: People,
) -> None:
    comes(world, MONDAY, "09:00", "in")
    settle()
    (row,) = rows("odd")
    assert (row.state, row.employee, row.date, row.details["marks"]) == (
        "open",
        world.asha,
        MONDAY,
        ["missing_out"],
    )
    comes(world, MONDAY, "17:30", "out")
    settle()
    row.refresh_from_db()
    assert (row.state, row.closed_by, row.closed_at is not None) == ("gone", None, True)


def test_a_day_that_is_not_over_is_not_asked_about(world: People) -> None:
    comes(world, MONDAY, "09:00", "in")
    settle(at(MONDAY, "12:00"))
    assert rows("odd") == []


def test_looking_again_changes_nothing(world: People) -> None:
    comes(world, MONDAY, "09:00", "in")
    comes(world, MONDAY, "23:59", "in")
    comes(world, TUESDAY, "03:30", "in")
    settle()
    before = everything()
    assert {row["kind"] for row in before} == {"odd", "outside"}
    recalculation_queue.mark_punch_days_stale(world.acme.pk, [(world.asha.pk, at(MONDAY, "09:00"))])
    settle()
    assert everything() == before


def test_what_comes_back_is_a_new_row(world: People) -> None:
    comes(world, MONDAY, "09:00", "in")
    settle()
    late = comes(world, MONDAY, "17:30", "out")
    settle()
    correct_times(world.asha, reason="Somebody else's card", void=[late.pk])
    settle()
    assert states("odd") == ["gone", "open"]


def test_what_was_answered_stays_answered_until_its_facts_change(world: People) -> None:
    comes(world, MONDAY, "09:00", "in")
    settle()
    exception_services.resolve_exception(rows("odd")[0], remarks="Left early, told me", actor=None)
    comes(world, TUESDAY, "09:00", "in")
    settle()
    assert [(row.date, row.state) for row in rows("odd")] == [
        (MONDAY, "resolved"),
        (TUESDAY, "open"),
    ]
    comes(world, MONDAY, "11:00", "in")
    settle()
    assert [(row.date, row.state) for row in rows("odd")] == [
        (MONDAY, "resolved"),
        (TUESDAY, "open"),
        (MONDAY, "open"),
    ]


def test_a_day_is_long_by_the_organizations_own_rule(world: People) -> None:
    comes(world, MONDAY, "06:00", "in")
    comes(world, MONDAY, "19:00", "out")
    settle()
    assert rows("long_day") == []
    AttendancePolicy.objects.create(organization=world.acme, long_day_hours=12)
    comes(world, MONDAY, "19:00:30", "out")
    settle()
    assert rows("long_day")[0].details["minutes"] == 13 * 60


def test_leave_and_punches_are_asked_about_until_the_leave_is_gone(world: People) -> None:
    grant(world, "", "leave")
    comes(world, MONDAY, "09:00", "in")
    comes(world, MONDAY, "17:00", "out")
    settle()
    assert states("conflict") == ["open"]
    LeaveApplication.objects.update(status="cancelled")
    record_change(world.asha, Change.Kind.LEAVE, MONDAY, MONDAY)
    settle()
    assert states("conflict") == ["gone"]


def test_a_punch_outside_the_window_is_shown_once_the_day_is_over(world: People) -> None:
    comes(world, MONDAY, "03:00")
    settle()
    assert rows("outside")[0].details["times"] == [
        at(MONDAY, "03:00").isoformat().replace("+00:00", "Z")
    ]


def test_somebody_elses_days_are_left_alone(world: People) -> None:
    other = make_employee(world.acme, "1003", "Dev")
    AttendanceException.objects.create(
        organization=world.acme,
        kind="odd",
        subject=f"day:{other.pk}:{MONDAY}",
        employee=other,
        date=MONDAY,
        fingerprint="x",
    )
    comes(world, MONDAY, "09:00", "in")
    settle()
    assert states("odd") == ["open", "open"]


def test_the_database_lets_one_question_be_open_once(world: People) -> None:
    same = {"organization": world.acme, "kind": "odd", "subject": "day:x"}
    AttendanceException.objects.create(**same, fingerprint="a")
    with pytest.raises(IntegrityError), transaction.atomic():
        AttendanceException.objects.create(**same, fingerprint="b")


def test_an_answer_needs_a_reason_and_is_given_once(world: People) -> None:
    row = AttendanceException.objects.create(
        organization=world.acme, kind="odd", subject="day:x", fingerprint="a"
    )
    with pytest.raises(RuleViolation, match="Enter a reason"):
        exception_services.resolve_exception(row, remarks=" ", actor=None)
    clerk = make_staff(world.acme, "hr", role="hr_admin")
    assert exception_services.resolve_exception(row, remarks="Seen", actor=clerk).closed_by == clerk
    with pytest.raises(Conflict, match="already closed"):
        exception_services.resolve_exception(row, remarks="Again", actor=clerk)


# --- Journeys -------------------------------------------------------------------------------------
def located(
    world: People, day: date, clock: str, lat: float, lng: float, accuracy: Any = 20
) -> Punch:
    punch = comes(world, day, clock, channel="phone")
    place = {"latitude": lat, "longitude": lng, "accuracy_m": accuracy}
    PunchEvidence.objects.create(
        organization=world.acme,
        punch=punch,
        body=json.dumps({"location": place}),
        recalculation_queued=True,
    )
    return punch


def test_two_places_faster_than_anybody_travels_are_asked_about(world: People) -> None:
    located(world, MONDAY, "09:00", 28.6139, 77.2090)
    late = located(world, MONDAY, "09:30", 27.1767, 78.0081)
    settle()
    (row,) = rows("travel")
    assert (row.punch, row.date, row.details["minutes"], row.details["kmh"]) == (
        late,
        MONDAY,
        30,
        355,
    )
    correct_times(world.asha, reason="The phone was borrowed", void=[late.pk])
    settle()
    assert states("travel") == ["gone"]


def test_a_rough_position_accuses_nobody(world: People) -> None:
    located(world, MONDAY, "09:00", 28.6139, 77.2090)
    located(world, MONDAY, "09:30", 27.1767, 78.0081, 200_000)
    located(world, MONDAY, "09:40", 0, 0)
    settle()
    assert rows("travel") == []


def test_a_terminal_is_where_the_fence_of_its_site_is(world: People) -> None:
    site = make_site(world.acme, "Agra")
    make_geofence(world.acme, 27.1767, 78.0081, site=site)
    gate, _token = make_device(world.acme, "AGRA-1", site=site)
    located(world, MONDAY, "09:00", 28.6139, 77.2090)
    comes(world, MONDAY, "09:20", device=gate)
    settle()
    assert states("travel") == ["open"]


def test_the_night_in_between_hides_no_journey(world: People) -> None:
    located(world, MONDAY, "23:50", 28.6139, 77.2090)
    settle()
    located(world, TUESDAY, "00:10", 27.1767, 78.0081)
    settle()
    before = everything()
    comes(world, MONDAY, "12:00")
    settle()
    assert states("travel") == ["open"]
    assert [row for row in everything() if row["kind"] == "travel"] == [
        row for row in before if row["kind"] == "travel"
    ]


# --- Numbers nobody has ---------------------------------------------------------------------------
def look(now: datetime = NOW) -> None:
    exception_scan.scan_new_punches(0, now)


def test_a_number_nobody_has_is_one_question_however_often_it_is_punched(world: People) -> None:
    gate, _token = make_device(world.acme, "GATE-1", site=make_site(world.acme))
    for minute in range(3):
        make_punch(
            world.acme, "77", device=gate, occurred_at=at(MONDAY, f"09:0{minute}"), received_at=NOW
        )
    look()
    make_punch(world.acme, "77", device=gate, occurred_at=at(MONDAY, "17:00"), received_at=NOW)
    look()
    (row,) = rows("unmatched")
    assert (row.details["code"], row.details["count"], row.site, row.state) == (
        "77",
        4,
        gate.site,
        "open",
    )


def test_it_closes_when_the_number_is_entered(world: People) -> None:
    make_punch(world.acme, "77", occurred_at=at(MONDAY, "09:00"))
    look()
    make_employee(world.acme, "77", "Dev")
    before = last_match_id()
    assert match_unmatched_punches(world.acme.pk, codes=["77"]) == 1
    assert scan_new_matches(before, NOW) > before
    assert states("unmatched") == ["gone"]


def test_it_closes_at_once_when_the_change_is_processed(world: People) -> None:
    make_punch(world.acme, "77", occurred_at=at(MONDAY, "09:00"))
    look()
    record_change(make_employee(world.acme, "77", "Dev"), Change.Kind.IDENTITY)
    process_changes()
    assert states("unmatched") == ["gone"]


def test_a_later_day_asks_again_about_a_number_that_was_answered(world: People) -> None:
    make_punch(world.acme, "77", received_at=NOW)
    look()
    exception_services.resolve_exception(
        rows("unmatched")[0], remarks="A visitor's card", actor=None
    )
    make_punch(world.acme, "77", received_at=NOW + timedelta(minutes=1))
    look()
    assert states("unmatched") == ["resolved"]
    make_punch(world.acme, "77", received_at=NOW + timedelta(days=1))
    look()
    assert states("unmatched") == ["resolved", "open"]


def test_the_same_number_at_another_organization_is_another_question(world: People) -> None:
    make_punch(world.acme, "77"), make_punch(world.zenith, "77")
    look()
    assert {row.organization for row in rows("unmatched")} == {world.acme, world.zenith}


def test_what_was_missed_is_found_later(world: People) -> None:
    make_punch(world.acme, "77", received_at=NOW)
    exception_scan.run_full_scan(NOW)
    before = everything()
    exception_scan.run_full_scan(NOW)
    assert states("unmatched") == ["open"]
    assert everything() == before


def test_looking_goes_on_where_it_was_and_comes_to_an_end(world: People) -> None:
    last = make_punch(world.acme, "77").pk
    assert exception_scan.scan_new_punches(exception_scan.scan_start_id(), NOW) == last
    assert exception_scan.scan_new_punches(last, NOW) == last


# --- Devices --------------------------------------------------------------------------------------
@pytest.fixture
def gate(world: People) -> Device:
    return make_device(world.acme, "GATE-1", site=make_site(world.acme))[0]


def test_refused_times_of_a_device_stay_a_question_until_somebody_answers(
    world: People, gate: Device
) -> None:
    refused = {
        "device": gate,
        "verdict": Verdict.REJECTED_TIME,
        "reasons": {"time": "ahead_of_server"},
    }
    for _number in range(2):
        make_punch(world.acme, "1001", received_at=NOW, **refused)
    look()
    make_punch(
        world.acme, "1001", device=gate, employee=world.asha, received_at=NOW, occurred_at=NOW
    )
    look()
    (row,) = rows("clock")
    assert (row.state, row.details["refused"], row.date, row.device) == (
        "open",
        2,
        NOW.date(),
        gate,
    )
    exception_services.resolve_exception(row, remarks="Clock set, days put right", actor=None)
    look()
    assert states("clock") == ["resolved"]
    make_punch(world.acme, "1001", received_at=NOW, **refused)
    look()
    assert states("clock") == ["resolved", "open"]


def test_a_clock_that_runs_steadily_behind_is_asked_about_until_it_is_right(
    world: People, gate: Device
) -> None:
    def punches(first: int, behind_min: int) -> None:
        for number in range(first, first + 8):
            received = NOW + timedelta(minutes=10 * number)
            make_punch(
                world.acme,
                "1001",
                employee=world.asha,
                device=gate,
                received_at=received,
                occurred_at=received - timedelta(minutes=behind_min),
            )
        look()

    punches(0, 12)
    assert [(row.state, row.details["minutes"]) for row in rows("clock")] == [("open", -12)]
    look()
    punches(8, 0)
    assert states("clock") == ["gone"]


def speaks(gate: Device, *moments: datetime) -> None:
    for moment in moments:
        Device.objects.filter(pk=gate.pk).update(last_seen_at=moment)
        exception_scan.scan_silent_devices(
            Organization.objects.get(pk=gate.organization_id), moment
        )


def every(minutes: int, first: datetime, hours: int) -> list[datetime]:
    return [first + timedelta(minutes=minute) for minute in range(0, hours * 60, minutes)]


def test_a_device_that_falls_silent_is_missed_and_forgiven_when_it_speaks(gate: Device) -> None:
    start = datetime(2026, 7, 6, tzinfo=UTC)
    speaks(gate, *every(30, start, 24 * 4))
    end = start + timedelta(days=4) - timedelta(minutes=30)
    acme = gate.organization
    assert exception_scan.scan_silent_devices(acme, end + timedelta(minutes=85)) == 0
    exception_scan.scan_silent_devices(acme, end + timedelta(minutes=95))
    before = everything()
    exception_scan.scan_silent_devices(acme, end + timedelta(minutes=200))
    assert everything() == before
    assert (states("silent_device"), rows("silent_device")[0].details["usual_minutes"]) == (
        ["open"],
        30,
    )
    speaks(gate, end + timedelta(hours=5))
    assert states("silent_device") == ["gone"]


def test_a_device_that_is_blocked_is_missed_no_more(gate: Device) -> None:
    start = datetime(2026, 7, 6, tzinfo=UTC)
    speaks(gate, *every(30, start, 24 * 4))
    exception_scan.scan_silent_devices(gate.organization, start + timedelta(days=5))
    assert states("silent_device") == ["open"]
    Device.objects.filter(pk=gate.pk).update(blocked=True)
    exception_scan.scan_silent_devices(gate.organization, start + timedelta(days=5))
    assert states("silent_device") == ["gone"]


def test_the_thread_looks_at_everything_and_stops(world: People) -> None:
    class OneRound(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            if timeout:
                self.set()
            return self.is_set()

    make_punch(world.acme, "77")
    exception_scan.run_exception_scan_loop(OneRound())
    assert states("unmatched") == ["open"]


def test_a_changed_rule_is_worked_into_days_and_their_remarks(world: People) -> None:
    with time_machine.travel(NOW, tick=False):
        comes(world, MONDAY, "06:00", "in"), comes(world, MONDAY, "19:00", "out")
        settle()
        assert "long_day" not in Day.objects.get(date=MONDAY).marks
        save_attendance_policy(AttendancePolicy(organization=world.acme, long_day_hours=12))
        settle()
    assert states("long_day") == ["open"]
    assert "long_day" in Day.objects.get(date=MONDAY).marks


def test_a_new_device_and_a_blocked_one_are_not_missed(gate: Device) -> None:
    start = datetime(2026, 7, 6, tzinfo=UTC)
    speaks(gate, *every(30, start, 4))
    exception_scan.scan_silent_devices(gate.organization, start + timedelta(days=3))
    speaks(gate, *every(30, start, 24 * 4))
    Device.objects.filter(pk=gate.pk).update(blocked=True)
    exception_scan.scan_silent_devices(gate.organization, start + timedelta(days=6))
    assert rows("silent_device") == []


def test_a_silence_that_was_answered_is_not_asked_about_again_but_the_next_one_is(
    gate: Device,
) -> None:
    start = datetime(2026, 7, 6, tzinfo=UTC)
    speaks(gate, *every(30, start, 24 * 4))
    later = start + timedelta(days=4, hours=3)
    exception_scan.scan_silent_devices(gate.organization, later)
    exception_services.resolve_exception(rows("silent_device")[0], remarks="Painters", actor=None)
    exception_scan.scan_silent_devices(gate.organization, later + timedelta(hours=1))
    assert states("silent_device") == ["resolved"]
    speaks(gate, later + timedelta(hours=2))
    exception_scan.scan_silent_devices(gate.organization, later + timedelta(hours=5))
    assert states("silent_device") == ["resolved", "open"]


def test_habits_are_learned_per_organization(world: People, gate: Device) -> None:
    other, _token = make_device(world.zenith, "GATE-1")
    speaks(gate, NOW), speaks(other, NOW)
    assert set(DeviceActivityProfile.objects.values_list("organization", "device")) == {
        (world.acme.pk, gate.pk),
        (world.zenith.pk, other.pk),
    }
